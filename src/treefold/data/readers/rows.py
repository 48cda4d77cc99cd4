"""Tables as people export them: CSV and TSV, a header and rows of cells."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from treefold.data.errors import DataError
from treefold.data.places import did_you_mean
from treefold.data.readers.encodings import text_of
from treefold.data.readers.json_records import Record
from treefold.data.readers.values import as_number


def rows_of(content: bytes, place: str) -> Iterator[Record | DataError]:
    """Read a table with a header: a row as a dict of texts, or what is wrong with it.

    Raises:
        DataError: it has no header, or is damaged.
    """
    text = text_of(content, place)
    header = text.split("\n", 1)[0]
    tabs = ".tsv" in Path(place).name.lower()
    delimiter = "\t" if tabs else max(",;\t|", key=header.count)
    before = csv.field_size_limit(sys.maxsize)  # a cell may hold a whole program
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        names = next(rows, None)
        if not names:
            raise DataError(f"{place}: it is empty; expected a header and rows")
        line = rows.line_num + 1
        for cells in rows:
            here, line = f"{place}:{line}", rows.line_num + 1
            if not cells:
                continue
            if len(cells) > len(names):
                yield DataError(
                    f"{here}: {len(cells)} cells, and the header has {len(names)}; put "
                    "cells that hold a delimiter into quotes"
                )
                continue
            cells += [""] * (len(names) - len(cells))
            yield Record(here, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise DataError(f"{place}:{rows.line_num}: {error}") from None
    finally:
        csv.field_size_limit(before)


def cell(row: dict[str, Any], name: str, place: str) -> Any:
    """Return the cell of a column.

    Raises:
        DataError: there is no such column.
    """
    if name not in row:
        hint = did_you_mean(name, row) or ""
        raise DataError(
            f"{place}: there is no column {name!r}; the columns are "
            f"{', '.join(row)}{hint}"
        )
    return row[name]


def typed(cell: str) -> str | float | None:
    """Return a cell as a number where it is one, None where it is empty."""
    text = cell.strip()
    number = as_number(text)
    return number if number is not None else text or None
