"""``treefold COMMAND``: parse, run the command, and turn errors into messages."""

from __future__ import annotations

import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from treefold import __version__
from treefold.cli import (
    bench,
    data,
    decode,
    download,
    encode,
    evaluate,
    generate,
    gradients,
    info,
    negation,
    parse,
    predict,
    show,
    train,
)
from treefold.cli.explain import explain
from treefold.cli.flags import Help, normalise
from treefold.cli.kinds import kind_asked_for
from treefold.cli.output import discard_results, tell
from treefold.tasks.kinds import TREES

BAD_INPUT, FAILURE, STOPPED = 2, 1, 130

COMMANDS: dict[str, ModuleType] = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "generate": generate,
    "parse": parse,
    "encode": encode,
    "decode": decode,
    "show": show,
    "info": info,
    "data": data,
    "bench": bench,
    "gradients": gradients,
    "negation": negation,
    "download": download,
}
EPILOG = "Begin with: treefold train python-swaps --model tree-lstm --out runs/first"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    Args:
        argv: the words after ``treefold``; by default those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    typed = shlex.join(["treefold", *words])
    debug = "--debug" in words
    try:
        kind = kind_asked_for(words) if words[:1] == ["train"] else TREES
        parser, commands = _parsers(kind)
        try:
            words = normalise(words, list(COMMANDS))
            if not words:
                parser.print_help(sys.stderr)
                return BAD_INPUT
            args = parser.parse_args(words)
        except SystemExit as stop:  # --help, --version, --print_config
            sys.stdout.flush()
            return stop.code if isinstance(stop.code, int) else FAILURE
        except ArgumentError as error:
            if debug:
                traceback.print_exc()
            command = commands.get(words[0] if words else "")
            tell(f"treefold: {explain(str(error), parser, command)}")
            tell(f"Try: treefold {words[0] + ' ' if command else ''}--help")
            return BAD_INPUT
        settings = args[args.command]
        settings.typed = typed
        COMMANDS[args.command].run(settings)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_results()  # who read them has seen enough, as `head` does
        return 0
    except KeyboardInterrupt as stop:
        if debug:
            traceback.print_exc()
        tell("treefold: stopped.", *getattr(stop, "__notes__", []))
        return STOPPED
    except Exception as error:
        if debug:
            traceback.print_exc()
        status, message = _verdict(error)
        if isinstance(error, OSError) and error.filename is None:
            discard_results()  # where they go to may be what is full
        tell(f"treefold: {message}", *getattr(error, "__notes__", []))
        return status
    return 0


def _parsers(kind: str) -> tuple[ArgumentParser, dict[str, ArgumentParser]]:
    """Make the parser and those of the commands; `kind` is that of train's settings."""
    options = {"exit_on_error": False, "allow_abbrev": False, "formatter_class": Help}
    parser = ArgumentParser(
        prog="treefold",
        usage="treefold COMMAND ...",
        description="Recursive neural networks: train them, see what they read.",
        epilog=EPILOG,
        version=__version__,
        **options,
    )
    subcommands = parser.add_subcommands(
        required=True, dest="command", metavar="COMMAND", title="commands"
    )
    commands = {}
    for name, module in COMMANDS.items():
        command = ArgumentParser(
            usage=f"treefold {name} {module.USAGE}",
            description=module.__doc__,
            **options,
        )
        further = {"kind": kind} if name == "train" else {}
        module.add_arguments(command, **further)
        command.add_argument(
            "--debug", action="store_true", help="show the traceback of an error"
        )
        subcommands.add_subcommand(name, command, help=module.SUMMARY)
        commands[name] = command
    return parser, commands


def _verdict(error: Exception) -> tuple[int, str]:
    """Return the exit status and the message for an error."""
    message = str(error)
    if isinstance(error, ValueError) and _is_ours(error):
        return BAD_INPUT, message
    name = type(error).__name__
    if name == "TrainingError":
        return FAILURE, message
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return FAILURE, f"{where}{error.strerror or message}"
    full = "can't allocate memory" in message  # a RuntimeError of torch's
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or full:
        return FAILURE, (
            "out of memory. Try a smaller --batch-size, or --max-nodes 20000. "
            f"({message.splitlines()[0] if message else name})"
        )
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return FAILURE, (
        f"this is a bug in treefold, please report it: {name}: {message} ({place}). "
        "--debug shows the traceback."
    )


def _is_ours(error: ValueError) -> bool:
    """Whether our own code raised it, as it does for bad input."""
    if type(error).__module__.startswith("treefold."):
        return True
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Path(__file__).parents[1] in Path(frame.filename).parents


__all__ = ["Namespace", "main"]
