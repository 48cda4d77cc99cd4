r"""Bracket trees, the format of the Penn and the Stanford Sentiment Treebank.

A tree is ``(label child child ...)`` or ``(label word)``, anywhere in the text:
several on a line, or one over many lines.

- Only ASCII white space (blank, tab, line feed, carriage return, vertical tab, form
  feed) and brackets end a word. Any other character is part of it: U+00A0 too.
- The first word after a ``(`` is the node's label. A node that begins with a bracket
  has none: the root of ``( (S ...))``. Labels and words are kept as written; ``-LRB-``
  and ``\/`` are not unescaped, so that what is read is what is written.
- ``(2 It)`` is one leaf, labelled 2, with the token It. ``(NP the cat)`` is a node with
  two bare leaves: they have a token and no label.
- ``()`` and ``(2)`` are errors: a lost word would else become a leaf without input.
- Between trees, ``#``, ``%`` and ``*`` begin a comment that ends with the line (``*``
  because of the ``*x*x*`` headers of the Penn Treebank). Inside a tree they are words.
- Where a closing bracket is missing and another is too many, the trees between would
  read as one. So in a file most of whose trees do otherwise, no tree may go on past a
  line that looks like the start of the next: one that begins with ``(``, no further
  to the right than the line on which the tree began.
- Text is UTF-8, with or without a byte order mark, plain or gzipped.
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from treefold.data import kernels
from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.places import did_you_mean, neighbours
from treefold.data.readers import _scan

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
NOT_A_WORD = re.compile(r"[ \t\n\r\v\f()\0]|^$")


def read_brackets(source: str | Path | IO, *, skip_bad: bool = False) -> Corpus:
    """Read bracket trees into a packed corpus.

    Args:
        source: a path, ``"-"`` for standard input, or an open file, text or binary.
            A gzipped file is known by its content, whatever its name.
        skip_bad: leave out bad trees, and go on at the next line that starts a tree:
            one whose first character, after no more blanks than the bad tree's line
            has, is ``(``. What was left out is told in `Corpus.skipped`.

    Raises:
        DataError: ``file:line:column: expected ..., found ...`` at the first bad tree;
            or there is no tree, no such file, or the file is not UTF-8 text.
    """
    name, data = _contents(source)
    return parse_brackets(data, name=name, skip_bad=skip_bad)


def parse_brackets(
    data: bytes | str, *, name: str = "<text>", skip_bad: bool = False
) -> Corpus:
    """Read bracket trees from text in memory; see `read_brackets`.

    Args:
        data: the text, or its bytes in UTF-8.
        name: what messages call it.
        skip_bad: as in `read_brackets`.
    """
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"{name}: expected text, found the lone surrogate "
                f"{data[error.start]!r} at character {error.start + 1}"
            ) from None
    begin = len(UTF8_MARK) if data.startswith(UTF8_MARK) else 0
    text = _Text(name, data, begin)
    text.check()
    trees, tables, used = _scan.scan(text.bytes, begin, skip_bad, False)
    suspects = used[-1]
    if suspects and used[0] > 2 * suspects:
        # Most trees end before the next line that starts one, so these are to do so.
        trees, tables, used = _scan.scan(text.bytes, begin, skip_bad, True)
    B, V = used[:2]
    offset = trees[0][: B + 1].copy()  # and let go of what the scanner had to reserve
    parent, label, token = (array[:V] for array in trees[1:4])
    line, number = (array[:B].copy() for array in trees[4:])
    words, labels, bad = (
        table[:count] for table, count in zip(tables, used[2:5], strict=True)
    )
    if len(bad) and not skip_bad:
        raise DataError(text.message(bad[0], skip_bad))
    skipped = tuple(text.message(row, skip_bad) for row in bad)
    if len(offset) == 1:
        if skipped:
            raise DataError(
                f"{name}: no tree is left: all {len(skipped)} are bad, the first: "
                f"{skipped[0]}"
            )
        raise DataError(f"{text.place(len(data))}: expected a tree, found end of file")

    tokens = [data[s:e].decode() for _, s, e in words.tolist()]
    names = [data[s:e].decode() for _, s, e in labels.tolist()]
    if skipped:
        token, tokens = _without_unused(token, tokens)
        label, names = _without_unused(label, names)
    order, child_offset, child, height, _ = kernels.level_order(offset, parent)
    return Corpus(
        offset,
        child_offset,
        child,
        height,
        token[order],
        label[order],
        tuple(tokens),
        tuple(names),
        line,
        number,
        np.zeros(len(line), np.int32),
        (name,),
        skipped,
    )


def _contents(source: str | Path | IO) -> tuple[str, bytes | str]:
    """Return the name of a source and all that is in it, unzipped."""
    if source == "-":
        name, data = "<stdin>", sys.stdin.buffer.read()
    elif isinstance(source, (str, Path)):
        name = str(source)
        try:
            data = Path(source).read_bytes()
        except FileNotFoundError:
            hint = did_you_mean(name, neighbours(Path(source)))
            raise DataError(f"{name}: no such file{hint}") from None
        except OSError as error:
            raise DataError(f"{name}: cannot be read: {error.strerror}") from None
    else:
        name = str(getattr(source, "name", "<file>"))
        data = source.read()
    if isinstance(data, bytes) and data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{name}: the gzip file is damaged or cut short ({error})"
            ) from None
    return name, data


def _without_unused(
    index: NDArray[np.int32], names: list[str]
) -> tuple[NDArray[np.int32], list[str]]:
    """Drop the names that only trees left out had."""
    used = np.zeros(len(names) + 1, bool)
    used[index] = True  # index -1 marks the last entry, which stands for none
    code = np.cumsum(used[:-1], dtype=np.int32) - 1
    kept = [name for name, use in zip(names, used[:-1].tolist(), strict=True) if use]
    return np.append(code, np.int32(-1))[index], kept


class _Text:
    """A text and how to speak of places in it."""

    def __init__(self, name: str, data: bytes, begin: int) -> None:
        self.name, self.data, self.begin = name, data, begin
        self.bytes = np.frombuffer(data, np.uint8)
        self.newlines: NDArray[np.int64] | None = None  # found when first needed

    def check(self) -> None:
        """Refuse what is not UTF-8 text."""
        if self.data.startswith(UTF16_MARKS):
            raise DataError(
                f"{self.name}:1:1: expected UTF-8 text, found the byte order mark of "
                "UTF-16; convert the file, e.g. with iconv -f UTF-16 -t UTF-8"
            )
        nul = self.data.find(b"\0")
        if nul >= 0:
            raise DataError(
                f"{self.place(nul)}: expected text, found a NUL byte; this is a binary "
                "file, or UTF-16, which iconv -f UTF-16LE -t UTF-8 converts"
            )
        if self.data.isascii():
            return
        try:
            self.data.decode()
        except UnicodeDecodeError as error:
            byte = self.data[error.start]
            raise DataError(
                f"{self.place(error.start)}: expected UTF-8 text, found the byte "
                f"0x{byte:02x} ({bytes([byte]).decode('latin-1')!r} in Latin-1); "
                "convert the file, e.g. with iconv -f LATIN1 -t UTF-8"
            ) from None

    def line_and_column(self, position: int) -> tuple[int, int]:
        """Return the line of a position, and its column in characters, from 1."""
        if self.newlines is None:
            self.newlines = np.flatnonzero(self.bytes == _scan.NEWLINE)
        line = int(np.searchsorted(self.newlines, position))
        begin = int(self.newlines[line - 1]) + 1 if line else self.begin
        before = self.data[begin:position].decode(errors="replace")
        return line + 1, len(before) + 1

    def place(self, position: int) -> str:
        line, column = self.line_and_column(position)
        return f"{self.name}:{line}:{column}"

    def message(self, bad: NDArray[np.int64], skip_bad: bool) -> str:
        """Say what the scanner found wrong: (what, where its tree begins, where)."""
        what, start, at = bad.tolist()
        at_end = what == _scan.UNCLOSED
        if at_end or (skip_bad and what != _scan.OUTSIDE):
            # A bracket that is never closed swallows the trees after it: it was
            # most likely forgotten before the next line that starts a tree.
            indent = _scan.indent_of_line(self.bytes, start)
            following, _ = _scan.next_tree_line(self.bytes, start, 1, indent)
            if following <= at and following < len(self.data):
                return self._unclosed(start, following, "end of line")
        if at_end:
            return self._unclosed(start, at, "end of file")
        found = repr(self._word(at))
        if what == _scan.OUTSIDE:
            extra = ", which closes nothing" if found == "')'" else ""
            return (
                f"{self.place(at)}: expected '(' to begin a tree, found {found}{extra}"
            )
        if what == _scan.EMPTY:
            return f"{self.place(at)}: expected a label or a tree after '(', found ')'"
        label = self._word(_label_begin(self.data, at))
        return (
            f"{self.place(at)}: expected a word or a tree after the label {label!r}, "
            "found ')'"
        )

    def _unclosed(self, start: int, end: int, found: str) -> str:
        bracket = int(_scan.innermost_open(self.bytes, start, end))
        while end > start and self.data[end - 1 : end].isspace():
            end -= 1
        line, column = self.line_and_column(bracket)
        where = f"column {column}"
        if line != self.line_and_column(end)[0]:
            where = f"line {line}, {where}"
        place = self.place(end)
        return f"{place}: expected ')' to close the '(' at {where}, found {found}"

    def _word(self, position: int) -> str:
        end = max(int(_scan._word_end(self.bytes, position)), position + 1)
        word = self.data[position:end].decode(errors="replace")
        return word if len(word) <= 20 else word[:20] + "..."


def _label_begin(data: bytes, close: int) -> int:
    """Return where the label of ``(label )`` begins, given its closing bracket."""
    begin = data.rindex(b"(", 0, close) + 1
    while data[begin : begin + 1].isspace():
        begin += 1
    return begin


def format_brackets(corpus: Corpus) -> Iterator[str]:
    """Go through a corpus, each tree written in brackets on one line.

    Raises:
        DataError: at a tree that would not be read back as it is: one with a word at
            an inner node, a leaf without a word, a bare word that would be taken for
            its parent's label or own word, or white space or a bracket in a word.
    """
    unfit = {
        kind: {i for i, name in enumerate(names) if NOT_A_WORD.search(name)}
        for kind, names in (("word", corpus.tokens), ("label", corpus.labels))
    }
    for b in range(len(corpus)):
        s, e = int(corpus.tree_offset[b]), int(corpus.tree_offset[b + 1])
        first = int(corpus.child_offset[s])
        offset = (corpus.child_offset[s : e + 1] - first).tolist()
        child = corpus.child[first : first + offset[-1]].tolist()
        token, label = corpus.token[s:e].tolist(), corpus.label[s:e].tolist()
        parts: list[str] = []
        stack: list[int | None] = [e - s - 1]
        while stack:
            v = stack.pop()
            if v is None:
                parts.append(")")
                continue
            below = child[offset[v] : offset[v + 1]]
            problem = _problem(v, below, token, label, offset, v == e - s - 1)
            for kind, index in (("word", token[v]), ("label", label[v])):
                if index in unfit[kind]:
                    name = (corpus.tokens if kind == "word" else corpus.labels)[index]
                    problem = (
                        f"the {kind} {name!r} is empty or has white space or a bracket "
                        "in it; replace them, e.g. '(' by -LRB-"
                    )
            if problem:
                raise DataError(f"{corpus.where(b)} has no bracket form: {problem}")
            name = corpus.labels[label[v]] if label[v] >= 0 else ""
            if below:
                parts.append(f" ({name}")
                stack.append(None)
                stack.extend(reversed(below))
            elif name:
                parts.append(f" ({name} {corpus.tokens[token[v]]})")
            else:
                parts.append(f" {corpus.tokens[token[v]]}")
        yield "".join(parts)[1:]


def _problem(
    v: int,
    below: list[int],
    token: list[int],
    label: list[int],
    offset: list[int],
    is_root: bool,
) -> str:
    """Say why the reader would not read back node v, or nothing."""

    def is_bare(u: int) -> bool:
        return label[u] < 0 and offset[u] == offset[u + 1]

    if below:
        if token[v] >= 0:
            return "a node with children has a word"
        if label[v] < 0 and is_bare(below[0]):
            return "a node without a label has a word without a label as first child"
        if len(below) == 1 and is_bare(below[0]):
            return "an only child is a word without a label"
    elif token[v] < 0:
        return "a leaf has no word"
    elif is_root and label[v] < 0:
        return "the whole tree is a word without a label"
    return ""


def write_brackets(corpus: Corpus, target: str | Path | IO[str]) -> None:
    """Write a corpus as bracket trees, one a line, in UTF-8.

    Reading the file gives the same trees again.

    Args:
        corpus: the trees.
        target: a path, gzipped where it ends in ``.gz``, or a file open for text.

    Raises:
        DataError: see `format_brackets`.
    """
    if not isinstance(target, (str, Path)):
        target.writelines(line + "\n" for line in format_brackets(corpus))
        return
    path = Path(target)
    zipped = path.suffix == ".gz"
    with (
        gzip.open(path, "wb") if zipped else path.open("wb") as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as file,  # type: ignore[arg-type]
    ):
        file.writelines(line + "\n" for line in format_brackets(corpus))
