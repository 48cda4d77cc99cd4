"""A node of a picture: its label, the box around it, and its tooltip."""

from __future__ import annotations

from dataclasses import dataclass

from treefold.svg.colour import ink
from treefold.svg.frame import INK, PAPER
from treefold.svg.text import clean, cut, escape, number, width

SIZE, SMALL = 14.0, 11.5  # pixels: the first line of a label, and those below it
_MOST = 3  # lines of a label
_PAD = 8.0  # pixels beside the label
_DOT = 12.0  # width of a node without label
_LEAF, _STROKE = "#f1f5f9", "#718093"


@dataclass(frozen=True)
class Box:
    """A node as it is drawn: a dot without label, else a box around its lines."""

    lines: tuple[str, ...]
    fill: str
    stroke: str
    tooltip: str
    leaf: bool
    heavy: bool
    width: float
    height: float

    @classmethod
    def of(
        cls,
        text: str | None,
        fill: str | None,
        stroke: str | None,
        note: str | None,
        leaf: bool,
        heavy: bool,
    ) -> Box:
        """Cut and measure a label; what is cut stays in the tooltip."""
        full = text.split("\n", _MOST - 1) if text else []
        lines = tuple(cut(clean(line)) for line in full)
        notes = [note] if note else []
        if any(map(str.__ne__, lines, map(clean, full))):
            notes.insert(0, text or "")
        wide = tall = _DOT
        if lines:
            sizes = [SIZE] + [SMALL] * (len(lines) - 1)
            tall = 10.0 + sum(1.25 * size for size in sizes)
            inside = max(map(width, lines, sizes))
            wide = max(inside + 2 * _PAD, tall)
        return cls(
            lines,
            fill or (_LEAF if leaf else PAPER),
            stroke or _STROKE,
            "\n".join(notes),
            leaf,
            heavy,
            wide,
            tall,
        )

    def draw(self, x: float, y: float) -> str:
        """Return the node with its centre at (x, y)."""
        shape = (
            f'<rect x="{number(x - self.width / 2)}" y="{number(y - self.height / 2)}" '
            f'width="{number(self.width)}" height="{number(self.height)}" '
            f'rx="{number(5.0 if self.leaf else min(self.height / 2, 15.0))}" '
            f'fill="{escape(self.fill)}" stroke="{escape(self.stroke)}"'
            + (' stroke-width="3"/>' if self.heavy else "/>")
        )
        tooltip = "\n".join(map(escape, self.tooltip.split("\n")))
        tooltip = f"<title>{tooltip}</title>" if tooltip else ""
        return f"<g>{tooltip}{shape}{self._label(x, y)}</g>"

    def _label(self, x: float, y: float) -> str:
        colour = ink(self.fill)
        # How light a named colour is only the viewer knows: a halo reads on all.
        style = (
            f' fill="{colour}"'
            if colour
            else (
                f' fill="{INK}" stroke="{PAPER}" stroke-width="3" paint-order="stroke"'
            )
        )
        parts, base = [], y - self.height / 2 + 5.0
        for i, line in enumerate(self.lines):
            size = SMALL if i else SIZE
            base += 1.25 * size
            small = f' font-size="{number(SMALL)}"' if i else ""
            at = f'x="{number(x)}" y="{number(base - 0.36 * size)}"'
            parts.append(f"<text {at}{small}{style}>{escape(line)}</text>")
        return "".join(parts)
