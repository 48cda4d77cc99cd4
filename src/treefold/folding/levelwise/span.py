"""The levels of a forest as a fused fold on a device meets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from treefold.forest import Forest
from treefold.levels import Level


class Span(NamedTuple):
    """A level, and where its parts lie in the buffers.

    Attributes:
        number: of the level.
        level: its nodes and edges; initial states stand at the places from V on.
        offset: (V + 1,) int64 where the edges of each node begin, counted in edges of
            the whole forest.
        edge: the first edge of this level, so counted.
        row: the first row of its edges in buffers that hold one for every edge.
    """

    number: int
    level: Level
    offset: Tensor
    edge: int
    row: int

    @property
    def own(self) -> slice:
        """The places of the level's nodes."""
        return slice(self.level.start, self.level.stop)

    @property
    def num_nodes(self) -> int:
        """N."""
        return self.level.stop - self.level.start

    @property
    def num_edges(self) -> int:
        """E."""
        return len(self.level.child)


def spans_of(forest: Forest, num_initial: int) -> Iterator[Span]:
    """List the levels, leaves first.

    Args:
        forest: the structures; not empty.
        num_initial: rows of the initial state, one or each structure's; 0 without one.
    """
    levels, edge, row = forest.levels, 0, 0
    for number, level in enumerate(levels):
        offset = levels.node_offset
        if number == 0 and num_initial:
            level, offset = _above_initial(forest, level.stop, num_initial)
        yield Span(number, level, offset, edge, row)
        row += len(level.child)
        edge += len(level.child) if number else 0


def _above_initial(forest: Forest, leaves: int, rows: int) -> tuple[Level, Tensor]:
    """Give each leaf one child in slot 0, a row of the initial state."""
    order, number = forest.levels.order, torch.arange(leaves + 1, device=forest.device)
    leaf = number[:-1]
    tree = forest.tree[leaf if order is None else order[:leaves]]
    child = forest.num_nodes + tree % rows
    return Level(0, leaves, child, leaf, torch.zeros_like(leaf), 1), number
