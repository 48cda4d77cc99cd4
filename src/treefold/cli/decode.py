"""Decode vectors with a trained auto-encoder: one tree in brackets a line.

A line of the file is a JSON list of numbers, or an object with such a list as its
`code`, as `treefold encode` writes them.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.encode import AT_ONCE, opened, parts
from treefold.cli.flags import add_device
from treefold.cli.output import tell
from treefold.training.errors import RunError

SUMMARY = "decode vectors to trees with a trained auto-encoder"
USAGE = "RUN FILE|- [--max-depth N] [--max-nodes N] [--out FILE]"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")
    parser.add_argument(
        "file",
        type=str,
        help="codes, one a line as JSON, or - for standard input",
        metavar="FILE",
    )
    parser.add_argument(
        "--max-depth",
        type=int | None,
        help="levels of a tree at most; by default what the run was trained with",
        metavar="N",
    )
    parser.add_argument(
        "--max-nodes", type=int | None, help="the same for its nodes", metavar="N"
    )
    parser.add_argument(
        "--out",
        type=str | None,
        help="write the trees to this file, not to standard output",
        metavar="FILE",
    )
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.data.errors import DataError

    for name, value in (("max-depth", args.max_depth), ("max-nodes", args.max_nodes)):
        if value is not None and value < 1:
            raise RunError(f"{name} must be at least 1, got {value}.")
    task, model = opened(args.run, args.device)
    count = 0
    with contextlib.ExitStack() as stack:
        out = sys.stdout
        if args.out:
            out = stack.enter_context(Path(args.out).open("w", encoding="utf-8"))
        codes = task.read_codes(args.file)
        for some in parts(codes, 1 if args.file == "-" else AT_ONCE):
            limits = {"max_depth": args.max_depth, "max_nodes": args.max_nodes}
            for tree in task.decode(model, some, **limits):
                out.write(tree + "\n")
                count += 1
            out.flush()
    if not count:
        raise DataError(f"{args.file}: there is no code in it to decode")
    tell(
        f"Decoded {count:,} code{'s' * (count != 1)}"
        f"{f', wrote {args.out}' if args.out else ''}."
    )
