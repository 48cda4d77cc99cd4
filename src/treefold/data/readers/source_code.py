"""Source code in C, C++, Java, JavaScript, Go and Rust as documents, by tree-sitter.

A document is a file's concrete syntax tree, as the grammar of its language names it:

- A named node is a node, and the grammar's name for it is its kind:
  ``binary_expression``. Its field is its role: ``left``.
- A named node with nothing below has what it says as its text: an identifier, a type, a
  string without its quotes, a macro's body as it stands. A numeral has its value, too.
- Operators and keywords are no nodes of their own: they are the text of the node that
  they stand in, ``+`` or ``unsigned``. Brackets, commas, and what the kind already says
  (``for`` in a ``for_statement``) are left out, and comments are.
- The order of code matters: a node's position is its place among its brothers of the
  same role. With ``ordered=False`` no node has one.
- Where the grammar fails, its node ``ERROR`` stands, with what could be made out below.
  A file of which it holds most is no source code of that language.

Nothing is preprocessed or included: ``#include`` and macros are nodes like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from treefold.data.documents import NO_POSITION, Document
from treefold.data.errors import DataError
from treefold.data.readers.formats import LANGUAGES

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

EXTENSIONS = {end: name for name, ends in LANGUAGES.items() for end in ends}
ERROR = "ERROR"
INSTALL = "pip install 'treefold[code]'"
MOST_LOST = 0.5  # of the tokens of a file
LEAST_TOKENS = 4  # fewer say nothing of what a file is

# Of tokens without a name these say nothing that kinds and roles do not.
_PUNCTUATION = frozenset([*"()[]{}<>,;:.=\"'`\n", "::", "=>", "->"])
# Their parts (quotes, pieces, escapes) are of no use apart.
_STRINGS = frozenset(
    {
        "char_literal",
        "character_literal",
        "interpreted_string_literal",
        "raw_string_literal",
        "regex",
        "rune_literal",
        "string",
        "string_literal",
        "system_lib_string",
    }
)
_QUOTES = re.compile(r"^\w*#*[\"'`</]|[\"'`>/]#*$")
_NUMERALS = frozenset(
    {
        "binary_integer_literal",
        "decimal_floating_point_literal",
        "decimal_integer_literal",
        "float_literal",
        "hex_floating_point_literal",
        "hex_integer_literal",
        "imaginary_literal",
        "int_literal",
        "integer_literal",
        "number",
        "number_literal",
        "octal_integer_literal",
    }
)
_NUMERAL = re.compile(
    r"(?P<sign>-?)(?:0x(?P<hex>[0-9a-f]+)|0b(?P<bin>[01]+)|0o?(?P<oct>[0-7]+)(?![0-9.e])"
    r"|(?P<dec>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?))"
)


class _Found(NamedTuple):
    """A named node as it was met; what it says is known when it has been left."""

    parent: int
    kind: str
    role: str
    position: int
    says: list[str]


def read(
    content: bytes,
    place: str,
    *,
    ordered: bool | None = None,
    language: str | None = None,
) -> Iterator[Document | DataError]:
    """Read a file of source code as one document.

    Args:
        content: the file, in UTF-8; what is no UTF-8 is shown as U+FFFD.
        place: its name, for messages.
        ordered: False: no node has a position. Else all but the root have one.
        language: one of `LANGUAGES`; None: the one that the file's name tells.

    Yields:
        A document; or an error, if most of the file is no code of that language.
    """
    try:
        parser = _parser(language or _language(place))
    except DataError as error:
        yield DataError(f"{place}: {error}")
        return
    root = parser.parse(content).root_node
    try:
        found = _walk(root, content, place)
    except DataError as error:
        yield error
        return
    document = Document(place)
    for parent, kind, role, position, says in found:
        text = " ".join(says) if says else None
        document.add(
            parent,
            kind,
            role=role,
            position=NO_POSITION if ordered is False else position,
            text=None if text == kind else text,
            number=_value(text) if text and kind in _NUMERALS else None,
        )
    yield document


def errors(document: Document) -> int:
    """Return in how many places of a document the grammar failed."""
    return sum(content.kind == ERROR for content in document.content)


def _language(place: str) -> str:
    """Return the language of a file by its name."""
    suffix = PurePath(place).suffix.lower()
    if suffix not in EXTENSIONS:
        raise DataError(
            f"the ending {suffix!r} tells no language; give one of "
            f"{', '.join(LANGUAGES)}, or name the file *{', *'.join(EXTENSIONS)}"
        )
    return EXTENSIONS[suffix]


@cache
def _parser(language: str) -> Parser:
    """Return the parser of a language, made once a process."""
    if language not in LANGUAGES:
        raise DataError(
            f"language must be one of {', '.join(LANGUAGES)}, got {language!r}"
        )
    try:
        from tree_sitter import Language, Parser

        grammar = import_module(f"tree_sitter_{language}")
        return Parser(Language(grammar.language()))
    except ImportError as error:
        raise DataError(
            f"reading {language} needs the package {error.name}; install it with "
            f"`{INSTALL}`"
        ) from None
    except ValueError as error:  # a grammar too old or too new for the parser
        raise DataError(
            f"the installed grammar of {language} does not fit the parser ({error}); "
            f"install both anew with `{INSTALL}`"
        ) from None


def _walk(root: Node, content: bytes, place: str) -> list[_Found]:
    """Return the named nodes below a root in pre-order.

    Raises:
        DataError: most of the tokens stand where the grammar failed.
    """
    found: list[_Found] = []
    brothers: dict[tuple[int, str], int] = {}
    tokens, lost = 0, 0
    wrong: Node | None = None  # the first place where the grammar failed

    def said(node: Node) -> str:
        return content[node.start_byte : node.end_byte].decode("utf-8", "replace")

    cursor, above = root.walk(), [-1]
    entered = True
    while entered:
        node, parent = cursor.node, above[-1]
        assert node is not None
        kind, role = node.type, cursor.field_name or ""
        inside = parent >= 0 and found[parent].kind == ERROR
        if wrong is None and (node.is_error or node.is_missing):
            wrong = node
        below = False
        if kind.endswith("comment"):
            pass
        elif not node.is_named:
            tokens += 1
            lost += inside
            if parent >= 0 and (role or not _is_plain(kind, found[parent].kind)):
                found[parent].says.append(kind)
        else:
            whole = node.child_count == 0 or kind in _STRINGS
            position = brothers.get((parent, role), 0)
            brothers[parent, role] = position + 1
            text = said(node).strip() if whole and parent >= 0 else ""
            if kind in _STRINGS:
                text = _QUOTES.sub("", text)
            tokens += whole
            lost += whole and (inside or kind == ERROR)
            here = len(found)
            position = position if parent >= 0 else NO_POSITION
            found.append(_Found(parent, kind, role, position, [text] if text else []))
            below = not whole and cursor.goto_first_child()
            if below:
                above.append(here)
        entered = below or cursor.goto_next_sibling()
        while not entered and cursor.goto_parent():
            above.pop()
            entered = cursor.goto_next_sibling()
    if wrong is not None and tokens >= LEAST_TOKENS and lost > MOST_LOST * tokens:
        line, column = wrong.start_point
        raise DataError(
            f"{place}:{line + 1}:{column + 1}: {lost} of {tokens} tokens make no sense "
            "to the grammar, here the first; is the file in another language?"
        )
    return found


def _is_plain(token: str, kind: str) -> bool:
    """Tell whether a token says nothing that the kind of its parent does not say."""
    return token in _PUNCTUATION or token.lstrip("#") in kind


def _value(numeral: str) -> float | None:
    """Return the value of a numeral, whatever its suffix; None if it is none."""
    match = _NUMERAL.match(numeral.lower().replace("_", "").replace("'", ""))
    if match is None:
        return None
    sign = -1.0 if match["sign"] else 1.0
    if match["dec"]:
        return sign * float(match["dec"])
    base = {"hex": 16, "bin": 2, "oct": 8}[match.lastgroup or ""]
    try:
        return sign * int(match[match.lastgroup or ""], base)
    except OverflowError:
        return sign * float("inf")
