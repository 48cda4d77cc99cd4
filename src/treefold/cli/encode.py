"""Encode trees with a trained auto-encoder: one vector each, as JSON lines.

Each line of the answer is an object of the tree and its code. `treefold decode` reads
such lines, or bare lists of numbers, and writes trees.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jsonargparse import ArgumentParser, Namespace

from treefold.cli.flags import add_device
from treefold.cli.output import tell
from treefold.training.errors import RunError

if TYPE_CHECKING:
    from treefold.models.auto_encoder import AutoEncoder
    from treefold.tasks.autoencode import AutoencodeTask

SUMMARY = "encode trees as vectors with a trained auto-encoder"
USAGE = "RUN FILE|- [--out FILE]"
T = TypeVar("T")
AT_ONCE = 200  # trees of a file; on standard input each is answered as it comes


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("run", type=str, help="a run folder", metavar="RUN")
    parser.add_argument(
        "file",
        type=str,
        help="bracket trees, one a line, or - for standard input",
        metavar="FILE",
    )
    parser.add_argument(
        "--out",
        type=str | None,
        help="write the lines to this file, not to standard output",
        metavar="FILE",
    )
    add_device(parser)


def run(args: Namespace) -> None:
    """Run the command."""
    from treefold.data.errors import DataError

    task, model = opened(args.run, args.device)
    count = 0
    with contextlib.ExitStack() as stack:
        out = sys.stdout
        if args.out:
            out = stack.enter_context(Path(args.out).open("w", encoding="utf-8"))
        for trees in parts(task.read(args.file), 1 if args.file == "-" else AT_ONCE):
            for found in task.encode(model, trees):
                out.write(json.dumps(found, ensure_ascii=False) + "\n")
                count += 1
            out.flush()
    if not count:
        raise DataError(f"{args.file}: there is no tree in it to encode")
    tell(
        f"Encoded {count:,} tree{'s' * (count != 1)}"
        f"{f', wrote {args.out}' if args.out else ''}. Next: treefold decode "
        f"{args.run} {args.out or 'FILE'}"
    )


def opened(folder: str, device: str) -> tuple[AutoencodeTask, AutoEncoder]:
    """Load the run of an auto-encoder.

    Raises:
        RunError: it is no such run.
    """
    from treefold.models.auto_encoder import AutoEncoder
    from treefold.tasks import load
    from treefold.tasks.autoencode import AutoencodeTask

    trained = load(folder, device=device)
    task, model = getattr(trained, "task", None), trained.model
    if not (isinstance(task, AutoencodeTask) and isinstance(model, AutoEncoder)):
        raise RunError(
            f"{folder} is no auto-encoder; train one with: "
            "treefold train FILE --task autoencode"
        )
    return task, model


def parts(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Cut what comes into lists of at most so many."""
    held: list[T] = []
    for item in items:
        held.append(item)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
