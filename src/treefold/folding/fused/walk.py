"""Steps that every walk takes, whatever the cell."""

from __future__ import annotations

from treefold.folding.fused.activation import sigmoid, tanh
from treefold.folding.fused.compiled import kernel, pointwise
from treefold.folding.fused.product import (
    NARROW,
    multiply_rows,
    pack,
    pack_transposed,
    share,
    weight_gradient,
)
from treefold.folding.fused.team import barrier


@kernel
def project(x, weight, packed, p, me, threads):
    r"""Make :math:`p = x W^\top`, and a last row of zeros for nodes without input."""
    pack_transposed(weight, packed, me, threads)
    barrier()
    multiply_rows(p[:-1], x, packed, me, threads)
    if me == 0:
        clear(p[len(x)])


@kernel
def spread(table, source, state, me, threads):
    """Give each place below its state from the table, and clear the row of zeros."""
    start, stop = share(0, len(source), me, threads)
    for v in range(start, stop):
        copy(state[v], table[source[v]])
    if me == 0:
        clear(state[len(state) - 1])


@kernel
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


@kernel
def part_of(wide, me, threads):
    """Return which part of a product this thread makes, of how many."""
    if wide:
        return 0, 1
    return me, threads


@kernel
def sum_children(plan, state, sums, start, stop):
    """Add up the states of the children of each node."""
    for n in range(start, stop):
        clear(sums[n])
        for e in range(plan.offset[n], plan.offset[n + 1]):
            add(sums[n], state[plan.child[e]])


@kernel
def input_gradients(x, weight, packed, to_p, to_x, to_weight, one, want_x, me, threads):
    r"""Make :math:`dx = dp W` and :math:`dW = dp^\top x`."""
    if want_x:
        pack(weight, packed, me, threads)
        barrier()
        multiply_rows(to_x, to_p, packed, me, threads)
    weight_gradient(to_weight, to_p, x, one, me, threads)


@kernel
def add_columns(total, a, column, me, threads):
    """Add columns of a matrix up: ``total += a[:, column : …].sum(0)``."""
    start, stop = share(0, len(total), me, threads)
    part_of_total = total[start:stop]
    for n in range(len(a)):
        add(part_of_total, a[n, column + start : column + stop])


# Loops below and in the cells run over slices that begin at 0: of an index such as
# ``at + j`` a compiler cannot know that it is not negative, Python's count from the
# end, and makes no vector code.


@kernel
def cut(a, at, size):
    """Return `size` numbers of a flat array."""
    return a[at : at + size]


@kernel
def clear(a):
    """Set to zero."""
    for j in range(len(a)):
        a[j] = 0


@kernel
def copy(a, b):
    """Set a to b."""
    for j in range(len(a)):
        a[j] = b[j]


@kernel
def add(a, b):
    """Add b to a."""
    for j in range(len(a)):
        a[j] += b[j]


@pointwise
def add_product(a, b, c):
    """Add b * c to a."""
    for j in range(len(a)):
        a[j] += b[j] * c[j]


@pointwise
def to_sigmoid(a, b, c):
    """Turn a into the sigmoid of a + b + c."""
    for j in range(len(a)):
        a[j] = sigmoid(a[j] + b[j] + c[j])


@pointwise
def to_tanh(a, b, c):
    """Turn a into the tanh of a + b + c."""
    for j in range(len(a)):
        a[j] = tanh(a[j] + b[j] + c[j])
