"""The rows of a schedule: how the levels of a forest fill the products of a fold."""

from __future__ import annotations

from collections.abc import Iterable

from treefold.folding.fused.product import BLOCK, NARROW
from treefold.folding.fused.tile import ROWS


def tiles(nodes: int, threads: int) -> int:
    """Return how many register tiles the fused walk covers the nodes of a level with.

    A wide level is shared out to the threads, which take `BLOCK` nodes at a time; of a
    narrow one, every thread takes all nodes and some columns. A tile has `ROWS` rows.
    """
    wide = threads == 1 or nodes >= NARROW * threads
    team = threads if wide else 1
    count = 0
    for rank in range(team):
        mine = nodes * (rank + 1) // team - nodes * rank // team
        blocks, rest = divmod(mine, BLOCK)
        count += blocks * _upward(BLOCK) + _upward(rest)
    return count


def filled(levels: Iterable[int], threads: int) -> float:
    """Return the share of the tiles' rows that have a node; 1 where there is no tile.

    Args:
        levels: the number of nodes of each level.
        threads: of the walk.
    """
    sizes = list(levels)
    rows = ROWS * sum(tiles(nodes, threads) for nodes in sizes)
    return sum(sizes) / rows if rows else 1.0


def _upward(nodes: int) -> int:
    return (nodes + ROWS - 1) // ROWS
