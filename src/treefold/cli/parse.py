"""Parse sentences with a trained parser: text in, trees in brackets out.

FILE holds a sentence a line, as people write, or with - comes on standard input. It is
cut into words as the Penn Treebank does: punctuation and clitics stand alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_device
from treefold.cli.output import tell
from treefold.training.errors import RunError

SUMMARY = "parse sentences with a trained parser"
USAGE = "RUN FILE|- [--search chart|beam|greedy] [--svg FILE]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")
    parser.add_argument(
        "file",
        type=str,
        help="a sentence a line, or - for standard input",
        metavar="FILE",
    )
    parser.add_argument(
        "--search",
        type=Literal["chart", "beam", "greedy"] | None,
        help="how trees are found, if not as the run says",
        metavar="HOW",
    )
    parser.add_argument(
        "--svg", type=str | None, help="draw the trees to this file", metavar="FILE"
    )
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.models.parser import RecursiveParser
    from treefold.tasks import kind_of, task_of
    from treefold.tasks.base import TaskRun
    from treefold.tasks.parse import ParseTask

    if kind_of(args.run) != ParseTask.kind:
        raise RunError(
            f"{args.run} is no parser; train one with: treefold train FILE --task parse"
        )
    changes = {"search": args.search} if args.search else {}
    task = task_of(args.run, device=args.device, **changes)
    assert isinstance(task, ParseTask)
    model = TaskRun.open(task, Path(args.run)).model
    assert isinstance(model, RecursiveParser)
    trees = []
    for found in task.parsed_as_they_come(model, task.read(args.file)):
        sys.stdout.write(found.brackets() + "\n")
        if args.file == "-":
            sys.stdout.flush()  # whoever wrote the line may wait for the answer
        if args.svg:
            trees.append(found)
    drawn = ""
    if args.svg:
        from treefold.tasks.parse_trees import draw_all

        Path(args.svg).write_text(draw_all(trees) + "\n", encoding="utf-8")
        drawn = f", drew them to {args.svg}"
    tell(f"Parsed by {task.config.search}{drawn}. Next: treefold show {args.run}")
