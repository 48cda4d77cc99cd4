"""What a compiled walk needs to know of a forest, and of where its input goes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor

from treefold.folding.fused.compiled import entry, kernel
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


def make_plan(levels: Levels, slots: int, initial: np.ndarray | None) -> Plan | None:
    """Lay a forest out for a cell with K `slots`, 0 for a sum over children.

    Args:
        levels: of the forest, on the CPU.
        slots: K.
        initial: for each leaf its row of the initial state, if there is one.

    Returns:
        None where two children share a slot, which only a sum can bring together.
    """
    none = np.zeros(0, np.int64)
    *made, good = _plan(
        *levels.arrays, slots, none if initial is None else initial, initial is not None
    )
    return Plan(*made) if good else None


@entry
def _plan(offset, child, slot, level, slots, initial, has_initial):
    V, leaves = len(offset) - 1, level[1]
    F, first = leaves, leaves  # the first node that has children
    if has_initial:
        F, first = 0, 0
        for row in initial:
            F = max(F, row + 1)
    N, E = V - first, len(child) + leaves - first
    shift = F - first
    new_level = level[1:] - first
    if has_initial:
        new_level = level.copy()

    node_offset = np.empty(N + 1, np.int64)
    new_child = np.empty(E, np.int64)
    edge = np.empty(E, np.int64)
    parent = np.empty(E, np.int64)
    below = np.full((N, slots), F + N, np.int64)
    up_offset = np.zeros(F + N + 1, np.int64)
    good = True
    at = 0
    for n in range(N):
        v = n + first
        node_offset[n] = at
        begin, end = offset[v], offset[v + 1]
        if has_initial and v < leaves:
            end = begin + 1
        for e in range(begin, end):
            if has_initial and v < leaves:
                place, k = initial[v], 0
            else:
                place, k = child[e] + shift, slot[e]
            new_child[at] = place
            parent[at] = n
            up_offset[place + 1] += 1
            edge[at] = at
            if slots:
                edge[at] = n * slots + k
                if k >= slots or below[n, k] != F + N:
                    good = False
                else:
                    below[n, k] = place
            at += 1
    node_offset[N] = at

    up, _ = _grouped(new_child, up_offset)
    return (
        new_level,
        below,
        node_offset,
        new_child,
        edge,
        parent,
        up_offset,
        up,
        F,
        good,
    )


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
    initial: np.ndarray | None,
) -> Input:
    """Find the row of input that each node reads.

    Leaves that read one row have one state: where only leaves have input, it is made
    once for each row.
    """
    place = levels.place if nodes is None else nodes
    if nodes is not None and levels.place is not None:
        place = levels.place[nodes]
    V = levels.offset[-1]
    return Input(
        *_input(
            np.arange(V) if place is None else place.numpy(),
            np.arange(num_rows) if rows is None else rows.numpy(),
            V,
            levels.offset[1],
            num_rows,
            np.zeros(0, np.int64) if initial is None else initial,
            initial is not None,
        )
    )


@entry
def _input(place, which, V, leaves, U, initial, has_initial):
    row = np.full(V, U, np.int64)
    first = 0 if has_initial else leaves
    inner = False
    for r in range(len(place)):
        row[place[r]] = which[r]
        if place[r] >= first:
            inner = True
    if has_initial:
        F = 0
        for r in initial:
            F = max(F, r + 1)
        table, source = np.arange(F), np.arange(F)
    elif inner:
        table, source = row[:leaves].copy(), np.arange(leaves)
    else:
        table, source = np.arange(U + 1), row[:leaves].copy()
    S = len(table)

    user_offset = np.zeros(S + 1, np.int64)
    for s in source:
        user_offset[s + 1] += 1
    user, user_offset = _grouped(source, user_offset)

    reader_offset = np.zeros(U + 2, np.int64)
    if inner:
        skipped = S if has_initial else 0  # an initial state reads no input
        by = np.concatenate((table[skipped:], row[first:]))
        for r in by:
            reader_offset[r + 1] += 1
        reader, reader_offset = _grouped(by, reader_offset)
        reader += skipped
    else:
        reader = np.zeros(0, np.int64)
    return (
        row[first:].copy() if inner else np.zeros(V - first, np.int64),
        inner,
        table,
        source,
        user_offset,
        user,
        reader_offset,
        reader,
    )


@kernel
def _grouped(key, offset):
    """List the positions of each key; ``offset[1:]`` counts them, and is summed up."""
    for k in range(len(offset) - 1):
        offset[k + 1] += offset[k]
    filled = offset[:-1].copy()
    position = np.empty(len(key), np.int64)
    for i in range(len(key)):
        position[filled[key[i]]] = i
        filled[key[i]] += 1
    return position, offset
