"""Words in columns, one a line, as in CoNLL's shared tasks.

A line is a word and what is known of it, between blanks, or between tabs where the
first line has one; a line without anything ends a sentence::

    He       PRP  B-NP
    reckons  VBZ  B-VP

    The      DT   B-NP

All lines of a file have as many columns as its first. There are no comments: a word may
begin with ``#``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.readers.lines import open_lines
from treefold.data.readers.table import words_of
from treefold.data.sequences import Sequences


@final
class Sentence(NamedTuple):
    """The rows of a sentence, (T, K) strings, and the line of its first word."""

    rows: NDArray[np.object_]
    line: int


def read_columns(
    path: str | Path, *, num_columns: int | None = None, skip_bad: bool = False
) -> tuple[Sequences, tuple[str, ...]]:
    """Read a file of columns, plain or gzipped.

    Args:
        path: the file.
        num_columns: K, where that is known.
        skip_bad: leave out sentences with a line of another number of columns.

    Returns:
        The sentences, with steps (V, K) of strings, and the place of each,
        ``file:line``.

    Raises:
        DataError: a line with another number of columns; no file, no sentence.
    """
    found = list(
        sentences(
            open_lines(path), str(path), num_columns=num_columns, skip_bad=skip_bad
        )
    )
    if not found:
        raise DataError(
            f"{path}: expected sentences, a word and its columns a line, found none"
        )
    steps = Sequences.of([sentence.rows for sentence in found])
    return steps, tuple(f"{path}:{sentence.line}" for sentence in found)


def sentences(
    lines: Iterable[tuple[int, str]],
    name: str,
    *,
    num_columns: int | None = None,
    skip_bad: bool = False,
) -> Iterator[Sentence]:
    """Take lines for sentences, each as soon as its empty line has come.

    Args:
        lines: of the text, with their numbers.
        name: of the file, for messages.
        num_columns: K, where that is known; else it is that of the first line.
        skip_bad: leave out sentences with a bad line.

    Raises:
        DataError: a line with another number of columns.
    """
    rows: list[list[str]] = []
    begin, good, tabs = 0, True, None
    for number, line in lines:
        if not line.strip():
            if rows and good:
                yield _sentence(rows, begin)
            rows, good = [], True
            continue
        if tabs is None:
            tabs = "\t" in line
        row = line.split("\t") if tabs else words_of(line)
        num_columns = num_columns or len(row)
        if len(row) != num_columns or "" in row:
            if not skip_bad:
                between = "tabs" if tabs else "blanks"
                raise DataError(
                    f"{name}:{number}: expected {num_columns} columns between "
                    f"{between}, found {len(row) - row.count('')}; "
                    "a line without anything ends a sentence"
                )
            good = False
        if not rows:
            begin = number
        rows.append(row)
    if rows and good:
        yield _sentence(rows, begin)


def _sentence(rows: list[list[str]], line: int) -> Sentence:
    return Sentence(np.array(rows, dtype=object), line)
