"""Pretrained word vectors in the text format of GloVe and word2vec."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.places import did_you_mean, folders, neighbours
from treefold.data.vocabulary import Vocabulary

NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

LARGEST = float(np.finfo(np.float32).max)


def load_vectors(
    path: str | Path, vocabulary: Vocabulary, *, size: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Read the vectors of the words of a vocabulary.

    A row is a word and its numbers, with blanks between; a word may itself have blanks,
    as some of GloVe do. A first row of two whole numbers, rows and columns, is a
    header. Only the rows of words wanted are kept, and only their numbers read; the
    length of every row is checked. Of a word's several rows the first counts.

    Args:
        path: a text file, plain or gzipped.
        vocabulary: the words wanted.
        size: the number of columns, where one is required.

    Returns:
        vectors (W, D) float32, zeros for a word not found; found (W,) bool.

    Raises:
        DataError: with the line: a row of another length, an entry of a word wanted
            that is not a number; or the file is missing, empty, cut short, or has
            another number of columns than `size`.
    """
    path = Path(path)
    wanted = {word.encode(): i for i, word in enumerate(vocabulary.words)}
    found = np.zeros(len(wanted), bool)
    vectors = np.zeros((len(wanted), size or 0), np.float32)
    columns, promised, rows = 0, 0, 0
    for line, row in enumerate(_rows(path), start=1):
        row = row.strip(b" \t\r\n")
        if line == 1:
            row = row.removeprefix(b"\xef\xbb\xbf")
            promised, columns = _shape(row)
            if size is not None and columns != size:
                raise DataError(
                    f"{path}: expected vectors of {size} numbers, found {columns}"
                )
            vectors = np.zeros((len(wanted), columns), np.float32)
            if promised:
                continue
        if not row:
            continue
        rows += 1
        word, *numbers = row.rsplit(None, columns)
        given = len(numbers)
        if columns and b" " in word:  # the word's own blank, or a number too many
            pieces = word.split(b" ")
            while len(pieces) > 1 and NUMBER.fullmatch(pieces.pop()):
                given += 1
        if given != columns or not columns:
            raise DataError(
                f"{path}:{line}: expected a word and {columns or 'its'} numbers, "
                f"found {given} numbers"
            )
        k = wanted.get(word)
        if k is None or found[k]:
            continue
        odd = next((x for x in numbers if not NUMBER.fullmatch(x)), None)
        if odd is not None:
            raise DataError(
                f"{path}:{line}: expected {columns} numbers after the word "
                f"{word.decode()!r}, found {odd.decode(errors='replace')!r}"
            )
        vector = np.array(numbers, np.float64)
        if np.abs(vector).max() > LARGEST:
            raise DataError(
                f"{path}:{line}: expected numbers that float32 can hold after the word "
                f"{word.decode()!r}, found {np.abs(vector).max()}"
            )
        vectors[k] = vector
        found[k] = True
    if not rows:
        raise DataError(f"{path}: expected word vectors, found an empty file")
    if rows < promised:
        raise DataError(
            f"{path}: expected {promised} rows, as its first line says, found {rows}; "
            "the file is cut short"
        )
    return vectors, found


def vectors_file(name: str) -> Path:
    """Find a file of vectors where it is said to be, or in the folder of data sets."""
    path = Path(name.strip())
    if not path.exists():
        for folder in folders("glove_small"):
            if (folder / path.name).is_file():
                return folder / path.name
    return path


def _shape(row: bytes) -> tuple[int, int]:
    """Read rows and columns off the first row; 0 rows where it is not a header."""
    first, *others = row.split() or [b""]
    if len(others) == 1 and first.isdigit() and others[0].isdigit():
        return int(first), int(others[0])
    return 0, len(others)


def _rows(path: Path) -> Iterator[bytes]:
    """Go through the lines of a file, unzipped."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield from gzip.GzipFile(fileobj=raw) if zipped else raw
    except FileNotFoundError:
        hint = did_you_mean(str(path), neighbours(path))
        raise DataError(f"{path}: no such file{hint}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
