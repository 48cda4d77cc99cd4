"""Which nodes of a large document are shown, and the lines that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PATH = 12  # nodes shown of a long way down to an important node, its ends
MISSES = 200  # important nodes without room, after which no further one is tried


@dataclass(frozen=True)
class Row:
    """A line of an outline: a node, or what stands for nodes that are not shown.

    Attributes:
        node: the node; -1 where the line stands for several.
        depth: by how many steps the line is indented.
        tops: the uppermost nodes that a line stands for, brothers next to each other.
        levels: > 0 where the line stands for a way down, to nodes shown below it.
        hidden: the nodes that a line stands for.
    """

    node: int
    depth: int
    tops: tuple[int, ...] = ()
    levels: int = 0
    hidden: int = 0


class Outline:
    """The most important nodes of a tree and the ways to them, line by line.

    Of a tree of any size and depth at most `most` nodes are shown. Those left out
    between two brothers share a line, and so do the levels left out of a long way down:
    nothing is dropped without a line that says so.

    Args:
        parent: of each node, -1 at the root, which is node 0; a parent comes before
            its children.
        importance: of each node, the greater the sooner it is shown.
        most: the most nodes to choose; a single node left out is shown as well, since
            a line that tells of it takes the same room.

    Attributes:
        rows: the lines, from the top down.
        size: of each node, how many there are in its subtree.
        children: of each node, in order.
    """

    def __init__(
        self, parent: Sequence[int], importance: Sequence[float], most: int
    ) -> None:
        self.parent = parent
        self.children: list[list[int]] = [[] for _ in parent]
        for v, p in enumerate(parent):
            if p >= 0:
                self.children[p].append(v)
        self.size = [int(n) for n in self.sums([1] * len(parent))]
        self._kept = self._choose(importance, most) if len(parent) else set()
        self._above: set[int] = set()  # nodes with one of those below them
        for v in self._kept:
            while (v := parent[v]) >= 0 and v not in self._above:
                self._above.add(v)
        self.rows = self._lines() if len(parent) else []

    def sums(self, value: Sequence[float]) -> list[float]:
        """Return for each node the sum of a value over its subtree."""
        total = list(value)
        for v in range(len(total) - 1, 0, -1):
            total[self.parent[v]] += total[v]
        return total

    def _choose(self, importance: Sequence[float], most: int) -> set[int]:
        parent, misses = self.parent, 0
        kept = {0}
        for v in sorted(range(len(parent)), key=lambda v: -importance[v]):
            if len(kept) >= most or misses > MISSES:
                break
            path, u = [], v
            while u not in kept:
                path.append(u)
                u = parent[u]
            if len(path) > PATH:
                path = path[: PATH // 2] + path[-PATH // 2 :]
            if len(path) > most - len(kept):
                misses += 1
                continue
            kept.update(path)
        return kept

    def _lines(self) -> list[Row]:
        rows: list[Row] = []
        waiting = [Row(0, 0)]
        while waiting:
            row = waiting.pop()
            rows.append(row)
            if row.levels:
                found = [Row(v, row.depth + 1) for v in self.shown_below(row.tops[0])]
            elif row.node >= 0:
                found = self._below(row.node, row.depth + 1)
            else:
                found = []
            waiting += reversed(found)
        return rows

    def _below(self, node: int, depth: int) -> list[Row]:
        """Return the lines of a node's children."""
        rows: list[Row] = []
        run: list[int] = []
        for c in [*self.children[node], -1]:
            shown = c < 0 or c in self._kept or c in self._above
            if shown and run:
                hidden = sum(self.size[v] for v in run)
                alone = run[0] if hidden == 1 else -1
                rows.append(Row(alone, depth, tuple(run), 0, hidden))
                run = []
            if c >= 0 and c in self._kept:
                rows.append(Row(c, depth))
            elif c >= 0 and shown:
                rows.append(self._way(c, depth))
            elif c >= 0:
                run.append(c)
        return rows

    def _way(self, top: int, depth: int) -> Row:
        """Return the line of the levels left out below a node, and of what hangs on."""
        ends = self.shown_below(top)
        levels, v = 0, ends[0]
        while v != self.parent[top]:
            levels, v = levels + 1, self.parent[v]
        hidden = self.size[top] - sum(self.size[v] for v in ends)
        return Row(-1, depth, (top,), levels - 1, hidden)

    def shown_below(self, top: int) -> list[int]:
        """Return the uppermost shown nodes below one that is not shown, in order."""
        found, waiting = [], [top]
        while waiting:
            v = waiting.pop()
            if v in self._kept:
                found.append(v)
            elif v in self._above:
                waiting += reversed(self.children[v])
        return found


def by_place(parent: Sequence[int]) -> list[float]:
    """Return an importance for trees of which nothing is known but their shape.

    A node is the more important the higher it stands and the fewer brothers come
    before it, so that of a long list the first few are shown, with what is in them.
    """
    importance = [1.0] * len(parent)
    before = [0] * len(parent)
    for v in range(1, len(parent)):
        p = parent[v]
        before[p] += 1
        importance[v] = 0.9 * importance[p] / (1 + 0.5 * (before[p] - 1))
    return importance
