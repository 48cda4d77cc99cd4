"""Where the nodes and edges of a structure stand: a column a node, a row a level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GAP = 10.0  # pixels between neighbouring columns
DROP, STEEP, DEEP = 24.0, 0.045, 84.0  # between two rows: least, by length, most
WIRE = 12.0  # width of the column of an edge to a shared node

Point = tuple[float, float]
Hop = tuple[int, float, float]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels from the upper left corner.

    Attributes:
        centre: of each node.
        paths: for each edge, node by node and child by child, the points that it
            runs through, from the middle of one box to that of the other.
        width: of all.
        height: of all.
    """

    centre: list[Point]
    paths: list[list[Point]]
    width: float
    height: float


def lay_out(
    children: Sequence[Sequence[int]], level: Sequence[int], box: Sequence[Point]
) -> Layout:
    """Give every node and edge of a structure its place, in linear time.

    A node owns a column as wide as its box or as the columns of its children side by
    side, and nothing else is drawn there; a row is a level of the structure, leaves at
    the bottom. A node of several parents stands under the lowest of them. Each of its
    other edges is given a narrow column under its own parent, runs down there, and
    hops to the node between two rows: no edge crosses a box.

    Args:
        children: the children of each node, in order.
        level: the height of each node, above that of all its children.
        box: width and height of each node's box.
    """
    V = len(children)
    edges = [(v, c) for v, below in enumerate(children) for c in below]
    owner = _owners(edges, level)

    # What stands below a node: its own nodes and, as V + e, the wire of an edge e.
    below: list[list[int]] = [[] for _ in range(V)]
    for e, (v, c) in enumerate(edges):
        if owner[c] == e:
            below[v].append(c)
        elif level[v] - level[c] > 1:
            below[v].append(V + e)
    tops = [v for v in range(V) if owner[v] < 0]
    x, width = _columns(tops, below, [w for w, _ in box] + [WIRE] * len(edges))
    # The hops of each edge: from a row to the one below it, and how far aside.
    hops = []
    for e, ((v, c), (start, end)) in enumerate(
        zip(edges, _ports(edges, box), strict=True)
    ):
        if owner[c] == e:
            hops.append([(level[v], x[v] + start, x[c])])
        elif level[v] - level[c] == 1:
            hops.append([(level[v], x[v] + start, x[c] + end)])
        else:
            wire = x[V + e]
            hops.append(
                [(level[v], x[v] + start, wire), (level[c] + 1, wire, x[c] + end)]
            )
    rows = _rows(level, box, hops)
    middle = [sum(rows[h]) / 2 for h in level]

    paths = []
    for (v, c), steps in zip(edges, hops, strict=True):
        path = [(steps[0][1], middle[v])]
        for h, x0, x1 in steps:
            path += [(x0, rows[h][1]), (x1, rows[h - 1][0])]
        paths.append([*path, (path[-1][0], middle[c])])
    return Layout(
        list(zip(x[:V], middle, strict=True)), paths, width, rows[0][1] if rows else 0.0
    )


def _owners(edges: Sequence[tuple[int, int]], level: Sequence[int]) -> dict[int, int]:
    """Return for each node the edge it stands under: of its lowest parent, the first.

    Nodes without parents are at -1.
    """
    owner = dict.fromkeys(range(len(level)), -1)
    for e, (v, c) in enumerate(edges):
        if owner[c] < 0 or level[v] < level[edges[owner[c]][0]]:
            owner[c] = e
    return owner


def _columns(
    tops: Sequence[int], below: Sequence[Sequence[int]], widths: Sequence[float]
) -> tuple[list[float], float]:
    """Return the middle of each item's column, and the width of all columns."""
    V = len(below)
    order = list(tops)
    for v in order:
        order.extend(c for c in below[v] if c < V)  # parents first; grows as it is read
    span, inner = list(widths), [0.0] * V
    for v in reversed(order):
        inner[v] = sum(span[c] + GAP for c in below[v]) - GAP
        span[v] = max(span[v], inner[v])

    left, x = [0.0] * len(span), [0.0] * len(span)

    def side_by_side(items: Sequence[int], at: float) -> None:
        for c in items:
            left[c], x[c] = at, at + span[c] / 2
            at += span[c] + GAP

    side_by_side(tops, 0.0)
    for v in order:
        side_by_side(below[v], left[v] + (span[v] - inner[v]) / 2)
    for v in reversed(order):
        if below[v]:
            nodes = [c for c in below[v] if c < V] or below[v]
            middle, half = (x[nodes[0]] + x[nodes[-1]]) / 2, widths[v] / 2
            x[v] = min(max(middle, left[v] + half), left[v] + span[v] - half)
    return x, sum(span[v] + GAP for v in tops) - GAP


def _rows(
    level: Sequence[int], box: Sequence[Point], hops: Sequence[Sequence[Hop]]
) -> list[Point]:
    """Return the upper and lower end of each level's row; level 0 is the lowest.

    The longer an edge has to run aside, the deeper is the gap in which it does so.
    """
    tallest = [0.0] * (max(level, default=-1) + 1)
    for h, (_, height) in zip(level, box, strict=True):
        tallest[h] = max(tallest[h], height)
    longest = [0.0] * len(tallest)
    for h, x0, x1 in (hop for steps in hops for hop in steps):
        longest[h] = max(longest[h], abs(x1 - x0))
    rows, at = [], 0.0
    for height, aside in zip(reversed(tallest), reversed(longest), strict=True):
        rows.append((at, at + height))
        at += height + min(DROP + STEEP * aside, DEEP)
    return rows[::-1]


def _ports(edges: Sequence[tuple[int, int]], box: Sequence[Point]) -> Iterator[Point]:
    """Yield where each edge leaves and reaches its boxes, from their middles.

    In a tree that is the middle itself. A node with a shared child lets its edges go
    in the order of the children, which their ends no longer show; edges to the same
    child arrive apart from each other.
    """
    parents, arity = [0] * len(box), [0] * len(box)
    for v, c in edges:
        parents[c] += 1
        arity[v] += 1
    spread = {v for v, c in edges if parents[c] > 1}
    slot, seen = [0] * len(box), dict.fromkeys(edges, 0)
    for v, c in edges:
        step = min(9.0, (box[v][0] - 8) / max(arity[v] - 1, 1)) if v in spread else 0.0
        yield step * (slot[v] - (arity[v] - 1) / 2), 7.0 * seen[v, c]
        slot[v] += 1
        seen[v, c] += 1
