"""Vectors as JSON lines: a list of numbers each, or an object that has it as `code`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from treefold.data.errors import DataError
from treefold.data.readers.json_text import loads
from treefold.data.readers.lines import STDIN, open_lines


def read_codes(file: str, size: int) -> Iterator[tuple[str, list[float]]]:
    """Read vectors from a file or ``-`` as they come, each with ``file:line``.

    Args:
        file: where they are.
        size: how many numbers a vector must have.

    Raises:
        DataError: a line that is no such vector.
    """
    for number, line in open_lines(file):
        if line.strip():
            where = f"{STDIN if file == '-' else file}:{number}"
            yield where, _vector(line, where, size)


def _vector(line: str, where: str, size: int) -> list[float]:
    try:
        found: Any = loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where}:{error.colno}: expected a list of {size} numbers as JSON, found "
            f"what is no JSON ({error.msg})"
        ) from None
    if isinstance(found, dict):
        found = found.get("code")
    numbers = isinstance(found, list) and all(
        isinstance(x, int | float) and not isinstance(x, bool) for x in found
    )
    if not numbers:
        raise DataError(
            f"{where}: expected a list of {size} numbers, or an object with such a "
            f"list as its code, found {line.strip()[:40]!r}"
        )
    if len(found) != size:
        raise DataError(
            f"{where}: a code of this model has {size} numbers, this one {len(found)}"
        )
    try:
        vector = [float(x) for x in found]
    except OverflowError:  # a whole number of hundreds of digits
        vector = [math.inf]
    if not all(map(math.isfinite, vector)):
        raise DataError(f"{where}: a code is finite numbers, this one has nan or inf")
    return vector
