"""What a compiled walk needs to know of a forest, and of where its input goes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from treefold.folding.fused.compiled import entry
from treefold.levels import Levels


class Plan(NamedTuple):
    """A forest in level order, in two parts.

    The first F places are *below*: leaves, whose states are made from their input or
    given; or, where a fold has an initial state, the rows of that. Every other node has
    children; node n of these N stands at place F + n. Place F + N is a row of zeros,
    which stands for a child that is not there.

    Attributes:
        level: (L,) int64 where each level of nodes with children begins, counted in n,
            and N at the end.
        below: (N, K) int64 the child in each of K slots; empty for a sum over children.
        offset: (N + 1,) int64 where the edges of node n begin.
        child: (E,) int64 the place at the lower end of each edge.
        edge: (E,) int64 the row of each edge in the buffers: n * K + slot, or with no
            slots its own number.
        parent: (E,) int64 the n at the upper end of each edge.
        up_offset: (F + N + 1,) int64 where the edges to a place begin in `up`.
        up: (E,) int64 the edges that lead to each place.
        num_below: F.
    """

    level: np.ndarray
    below: np.ndarray
    offset: np.ndarray
    child: np.ndarray
    edge: np.ndarray
    parent: np.ndarray
    up_offset: np.ndarray
    up: np.ndarray
    num_below: int

    @property
    def widest(self) -> int:
        """Nodes of the largest level."""
        return int(np.diff(self.level).max(initial=0))

    @property
    def widest_edges(self) -> int:
        """Edges down from the level that has most."""
        return int(np.diff(self.offset[self.level]).max(initial=0))


def make_plan(
    levels: Levels, slots: int, initial: np.ndarray | None, num_initial: int
) -> Plan | None:
    """Lay a forest out for a cell with K `slots`, 0 for a sum over children.

    Args:
        levels: of the forest, on the CPU.
        slots: K.
        initial: for each leaf its row of the initial state, if there is one.
        num_initial: how many rows that has; leaves need not read them all.

    Returns:
        None where two children share a slot, which only a sum can bring together.
    """
    offset, child, slot, level = levels.arrays
    V, leaves = len(offset) - 1, level[1]
    F, first = leaves, leaves  # the first node that has children
    if initial is not None:
        F, first = num_initial, 0
    N, E = V - first, len(child) + leaves - first
    # Memory is made here: numba calls Python for each array that it returns, and an
    # interrupt that arrives there ends the process.
    plan = Plan(
        level=level[1:] - first if initial is None else level,
        below=np.full((N, slots), F + N, np.int64),
        offset=np.empty(N + 1, np.int64),
        child=np.empty(E, np.int64),
        edge=np.empty(E, np.int64),
        parent=np.empty(E, np.int64),
        up_offset=np.zeros(F + N + 1, np.int64),
        up=np.empty(E, np.int64),
        num_below=int(F),
    )
    given = initial is not None
    below = initial if given else child[:0]
    good = _fill(offset, child, slot, slots, below, given, first, *plan[1:])
    return plan if good else None


@entry
def _fill(
    offset, child, slot, slots, initial, given, first, below, new_offset, new_child,
    edge, parent, up_offset, up, F,
):  # fmt: skip
    """Fill a plan; False where two children share a slot."""
    N, shift, good, at = len(below), F - first, True, 0
    for n in range(N):
        v = n + first
        new_offset[n] = at
        begin, end = offset[v], offset[v + 1]
        leaf = given and begin == end
        if leaf:
            end = begin + 1
        for e in range(begin, end):
            if leaf:
                place, k = initial[v], 0
            else:
                place, k = child[e] + shift, slot[e]
            new_child[at] = place
            parent[at] = n
            edge[at] = at
            if slots:
                edge[at] = n * slots + k
                if k >= slots or below[n, k] != F + N:
                    good = False
                else:
                    below[n, k] = place
            at += 1
    new_offset[N] = at
    _group(new_child, up_offset, up)
    return good


class Input(NamedTuple):
    """Which row of input each place reads; row U is of zeros.

    Attributes:
        row: (N,) int64 the row that each node with children reads, 0 if none has any.
        inner: whether any of them has input.
        table: (S,) int64 the rows from which the states below are made, one by one.
        source: (F,) int64 the place in that table of each leaf.
        user_offset: (S + 1,) int64 where the leaves of a table row begin in `user`.
        user: (F,) int64 those leaves.
        reader_offset: (U + 2,) int64 where the readers of a row begin in `reader`.
        reader: int64, those readers: the table's, and then S + n for node n.
    """

    row: np.ndarray
    inner: bool
    table: np.ndarray
    source: np.ndarray
    user_offset: np.ndarray
    user: np.ndarray
    reader_offset: np.ndarray
    reader: np.ndarray


def make_input(
    levels: Levels,
    num_rows: int,
    nodes: Tensor | None,
    rows: Tensor | None,
    num_initial: int,
) -> Input:
    """Find the row of input that each node reads.

    Leaves that read one row have one state: where only leaves have input, it is made
    once for each row.
    """
    place = levels.place if nodes is None else nodes
    if nodes is not None and levels.place is not None:
        place = levels.place[nodes]
    place = np.arange(levels.offset[-1]) if place is None else place.numpy()
    leaves = levels.offset[1]
    row = np.full(levels.offset[-1], num_rows, np.int64)
    row[place] = np.arange(num_rows) if rows is None else rows.numpy()
    first = leaves if not num_initial else 0
    inner = bool((place >= first).any())
    if num_initial:
        table = source = np.arange(num_initial)
    elif inner:
        table, source = row[:leaves], np.arange(leaves)
    else:
        table, source = np.arange(num_rows + 1), row[:leaves]
    user, user_offset = _grouped(source, len(table))
    reader, reader_offset = _grouped(row if inner else row[:0], num_rows + 1)
    if num_initial:
        reader += len(table)  # an initial state reads no input
    at_node = row[first:] if inner else np.zeros(len(row) - first, np.int64)
    return Input(
        at_node, inner, table, source, user_offset, user, reader_offset, reader
    )


def _grouped(key: np.ndarray, num_keys: int) -> tuple[np.ndarray, np.ndarray]:
    """List the positions of each key, and where those of each begin."""
    offset, position = np.zeros(num_keys + 1, np.int64), np.empty(len(key), np.int64)
    _group(key, offset, position)
    return position, offset


@entry
def _group(key, offset, position):
    """Fill `position` with the positions of each key; `offset` comes as zeros."""
    for k in key:
        offset[k + 1] += 1
    for k in range(len(offset) - 1):
        offset[k + 1] += offset[k]
    filled = offset[:-1].copy()
    for i in range(len(key)):
        position[filled[key[i]]] = i
        filled[key[i]] += 1
