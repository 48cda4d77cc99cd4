"""Measure how fast trees are folded on this machine, and draw it.

DATA is sst, sst-binary or python-swaps, or a path, as for treefold train, or a run,
whose model and data are measured. Without it, trees like those of sentences are made.
Takes less than a minute, once all is compiled.
"""

from __future__ import annotations

import json
import os
from errno import ENOENT
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_skip_bad
from treefold.cli.output import on_terminal, tell
from treefold.training.config import Config, ModelName

if TYPE_CHECKING:
    from treefold.report.bench import Benchmark

SUMMARY = "measure how fast trees are folded here, and draw it"
USAGE = "[DATA | RUN] [--model NAME] [--out FILE.html] [--json FILE]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    usual = Config()
    parser.add_argument(
        "data",
        type=str | None,
        nargs="?",
        help="a name, a path or a run folder; random trees where not given",
        metavar="DATA",
    )
    parser.add_argument(
        "--model",
        "--cell",
        type=ModelName | None,
        help=f"which cell is folded; by default {usual.model}, or the run's",
        metavar="NAME",
    )
    parser.add_argument(
        "--input-size",
        "--embedding-size",
        type=int | None,
        help=f"features of an input; by default {usual.input_size}, or the run's",
        metavar="N",
    )
    parser.add_argument(
        "--hidden-size",
        type=int | None,
        help=f"features of a state; by default {usual.hidden_size}, or the run's",
        metavar="N",
    )
    parser.add_argument(
        "--threads",
        type=int | None,
        help="of the processor; by default torch chooses",
        metavar="N",
    )
    parser.add_argument(
        "--out",
        type=str,
        default="bench.html",
        help="the page to write, or the folder for it",
        metavar="FILE",
    )
    parser.add_argument(
        "--json", type=str | None, help="write the figures as JSON here", metavar="FILE"
    )
    add_skip_bad(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    names = ("model", "input_size", "hidden_size", "threads")
    settings = {name: args[name] for name in names if args[name] is not None}
    Config.from_dict(settings)  # a bad one is told before anything heavy is imported
    out = Path(args.out)
    if out.is_dir():
        out /= "bench.html"
    if not out.absolute().parent.is_dir():
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(out.parent))

    from treefold.bench import measure
    from treefold.bench.subject import find_subject
    from treefold.report.page import write_bench_page

    subject = find_subject(args.data, settings, skip_bad=args.skip_bad)
    found = measure(
        subject.cell,
        subject.corpus,
        title=subject.title,
        threads=subject.config.threads,
        command=args.typed,
        progress=on_terminal(),
        say=tell,
    )
    _print(found)
    write_bench_page(out, found)
    written = str(out)
    if args.json:
        Path(args.json).write_text(
            json.dumps(found.to_dict(), indent=2) + "\n", "utf-8"
        )
        written += f" and {args.json}"
    following = f"treefold train {args.data or 'python-swaps'}"
    following += f" --model {subject.config.model}"
    if subject.run is not None:
        following = f"treefold show {subject.run}"
    tell(f"Wrote {written}: open {out} in a browser. Next: {following}")


def _print(found: Benchmark) -> None:
    """Print the tables."""
    from treefold.report.bench import MODES, pace_table, schedule_table, summary
    from treefold.report.table import text_table

    print(f"{found.title}: {found.facts['cell']}")
    print(f"{found.facts['processor']}, threads: {found.facts['threads']}")
    for mode in MODES:
        header, cells = pace_table(found, mode)
        print(f"\nnodes/s, {mode}\n{text_table(cells, header)}")
    header, cells = schedule_table(found)
    print(
        f"\nrows of the schedule, {found.tile} at a time\n{text_table(cells, header)}"
    )
    print(
        f"\nThe limit: the products of the cell's weights alone, at {found.gflops:.0f} "
        "GFLOP/s, the best large product of torch."
    )
    for note in (*found.notes, summary(found)):
        print(note)
