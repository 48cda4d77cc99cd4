"""Phylogenies in Newick: ``((human:6,chimp:6)ape:2,'gorilla':8);``.

A leaf is a node of the kind ``leaf``, any other of the kind ``clade``; its name is the
text, and the length of the branch above it the number. Underscores in a name are
blanks, unless it is quoted; ``''`` in a quoted name is a quote. What stands in ``[]``
is a comment. The order below a node has no meaning, so nothing is numbered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.encodings import line_and_column, text_of
from treefold.data.readers.values import MAX_NODES, clean

TOKEN = re.compile(
    r"\s*(?:([(),:;])|('[^']*(?:''[^']*)*')|(\[[^\]]*\])|([^\s()\[\]',:;]+)|(.))", re.S
)
LENGTH = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
SHOWN = 20  # characters of a name


def read(
    content: bytes, place: str, *, ordered: bool | None = None
) -> Iterator[Document | DataError]:
    """Read the trees of a file, each of which ends with a semicolon.

    Args:
        content: the file, in UTF-8.
        place: its name, for messages.
        ordered: True numbers the children of a node.

    Yields:
        A document a tree, and a `DataError` in place of a bad one.
    """
    try:
        text = text_of(content, place).rstrip()  # so that TOKEN always matches
    except DataError as error:
        yield error
        return
    tree, begin, failed, some = _Tree(), "", False, False
    line, counted = 1, 0  # newlines are counted once, however many trees there are
    for match in TOKEN.finditer(text):
        at, token = match.start(match.lastindex or 0), match[match.lastindex or 0]
        if match.lastindex == 3 or (failed and token != ";"):
            continue  # a comment; or what is left of a bad tree
        some = True
        line, counted = line + text.count("\n", counted, at), at
        if failed:
            tree, failed = _Tree(), False
            continue
        begin = begin if tree.parent else f"{place}:{line}"
        try:
            tree.take(token, is_mark=match.lastindex == 1)
        except DataError as error:
            column = at - text.rfind("\n", 0, at)
            yield DataError(f"{place}:{line}:{column}: {error}")
            failed = token != ";"
            tree = _Tree()
            continue
        if token == ";":
            yield tree.document(begin, bool(ordered))
            tree = _Tree()
    if tree.parent or not some:
        found = "the end of the file"
        wanted = "';' to end the tree" if tree.parent else "a tree"
        at = line_and_column(text, len(text))
        yield DataError(f"{place}:{at}: expected {wanted}, found {found}")


class _Tree:
    """One tree, a token at a time."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.position: list[int] = []
        self.name: list[str | None] = []
        self.length: list[float | None] = []
        self.is_leaf: list[bool] = []
        self.open: list[int] = []  # clades whose bracket has not been closed
        self.below: list[int] = []  # children so far, of each of them
        self.node = -1  # the one that a name or a length would be of
        self.state = "node"  # what comes next: node, name, colon, length or mark

    def take(self, token: str, *, is_mark: bool) -> None:
        """Take the next token.

        Raises:
            DataError: it cannot stand there.
        """
        if not is_mark:
            self._word(token)
        elif token == "(":
            self._expect("node", token)
            self._add(is_leaf=False)
            self.open.append(self.node)
            self.below.append(0)
        elif self.state == "length":
            raise DataError(f"expected the length of a branch, found {token!r}")
        else:
            if self.state == "node" and (self.open or token == ":"):
                self._add(is_leaf=True)  # one without a name: (,a);
                self.state = "colon"
            self._mark(token)

    def _word(self, token: str) -> None:
        shown = token if len(token) <= SHOWN else token[:SHOWN] + "..."
        if token == "'":
            raise DataError("expected a quote to end the name, found none")
        if token == "[":
            raise DataError("expected ']' to end the comment, found none")
        if self.state == "length":
            if not LENGTH.fullmatch(token):
                raise DataError(f"expected the length of a branch, found {shown!r}")
            self.length[self.node] = float(token)
            self.state = "mark"
            return
        if self.state not in ("node", "name"):
            wanted = "':', " if self.state == "colon" else ""
            raise DataError(
                f"expected {wanted}',', ')' or ';', found {shown!r}; a name with "
                "blanks or brackets is quoted, 'Homo sapiens'"
            )
        if self.state == "node":
            self._add(is_leaf=True)
        if token[0] == "'":
            self.name[self.node] = clean(token[1:-1].replace("''", "'"))
        else:
            self.name[self.node] = clean(token.replace("_", " "))
        self.state = "colon"

    def _mark(self, token: str) -> None:
        if token == ":":
            if self.state == "mark":
                raise DataError("expected ',', ')' or ';', found a second length")
            self.state = "length"
        elif token == ";":
            if self.open:
                raise DataError(
                    f"expected ')', {len(self.open)} are missing, found ';'"
                )
            self._expect_tree(token)
        elif not self.open:
            self._expect_tree(token)
            raise DataError(f"expected ';', found {token!r}, which is in no brackets")
        elif token == ",":
            self.state = "node"
        else:
            self.node = self.open.pop()
            self.below.pop()
            self.state = "name"

    def _expect_tree(self, token: str) -> None:
        if not self.parent:
            raise DataError(f"expected a tree, found {token!r}")

    def _expect(self, state: str, token: str) -> None:
        if self.state != state:
            raise DataError(f"expected ',', ')' or ';', found {token!r}")

    def _add(self, *, is_leaf: bool) -> None:
        self.node = len(self.parent)
        if self.node >= MAX_NODES:
            raise DataError(f"the tree has more than {MAX_NODES:,} nodes; split it")
        self.parent.append(self.open[-1] if self.open else -1)
        self.position.append(self.below[-1] if self.open else -1)
        if self.open:
            self.below[-1] += 1
        self.name.append(None)
        self.length.append(None)
        self.is_leaf.append(is_leaf)

    def document(self, place: str, ordered: bool) -> Document:
        """Return the tree, once all of it has been taken."""
        document = Document(place)
        for node, parent in enumerate(self.parent):
            document.add(
                parent,
                "leaf" if self.is_leaf[node] else "clade",
                position=self.position[node] if ordered else -1,
                text=self.name[node],
                number=self.length[node],
            )
        return document
