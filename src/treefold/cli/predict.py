"""Predict the labels of trees: bracket trees in, JSON lines out.

The trees may lie in any layout, in a file (also gzipped) or, with -, on standard input;
any label they have is ignored, and _ will do: (_ (_ not) (_ bad)). A run on
python-swaps reads Python expressions, one a line, such as: width - left. Each line of
the answer is an object of the root's label, its probability and that of every class,
the words from left to right, and all nodes in pre-order with the span of words each
covers.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_device, add_skip_bad
from treefold.cli.output import tell

if TYPE_CHECKING:
    from treefold.training.run import Prediction

SUMMARY = "label trees with a trained model, as JSON lines"
USAGE = "RUN FILE|- [--out FILE] [--skip-bad]"
SHOWN = 5  # messages about bad trees


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")
    parser.add_argument(
        "file", type=str, help="trees, or - for standard input", metavar="FILE"
    )
    parser.add_argument(
        "--out",
        type=str | None,
        help="write the lines to this file, not to standard output",
        metavar="FILE",
    )
    add_skip_bad(parser)
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.cli.stream import read_for
    from treefold.training.run import load

    model = load(args.run, device=args.device)
    trees = skipped = 0
    with contextlib.ExitStack() as stack:
        out = sys.stdout
        if args.out:
            out = stack.enter_context(Path(args.out).open("w", encoding="utf-8"))
        for corpus in read_for(model, args.file, skip_bad=args.skip_bad):
            for message in corpus.skipped[: max(SHOWN - skipped, 0)]:
                tell(f"left out: {message}")
            skipped += len(corpus.skipped)
            for prediction in model.stream(corpus):
                out.write(json.dumps(_record(prediction), ensure_ascii=False) + "\n")
                trees += 1
            out.flush()
    left_out = f", left out {skipped:,} that cannot be read" if skipped else ""
    tell(
        f"Labelled {trees:,} tree{'s' * (trees != 1)}{left_out}"
        f"{f', wrote {args.out}' if args.out else ''}. "
        f"Next, to see them coloured: treefold show {args.run} {_shown(args.file)}"
    )


def _record(prediction: Prediction) -> dict[str, Any]:
    """Return what is said of a tree, as plain values."""
    from treefold.data.order import reading_order, words

    reading = reading_order(prediction.corpus)
    order = reading.order.tolist()
    start, end = reading.start.tolist(), reading.end.tolist()
    likeliest = prediction.node_probabilities.max(axis=1).tolist()
    labels = prediction.node_labels
    return {
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
        "words": words(prediction.corpus, reading),
        "nodes": [
            {
                "span": [start[v], end[v]],
                "label": labels[v],
                "probability": likeliest[v],
            }
            for v in order
        ],
    }


def _shown(file: str) -> str:
    return "FILE" if file == "-" else file
