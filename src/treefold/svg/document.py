"""`document_svg`: a tree of named things as an outline, numbers beside its lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from treefold.svg.bars import ACROSS, Bars, Column
from treefold.svg.frame import EDGE, frame, plural
from treefold.svg.labels import SIZE, SMALL, TEXT, Labels, Nodes
from treefold.svg.outline import Outline, Row, by_place
from treefold.svg.text import cut, escape, number, width

MARGIN, LINE = 14.0, 21.0  # pixels: around all, and from line to line
STEP, WIDEST = 18.0, 480.0  # of the indentation: of one step, of all
TOLD = 5  # of the greatest numbers, to those who cannot see


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
        max_nodes: about the most nodes that are shown.
        title: the picture's name for those who cannot see it.

    Returns:
        An ``<svg>`` element with its own light background, fit for a file or a page.

    Raises:
        ValueError: a column, the importance or the remarks have not one entry a node.
    """
    V = len(nodes.parent)
    _check(V, columns, importance, said)
    if importance is None:
        importance = _sizes(columns) if columns else by_place(nodes.parent)
    outline = Outline(nodes.parent, importance, max(max_nodes, 1))
    labels = Labels(nodes, outline.children)
    bars = [Bars(column, outline, LINE) for column in columns]

    deepest = max((row.depth for row in outline.rows), default=0)
    step = min(STEP, WIDEST / max(deepest, 1))
    left = MARGIN + ACROSS * len(bars)
    top = MARGIN + (LINE if bars else 0.0)
    parts, widest = [], 0.0
    for i, row in enumerate(outline.rows):
        x, y = left + step * row.depth, top + LINE * i
        text, notes, long = labels.line(row, outline)
        notes += [bar.note(row) for bar in bars]
        shown = [bar.draw(row, MARGIN + ACROSS * k, y) for k, bar in enumerate(bars)]
        tint = bars[0].tint(row) if bars else ""
        if tint:
            shown.append(
                f'<rect x="{number(x - 4)}" y="{number(y + 1.5)}" '
                f'width="{number(long + 8)}" height="{number(LINE - 3)}" rx="4" '
                f'fill="{tint}"/>'
            )
        remark = said[row.node] if said is not None and row.node >= 0 else None
        if remark:
            remark = cut(remark, TEXT)
            text += (
                f'<tspan dx="14" font-size="{number(SMALL)}" font-weight="600">'
                f"{escape(remark)}</tspan>"
            )
            long += 14 + 1.1 * width(remark, SMALL)
        tooltip = "\n".join(map(escape, filter(None, notes)))
        tooltip = f"<title>{tooltip}</title>" if tooltip else ""
        parts.append(
            f'<g>{tooltip}{"".join(shown)}<text x="{number(x)}" '
            f'y="{number(y + 14.5)}">{text}</text></g>'
        )
        widest = max(widest, x + long)
    bottom = top + LINE * max(len(outline.rows), 1)
    heads = [bar.head(MARGIN + ACROSS * k, top, bottom) for k, bar in enumerate(bars)]
    count = plural(V, "node")
    body = [
        *heads,
        _guides(outline.rows, left, top, step),
        f'<g font-size="{number(SIZE)}">',
        *parts,
        "</g>",
    ]
    if not V:
        body.append(f'<text x="{MARGIN:g}" y="{MARGIN + 15:g}">no nodes</text>')
    description = _description(outline, labels, columns)
    wide, tall = max(widest + MARGIN, left + 120), bottom + MARGIN - 4
    return frame(wide, tall, title or f"Document of {count}", description, body)


def _check(
    V: int,
    columns: Sequence[Column],
    importance: Sequence[float] | None,
    said: Sequence[str | None] | None,
) -> None:
    named = [(f"column {column.title!r}", column.value) for column in columns]
    for name, given in [*named, ("importance", importance), ("said", said)]:
        if given is not None and len(given) != V:
            raise ValueError(f"{name} needs one entry per node: {V}, got {len(given)}.")


def _sizes(columns: Sequence[Column]) -> list[float]:
    """Return each node's greatest number, as a share of its column's greatest."""
    found = [0.0] * len(columns[0].value)
    for column in columns:
        sizes = [0.0 if math.isnan(v) else abs(v) for v in column.value]
        most = max(sizes, default=0.0) or 1.0
        found = [max(a, b / most) for a, b in zip(found, sizes, strict=True)]
    return found


def _description(outline: Outline, labels: Labels, columns: Sequence[Column]) -> str:
    """Say how much there is, and name the nodes with the greatest numbers."""
    nodes = [row.node for row in outline.rows if row.node >= 0]
    parts = [f"{plural(len(labels.parent), 'node')}, {len(nodes):,} shown."]
    for column in columns:
        known = [v for v in nodes if v and not math.isnan(column.value[v])]
        known.sort(key=lambda v: -abs(column.value[v]))
        told = [f"{labels.path(v)} {column.value[v]:+.2g}" for v in known[:TOLD]]
        if told:
            parts.append(f"{column.title}: {'; '.join(told)}.")
    return " ".join(parts)


def _guides(rows: Sequence[Row], left: float, top: float, step: float) -> str:
    """Draw thin lines that lead from a parent down to its children."""
    around: list[int] = []  # the line of the last row of each depth
    last: dict[tuple[int, int], int] = {}  # (depth, line of the parent) -> of a child
    parts = []

    def corner(depth: int, line: int) -> tuple[float, float]:
        x = left + step * (depth - 1) + min(4.0, step / 3)
        return x, top + LINE * line + 10

    for line, row in enumerate(rows):
        del around[row.depth :]
        if row.depth:
            last[row.depth, around[-1]] = line
            x, y = corner(row.depth, line)
            parts.append(f"M{number(x)} {number(y)}h{number(max(step - 9, 2))}")
        around.append(line)
    for (depth, start), end in last.items():
        x, y = corner(depth, end)
        parts.append(f"M{number(x)} {number(top + LINE * (start + 1) - 1)}V{number(y)}")
    way = "".join(parts)
    return f'<path d="{way}" fill="none" stroke="{EDGE}" stroke-width="0.7"/>'
