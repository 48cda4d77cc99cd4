"""Numbers beside the lines of an outline, as bars with signs and digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from treefold.svg.colour import diverging
from treefold.svg.frame import EDGE, FAINT
from treefold.svg.labels import SMALL
from treefold.svg.outline import Outline, Row
from treefold.svg.text import cut, escape, number

BAR, DIGITS = 42.0, 54.0  # pixels: half of the bars' column, and that of the digits
ACROSS = 2 * BAR + DIGITS + 10
FAINTEST = 0.02  # of the greatest, below which a line is not tinted


@dataclass(frozen=True)
class Column:
    """A number for each node, drawn beside it as a bar with its sign and digits.

    Attributes:
        title: above the column.
        value: of each node; NaN where there is none.
        of_subtrees: whether a value is already that of all that is below the node;
            else those of a subtree are added up where it is not shown.
        note: what the numbers mean, for the tooltip.
        full: what at least a bar of full length stands for, so that small numbers look
            small even where there are no others.
    """

    title: str
    value: Sequence[float]
    of_subtrees: bool = False
    note: str = ""
    full: float = 0.0


class Bars:
    """A column as it is drawn.

    Args:
        column: the numbers.
        outline: the lines.
        line: pixels from line to line.
    """

    def __init__(self, column: Column, outline: Outline, line: float) -> None:
        self.column, self.outline, self.line = column, outline, line
        known = [0.0 if math.isnan(v) else v for v in column.value]
        self._total = known if column.of_subtrees else outline.sums(known)
        sizes = [abs(v) for v in map(self.value, outline.rows) if not math.isnan(v)]
        self.most = max([*sizes, column.full]) or 1.0
        # Two digits of the greatest, no more: what is below is noise to a reader.
        self.digits = min(max(1 - math.floor(math.log10(self.most)), 0), 6)

    def value(self, row: Row) -> float:
        """Return a line's number; that of several nodes is their sum."""
        value = self.column.value
        if row.node >= 0:
            return value[row.node]
        if self.column.of_subtrees and all(math.isnan(value[v]) for v in row.tops):
            return math.nan
        total = sum(self._total[v] for v in row.tops)
        if row.levels and not self.column.of_subtrees:
            total -= sum(self._total[v] for v in self.outline.shown_below(row.tops[0]))
        return total

    def text(self, row: Row) -> str:
        """Return a line's number in digits: what rounds to zero has no sign."""
        value = self.value(row)
        if math.isnan(value):
            return ""
        shown = f"{value:+.{self.digits}f}"
        return shown.replace("-", "−") if float(shown) else "0"

    def note(self, row: Row) -> str:
        """Return a line's number for its tooltip."""
        text = self.text(row)
        return f"{self.column.title}: {text}" if text else ""

    def tint(self, row: Row) -> str:
        """Return a pale colour, on which dark text reads well; none for nothing."""
        share = self.value(row) / self.most
        if math.isnan(share) or abs(share) < FAINTEST:
            return ""
        return diverging(0.55 * share, -1.0, 1.0)

    def draw(self, row: Row, x: float, y: float) -> str:
        """Draw a line's bar and digits, the column's left edge at x."""
        text, value = self.text(row), self.value(row)
        if not text:
            return ""
        long = BAR * abs(value) / self.most
        middle = x + DIGITS + BAR
        start = middle - long if value < 0 else middle
        bar = ""
        if long >= 0.3:
            colour = diverging(math.copysign(0.85, value), -1.0, 1.0)
            bar = (
                f'<rect x="{number(start)}" y="{number(y + 4)}" '
                f'width="{number(long)}" height="{number(self.line - 8)}" '
                f'fill="{colour}"/>'
            )
        return (
            f'{bar}<text x="{number(x + DIGITS - 6)}" y="{number(y + 14.5)}" '
            f'text-anchor="end" font-size="{number(SMALL)}">{text}</text>'
        )

    def head(self, x: float, top: float, bottom: float) -> str:
        """Draw the column's title and its axis."""
        title = escape(cut(self.column.title, 20))
        note = f"<title>{escape(self.column.note)}</title>" if self.column.note else ""
        return (
            f'<g>{note}<text x="{number(x)}" y="{number(top - 7)}" '
            f'font-size="{number(SMALL)}" fill="{FAINT}">{title}</text></g>'
            f'<path d="M{number(x + DIGITS + BAR)} {number(top)}V{number(bottom)}" '
            f'stroke="{EDGE}" stroke-width="0.8"/>'
        )
