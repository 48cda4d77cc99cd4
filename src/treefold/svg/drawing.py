"""`tree_svg`: one or several structures as a self-contained picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from treefold.svg.box import SIZE, Box
from treefold.svg.frame import EDGE, frame, plural
from treefold.svg.layout import Layout, Point, lay_out
from treefold.svg.structure import arrays, components, heights
from treefold.svg.summary import summary_svg
from treefold.svg.text import number

_MARGIN, _APART = 14.0, 30.0  # pixels around all, and between structures
_LINE = 1500.0  # structures beyond this width start a further line
_EMPTY = 130.0  # width of the picture of no structure
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]+|(?:rgb|hsl)a?\([\d\s.,%/deg-]*\)")

Texts = Sequence[str | None]


def tree_svg(
    offset: Any,
    child: Any,
    roots: Any,
    *,
    text: Texts | None = None,
    fill: Texts | None = None,
    stroke: Texts | None = None,
    note: Texts | None = None,
    title: str | None = None,
    max_nodes: int = 400,
) -> str:
    """Draw trees, DAGs and chains, or a summary of a forest that is too large.

    A row of the picture is a level of the structure: all leaves stand at the bottom,
    in their order from left to right, so that a sentence can be read, and every node
    stands above all that it was computed from. A shared node is drawn once, with an
    edge from each parent; such edges leave a box in the order of the children.

    Args:
        offset: (V + 1,), the children of node v are ``child[offset[v]:offset[v + 1]]``.
        child: (E,), in order.
        roots: (R,), in the order in which structures are drawn. Roots that have
            parents get a heavy border.
        text: a label for each node, or None. A newline begins a smaller line, of
            which there may be two; what does not fit is cut and kept in the tooltip.
        fill: a CSS colour for each node's box, or None for the default. Say what it
            means in `text`: colour should not be the only carrier.
        stroke: the same for its border.
        note: a tooltip for each node, or None.
        title: the picture's name for those who cannot see it.
        max_nodes: a forest of more nodes is drawn as a summary, in O(V + E): counts
            and the widths of its levels.

    Returns:
        An ``<svg>`` element with its own light background, fit for a file or a page.

    Raises:
        ValueError: if arrays disagree, a node is below itself, or a colour is none.
    """
    offset, child, roots = arrays(offset, child, roots)
    V, E = len(offset) - 1, len(child)
    texts, notes = _each("text", text, V), _each("note", note, V)
    fills, strokes = _colours("fill", fill, V), _colours("stroke", stroke, V)
    level = heights(offset, child)
    if max(max_nodes, 0) < V:
        return summary_svg(offset, child, roots, level, title)

    inner_roots = set(child.tolist()).intersection(roots.tolist())
    boxes = [
        Box.of(
            texts[v], fills[v], strokes[v], notes[v], level[v] == 0, v in inner_roots
        )
        for v in range(V)
    ]
    groups = components(offset, child, roots)
    layouts = []
    for group in groups:
        place = {v: i for i, v in enumerate(group)}
        below = [
            [place[c] for c in child[offset[v] : offset[v + 1]].tolist()] for v in group
        ]
        sizes = [(boxes[v].width, boxes[v].height) for v in group]
        layouts.append(lay_out(below, level[group].tolist(), sizes))

    corners, wide, tall = _arrange(layouts)
    edges, nodes, words = [], [], []
    for group, layout, (left, top) in zip(groups, layouts, corners, strict=True):
        edges += [_path(path, left, top) for path in layout.paths]
        for (x, y), v in sorted(zip(layout.centre, group, strict=True)):
            nodes.append(boxes[v].draw(left + x, top + y))
            if level[v] == 0 and boxes[v].lines:
                words.append(boxes[v].lines[0])
    if not V:
        nodes.append(f'<text x="{number(wide / 2)}" y="27">empty forest</text>')

    count = plural(len(groups), "structure")
    description = f"{count}, {plural(V, 'node')}, {plural(E, 'edge')}."
    if V:
        description += f" Height {int(level.max())}."
    if words:
        description += f" Leaves: {' '.join(words)}"
    body = [
        f'<g fill="none" stroke="{EDGE}" stroke-width="1.4">{"".join(edges)}</g>',
        f'<g font-size="{number(SIZE)}" text-anchor="middle">{"".join(nodes)}</g>',
    ]
    name = title or ("Picture of " + ("a tree" if len(groups) == 1 else count))
    return frame(wide, tall, name, description, body)


def _each(name: str, given: Texts | None, V: int) -> Texts:
    if given is None:
        return [None] * V
    if len(given) != V:
        raise ValueError(f"{name} needs one entry per node: {V}, got {len(given)}.")
    return given


def _colours(name: str, given: Texts | None, V: int) -> Texts:
    for v, colour in enumerate(given := _each(name, given, V)):
        # Anything else could be more than a colour: url(...) asks the network.
        if colour is not None and _COLOUR.fullmatch(colour) is None:
            raise ValueError(
                f"{name} must hold CSS colours such as '#aabbcc', 'teal' or "
                f"'rgb(1, 2, 3)', got {colour!r} at node {v}."
            )
    return given


def _arrange(layouts: Sequence[Layout]) -> tuple[list[Point], float, float]:
    """Set structures side by side, feet on one line, in as many lines as they need."""
    lines: list[list[Layout]] = []
    at = 0.0
    for layout in layouts:
        if not lines or (lines[-1] and at + layout.width > _LINE):
            lines.append([])
            at = 0.0
        lines[-1].append(layout)
        at += layout.width + _APART
    corners, wide, top = [], 0.0 if layouts else _EMPTY, _MARGIN
    for line in lines:
        at, foot = _MARGIN, top + max(layout.height for layout in line)
        for layout in line:
            corners.append((at, foot - layout.height))
            at += layout.width + _APART
        wide = max(wide, at - _APART + _MARGIN)
        top = foot + _APART
    return corners, wide, top - _APART + _MARGIN if lines else 44.0


def _path(points: Sequence[Point], left: float, top: float) -> str:
    """Return a path through points: straight down, or aside in an S."""
    at = [(left + x, top + y) for x, y in points]
    steps = [f"M{number(at[0][0])} {number(at[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(at):
        if x0 == x1:
            steps.append(f"V{number(y1)}" if y1 != y0 else "")
        else:
            middle = number((y0 + y1) / 2)
            steps.append(
                f"C{number(x0)} {middle} {number(x1)} {middle} "
                f"{number(x1)} {number(y1)}"
            )
    return f'<path d="{"".join(steps)}"/>'
