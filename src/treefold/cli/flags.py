"""Flags as people type them, and the settings of a run as flags."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Collection, Sequence
from dataclasses import fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jsonargparse import ActionYesNo, ArgumentParser, DefaultHelpFormatter

from treefold.training.config import Config
from treefold.training.settings import Settings


class Help(DefaultHelpFormatter):
    """Help that shows flags with dashes, and a default where it says something."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=30, width=88)

    def _expand_help(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.default in (None, False, argparse.SUPPRESS, ""):
            return text
        return f"{text} (default: {action.default})"


def normalise(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    """Put flags into the form and the order that the parser knows.

    ``--hidden_size`` becomes ``--hidden-size``. A command's ``--config`` comes first,
    so that whatever else is given overrides the file, and ``--debug`` may stand
    anywhere.
    """
    if "--" in words:
        at = list(words).index("--")
        words, rest = words[:at], words[at:]
    else:
        words, rest = list(words), []
    plain, configs, debug = [], [], []
    following = iter(words)
    for word in following:
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            name = name.replace("_", "-")
            if name == "--print-config":
                name = "--print_config"  # jsonargparse's own flag
        if name == "--debug":
            debug = [name]
        elif name == "--config":
            configs += [f"{name}={value}"] if equals else [name, *_next(following)]
        elif name.startswith("--"):
            plain.append(name + equals + value)
        else:
            plain.append(word)
    if plain and plain[0] in commands:
        return [plain[0], *debug, *configs, *plain[1:], *rest]
    return [*plain, *configs, *rest]


def _next(words: Any) -> list[str]:
    word = next(words, None)
    return [] if word is None else [word]


def add_splits(parser: ArgumentParser) -> None:
    """Add the flags that say which files are train, dev and test."""
    for split in ("train", "dev", "test"):
        parser.add_argument(
            f"--{split}", type=str | None, help=f"file of {split} trees", metavar="FILE"
        )
    parser.add_argument(
        "--split-seed",
        type=int,
        default=0,
        help="decides which trees are held out where no dev or test file is given",
        metavar="N",
    )
    add_skip_bad(parser)


def add_skip_bad(parser: ArgumentParser) -> None:
    """Add the flag for commands that read trees."""
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out trees that cannot be read, and count them",
    )


def add_device(parser: ArgumentParser) -> None:
    """Add the flag for commands that run a model."""
    parser.add_argument(
        "--device", type=str, default="cpu", help="cpu, cuda or cuda:N", metavar="NAME"
    )


def add_settings(
    parser: ArgumentParser,
    settings: type[Settings] = Config,
    only: Collection[str] | None = None,
) -> None:
    """Add a flag for every field of the settings, with its docstring as help.

    Args:
        parser: is added to.
        settings: their class.
        only: the names of the fields; None for all.
    """
    hints, texts = get_type_hints(settings), _descriptions(settings)
    for field in fields(settings):
        if only is not None and field.name not in only:
            continue
        flag, hint = f"--{field.name.replace('_', '-')}", hints[field.name]
        text = texts.get(field.name, "")
        if hint is bool:
            yes_or_no = ActionYesNo(yes_prefix="", no_prefix="no-")
            parser.add_argument(
                flag, action=yes_or_no, default=field.default, help=text
            )
            continue
        names = choices(hint)
        if names:
            text = f"{text}; one of {', '.join(names)}"
        parser.add_argument(
            flag,
            type=hint,
            default=field.default,
            help=text,
            metavar=_metavar(hint),
        )


def choices(hint: Any) -> list[str]:
    """Return the words that a setting may be, [] where it may be any."""
    if get_origin(hint) is Literal:
        return [str(name) for name in get_args(hint)]
    return [name for part in get_args(hint) for name in choices(part)]


def kind(hint: Any) -> str:
    """Say what a setting must be: ``a whole number or null``."""
    names = {int: "a whole number", float: "a number", bool: "true or false"}
    if get_origin(hint) is Literal:
        return f"one of {', '.join(choices(hint))}"
    if hint in names or hint is str:
        return names.get(hint, "a text")
    parts = [kind(part) for part in get_args(hint) if part is not NoneType]
    return " or ".join([*parts, *["null"] * (NoneType in get_args(hint))]) or "a value"


def _metavar(hint: Any) -> str:
    if choices(hint):
        return "NAME"
    inner = [part for part in (get_args(hint) or [hint]) if part is not NoneType]
    return {int: "N", float: "X"}.get(inner[0], "TEXT")


def _descriptions(described: type) -> dict[str, str]:
    """Read the sections Attributes of a class and those it extends: name -> text."""
    found: dict[str, str] = {}
    for each in reversed(described.__mro__):
        text = inspect.cleandoc(each.__doc__ or "")
        _, _, section = text.partition("Attributes:\n")
        said = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section, re.MULTILINE)
        found |= {name: " ".join(words.split()).rstrip(".") for name, words in said}
    return found
