"""`document_svg`: a tree of named things as an outline, numbers beside its lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from treefold.svg.colour import diverging
from treefold.svg.frame import EDGE, FAINT, frame, plural
from treefold.svg.outline import Outline, Row, by_place
from treefold.svg.text import cut, escape, number, width

SIZE, SMALL, LINE = 13.0, 11.5, 21.0  # pixels: text, small text, from line to line
STEP, WIDEST = 18.0, 480.0  # of the indentation: of one step, of all
MARGIN = 14.0
BAR, DIGITS = 42.0, 54.0  # widths of half a column's bars, and of its numbers
TEXT = 64  # characters of a node's text before it is cut
MONO = "ui-monospace, 'SF Mono', Consolas, 'DejaVu Sans Mono', monospace"
# The value of such a node tells its kind.
PLAIN = frozenset({"string", "number", "boolean"})


class Content(Protocol):
    """What a node carries: a `Content` of documents, or the like of it."""

    @property
    def kind(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def text(self) -> str | None: ...
    @property
    def number(self) -> float | None: ...


class Nodes(Protocol):
    """Any object with the parents and contents of a `Document`."""

    @property
    def parent(self) -> Sequence[int]: ...
    @property
    def content(self) -> Sequence[Content]: ...


@dataclass(frozen=True)
class Column:
    """A number for each node, drawn beside it as a bar with its sign and digits.

    Attributes:
        title: above the column.
        value: of each node; NaN where there is none.
        of_subtrees: whether a value is already that of all that is below the node;
            else those of a subtree are added up where it is not shown.
        note: what the numbers mean, for the tooltip and for those who cannot see.
    """

    title: str
    value: Sequence[float]
    of_subtrees: bool = False
    note: str = ""


def document_svg(
    nodes: Nodes,
    *,
    columns: Sequence[Column] = (),
    importance: Sequence[float] | None = None,
    said: Sequence[str | None] | None = None,
    max_nodes: int = 60,
    title: str | None = None,
) -> str:
    """Draw a document as an outline: a line a node, indented as deep as it stands.

    A line says what a node is to its parent, its kind, and its value. Numbers stand
    before it: a bar to the right of the axis, blue, with a plus is above zero; one to
    the left, orange, with a minus below. The value of the first column tints the node
    as well.

    Of a large document the most important nodes are shown and the ways to them; a
    line says what was left out, and what its numbers come to.

    Args:
        nodes: a `Document`, or the like of it.
        columns: numbers to show.
        importance: what is shown rather than left out; by default the greatest size
            of a node's numbers, each as a share of its column's greatest; without
            columns the upper levels and the beginnings of lists.
        said: a remark for each node, such as a predicted label, or None.
        max_nodes: the most nodes that are shown, about.
        title: the picture's name for those who cannot see it.

    Returns:
        An ``<svg>`` element with its own light background, fit for a file or a page.

    Raises:
        ValueError: a column, the importance or the remarks have not one entry a node.
    """
    V = len(nodes.parent)
    for name, given in [
        *((f"column {c.title!r}", c.value) for c in columns),
        ("importance", importance),
        ("said", said),
    ]:
        if given is not None and len(given) != V:
            raise ValueError(f"{name} needs one entry per node: {V}, got {len(given)}.")
    if importance is None:
        importance = _sizes(columns) if columns else by_place(nodes.parent)
    outline = Outline(nodes.parent, importance, max(max_nodes, 1))
    labels = _Labels(nodes, outline)
    bars = [_Bars(column, outline) for column in columns]

    deepest = max((row.depth for row in outline.rows), default=0)
    step = min(STEP, WIDEST / max(deepest, 1))
    across = 2 * BAR + DIGITS + 10
    left = MARGIN + across * len(bars)
    top = MARGIN + (LINE if bars else 0.0)
    parts, widest, ends = [], 0.0, _Guides()
    for i, row in enumerate(outline.rows):
        x, y = left + step * row.depth, top + LINE * i
        ends.add(row.depth, i)
        text, notes, long = labels.of(row)
        remark = said[row.node] if said is not None and row.node >= 0 else None
        tints = [bar.tint(row) for bar in bars[:1]]
        notes += [bar.note(row) for bar in bars]
        shown = [bar.draw(row, MARGIN + across * k, y) for k, bar in enumerate(bars)]
        if tints and tints[0]:
            shown.append(
                f'<rect x="{number(x - 4)}" y="{number(y + 1.5)}" '
                f'width="{number(long + 8)}" height="{number(LINE - 3)}" rx="4" '
                f'fill="{tints[0]}"/>'
            )
        if remark:
            text += (
                f'<tspan dx="12" font-size="{number(SMALL)}" font-weight="600">'
                f"{escape(cut(remark, TEXT))}</tspan>"
            )
            long += 12 + width(remark[:TEXT], SMALL) * 1.1
        tooltip = "\n".join(map(escape, filter(None, notes)))
        parts.append(
            f'<g><title>{tooltip}</title>{"".join(shown)}<text x="{number(x)}" '
            f'y="{number(y + 14.5)}">{text}</text></g>'
        )
        widest = max(widest, x + long)
    wide = max(widest + MARGIN, left + 120)
    tall = top + LINE * max(len(outline.rows), 1) + MARGIN - 4
    heads = [bar.head(MARGIN + across * k, top, tall) for k, bar in enumerate(bars)]
    guides = ends.draw(left, top, step)
    count = plural(V, "node")
    shown = sum(row.node >= 0 for row in outline.rows)
    description = f"{count}, {shown:,} shown." + labels.words(outline.rows, columns)
    body = [*heads, guides, f'<g font-size="{number(SIZE)}">', *parts, "</g>"]
    if not V:
        body.append(f'<text x="{MARGIN:g}" y="{MARGIN + 15:g}">no nodes</text>')
    return frame(wide, tall, title or f"Document of {count}", description, body)


def _sizes(columns: Sequence[Column]) -> list[float]:
    """Return each node's greatest number, as a share of its column's greatest."""
    found = [0.0] * len(columns[0].value)
    for column in columns:
        sizes = [0.0 if math.isnan(v) else abs(v) for v in column.value]
        most = max(sizes, default=0.0) or 1.0
        found = [max(a, b / most) for a, b in zip(found, sizes, strict=True)]
    return found


class _Labels:
    """What the lines say."""

    def __init__(self, nodes: Nodes, outline: Outline) -> None:
        self.nodes = nodes
        self.content = nodes.content
        self.outline = outline

    def of(self, row: Row) -> tuple[str, list[str], float]:
        """Return a line's text, its tooltip, and about how wide it is."""
        if row.node < 0:
            text = self._hidden(row)
            look = f'<tspan fill="{FAINT}" font-style="italic">{escape(text)}</tspan>'
            return look, [text], width(text, SIZE)
        v = row.node
        name, kind, value = self._name(v), self.content[v].kind, self._value(v)
        if value and kind in PLAIN:
            kind = ""
        parts, long = [], 0.0
        if name:
            parts.append(f'<tspan fill="{FAINT}">{escape(cut(name, TEXT))}:</tspan>')
            long += width(cut(name, TEXT) + ":", SIZE)
        if kind:
            parts.append(f'<tspan font-weight="600">{escape(cut(kind, TEXT))}</tspan>')
            long += 1.1 * width(cut(kind, TEXT), SIZE)
        if value:
            short = escape(cut(value, TEXT))
            parts.append(
                f'<tspan font-family="{escape(MONO)}" font-size="12.5">{short}</tspan>'
            )
            long += 0.61 * SIZE * len(cut(value, TEXT))
        long += 5 * len(parts)
        return " ".join(parts), [self.path(v), self.content[v].kind, value], long

    def path(self, v: int) -> str:
        """Return the names from the root down, the middle left out where it is long."""
        names: list[str] = []
        while self.nodes.parent[v] >= 0:
            names.append(self._name(v) or self.content[v].kind)
            v = self.nodes.parent[v]
        if len(names) > 12:
            names[6:-6] = ["…"]
        return " / ".join(reversed(names))

    def words(self, rows: Sequence[Row], columns: Sequence[Column]) -> str:
        """Name the nodes with the greatest numbers, for those who cannot see them."""
        if not columns:
            return ""
        column = columns[0]
        found = [row.node for row in rows if row.node > 0]
        found = [v for v in found if not math.isnan(column.value[v])]
        found.sort(key=lambda v: -abs(column.value[v]))
        told = [f"{self.path(v)} {column.value[v]:+.2g}" for v in found[:5]]
        return f" {column.title}: {'; '.join(told)}." if told else ""

    def _name(self, v: int) -> str:
        """Return what a node is to its parent, numbered among several of its role."""
        role, position = self.content[v].role, self.content[v].position
        above = self.nodes.parent[v]
        if position < 0 or above < 0:
            return role
        if role.endswith("[]"):  # an item of the array that its parent is
            return f"{role[:-2]}[{position}]"
        if not role:
            return str(position) if len(self.outline.children[above]) > 1 else ""
        # Two suffice to tell a list; a long list need not be counted.
        alike = 0
        for c in self.outline.children[above]:
            alike += self.content[c].role == role
            if alike > 1:
                return f"{role}[{position}]"
        return role

    def _value(self, v: int) -> str:
        kind, text = self.content[v].kind, self.content[v].text
        number = self.content[v].number
        if text is not None:
            # A boolean's number says the same again.
            return text if kind in ("boolean", "number") else f'"{text}"'
        return "" if number is None else f"{number:.6g}"

    def _hidden(self, row: Row) -> str:
        if row.levels:
            levels = f"⋮ {plural(row.levels, 'level')}"
            more = row.hidden > row.levels
            return f"{levels}, {plural(row.hidden, 'node')}" if more else levels
        names = dict.fromkeys(
            self.content[v].role or self.content[v].kind for v in row.tops[:200]
        )
        few = ", ".join(cut(name, 20) for name in list(names)[:3])
        few += ", …" if len(names) > 3 else ""
        several = len(row.tops) < row.hidden and len(row.tops) > 1
        within = f" in {len(row.tops):,} subtrees" if several else ""
        return f"… {plural(row.hidden, 'node')}{within} ({few})"


class _Bars:
    """The numbers of a column."""

    def __init__(self, column: Column, outline: Outline) -> None:
        self.column = column
        clean = [0.0 if math.isnan(v) else v for v in column.value]
        self.total = clean if column.of_subtrees else outline.sums(clean)
        self.outline = outline
        known = [self.value(row) for row in outline.rows if row.depth or not row.tops]
        sizes = [abs(v) for v in known if not math.isnan(v)]
        self.most = max(sizes, default=0.0) or 1.0
        # Two digits of the greatest, no more: what is below is noise to a reader.
        self.digits = min(max(1 - math.floor(math.log10(self.most)), 0), 6)

    def value(self, row: Row) -> float:
        if row.node >= 0:
            return self.column.value[row.node]
        total = sum(self.total[v] for v in row.tops)
        if row.levels and not self.column.of_subtrees:
            waiting = list(self.outline._next(row.tops[0]))
            total -= sum(self.total[v] for v in waiting)
        return total

    def text(self, row: Row) -> str:
        """Return a line's number: what rounds to zero has no sign."""
        value = self.value(row)
        if math.isnan(value):
            return ""
        shown = f"{value:+.{self.digits}f}".replace("-", "−")
        return "0" if float(f"{value:.{self.digits}f}") == 0 else shown

    def note(self, row: Row) -> str:
        text = self.text(row)
        return f"{self.column.title}: {text}" if text else ""

    def tint(self, row: Row) -> str:
        """Return a pale colour, on which dark text reads well; none for nothing."""
        value = self.value(row) / self.most
        if math.isnan(value) or abs(value) < 0.02:
            return ""
        return diverging(0.55 * value, -1.0, 1.0)

    def draw(self, row: Row, x: float, y: float) -> str:
        text = self.text(row)
        if not text:
            return ""
        value = self.value(row)
        long = BAR * min(abs(value) / self.most, 1.0)
        middle = x + DIGITS + BAR
        start = middle - long if value < 0 else middle
        colour = diverging(0.85 * math.copysign(1, value), -1.0, 1.0)
        bar = (
            f'<rect x="{number(start)}" y="{number(y + 4)}" width="{number(long)}" '
            f'height="{number(LINE - 8)}" fill="{colour}"/>'
            if long >= 0.3
            else ""
        )
        return (
            f'{bar}<text x="{number(x + DIGITS - 6)}" y="{number(y + 14.5)}" '
            f'text-anchor="end" font-size="{number(SMALL)}">{text}</text>'
        )

    def head(self, x: float, top: float, tall: float) -> str:
        middle = x + DIGITS + BAR
        title = escape(cut(self.column.title, 24))
        note = f"<title>{escape(self.column.note)}</title>" if self.column.note else ""
        return (
            f'<g>{note}<text x="{number(x)}" y="{number(top - 7)}" '
            f'font-size="{number(SMALL)}" fill="{FAINT}">{title}</text></g>'
            f'<path d="M{number(middle)} {number(top)}V{number(tall - MARGIN + 4)}" '
            f'stroke="{EDGE}" stroke-width="0.8"/>'
        )


class _Guides:
    """Thin lines that lead from a parent down to its children."""

    def __init__(self) -> None:
        self.open: list[int] = []  # line of the last row of each depth
        self.paths: list[tuple[int, int, int]] = []  # depth, from line, to line

    def add(self, depth: int, line: int) -> None:
        del self.open[depth:]
        if depth:
            self.paths.append((depth, self.open[depth - 1], line))
        self.open.append(line)

    def draw(self, left: float, top: float, step: float) -> str:
        last = {(depth, start): end for depth, start, end in self.paths}
        parts = []
        for (depth, start), end in last.items():
            x = left + step * (depth - 1) + min(4.0, step / 3)
            y = top + LINE * (start + 1) - 1
            parts.append(f"M{number(x)} {number(y)}V{number(top + LINE * end + 10)}")
        for depth, _, end in self.paths:
            x = left + step * (depth - 1) + min(4.0, step / 3)
            y = top + LINE * end + 10
            parts.append(f"M{number(x)} {number(y)}h{number(max(step - 9, 2))}")
        way = "".join(parts)
        return f'<path d="{way}" fill="none" stroke="{EDGE}" stroke-width="0.7"/>'
