"""Aligned tables for the terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from treefold.svg.text import clean

_NUMBER = re.compile(r"[-+−]?[\d.,]+(?:e[-+]?\d+)?\s?%?(?:\s?±\s?[\d.,]+)?|nan|[-–—]?")


def text_table(
    rows: Sequence[Sequence[object]], header: Sequence[object] | None = None
) -> str:
    """Return rows as aligned lines, with a rule below the header.

    Columns in which everything is a number or empty stand to the right. Floats get
    four significant digits; None is empty. East Asian wide characters count twice.

    Args:
        rows: cells; a row may be shorter than others.
        header: names of the columns.
    """
    cells = [[_cell(c) for c in row] for row in rows]
    names = [_cell(c) for c in header or ()]
    count = max(map(len, [*cells, names]), default=0)
    lines = [[*row, *[""] * (count - len(row))] for row in [names, *cells]]
    widths = [max(_width(line[k]) for line in lines) for k in range(count)]
    right = [
        all(_NUMBER.fullmatch(line[k]) for line in lines[1:]) for k in range(count)
    ]

    def join(line: Sequence[str]) -> str:
        padded = []
        for text, width, to_the_right in zip(line, widths, right, strict=True):
            blank = " " * (width - _width(text))
            padded.append(blank + text if to_the_right else text + blank)
        return "  ".join(padded).rstrip()

    rule = ["  ".join("─" * width for width in widths)]
    top = [join(lines[0]), *rule] if header else []
    return "\n".join([*top, *map(join, lines[1:])])


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
