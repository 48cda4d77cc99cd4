"""The trees that a command reads, from a file or as they come on standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from treefold.cli.output import tell
from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.listops import FORMS
from treefold.data.readers.brackets import parse_brackets, read_brackets
from treefold.data.readers.lines import open_lines
from treefold.data.readers.listops import Form, parse_listops, read_listops

if TYPE_CHECKING:
    from treefold.training.run import Run

NAME = "<stdin>"
BLOCK = 1 << 20
DEEP = 50_000  # levels; as many steps one after the other are felt
GZIPPED = b"\x1f\x8b"
COMMENT = (b"#", b"%", b"*")


def read_for(run: Run, file: str, *, skip_bad: bool = False) -> Iterator[Corpus]:
    """Read trees to predict; see `_read_for`. Tell of those that take long."""
    for corpus in _read_for(run, file, skip_bad):
        levels = int(corpus.height.max(initial=0)) + 1
        if levels > DEEP:
            deepest = int(corpus.height[corpus.roots].argmax())
            tell(
                f"{corpus.where(deepest)} has {levels:,} levels, each of them a step "
                "after the other: this takes a while."
            )
        yield corpus


def _read_for(run: Run, file: str, skip_bad: bool) -> Iterator[Corpus]:
    """Read trees as a run's own data were read, from a file or ``-``, standard input.

    What comes on standard input is given on as it comes: whoever writes a tree and the
    end of the line may wait for the answer before the next tree.

    Raises:
        DataError: at a bad tree, with its line; or there is no tree at all.
    """
    if run.manifest.data.data == "python-swaps":
        from treefold.data.readers.python import parse_expressions, read_expressions

        known = run.vocabulary.words
        if file != "-":
            yield read_expressions(file, known, skip_bad=skip_bad)
            return
        line, trees = 1, 0
        for text in whole_lines(sys.stdin.buffer):
            lines = text.splitlines()
            corpus = parse_expressions(
                lines, known, name=NAME, first_line=line, skip_bad=skip_bad
            )
            line, trees = line + len(lines), trees + len(corpus)
            yield corpus
        if not trees:
            raise DataError(f"{NAME}: expected Python expressions, one a line")
    elif (form := FORMS.get(run.manifest.data.data)) is not None:
        yield from _listops(file, form)
    elif file == "-":
        yield from read_stream(sys.stdin.buffer, skip_bad=skip_bad)
    else:
        yield read_brackets(file, skip_bad=skip_bad)


def _listops(file: str, form: Form) -> Iterator[Corpus]:
    """Read ListOps expressions, those of standard input as they come."""
    if file != "-":
        yield read_listops(file, form)
        return
    empty = True
    for line in open_lines(file):
        corpus = parse_listops([line], form, name=NAME)
        if len(corpus):
            empty = False
            yield corpus
    if empty:
        raise DataError(f"{NAME}: expected ListOps expressions, one a line")


def read_stream(stream: BinaryIO, *, skip_bad: bool = False) -> Iterator[Corpus]:
    """Read bracket trees while they are still being written, a corpus at a time."""
    line, empty = 0, True
    for text in whole_trees(stream):
        if text.startswith(GZIPPED) and empty:
            file = io.BytesIO(text)
            file.name = NAME
            yield read_brackets(file, skip_bad=skip_bad)
            return
        yield _parse(text, line, skip_bad)
        line += text.count(b"\n")
        empty = False
    if empty:
        parse_brackets(b"", name=NAME)  # says what should have come


def whole_trees(stream: BinaryIO) -> Iterator[bytes]:
    """Cut a stream at ends of lines where all brackets are closed."""
    held = bytearray()
    depth = seen = 0  # open brackets, and how much of what is held was looked at
    some = False  # whether a tree is among it
    read = getattr(stream, "read1", stream.read)
    while block := read(BLOCK):
        held += block
        if held.startswith(GZIPPED):
            held += stream.read()
            break
        cut = 0
        end = held.rfind(b"\n") + 1
        for line in bytes(held[seen:end]).splitlines(keepends=True):
            seen += len(line)
            if depth or not line.lstrip().startswith(COMMENT):
                depth = max(depth + line.count(b"(") - line.count(b")"), 0)
                some = some or b"(" in line
            if some and not depth:
                cut = seen
        if cut:
            yield bytes(held[:cut])
            del held[:cut]
            seen -= cut
            some = depth > 0
    rest = bytes(held)
    lines = (line.lstrip() for line in rest.splitlines())
    if any(line and not line.startswith(COMMENT) for line in lines):
        yield rest


def whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Cut a stream at ends of lines, wherever it pauses."""
    held = b""
    while block := stream.read1(BLOCK):  # type: ignore[attr-defined]
        text, newline, held = (held + block).rpartition(b"\n")
        if newline:
            yield text + newline
    if held:
        yield held


def _parse(text: bytes, before: int, skip_bad: bool) -> Corpus:
    """Read a part of a stream, counting lines from the stream's beginning."""
    try:
        corpus = parse_brackets(text, name=NAME, skip_bad=skip_bad)
        if not corpus.skipped:
            return corpus
    except DataError:
        pass  # told below, with the right line
    text = b"\n" * before + text
    if not skip_bad:
        return parse_brackets(text, name=NAME)
    # All trees of this part may be bad, which is no reason to give up the rest; one
    # that is good, and taken away again, keeps the reader going.
    corpus = parse_brackets(text + b"\n(_ _)\n", name=NAME, skip_bad=True)
    return replace(corpus[: len(corpus) - 1], skipped=corpus.skipped)
