r"""The walks of the Tree-LSTMs (Tai, Socher & Manning, 2015).

All gates lie in one flat array: for node n a row of i | u | o, and the forget gate of
each edge. N-ary, forget gates continue their node's row, slot by slot, so that one
product makes them all; in a sum over children they follow all nodes' rows, edge by
edge, as theirs is a product of its own.
"""

from __future__ import annotations

import numpy as np

from treefold.folding.fused.activation import sigmoid, tanh
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


@kernel()
def _forget_at(plan, e, H, ld, node_shift, edge_shift):
    """Return where the forget gate of an edge lies."""
    K = plan.below.shape[1]
    if K == 0:
        return edge_shift + e * H
    n = plan.parent[e]
    return (n - node_shift) * ld + (3 + plan.edge[e] - n * K) * H


@pointwise()
def _table_states(start, stop, table, p, bias, gates, h, c):
    """Make the states of leaves, one for each distinct row of input."""
    H = h.shape[1]
    for s in range(start, stop):
        x = table[s]
        for j in range(H):
            gates[s, j] = sigmoid(p[x, j] + bias[j])
            gates[s, H + j] = tanh(p[x, H + j] + bias[H + j])
            gates[s, 2 * H + j] = sigmoid(p[x, 2 * H + j] + bias[2 * H + j])
        for j in range(H):
            c[s, j] = gates[s, j] * gates[s, H + j]
            h[s, j] = gates[s, 2 * H + j] * tanh(c[s, j])


@pointwise()
def _states(start, stop, plan, row, p, bias, gates, ld, node_shift, edge_shift, h, c):
    """Turn products into gates, and gates into states."""
    H, F = h.shape[1], plan.num_below
    for n in range(start, stop):
        g, v, x = (n - node_shift) * ld, F + n, row[n]
        for j in range(H):
            gates[g + j] = sigmoid(gates[g + j] + bias[j] + p[x, j])
        for j in range(H, 2 * H):
            gates[g + j] = tanh(gates[g + j] + bias[j] + p[x, j])
        for j in range(2 * H, 3 * H):
            gates[g + j] = sigmoid(gates[g + j] + bias[j] + p[x, j])
        for j in range(H):
            c[v, j] = gates[g + j] * gates[g + H + j]
        for e in range(plan.offset[n], plan.offset[n + 1]):
            f = _forget_at(plan, e, H, ld, node_shift, edge_shift)
            child = plan.child[e]
            for j in range(H):
                gates[f + j] = sigmoid(gates[f + j] + bias[3 * H + j] + p[x, 3 * H + j])
            for j in range(H):
                c[v, j] += gates[f + j] * c[child, j]
        for j in range(H):
            h[v, j] = gates[g + 2 * H + j] * tanh(c[v, j])


@kernel()
def _products(
    start, stop, plan, h, sums, gates, ld, node_shift, edge_shift, packed, wide, rows,
    me, threads,
):  # fmt: skip
    """Multiply the children of nodes by the weights."""
    K, H = plan.below.shape[1], h.shape[1]
    first, last = panels_of(num_panels(ld, h.itemsize), wide, me, threads)
    at, count = (start - node_shift) * ld, stop - start
    if K:
        point_to(rows, h, plan.below, start, count)
        multiply(gates, at, ld, rows, K, count, H, packed, ld, first, last, 0)
        return
    if wide:
        sum_children(plan, h, sums, start, stop)
    point(rows, sums.reshape(sums.size), start * H, H, count)
    multiply(gates, at, ld, rows, 1, count, H, packed, ld, first, last, 0)
    first, last = panels_of(num_panels(H, h.itemsize), wide, me, threads)
    child = plan.child.reshape(-1, 1)
    of_forget = packed[len(packed) // 2 :]
    stop_edge = plan.offset[stop]
    for e in range(plan.offset[start], stop_edge, BLOCK):
        count = min(BLOCK, stop_edge - e)
        point_to(rows, h, child, e, count)
        at = edge_shift + e * H
        multiply(gates, at, H, rows, 1, count, H, of_forget, H, first, last, 0)


@kernel()
def _forward(
    plan, reads, x, weight, bias, u, given, p, p_inner, packed_x, packed, table_gates,
    table_h, table_c, sums, gates, h, c, keep, threads,
):  # fmt: skip
    me, H, K = rank(), h.shape[1], plan.below.shape[1]
    ld, N = (3 + K) * H, len(plan.offset) - 1
    pack_transposed(u[:ld], packed, me, threads)
    if K == 0:
        pack_transposed(u[ld:], packed[len(packed) // 2 :], me, threads)
    project(x, weight, packed_x, p, me, threads)
    barrier()
    if not given:
        start, stop = share(0, len(table_h), me, threads)
        _table_states(start, stop, reads.table, p, bias, table_gates, table_h, table_c)
        barrier()
    spread(table_h, reads.source, h, me, threads)
    spread(table_c, reads.source, c, me, threads)
    barrier()

    rows = np.empty((max(K, 1), BLOCK), np.int64)
    for level in range(len(plan.level) - 1):
        a, b = plan.level[level], plan.level[level + 1]
        # Gates that no backward will ask for are overwritten by the next level's.
        node_shift = 0 if keep else a
        edge_shift = N * ld if keep else (b - a) * ld - plan.offset[a] * H
        where = (gates, ld, node_shift, edge_shift)
        wide, start, stop = part(a, b, me, threads)
        if K == 0 and not wide:
            mine, end = share(a, b, me, threads)
            sum_children(plan, h, sums, mine, end)
            barrier()
        for r in range(start, stop, BLOCK):
            end = min(r + BLOCK, stop)
            _products(r, end, plan, h, sums, *where, packed, wide, rows, me, threads)
            if wide:
                _states(r, end, plan, reads.row, p_inner, bias, *where, h, c)
        if not wide:
            barrier()
            start, stop = share(a, b, me, threads)
            _states(start, stop, plan, reads.row, p_inner, bias, *where, h, c)
        barrier()


@pointwise()
def _from_above(v, plan, gates, ld, N, to_h, to_c, use_c, to_below, to_memory, dh, dc):
    """Add what all parents of a place send it to what comes from outside."""
    H, K = len(dh), plan.below.shape[1]
    for j in range(H):
        dh[j] += to_h[v, j]
    if use_c:
        for j in range(H):
            dc[j] += to_c[v, j]
    for w in range(plan.up_offset[v], plan.up_offset[v + 1]):
        e = plan.up[w]
        n, f = plan.parent[e], _forget_at(plan, e, H, ld, 0, N * ld)
        at = plan.edge[e] * H
        if K == 0:
            at += N * H
            for j in range(H):
                dh[j] += to_below[n * H + j]
        for j in range(H):
            dh[j] += to_below[at + j]
        for j in range(H):
            dc[j] += to_memory[n, j] * gates[f + j]


@pointwise()
def _to_gates(
    start, stop, plan, gates, ld, N, c, to_h, to_c, use_c, to_below, to_memory,
    to_gates, dh, dc,
):  # fmt: skip
    """Make the gradients of the gates before activation from those of the states."""
    H, F, K = c.shape[1], plan.num_below, plan.below.shape[1]
    for n in range(start, stop):
        g, v = n * ld, F + n
        for j in range(H):
            dh[j] = 0
            dc[j] = 0
        _from_above(
            v, plan, gates, ld, N, to_h, to_c, use_c, to_below, to_memory, dh, dc
        )
        for j in range(H):
            o, t = gates[g + 2 * H + j], tanh(c[v, j])
            to_gates[g + 2 * H + j] = dh[j] * t * o * (1 - o)
            dc[j] += dh[j] * o * (1 - t * t)
        for j in range(H):
            i, u = gates[g + j], gates[g + H + j]
            to_gates[g + j] = dc[j] * u * i * (1 - i)
            to_gates[g + H + j] = dc[j] * i * (1 - u * u)
            to_memory[n, j] = dc[j]
        edges = plan.offset[n + 1] - plan.offset[n]
        if edges < K:  # empty slots
            for j in range(3 * H, ld):
                to_gates[g + j] = 0
        for e in range(plan.offset[n], plan.offset[n + 1]):
            f = _forget_at(plan, e, H, ld, 0, N * ld)
            child = plan.child[e]
            for j in range(H):
                to_gates[f + j] = (
                    dc[j] * c[child, j] * gates[f + j] * (1 - gates[f + j])
                )


@pointwise()
def _to_table(
    start, stop, plan, reads, given, gates, ld, N, table_gates, table_c, to_h, to_c,
    use_c, to_below, to_memory, to_table, to_table_c, dh, dc,
):  # fmt: skip
    """Make the gradients of what the states below were made from, or of them."""
    H = table_c.shape[1]
    for s in range(start, stop):
        for j in range(H):
            dh[j] = 0
            dc[j] = 0
        for w in range(reads.user_offset[s], reads.user_offset[s + 1]):
            _from_above(
                *(reads.user[w], plan, gates, ld, N),
                *(to_h, to_c, use_c, to_below, to_memory, dh, dc),
            )
        if given:
            for j in range(H):
                to_table[s, j] = dh[j]
                to_table_c[s, j] = dc[j]
            continue
        for j in range(H):
            o, t = table_gates[s, 2 * H + j], tanh(table_c[s, j])
            to_table[s, 2 * H + j] = dh[j] * t * o * (1 - o)
            dc[j] += dh[j] * o * (1 - t * t)
        for j in range(H):
            i, u = table_gates[s, j], table_gates[s, H + j]
            to_table[s, j] = dc[j] * u * i * (1 - i)
            to_table[s, H + j] = dc[j] * i * (1 - u * u)


@pointwise()
def _to_projected(plan, reads, to_gates, ld, N, to_table, given, to_p, H, me, threads):
    """Add up, for each row of input, what the nodes that read it send."""
    start, stop = share(0, len(to_p), me, threads)
    S = len(reads.table)
    for r in range(start, stop):
        for j in range(4 * H):
            to_p[r, j] = 0
        for w in range(reads.reader_offset[r], reads.reader_offset[r + 1]):
            reader = reads.reader[w]
            if reader < S:
                for j in range(3 * H):
                    to_p[r, j] += to_table[reader, j]
                continue
            n = reader - S
            for j in range(3 * H):
                to_p[r, j] += to_gates[n * ld + j]
            for e in range(plan.offset[n], plan.offset[n + 1]):
                f = _forget_at(plan, e, H, ld, 0, N * ld)
                for j in range(H):
                    to_p[r, 3 * H + j] += to_gates[f + j]


@kernel()
def _backward(
    plan, reads, x, weight, u, given, packed_x, packed, table_gates, table_c, sums,
    gates, h, c, to_h, to_c, use_c, to_below, to_memory, to_gates, to_table, to_table_c,
    to_p, to_x, to_weight, to_u, to_bias, one, want_x, threads,
):  # fmt: skip
    me, H, K = rank(), h.shape[1], plan.below.shape[1]
    ld, N, E = (3 + K) * H, len(plan.offset) - 1, len(plan.child)
    pack(u[:ld], packed, me, threads)
    if K == 0:
        pack(u[ld:], packed[len(packed) // 2 :], me, threads)
    if me == 0:
        for j in range(4 * H):
            to_bias[j] = 0
    barrier()

    width = max(K, 1) * H
    rows = np.empty((1, BLOCK), np.int64)
    dh, dc = np.empty(H, h.dtype), np.empty(H, h.dtype)
    above = (to_h, to_c, use_c, to_below, to_memory)
    for level in range(len(plan.level) - 2, -1, -1):
        a, b = plan.level[level], plan.level[level + 1]
        wide, start, stop = part(a, b, me, threads)
        if not wide:
            mine, end = share(a, b, me, threads)
            _to_gates(mine, end, plan, gates, ld, N, c, *above, to_gates, dh, dc)
            barrier()
        first, last = panels_of(num_panels(width, h.itemsize), wide, me, threads)
        for r in range(start, stop, BLOCK):
            end = min(r + BLOCK, stop)
            if wide:
                _to_gates(r, end, plan, gates, ld, N, c, *above, to_gates, dh, dc)
            count = end - r
            point(rows, to_gates, r * ld, ld, count)
            multiply(
                *(to_below, r * width, width),
                *(rows, 1, count, ld, packed, width, first, last, 0),
            )
            if K == 0:
                of_forget = packed[len(packed) // 2 :]
                for e in range(plan.offset[r], plan.offset[end], BLOCK):
                    count = min(BLOCK, plan.offset[end] - e)
                    point(rows, to_gates, N * ld + e * H, H, count)
                    multiply(
                        *(to_below, (N + e) * H, H),
                        *(rows, 1, count, H, of_forget, H, first, last, 0),
                    )
        barrier()
    start, stop = share(0, len(table_c), me, threads)
    _to_table(
        *(start, stop, plan, reads, given, gates, ld, N, table_gates, table_c),
        *(*above, to_table, to_table_c, dh, dc),
    )
    barrier()

    nodes = to_gates[: N * ld].reshape(N, ld)
    if K:
        weight_gradient(to_u, nodes, h, plan.below, me, threads)
        for k in range(K):
            add_columns(to_bias, 3 * H, nodes, 0, N, (3 + k) * H, H, me, threads)
    else:
        edges = to_gates[N * ld :].reshape(E, H)
        identity = np.arange(N).reshape(N, 1)
        weight_gradient(to_u[:ld], nodes, sums, identity, me, threads)
        child = plan.child.reshape(E, 1)
        weight_gradient(to_u[ld:], edges, h, child, me, threads)
        add_columns(to_bias, 3 * H, edges, 0, E, 0, H, me, threads)
    add_columns(to_bias, 0, nodes, 0, N, 0, 3 * H, me, threads)
    if not given:
        add_columns(to_bias, 0, to_table, 0, len(to_table), 0, 3 * H, me, threads)
    if reads.inner:
        _to_projected(
            plan, reads, to_gates, ld, N, to_table, given, to_p, H, me, threads
        )
        barrier()
    input_gradients(
        x, weight, packed_x, to_p, to_x, to_weight, one, want_x, me, threads
    )


@entry()
def forward(threads, *args):
    """Walk up on a team of threads."""
    parallel(_forward, threads, args)


@entry()
def backward(threads, *args):
    """Walk down on a team of threads."""
    parallel(_backward, threads, args)
