"""Series of several dimensions in the .ts format of the UEA archive.

A header of lines that begin with ``@``, then a case a line: its dimensions apart by
colons, the values of a dimension by commas, and the class last::

    @classLabel true a b
    @data
    0.1,0.2,0.3:5,6,7:a

See Bagnall et al. (2018, arXiv:1811.00075).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.examples import Example
from treefold.data.readers.lines import open_lines

YES_OR_NO = {"true": True, "false": False}


def read_ts(file: str | Path) -> Iterator[Example]:
    """Read the cases of a .ts file, plain or gzipped, or of ``-``, as they come.

    Raises:
        DataError: with the line: what is no number or missing, dimensions of different
            lengths, time stamps, a class that the header does not list.
    """
    labelled, classes, dimensions, begun = True, frozenset[str](), None, False
    for line, text in open_lines(file):
        text = text.strip()
        place = f"{file}:{line}"
        if not text or text.startswith(("#", "%")):
            continue
        if not begun:
            if not text.startswith("@"):
                raise DataError(
                    f"{place}: expected a line of the header, such as @data, found "
                    f"{text[:40]!r}"
                )
            word, *rest = text.split()
            word = word.lower()
            if word == "@timestamps" and _told(place, rest):
                raise DataError(
                    f"{place}: expected values without time stamps, found @timeStamps "
                    "true"
                )
            if word == "@classlabel":
                labelled, classes = _told(place, rest), frozenset(rest[1:])
            if word == "@targetlabel" and _told(place, rest):
                raise DataError(f"{place}: expected classes, found a target to regress")
            begun = word == "@data"
            continue
        parts = re.split(":", text)
        label = parts.pop().strip() if labelled else None
        if label is not None and classes and label not in classes:
            raise DataError(
                f"{place}: expected one of the classes {', '.join(sorted(classes))}, "
                f"found {label[:40]!r}"
            )
        vectors = _vectors(place, parts)
        dimensions = dimensions or vectors.shape[1]
        if vectors.shape[1] != dimensions:
            raise DataError(
                f"{place}: expected {dimensions} dimensions, found {vectors.shape[1]}"
            )
        yield Example(vectors, label, place)
    if not begun:
        raise DataError(f"{file}: expected a line @data, found the end of the file")


def _told(place: str, rest: list[str]) -> bool:
    if not rest or rest[0].lower() not in YES_OR_NO:
        raise DataError(f"{place}: expected true or false after the keyword")
    return YES_OR_NO[rest[0].lower()]


def _vectors(place: str, dimensions: list[str]) -> NDArray[np.float32]:
    columns = []
    for number, text in enumerate(dimensions, 1):
        try:
            column = np.array([float(value) for value in text.split(",")], np.float32)
        except ValueError as error:
            raise DataError(
                f"{place}: dimension {number}: expected numbers, with commas: {error}"
            ) from None
        if not np.isfinite(column).all():
            raise DataError(
                f"{place}: dimension {number}: a value is missing or infinite; fill it "
                "in, or leave the case out"
            )
        if columns and len(column) != len(columns[0]):
            raise DataError(
                f"{place}: dimension {number} has {len(column)} values, dimension 1 "
                f"has {len(columns[0])}"
            )
        columns.append(column)
    if not columns:
        raise DataError(f"{place}: expected values before the class, found none")
    return np.stack(columns, axis=1)
