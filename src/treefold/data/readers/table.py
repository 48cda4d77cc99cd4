"""Labelled texts and vectors: columns, JSON lines, and numpy's archives."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.examples import Example
from treefold.data.readers.json_text import loads
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Sequences

# Not str.split(): a no-break space is part of a word.
SPACE = re.compile(r"[ \t\r\n\f\v]+")


def words_of(text: str) -> list[str]:
    """Take a text apart at white space."""
    return [word for word in SPACE.split(text) if word]


def read_tsv(file: str | Path) -> Iterator[Example]:
    """Read ``label<TAB>text``, a line each.

    Raises:
        DataError: with the line: no tab, no label or no text.
    """
    for line, text in open_lines(file):
        if not text.strip():
            continue
        label, tab, words = text.partition("\t")
        place = f"{file}:{line}"
        if not tab:
            raise DataError(f"{place}: expected LABEL<TAB>TEXT, found no tab")
        yield _text(place, label.strip(), words)


def read_csv(file: str | Path) -> Iterator[Example]:
    """Read a label and a text a line, apart by a comma, in quotes where they have one.

    A first line with the names ``label`` and ``text`` says which columns they are; else
    they are the first and the second.

    Raises:
        DataError: with the line: too few columns, no label or no text.
    """
    lines = open_lines(file)
    reader = csv.reader(text + "\n" for _, text in lines)
    columns = (0, 1)
    for row in reader:
        place = f"{file}:{reader.line_num}"
        names = [name.strip().lower() for name in row]
        if reader.line_num == 1 and {"label", "text"} <= set(names):
            columns = names.index("label"), names.index("text")
            continue
        if not any(names):
            continue
        if len(row) <= max(columns):
            raise DataError(
                f"{place}: expected a label and a text apart by a comma, found "
                f"{len(row)} columns"
            )
        label, text = (row[column] for column in columns)
        yield _text(place, label.strip(), text)


def read_json_lines(file: str | Path, *, labelled: bool = True) -> Iterator[Example]:
    """Read an object a line: a ``label``, and a ``text`` or a ``sequence``.

    A text is a string, or a list of words; a sequence a list of steps, each a list of
    numbers.

    Raises:
        DataError: with the line: what is no such object.
    """
    for line, text in open_lines(file):
        if text.strip():
            yield parse_json(f"{file}:{line}", text, labelled=labelled)


def parse_json(place: str, text: str, *, labelled: bool) -> Example:
    """Read an object of one line; see `read_json_lines`."""
    try:
        found = loads(text)
    except ValueError as error:
        raise DataError(f"{place}: expected an object in JSON: {error}") from None
    if isinstance(found, list) and not labelled:
        found = {"sequence": found}
    if not isinstance(found, dict) or not {"text", "sequence"} & found.keys():
        raise DataError(
            f'{place}: expected an object such as {{"label": ..., "text": ...}} or '
            f'{{"label": ..., "sequence": [[...], ...]}}, found {text[:60]!r}'
        )
    label = found.get("label")
    label = None if label is None else str(label)
    if labelled and not label:
        raise DataError(f'{place}: expected a "label", found none')
    if "sequence" in found:
        return Example(_vectors(place, found["sequence"]), label, place)
    words = found["text"]
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        words = [word for word in words if word]
        if not words:
            raise DataError(f"{place}: expected words, found an empty list")
        return Example(words, label, place)
    if not isinstance(words, str):
        raise DataError(f'{place}: expected "text" to be a string, found {words!r}')
    return _text(place, label, words)


def read_npz(file: str | Path, *, labelled: bool = True) -> list[Example]:
    """Read the arrays ``step`` (sum of T, F), ``offset`` (B + 1,) and ``label`` (B,).

    Sequence b is ``step[offset[b]:offset[b + 1]]``, of class ``label[b]``.

    Raises:
        DataError: an array is missing, or they do not fit each other.
    """
    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: cannot be read: {error}") from None
    wanted = ("step", "offset", *["label"] * labelled)
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise DataError(
            f"{file}: expected the arrays {', '.join(wanted)}, found "
            f"{', '.join(arrays) or 'none'}"
        )
    step = arrays["step"]
    if step.ndim != 2 or step.dtype.kind not in "iufb" or not np.isfinite(step).all():
        raise DataError(f"{file}: step must be numbers (steps, features), without NaN")
    try:
        sequences = Sequences(
            step.astype(np.float32), arrays["offset"].astype(np.int64)
        )
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    empty = np.flatnonzero(sequences.lengths == 0)
    if len(empty):
        raise DataError(f"{file}: sequence {empty[0]} has no steps; leave it out")
    labels: list[Any] = list(arrays.get("label", [None] * len(sequences)))
    if len(labels) != len(sequences):
        raise DataError(
            f"{file}: expected a label for each of {len(sequences)} sequences, found "
            f"{len(labels)}"
        )
    return [
        Example(
            sequences[b],
            None if label is None else str(label),
            f"{file}: sequence {b}",
        )
        for b, label in enumerate(labels)
    ]


def _text(place: str, label: str | None, text: str) -> Example:
    words = words_of(text)
    if label == "":
        raise DataError(f"{place}: expected a label before the text, found none")
    if not words:
        raise DataError(f"{place}: expected a text, found none")
    return Example(words, label, place)


def _vectors(place: str, steps: Any) -> NDArray[np.float32]:
    """Return a sequence (T, F) of lists; plain numbers are steps of one feature."""
    try:
        vectors = np.array(steps, np.float32)
    except (ValueError, TypeError):
        raise DataError(
            f"{place}: expected a sequence of steps, each a list of as many numbers"
        ) from None
    if vectors.ndim == 1:
        vectors = vectors[:, None]
    if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
        raise DataError(
            f"{place}: expected steps that are lists of numbers, found an array of "
            f"shape {vectors.shape}" + " with NaN" * bool(vectors.ndim == 2)
        )
    return vectors
