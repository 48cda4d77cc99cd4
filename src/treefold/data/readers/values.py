"""Values as JSON knows them, made into documents; the walk that every reader shares.

| value | kind | content |
|---|---|---|
| object, `dict` | ``object`` | its members, each with its key as role, sorted |
| array, `list`, `tuple` | ``array`` | its items, numbered, of role ``key[]`` |
| string | ``string`` | text |
| number | ``number`` | number; an integer beyond float's range is infinite |
| true, false | ``boolean`` | number 1 or 0, text ``true`` or ``false`` |
| null | ``null`` | |

Items of an array in an array have the role of the array around them, so that roles stay
as few as the keys are: ``{"m": [[1, 2], [3]]}`` has the roles ``m`` and ``m[]``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from treefold.data.documents import Document
from treefold.data.errors import DataError

MAX_NODES = 1_000_000  # of one document: beyond it a tree is a mistake or an attack
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
SPECIAL = {"NaN": math.nan, "INF": math.inf, "-INF": -math.inf}  # of XML Schema
EXACT = 2**53  # whole numbers beyond are not exact as floats: they are names
LONGEST_NUMBER = 400  # characters; what is longer is text
SHOWN_STEPS = 4  # of a path, at each of its ends


class Part(NamedTuple):
    """One value as a node, and the values below it: (role, position, value) each."""

    kind: str
    text: str | None = None
    number: float | None = None
    vector: list[float] | None = None
    children: Iterable[tuple[str, int, Any]] = ()


Describe = Callable[[Any, str], Part | None]


def describe(value: Any, role: str) -> Part | None:
    """Say what node a value is; None where JSON knows no such value."""
    if isinstance(value, str):
        return Part("string", clean(value))
    if value is None:
        return Part("null")
    if isinstance(value, bool):
        return Part("boolean", "true" if value else "false", float(value))
    if isinstance(value, (int, float)):
        return Part("number", _digits(value), as_float(value))
    if isinstance(value, dict):
        return Part("object", children=members(value.items()))
    if isinstance(value, (list, tuple)):
        return Part("array", children=items(value, role))
    return None


def add_value(
    document: Document,
    parent: int,
    value: Any,
    *,
    role: str = "",
    position: int = -1,
    ordered: bool | None = None,
    describe: Describe = describe,
) -> int:
    """Add a value and all that is in it to a document, depth first.

    Args:
        document: is added to.
        parent: the node that the value stands below, -1 for the root.
        value: what JSON knows, or `describe` does.
        role: what the value is to its parent.
        position: its number among the parent's children of that role, -1 for none.
        ordered: None numbers what `describe` numbers (items of arrays, not members of
            objects); False nothing; True all children, each role by itself.
        describe: says what node a value is and what lies below it, None of a value
            that it does not know.

    Returns:
        The number of the value's node.

    Raises:
        DataError: a value of unknown type, one that contains itself, or more than
            1,000,000 nodes; the message has the path from the root.

    Example:
        >>> document = Document()
        >>> add_value(document, -1, {"price": 9.5, "tags": ["new", "red"]})
        0
        >>> [(node.kind, node.role, node.position) for node in document.content[2:]]
        [('array', 'tags', -1), ('string', 'tags[]', 0), ('string', 'tags[]', 1)]
    """
    open_values: dict[int, int] = {}  # the id of each value around us -> its node
    stack: list[tuple[Any, int, Iterator[tuple[str, int, Any]]]] = []
    seen: list[dict[str, int]] = []  # children of each role so far, where we number

    def enter(parent: int, value: Any, role: str, position: int) -> int:
        if len(document.parent) >= MAX_NODES:
            raise DataError(
                f"{_start(document)}a document has at most {MAX_NODES:,} nodes, this "
                "one has more; split it, or leave out what the question does not need"
            )
        try:
            part = describe(value, role)
        except DataError as error:
            where = _path(document, parent, role, position)
            raise DataError(f"{_start(document)}{where}: {error}") from None
        if part is None:
            raise DataError(
                f"{_start(document)}{_path(document, parent, role, position)} is of "
                f"type {_type(value)}, which is no value of a document; give dicts, "
                "lists, strings, numbers, booleans, None, or a type that "
                "docs/formats.md lists"
            )
        node = document.add(
            parent,
            part.kind,
            role=role,
            position=position,
            text=part.text,
            number=part.number,
            vector=part.vector,
        )
        if part.children:
            if id(value) in open_values:
                above = _path(document, *_entry(document, open_values[id(value)]))
                raise DataError(
                    f"{_start(document)}{_path(document, parent, role, position)} is "
                    f"{above} again: a value that contains itself has no end"
                )
            open_values[id(value)] = node
            stack.append((value, node, iter(part.children)))
            if ordered:
                seen.append({})
        return node

    first = enter(parent, value, role, position)
    while stack:
        value, node, children = stack[-1]
        for child_role, place, child in children:
            if ordered is not None:
                place = -1
                if ordered:
                    place = seen[-1].get(child_role, 0)
                    seen[-1][child_role] = place + 1
            before = len(stack)
            enter(node, child, child_role, place)
            if len(stack) > before:
                break  # and come back when all below the child has been added
        else:
            stack.pop()
            del open_values[id(value)]
            if ordered:
                seen.pop()
    return first


def members(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[str, int, Any]]:
    """Return the members of an object as children, sorted by key."""
    found = [(clean(_key(key)), -1, value) for key, value in pairs]
    found.sort(key=lambda member: member[0])  # stable: twice the same key is no error
    return found


def items(values: Iterable[Any], role: str) -> list[tuple[str, int, Any]]:
    """Return the items of an array, itself of a role, as numbered children."""
    below = role if role.endswith("[]") else f"{role}[]"
    return [(below, place, value) for place, value in enumerate(values)]


def _digits(value: float) -> str | None:
    """Return the digits of a whole number that a float would not tell from another."""
    if isinstance(value, int) and abs(value) > EXACT:
        return str(value) if value.bit_length() < LONGEST_NUMBER else None
    return None


def as_float(value: float) -> float:
    """Return a number as a float, infinite where it is beyond float's range."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_number(text: str) -> float | None:
    """Return the number that a text is as JSON writes it; ``007`` and ``+1`` are none.

    >>> as_number("-1.5e3"), as_number("INF"), as_number("007")
    (-1500.0, inf, None)
    """
    if len(text) > LONGEST_NUMBER:
        return None
    return float(text) if NUMBER.fullmatch(text) else SPECIAL.get(text)


def clean(text: str) -> str:
    """Return a text with U+FFFD for half a surrogate pair, which UTF-8 cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        return str(text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    part = describe(key, "")
    if part is None or part.children or part.kind in ("array", "object"):
        raise DataError(
            f"the key {str(key)[:40]!r} of an object is of type {_type(key)}; keys are "
            "strings, numbers, booleans or None"
        )
    return "null" if part.kind == "null" else part.text or str(key)


def _start(document: Document) -> str:
    return f"{document.place}: " if document.place else ""


def _type(value: Any) -> str:
    kind = type(value)
    where = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return where + kind.__qualname__


def _entry(document: Document, node: int) -> tuple[int, str, int]:
    content = document.content[node]
    return document.parent[node], content.role, content.position


def _path(document: Document, parent: int, role: str, position: int) -> str:
    """Return the way to a child from the root: ``$.orders[3].price``."""
    steps: list[str] = []
    while parent >= 0:
        if role.endswith("[]"):
            steps.append(f"[{position}]" if position >= 0 else "[]")
        else:
            steps.append(f".{role or position}")
        parent, role, position = _entry(document, parent)
    if len(steps) > 2 * SHOWN_STEPS:
        steps[SHOWN_STEPS:-SHOWN_STEPS] = ["..."]
    return "$" + "".join(reversed(steps))
