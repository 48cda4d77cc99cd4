r"""The walks of the plain recursive net and of the tensor net (Socher et al., 2013).

The tensor net is the plain one with a second part in the product: of y, the children's
states one after another, the row

.. math:: [W y \;|\; V^{[1:H]} y]

is one product, in which :math:`V y` has, for each feature m of y, the H numbers
:math:`\sum_k V_{k, \cdot, m} y_k`. What is left to do at a node is to weigh them by
:math:`y_m` and add them up.
"""

from __future__ import annotations

import numpy as np

from treefold.folding.fused.activation import tanh
from treefold.folding.fused.compiled import entry, kernel, pointwise
from treefold.folding.fused.product import (
    BLOCK,
    multiply,
    pack,
    pack_transposed,
    point,
    point_to,
    share,
    weight_gradient,
)
from treefold.folding.fused.team import barrier, parallel, rank
from treefold.folding.fused.walk import (
    add,
    add_columns,
    clear,
    copy,
    cut,
    input_gradients,
    part,
    part_of,
    project,
    spread,
    sum_children,
)

TANH, RELU, IDENTITY = 0, 1, 2


@pointwise
def _activate(activation, a):
    """Apply the activation."""
    if activation == TANH:
        for j in range(len(a)):
            a[j] = tanh(a[j])
    elif activation == RELU:
        for j in range(len(a)):
            a[j] = 0 if a[j] < 0 else a[j]  # written so that NaN passes


@pointwise
def _before(activation, h, d):
    """Turn the gradient d of a state into that before activation."""
    if activation == TANH:
        for j in range(len(d)):
            d[j] *= 1 - h[j] * h[j]
    elif activation == RELU:
        for j in range(len(d)):
            d[j] = d[j] if h[j] > 0 else 0


@kernel
def _table_states(start, stop, table, p, bias, activation, h):
    """Make the states of leaves, one for each distinct row of input."""
    for s in range(start, stop):
        copy(h[s], p[table[s]])
        add(h[s], bias)
        _activate(activation, h[s])


@pointwise
def _states(start, stop, plan, row, p, bias, activation, pre, ld, shift, h):
    """Turn products into states."""
    H, F, K = h.shape[1], plan.num_below, plan.below.shape[1]
    for n in range(start, stop):
        at, state, x = (n - shift) * ld, h[F + n], p[row[n]]
        product = cut(pre, at, H)
        for j in range(H):
            state[j] = product[j] + bias[j] + x[j]
        if ld > H:
            for k in range(K):
                y = h[plan.below[n, k]]
                for m in range(H):
                    Vy, y_m = cut(pre, at + (1 + k * H + m) * H, H), y[m]
                    for j in range(H):
                        state[j] += Vy[j] * y_m
        _activate(activation, state)


@kernel
def _forward(
    plan, reads, x, weight, bias, u, activation, given, p, p_inner, packed_x, packed,
    table_h, sums, pre, h, keep, threads,
):  # fmt: skip
    me, H, K = rank(), h.shape[1], plan.below.shape[1]
    ld = len(u)
    pack_transposed(u, packed, me, threads)
    if len(weight):
        project(x, weight, packed_x, p, me, threads)
    barrier()
    if not given:
        start, stop = share(0, len(table_h), me, threads)
        _table_states(start, stop, reads.table, p, bias, activation, table_h)
        barrier()
    spread(table_h, reads.source, h, me, threads)
    barrier()

    rows = np.empty((max(K, 1), BLOCK), np.int64)
    for level in range(len(plan.level) - 1):
        a, b = plan.level[level], plan.level[level + 1]
        shift = 0 if keep else a
        wide, start, stop = part(a, b, me, threads)
        if K == 0 and not wide:
            mine, end = share(a, b, me, threads)
            sum_children(plan, h, sums, mine, end)
            barrier()
        own, parts = part_of(wide, me, threads)
        for r in range(start, stop, BLOCK):
            count = min(BLOCK, stop - r)
            if K:
                point_to(rows, h, plan.below, r, count)
            else:
                if wide:
                    sum_children(plan, h, sums, r, r + count)
                point(rows, sums.reshape(sums.size), r * H, H, count)
            multiply(
                *(pre, (r - shift) * ld, ld),
                *(rows, max(K, 1), count, H, packed, ld, own, parts, 0),
            )
            if wide:
                _states(
                    *(r, r + count, plan, reads.row, p_inner, bias, activation),
                    *(pre, ld, shift, h),
                )
        if not wide:
            barrier()
            start, stop = share(a, b, me, threads)
            _states(
                *(start, stop, plan, reads.row, p_inner, bias, activation),
                *(pre, ld, shift, h),
            )
        barrier()


@kernel
def _from_above(v, plan, H, to_h, to_below, dh):
    """Add what all parents of a place send it to what comes from outside."""
    add(dh, to_h[v])
    for w in range(plan.up_offset[v], plan.up_offset[v + 1]):
        e = plan.up[w]
        row = plan.edge[e] if plan.below.shape[1] else plan.parent[e]
        add(dh, cut(to_below, row * H, H))


@pointwise
def _to_products(start, stop, plan, activation, pre, ld, h, to_h, to_below, to_pre, dh):
    """Make the gradients of the products from those of the states."""
    H, F, K = h.shape[1], plan.num_below, plan.below.shape[1]
    for n in range(start, stop):
        at, v = n * ld, F + n
        clear(dh)
        _from_above(v, plan, H, to_h, to_below, dh)
        _before(activation, h[v], dh)
        copy(cut(to_pre, at, H), dh)
        if ld == H:
            continue
        for k in range(K):
            y, to_y = h[plan.below[n, k]], cut(to_below, (n * K + k) * H, H)
            for m in range(H):
                z = at + (1 + k * H + m) * H
                Vy, to_Vy, y_m = cut(pre, z, H), cut(to_pre, z, H), y[m]
                for j in range(H):
                    to_Vy[j] = dh[j] * y_m
                to_y[m] = _dot(dh, Vy)


@kernel
def _dot(a, b):
    """Return the inner product, in four sums that a processor can make at once."""
    n = len(a) // 4 * 4
    s0 = s1 = s2 = s3 = a[0] * 0
    for j in range(0, n, 4):
        s0 += a[j] * b[j]
        s1 += a[j + 1] * b[j + 1]
        s2 += a[j + 2] * b[j + 2]
        s3 += a[j + 3] * b[j + 3]
    for j in range(n, len(a)):
        s0 += a[j] * b[j]
    return (s0 + s1) + (s2 + s3)


@kernel
def _to_table(
    start, stop, plan, reads, given, activation, table_h, to_h, to_below, to_table
):
    """Make the gradients of what the states below were made from, or of them."""
    H = table_h.shape[1]
    for s in range(start, stop):
        clear(to_table[s])
        for w in range(reads.user_offset[s], reads.user_offset[s + 1]):
            _from_above(reads.user[w], plan, H, to_h, to_below, to_table[s])
        if not given:
            _before(activation, table_h[s], to_table[s])


@kernel
def _to_projected(reads, to_pre, ld, to_table, to_p, me, threads):
    """Add up, for each row of input, what the nodes that read it send."""
    start, stop = share(0, len(to_p), me, threads)
    S, H = len(reads.table), to_p.shape[1]
    for r in range(start, stop):
        clear(to_p[r])
        for w in range(reads.reader_offset[r], reads.reader_offset[r + 1]):
            n = reads.reader[w] - S
            if n < 0:
                add(to_p[r], to_table[n + S])
            else:
                add(to_p[r], cut(to_pre, n * ld, H))


@kernel
def _backward(
    plan, reads, x, weight, u, activation, given, packed_x, packed, table_h, sums, pre,
    h, to_h, to_below, to_pre, to_table, to_p, to_x, to_weight, to_u, to_bias, one,
    want_x, threads,
):  # fmt: skip
    me, H, K = rank(), h.shape[1], plan.below.shape[1]
    ld, N = len(u), len(plan.offset) - 1
    pack(u, packed, me, threads)
    if me == 0:
        clear(to_bias)
    barrier()

    width = max(K, 1) * H
    rows = np.empty((1, BLOCK), np.int64)
    dh = np.empty(H, h.dtype)
    for level in range(len(plan.level) - 2, -1, -1):
        a, b = plan.level[level], plan.level[level + 1]
        wide, start, stop = part(a, b, me, threads)
        if not wide:
            mine, end = share(a, b, me, threads)
            _to_products(
                *(mine, end, plan, activation, pre, ld, h, to_h, to_below, to_pre, dh)
            )
            barrier()
        own, parts = part_of(wide, me, threads)
        for r in range(start, stop, BLOCK):
            end = min(r + BLOCK, stop)
            if wide:
                _to_products(
                    *(r, end, plan, activation, pre, ld, h),
                    *(to_h, to_below, to_pre, dh),
                )
            point(rows, to_pre, r * ld, ld, end - r)
            multiply(
                *(to_below, r * width, width),
                *(rows, 1, end - r, ld, packed, width, own, parts, ld - H),
            )
        barrier()
    start, stop = share(0, len(table_h), me, threads)
    _to_table(
        *(start, stop, plan, reads, given, activation, table_h),
        *(to_h, to_below, to_table),
    )
    barrier()

    nodes = to_pre.reshape(N, ld)
    if K:
        weight_gradient(to_u, nodes, h, plan.below, me, threads)
    else:
        identity = np.arange(N).reshape(N, 1)
        weight_gradient(to_u, nodes, sums, identity, me, threads)
    add_columns(to_bias, nodes, 0, me, threads)
    if not given:
        add_columns(to_bias, to_table, 0, me, threads)
    if reads.inner:
        _to_projected(reads, to_pre, ld, to_table, to_p, me, threads)
        barrier()
    if len(weight):
        input_gradients(
            x, weight, packed_x, to_p, to_x, to_weight, one, want_x, me, threads
        )


@entry
def forward(threads, *args):
    """Walk up on a team of threads."""
    parallel(_forward, threads, args)


@entry
def backward(threads, *args):
    """Walk down on a team of threads."""
    parallel(_backward, threads, args)
