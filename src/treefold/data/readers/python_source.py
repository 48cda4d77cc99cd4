"""Python source code as documents, by the standard library's `ast`. Nothing is run.

A document is a module's abstract syntax tree:

- A node's kind is its class, ``BinOp``; its role is the field that it is in, ``left``.
- Nodes of a field that is a list have their place in it as their position; others have
  none. With ``ordered=True`` these have position 0, with ``ordered=False`` no node has
  a position.
- An identifier is the text of the node that it belongs to: of a ``Name``, an
  ``Attribute``, a ``FunctionDef``. Further ones are nodes ``identifier``.
- Operators are text, too: ``Add`` of a ``BinOp``, ``Lt`` of a ``Compare``.
- A constant's kind says its type, ``Constant:int``. A number has its value, and its
  text where that is short; a string its text.
- Contexts (``Load``, ``Store``) are left out, for roles say as much.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from treefold.data.documents import NO_POSITION, Document
from treefold.data.errors import DataError

IDENTIFIER = "identifier"
_OPERATORS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
# Beyond this a numeral's digits are no word; beyond 4,300 Python does not print them.
_MOST_BITS = 64
_NO_CONVERSION = -1  # of a value in an f-string
# Which of a node's texts is its own; those of other fields are nodes.
_NAMES = ("id", "attr", "name", "arg", "module", "rest")


class Step(NamedTuple):
    """A node as it is to be added to a document.

    Attributes:
        node: of the syntax tree; None for an identifier that is a node.
        parent: the number of its parent, -1 at the root.
        kind: see `treefold.data.documents.Content`, as for all that follows.
        role: the field.
        position: its place in the field.
        text: an identifier, an operator, a string, the digits of a number.
        number: of a constant.
    """

    node: ast.AST | None
    parent: int
    kind: str
    role: str
    position: int
    text: str | None
    number: float | None


def read(
    content: bytes, place: str, *, ordered: bool | None = None
) -> Iterator[Document | DataError]:
    """Read a Python file as one document.

    Args:
        content: the file, in the encoding that it declares, by default UTF-8.
        place: its name, for messages.
        ordered: True: every node but the root has a position; False: none has.

    Yields:
        A document; or an error, if the file is no Python of this version.
    """
    try:
        yield of_ast(parse(content, place), place, ordered=ordered)
    except DataError as error:
        yield error


def parse(content: bytes | str, place: str) -> ast.Module:
    """Parse a module.

    Raises:
        DataError: it is no Python of this version, or nested too deep for its parser.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's escapes and literals
            return ast.parse(content)
    except SyntaxError as error:
        where = ":".join(str(n) for n in (error.lineno, error.offset) if (n or 0) > 0)
        raise DataError(
            f"{place}{':' * bool(where)}{where}: expected Python source, found what is "
            f"none ({error.msg})"
        ) from None
    except ValueError as error:  # null bytes, before Python 3.12
        raise DataError(f"{place}: expected Python source: {error}") from None
    except (RecursionError, MemoryError):
        raise DataError(f"{place}: nested too deep for Python's parser") from None


def of_ast(root: ast.AST, place: str = "", *, ordered: bool | None = None) -> Document:
    """Return a syntax tree as a document.

    Example:
        >>> import ast
        >>> print(of_ast(ast.parse("total + 1", mode="eval").body))
        "Add"
          left: "total"
          right: "1"
    """
    document = Document(place)
    for _, parent, kind, role, position, text, number in walk(root, ordered=ordered):
        document.add(
            parent, kind, role=role, position=position, text=text, number=number
        )
    return document


def walk(root: ast.AST, *, ordered: bool | None = None) -> Iterator[Step]:
    """Visit the nodes of a syntax tree, a parent before its children."""
    # What is to come, the next one last: a node, its parent, role and position.
    stack: list[tuple[Any, int, str, int]] = [(root, -1, "", NO_POSITION)]
    count = 0
    while stack:
        node, parent, role, position = stack.pop()
        here, count = count, count + 1
        if ordered is False:
            position = NO_POSITION
        elif ordered and parent >= 0:
            position = max(position, 0)
        if isinstance(node, str):
            yield Step(None, parent, IDENTIFIER, role, position, _text(node), None)
            continue
        kind, text, number, below = _parts(node)
        yield Step(node, parent, kind, role, position, text, number)
        stack.extend((child, here, role, i) for child, role, i in reversed(below))


def _parts(
    node: ast.AST,
) -> tuple[str, str | None, float | None, list[tuple[Any, str, int]]]:
    """Return a node's kind, text and number, and what is below it with its place."""
    match node:
        case ast.Constant():
            return *_constant(node.value), []
        case ast.MatchSingleton():
            return type(node).__name__, str(node.value), None, []
    texts, number = [], None
    below: list[tuple[Any, str, int]] = []
    for role, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        for i, part in enumerate(values):
            position = i if isinstance(value, list) else NO_POSITION
            match part:
                case None | ast.expr_context():
                    continue
                case ast.AST() if isinstance(part, _OPERATORS):
                    texts.append(type(part).__name__)
                case ast.AST():
                    below.append((part, role, position))
                case str() if role in _NAMES:
                    texts.append(_text(part))
                case str() if role != "type_comment":
                    below.append((part, role, position))
                case int() if role == "conversion" and part != _NO_CONVERSION:
                    texts.append(f"!{chr(part)}")
                case int() if role in ("level", "is_async") and part:
                    number = float(part)
    return type(node).__name__, ",".join(texts) or None, number, below


def _constant(value: Any) -> tuple[str, str | None, float | None]:
    """Return kind, text and number of a constant."""
    kind = f"Constant:{'None' if value is None else type(value).__name__}"
    match value:
        case bool():
            return kind, str(value), float(value)
        case int():
            short = value.bit_length() <= _MOST_BITS
            return kind, str(value) if short else None, _float(value)
        case float():
            return kind, repr(value), value
        case complex():
            return kind, repr(value), None
        case str():
            return kind, _text(value), None
        case bytes():
            return kind, value.decode("ascii", "backslashreplace"), None
    return kind, None, None  # None and the ellipsis


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")  # a numeral has no sign


def _text(text: str) -> str:
    """Return a text that can be written: an escape may have made half a character."""
    return text.encode("utf-8", "backslashreplace").decode()
