"""Steps that every walk takes, whatever the cell."""

from __future__ import annotations

import numpy as np

from treefold.folding.fused.compiled import kernel
from treefold.folding.fused.product import (
    NARROW,
    multiply_rows,
    pack,
    pack_transposed,
    share,
    weight_gradient,
)
from treefold.folding.fused.team import barrier


@kernel()
def project(x, weight, packed, p, me, threads):
    r"""Make :math:`p = x W^\top`, and a last row of zeros for nodes without input."""
    pack_transposed(weight, packed, me, threads)
    barrier()
    multiply_rows(p[:-1], x, packed, me, threads)
    if me == 0:
        for j in range(p.shape[1]):
            p[len(x), j] = 0


@kernel()
def spread(table, source, state, me, threads):
    """Give each place below its state from the table, and clear the row of zeros."""
    start, stop = share(0, len(source), me, threads)
    for v in range(start, stop):
        for j in range(state.shape[1]):
            state[v, j] = table[source[v], j]
    if me == 0:
        for j in range(state.shape[1]):
            state[len(state) - 1, j] = 0


@kernel()
def part(a, b, me, threads):
    """Say whether a level is wide, and which of its nodes this thread takes then.

    On a wide level each thread does all the work for its share of the nodes. On a
    narrow one it makes its share of columns of the product for all nodes, so that no
    two threads read the same weights.
    """
    if b - a < NARROW * threads and threads > 1:
        return False, a, b
    start, stop = share(a, b, me, threads)
    return True, start, stop


@kernel()
def panels_of(total, wide, me, threads):
    """Return which panels of a product this thread makes."""
    if wide:
        return 0, total
    return share(0, total, me, threads)


@kernel()
def sum_children(plan, state, sums, start, stop):
    """Add up the states of the children of each node."""
    for n in range(start, stop):
        for j in range(state.shape[1]):
            sums[n, j] = 0
        for e in range(plan.offset[n], plan.offset[n + 1]):
            child = plan.child[e]
            for j in range(state.shape[1]):
                sums[n, j] += state[child, j]


@kernel()
def input_gradients(x, weight, packed, to_p, to_x, to_weight, one, want_x, me, threads):
    r"""Make :math:`dx = dp W` and :math:`dW = dp^\top x`."""
    if want_x:
        pack(weight, packed, me, threads)
        barrier()
        multiply_rows(to_x, to_p, packed, me, threads)
    weight_gradient(to_weight, to_p, x, one, me, threads)


@kernel()
def add_columns(total, at, a, start_row, stop_row, column, width, me, threads):
    """Add columns of a matrix up: ``total[at:at+width] += a[:, column:…].sum(0)``."""
    start, stop = share(0, width, me, threads)
    for n in range(start_row, stop_row):
        for j in range(start, stop):
            total[at + j] += a[n, column + j]


def empty(like: np.ndarray, *shape: int) -> np.ndarray:
    """Return a buffer of a dtype."""
    return np.empty(shape, like.dtype)
