"""Predict with a trained model: trees, text or series in, JSON lines out.

The trees may lie in any layout, in a file (also gzipped) or, with -, on standard input;
any label they have is ignored, and _ will do: (_ (_ not) (_ bad)). A run on
python-swaps reads Python expressions, one a line, such as: width - left, and one on
listops expressions such as: [MAX 2 9 [MIN 4 7 ] ]. A run on documents reads files of
its format, folders of them, and on standard input JSON lines. Each line of the answer
is an object; of a tree, with the root's label, its probability and that of every class,
the words from left to right, and all nodes in pre-order with the span of words each
covers.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_device, add_skip_bad
from treefold.cli.output import tell

if TYPE_CHECKING:
    from treefold.training.run import Prediction

SUMMARY = "predict with a trained model, as JSON lines"
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
        help="write the lines to this file, not to standard output; to FILE.conllu "
        "sentences in CoNLL-U, with the labels that were told of their words",
        metavar="FILE",
    )
    add_skip_bad(parser)
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.tasks import kind_of
    from treefold.tasks.kinds import TREES

    on_trees = kind_of(args.run) == TREES
    with contextlib.ExitStack() as stack:
        out = sys.stdout
        if args.out:
            out = stack.enter_context(Path(args.out).open("w", encoding="utf-8"))
        said = (_predict_trees if on_trees else _predict_other)(args, out)
    tell(f"{said}{f', wrote {args.out}' if args.out else ''}. " + _next(args, on_trees))


def _predict_trees(args: Namespace, out: TextIO) -> str:
    """Write a line for each tree; return what was done."""
    from treefold.cli.stream import read_for
    from treefold.training.run import load

    model = load(args.run, device=args.device)
    trees = skipped = 0
    for corpus in read_for(model, args.file, skip_bad=args.skip_bad):
        for message in corpus.skipped[: max(SHOWN - skipped, 0)]:
            tell(f"left out: {message}")
        skipped += len(corpus.skipped)
        for prediction in model.stream(corpus):
            out.write(json.dumps(_record(prediction), ensure_ascii=False) + "\n")
            trees += 1
        out.flush()
    left_out = f", left out {skipped:,} that cannot be read" if skipped else ""
    return f"Labelled {trees:,} tree{'s' * (trees != 1)}{left_out}"


def _predict_other(args: Namespace, out: TextIO) -> str:
    """Write a line for each item of any other task; return what was done."""
    from treefold.tasks import task_of
    from treefold.tasks.base import TaskRun

    task = task_of(args.run, device=args.device)
    run = TaskRun.open(task, Path(args.run))
    answers = task.predict(run.model, task.read(args.file))
    if (args.out or "").endswith(".conllu"):
        return _write_conllu(task, args.file, answers, out)
    count = bad = 0
    for found in answers:
        out.write(json.dumps(found, ensure_ascii=False) + "\n")
        if args.file == "-":
            out.flush()  # whoever wrote the line may wait for the answer
        count += 1
        if "error" in found:
            bad += 1
            if bad <= SHOWN:
                tell(f"cannot be read: {found['error']}")
    if not count:
        from treefold.data.errors import DataError

        raise DataError(f"{args.file}: there is nothing in it to predict")
    left_out = f", {bad:,} of them with an error" if bad else ""
    return f"Answered {count:,} item{'s' * (count != 1)}{left_out}"


def _write_conllu(
    task: Any, file: str, answers: Iterable[dict[str, Any]], out: TextIO
) -> str:
    """Write the sentences of a file with their labels; return what was done."""
    from treefold.data.document_files import file_content, unpacked
    from treefold.data.errors import DataError
    from treefold.data.readers.conllu_text import fill
    from treefold.data.readers.formats import FORMATS, format_of

    format = task.assets.get("goal") == "nodes" and task.config.format
    if format == "auto":
        format = format_of(file)
    if file == "-" or not format or not format.startswith("conllu"):
        raise DataError(
            "labels are written to a file .conllu where a run tells something of the "
            "words of a file in CoNLL-U; give --out another name for JSON lines"
        )
    bad = list[str]()

    def told() -> Iterator[list[str]]:
        for answer in answers:
            if "error" in answer:
                bad.append(answer["error"])
            yield [node["label"] for node in answer.get("nodes", ())]

    content = unpacked(file_content(Path(file)), file)
    structure = FORMATS[format].options.get("structure", "tree")
    words = 0
    for line in fill(content, file, told(), structure=structure):
        out.write(line)
        words += line != "\n"
    for message in bad[:SHOWN]:
        tell(f"left out: {message}")
    left_out = f", left out {len(bad):,} that cannot be read" if bad else ""
    return f"Labelled {words:,} word{'s' * (words != 1)}{left_out}"


def _next(args: Namespace, on_trees: bool) -> str:
    """Say what to type next."""
    if not on_trees:
        return f"Next: treefold show {args.run}"
    file = "FILE" if args.file == "-" else args.file
    return f"Next, to see them coloured: treefold show {args.run} {file}"


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
