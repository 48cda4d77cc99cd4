"""SQL, parsed by sqlglot; nothing is run.

| in the statement | node |
|---|---|
| an expression, ``a + 1`` | its class in sqlglot as kind: ``Add`` |
| what it is to the one around it | role: ``this``, ``expression``, ``where`` |
| the expressions of a list | one role, numbered |
| a name | ``Identifier`` with text |
| a literal | ``Literal`` with number or text |
| a word that is no expression: ``LEFT`` of a join, ``DESC`` | ``string``, ``boolean`` |

Statements end at a semicolon, and each is a document. What sqlglot keeps as plain text
(``SHOW TABLES``) is one node of the kind ``Command``. Statements may be nested some 200
deep.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.places import did_you_mean
from treefold.data.readers.encodings import line_and_column, text_of
from treefold.data.readers.values import MAX_NODES, Part, add_value, as_number, clean

MOST_CHARACTERS = 1 << 28  # of a file: its tokens take ten times as much
DEEPEST = 5000  # calls, of which sqlglot makes some twenty for a level of nesting
UNSEEN = {
    "quoted",
    "is_string",
    "big_int",
}  # arguments that say how a thing was written


def read(
    content: bytes, place: str, *, ordered: bool | None = None, dialect: str = ""
) -> Iterator[Document | DataError]:
    """Read the statements of a file.

    Args:
        content: the file, in UTF-8.
        place: its name, for messages.
        ordered: None numbers the expressions of a list; True every child, each role by
            itself; False none.
        dialect: whose SQL it is, as sqlglot names it: ``"postgres"``, ``"tsql"``; ""
            for what most of them share.

    Yields:
        A document a statement; in place of one that cannot be read a `DataError` with
        line and column.

    Raises:
        DataError: there is no such dialect, or sqlglot is not installed.
    """
    parser = _Parser(dialect)
    try:
        text = text_of(content, place)
        if len(text) > MOST_CHARACTERS:
            raise DataError(
                f"{place}: the file has {len(text):,} characters, more than the "
                f"{MOST_CHARACTERS:,} that are read at once; split it"
            )
        statements = parser.statements(text, place)
    except DataError as error:
        yield error
        return
    some = False
    for tokens in statements:
        some = True
        try:
            where = f"{place}:{tokens[0].line}"
            document = Document(where)
            root = parser.parse(tokens, text, place)
            add_value(document, -1, root, ordered=ordered, describe=describe)
        except DataError as error:
            yield error
        else:
            yield document
    if not some:
        yield DataError(f"{place}:1:1: expected a SQL statement, found none")


def describe(value: Any, role: str) -> Part | None:
    """Say what node an expression of sqlglot, or a word in one, is."""
    if isinstance(value, Enum):
        return Part("string", str(value.value))
    if isinstance(value, bool):
        return Part("boolean", "true" if value else "false", float(value))
    if isinstance(value, (str, int, float)):
        return Part("string", clean(str(value)))
    if isinstance(value, dict):  # a few arguments of procedures and options
        return Part("object", children=_arguments(value))
    if isinstance(value, (list, tuple)):
        return Part("array", children=[(role, k, v) for k, v in enumerate(value)])
    arguments = getattr(value, "args", None)
    if not isinstance(arguments, dict):
        return None
    kind, own = type(value).__name__, arguments.get("this")
    if not isinstance(own, str):
        return Part(kind, children=_arguments(arguments))
    number = as_number(own) if kind == "Literal" and not value.is_string else None
    rest = {key: v for key, v in arguments.items() if key != "this"}
    text = clean(own) if number is None else None
    return Part(kind, text, number, children=_arguments(rest))


def _arguments(values: dict[str, Any]) -> list[tuple[str, int, Any]]:
    """Return what is said in an expression as children: lists one role, numbered."""
    found: list[tuple[str, int, Any]] = []
    for key, value in values.items():
        key = str(key)
        if isinstance(value, list):
            found += [(key, k, v) for k, v in enumerate(value) if v is not None]
        elif value is not None and value is not False and key not in UNSEEN:
            found.append((key, -1, value))
    return found


class _Parser:
    """A dialect's parser, a statement at a time."""

    def __init__(self, dialect: str):
        try:
            from sqlglot.dialects.dialect import Dialect, Dialects
            from sqlglot.errors import ErrorLevel
        except ImportError:
            raise DataError(MISSING) from None

        names = sorted(found.value for found in Dialects)
        if dialect not in names:
            hint = did_you_mean(dialect, names)
            raise DataError(
                f"there is no SQL dialect {dialect!r}; there are "
                f"{', '.join(filter(None, names))}{hint}"
            )
        self.name = dialect
        self.dialect = Dialect.get_or_raise(dialect)
        self.level = ErrorLevel.IMMEDIATE

    @property
    def here(self) -> str:
        """What the dialect is called in messages."""
        return f"the dialect {self.name}" if self.name else "sqlglot's general dialect"

    def statements(self, text: str, place: str) -> Iterable[list[Any]]:
        """Split a text into the tokens of its statements.

        Raises:
            DataError: a string or a comment has no end.
        """
        from sqlglot.errors import TokenError

        try:
            tokens = self.dialect.tokenize(text)
        except TokenError as error:
            at = re.search(r"Missing (.*) from (\d+):(\d+)", str(error.__cause__))
            where = f"{at[2]}:{at[3]}" if at else line_and_column(text, len(text))
            raise DataError(
                f"{place}:{where}: a string, a name or a comment has no end"
                f"{f', {at[1]}' if at else ''}, in {self.here}; "
                "say another with --format sql-NAME"
            ) from None
        found: list[list[Any]] = [[]]
        for token in tokens:
            if token.token_type.name == "SEMICOLON":
                found.append([])
            else:
                found[-1].append(token)
        return filter(None, found)

    def parse(self, tokens: list[Any], text: str, place: str) -> Any:
        """Parse the tokens of one statement.

        Raises:
            DataError: it is none in this dialect, or nested too deep.
        """
        from sqlglot.errors import ParseError

        start = f"{place}:{tokens[0].line}"
        if len(tokens) > 2 * MAX_NODES:
            raise DataError(
                f"{start}: a statement of {len(tokens):,} tokens makes a document of "
                f"more than {MAX_NODES:,} nodes; split it"
            )
        try:
            with _deep_and_quiet():
                (root,) = self.dialect.parser(error_level=self.level).parse(
                    tokens, text
                )
        except (RecursionError, MemoryError):
            raise DataError(
                f"{start}: the statement is nested too deep for sqlglot, which reads "
                "some 200 levels"
            ) from None
        except ParseError as error:
            raise DataError(self._reason(error, start, place)) from None
        except Exception as error:
            # sqlglot's builders of functions trust that arguments are as documented.
            raise DataError(
                f"{start}: sqlglot cannot read the statement in {self.here} ({error})"
            ) from None
        if root is None:
            raise DataError(f"{start}: expected a SQL statement, found none")
        return root

    def _reason(self, error: Any, start: str, place: str) -> str:
        first = error.errors[0] if error.errors else {}
        if not first.get("line"):
            return f"{start}: this is no SQL of {self.here}"
        found = str(first["highlight"])
        column = max(first["col"] - len(found) + 1, 1)
        what = re.sub(r"<class '[\w.]*?(\w+)'>", r"\1", str(first["description"]))
        what = re.sub(r" but got <Token.*", "", what)
        what = what[:1].lower() + what[1:].rstrip(".")
        return (
            f"{place}:{first['line']}:{column}: {what}, at {found[:40]!r}, in "
            f"{self.here}; say another with --format sql-NAME"
        )


@contextmanager
def _deep_and_quiet() -> Iterator[None]:
    """Let sqlglot recurse deeper than is usual in Python, and log nothing."""
    logger = logging.getLogger("sqlglot")
    limit, disabled = sys.getrecursionlimit(), logger.disabled
    sys.setrecursionlimit(max(limit, DEEPEST))
    logger.disabled = True
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        logger.disabled = disabled


MISSING = "SQL is parsed by sqlglot: pip install 'treefold[sql]'"
