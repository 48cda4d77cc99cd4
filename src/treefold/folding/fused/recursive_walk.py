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
    num_panels,
    pack,
    pack_transposed,
    point,
    point_to,
    share,
    weight_gradient,
)
from treefold.folding.fused.team import barrier, parallel, rank
from treefold.folding.fused.walk import (
    add_columns,
    input_gradients,
    panels_of,
    part,
    project,
    spread,
    sum_children,
)

TANH, RELU, IDENTITY = 0, 1, 2


@pointwise
def _activate(activation, a, n, H):
    """Apply the activation to H numbers of row n."""
    if activation == TANH:
        for j in range(H):
            a[n, j] = tanh(a[n, j])
    elif activation == RELU:
        for j in range(H):
            a[n, j] = max(a[n, j], 0) if a[n, j] == a[n, j] else a[n, j]


@pointwise
def _before(activation, h, n, d, H):
    """Turn the gradient d of a state into that before activation."""
    if activation == TANH:
        for j in range(H):
            d[j] *= 1 - h[n, j] * h[n, j]
    elif activation == RELU:
        for j in range(H):
            d[j] = d[j] if h[n, j] > 0 else 0


@pointwise
def _table_states(start, stop, table, p, bias, activation, h):
    """Make the states of leaves, one for each distinct row of input."""
    H = h.shape[1]
    for s in range(start, stop):
        for j in range(H):
            h[s, j] = p[table[s], j] + bias[j]
        _activate(activation, h, s, H)


@pointwise
def _states(start, stop, plan, row, p, bias, activation, pre, ld, shift, h):
    """Turn products into states."""
    H, F, K = h.shape[1], plan.num_below, plan.below.shape[1]
    for n in range(start, stop):
        at, v, x = (n - shift) * ld, F + n, row[n]
        for j in range(H):
            h[v, j] = pre[at + j] + bias[j] + p[x, j]
        if ld > H:
            for k in range(K):
                child = plan.below[n, k]
                for m in range(H):
                    y, z = h[child, m], at + (1 + k * H + m) * H
                    for j in range(H):
                        h[v, j] += pre[z + j] * y
        _activate(activation, h, v, H)


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
        first, last = panels_of(num_panels(ld, h.itemsize), wide, me, threads)
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
                *(rows, max(K, 1), count, H, packed, ld, first, last, 0),
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


@pointwise
def _from_above(v, plan, H, to_h, to_below, dh):
    """Add what all parents of a place send it to what comes from outside."""
    for j in range(H):
        dh[j] += to_h[v, j]
    for w in range(plan.up_offset[v], plan.up_offset[v + 1]):
        e = plan.up[w]
        at = plan.parent[e] * H
        if plan.below.shape[1]:
            at = plan.edge[e] * H
        for j in range(H):
            dh[j] += to_below[at + j]


@pointwise
def _to_products(start, stop, plan, activation, pre, ld, h, to_h, to_below, to_pre, dh):
    """Make the gradients of the products from those of the states."""
    H, F, K = h.shape[1], plan.num_below, plan.below.shape[1]
    for n in range(start, stop):
        at, v = n * ld, F + n
        for j in range(H):
            dh[j] = 0
        _from_above(v, plan, H, to_h, to_below, dh)
        _before(activation, h, v, dh, H)
        for j in range(H):
            to_pre[at + j] = dh[j]
        if ld == H:
            continue
        for k in range(K):
            child = plan.below[n, k]
            for m in range(H):
                y, z = h[child, m], at + (1 + k * H + m) * H
                for j in range(H):
                    to_pre[z + j] = dh[j] * y
                direct = dh[0] * pre[z]
                for j in range(1, H):
                    direct += dh[j] * pre[z + j]
                to_below[(n * K + k) * H + m] = direct


@pointwise
def _to_table(
    start, stop, plan, reads, given, activation, table_h, to_h, to_below, to_table, dh
):
    """Make the gradients of what the states below were made from, or of them."""
    H = table_h.shape[1]
    for s in range(start, stop):
        for j in range(H):
            dh[j] = 0
        for w in range(reads.user_offset[s], reads.user_offset[s + 1]):
            _from_above(reads.user[w], plan, H, to_h, to_below, dh)
        if not given:
            _before(activation, table_h, s, dh, H)
        for j in range(H):
            to_table[s, j] = dh[j]


@kernel
def _to_projected(reads, to_pre, ld, to_table, to_p, me, threads):
    """Add up, for each row of input, what the nodes that read it send."""
    start, stop = share(0, len(to_p), me, threads)
    S, H = len(reads.table), to_p.shape[1]
    for r in range(start, stop):
        for j in range(H):
            to_p[r, j] = 0
        for w in range(reads.reader_offset[r], reads.reader_offset[r + 1]):
            reader = reads.reader[w]
            if reader < S:
                for j in range(H):
                    to_p[r, j] += to_table[reader, j]
            else:
                for j in range(H):
                    to_p[r, j] += to_pre[(reader - S) * ld + j]


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
        for j in range(H):
            to_bias[j] = 0
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
        first, last = panels_of(num_panels(width, h.itemsize), wide, me, threads)
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
                *(rows, 1, end - r, ld, packed, width, first, last, ld - H),
            )
        barrier()
    start, stop = share(0, len(table_h), me, threads)
    _to_table(
        *(start, stop, plan, reads, given, activation, table_h),
        *(to_h, to_below, to_table, dh),
    )
    barrier()

    nodes = to_pre.reshape(N, ld)
    if K:
        weight_gradient(to_u, nodes, h, plan.below, me, threads)
    else:
        identity = np.arange(N).reshape(N, 1)
        weight_gradient(to_u, nodes, sums, identity, me, threads)
    add_columns(to_bias, 0, nodes, 0, N, 0, H, me, threads)
    if not given:
        add_columns(to_bias, 0, to_table, 0, len(to_table), 0, H, me, threads)
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
