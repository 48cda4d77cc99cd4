"""The parser's complaints in words for people, with the word most likely meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from jsonargparse import ArgumentParser

from treefold.cli.flags import choices, kind
from treefold.data.places import did_you_mean


def explain(message: str, main: ArgumentParser, command: ArgumentParser | None) -> str:
    """Say what is wrong with the words that were typed.

    Args:
        message: of the parser.
        main: the parser of all commands.
        command: the parser of the command at hand, if there is one.
    """
    if found := re.search(r"unrecognized arguments: (.*)", message):
        return _unknown(found[1].split(), command or main)
    if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
        names = [name.strip(" '") for name in found[2].split(",")]
        hint = did_you_mean(found[1], names)
        return (
            f"there is no command {found[1]!r}{hint}. The commands: {', '.join(names)}."
        )
    if found := re.search(r'Parser key "([\w.]+)":\s*(.*)', message, re.DOTALL):
        return _value(found[1].split(".")[-1], found[2], command or main)
    if found := re.search(r"does not accept option '(.*?)'", message):
        names = [a.dest for a in (command or main)._actions]
        hint = did_you_mean(found[1], names)
        return f"the configuration file has a setting unknown here: {found[1]!r}{hint}"
    if found := re.search(r"argument (--[\w-]+).*: expected", message):
        return f"{found[1]} needs a value"
    if found := re.search(r"arguments are required: (.*)", message):
        names = [name.split(".")[-1].upper() for name in found[1].split(", ")]
        return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} missing"
    return " ".join(message.split())


def _unknown(words: list[str], parser: ArgumentParser) -> str:
    flag = next((word for word in words if word.startswith("-")), None)
    if flag is None:
        return f"one argument too many: {words[0]!r}"
    flag = flag.partition("=")[0]
    return f"there is no flag {flag}{did_you_mean(flag, _flags(parser))}"


def _flags(parser: ArgumentParser) -> Iterable[str]:
    return [f for action in parser._actions for f in action.option_strings]


def _value(key: str, message: str, parser: ArgumentParser) -> str:
    """Say what a setting must be and what it was given."""
    action: Any = next((a for a in parser._actions if a.dest == key), None)
    name = next(iter(getattr(action, "option_strings", ())), key.upper())
    given = re.search(r"(?:Got|Given) value: (.*)", message)
    hint = getattr(action, "_typehint", None)
    if given is None or hint is None:
        return f"{name}: {' '.join(message.split())}"
    meant = did_you_mean(given[1], choices(hint))
    return f"{name} must be {kind(hint)}, got {given[1]!r}{meant}"
