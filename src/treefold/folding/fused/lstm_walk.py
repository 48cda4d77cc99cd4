r"""The walks of the Tree-LSTMs (Tai, Socher & Manning, 2015).

All gates lie in one flat array: for node n a row of i | u | o, and the forget gate of
each edge. N-ary, forget gates continue their node's row, slot by slot, so that one
product makes them all; in a sum over children they follow all nodes' rows, edge by
edge, as theirs is a product of its own.
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
    add_product,
    clear,
    copy,
    cut,
    input_gradients,
    part,
    part_of,
    project,
    spread,
    sum_children,
    to_sigmoid,
    to_tanh,
)


@kernel
def _forget_at(plan, e, H, ld, node_shift, edge_shift):
    """Return where the forget gate of an edge lies."""
    K = plan.below.shape[1]
    if K == 0:
        return edge_shift + e * H
    n = plan.parent[e]
    return (n - node_shift) * ld + (3 + plan.edge[e] - n * K) * H


@pointwise
def _table_states(start, stop, table, p, bias, gates, h, c):
    """Make the states of leaves, one for each distinct row of input."""
    H = h.shape[1]
    zeros = np.zeros(H, h.dtype)
    for s in range(start, stop):
        state, memory = h[s], c[s]
        copy(gates[s], p[table[s], : 3 * H])
        i, u, o = gates[s, :H], gates[s, H : 2 * H], gates[s, 2 * H : 3 * H]
        to_sigmoid(i, bias[:H], zeros)
        to_tanh(u, bias[H : 2 * H], zeros)
        to_sigmoid(o, bias[2 * H : 3 * H], zeros)
        for j in range(H):
            memory[j] = i[j] * u[j]
        for j in range(H):
            state[j] = o[j] * tanh(memory[j])


@pointwise
def _states(start, stop, plan, row, p, bias, gates, ld, node_shift, edge_shift, h, c):
    """Turn products into gates, and gates into states."""
    H, F = h.shape[1], plan.num_below
    for n in range(start, stop):
        g, x = (n - node_shift) * ld, p[row[n]]
        state, memory = h[F + n], c[F + n]
        i, u, o = cut(gates, g, H), cut(gates, g + H, H), cut(gates, g + 2 * H, H)
        to_sigmoid(i, bias[:H], x[:H])
        to_tanh(u, bias[H : 2 * H], x[H : 2 * H])
        to_sigmoid(o, bias[2 * H : 3 * H], x[2 * H : 3 * H])
        for j in range(H):
            memory[j] = i[j] * u[j]
        for e in range(plan.offset[n], plan.offset[n + 1]):
            f = cut(gates, _forget_at(plan, e, H, ld, node_shift, edge_shift), H)
            to_sigmoid(f, bias[3 * H :], x[3 * H :])
            add_product(memory, f, c[plan.child[e]])
        for j in range(H):
            state[j] = o[j] * tanh(memory[j])


@kernel
def _products(
    start, stop, plan, h, sums, gates, ld, node_shift, edge_shift, packed, wide, rows,
    me, threads,
):  # fmt: skip
    """Multiply the children of nodes by the weights."""
    K, H = plan.below.shape[1], h.shape[1]
    own, parts = part_of(wide, me, threads)
    at, count = (start - node_shift) * ld, stop - start
    if K:
        point_to(rows, h, plan.below, start, count)
        multiply(gates, at, ld, rows, K, count, H, packed, ld, own, parts, 0)
        return
    if wide:
        sum_children(plan, h, sums, start, stop)
    point(rows, sums.reshape(sums.size), start * H, H, count)
    multiply(gates, at, ld, rows, 1, count, H, packed, ld, own, parts, 0)
    child = plan.child.reshape(-1, 1)
    of_forget = packed[len(packed) // 2 :]
    stop_edge = plan.offset[stop]
    for e in range(plan.offset[start], stop_edge, BLOCK):
        count = min(BLOCK, stop_edge - e)
        point_to(rows, h, child, e, count)
        at = edge_shift + e * H
        multiply(gates, at, H, rows, 1, count, H, of_forget, H, own, parts, 0)


@kernel
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


@kernel
def _from_above(v, plan, gates, ld, N, to_h, to_c, use_c, to_below, to_memory, dh, dc):
    """Add what all parents of a place send it to what comes from outside."""
    H, K = len(dh), plan.below.shape[1]
    add(dh, to_h[v])
    if use_c:
        add(dc, to_c[v])
    for w in range(plan.up_offset[v], plan.up_offset[v + 1]):
        e = plan.up[w]
        n, at = plan.parent[e], plan.edge[e] * H
        if K == 0:
            at += N * H
            add(dh, cut(to_below, n * H, H))
        add(dh, cut(to_below, at, H))
        f = cut(gates, _forget_at(plan, e, H, ld, 0, N * ld), H)
        add_product(dc, to_memory[n], f)


@pointwise
def _through_cell(i, u, o, memory, dh, dc, to_i, to_u, to_o):
    """Take a state's gradient through Eqs. 7 and 8; dc becomes all of the memory's."""
    # A loop writes to one place: of many, a compiler gives up proving that they differ
    # from what is read, and makes no vector code.
    H = len(dh)
    for j in range(H):
        to_o[j] = tanh(memory[j])
    for j in range(H):
        dc[j] += dh[j] * o[j] * (1 - to_o[j] * to_o[j])
    for j in range(H):
        to_o[j] *= dh[j] * o[j] * (1 - o[j])
    for j in range(H):
        to_i[j] = dc[j] * u[j] * i[j] * (1 - i[j])
    for j in range(H):
        to_u[j] = dc[j] * i[j] * (1 - u[j] * u[j])


@pointwise
def _to_gates(
    start, stop, plan, gates, ld, N, c, to_h, to_c, use_c, to_below, to_memory,
    to_gates, dh, dc,
):  # fmt: skip
    """Make the gradients of the gates before activation from those of the states."""
    H, F, K = c.shape[1], plan.num_below, plan.below.shape[1]
    for n in range(start, stop):
        g, v = n * ld, F + n
        clear(dh)
        clear(dc)
        _from_above(
            v, plan, gates, ld, N, to_h, to_c, use_c, to_below, to_memory, dh, dc
        )
        _through_cell(
            *(cut(gates, g, H), cut(gates, g + H, H), cut(gates, g + 2 * H, H)),
            *(c[v], dh, dc, cut(to_gates, g, H)),
            *(cut(to_gates, g + H, H), cut(to_gates, g + 2 * H, H)),
        )
        copy(to_memory[n], dc)
        if plan.offset[n + 1] - plan.offset[n] < K:  # empty slots
            clear(cut(to_gates, g + 3 * H, K * H))
        for e in range(plan.offset[n], plan.offset[n + 1]):
            at = _forget_at(plan, e, H, ld, 0, N * ld)
            f, to_f, below = cut(gates, at, H), cut(to_gates, at, H), c[plan.child[e]]
            for j in range(H):
                to_f[j] = dc[j] * below[j] * f[j] * (1 - f[j])


@pointwise
def _to_table(
    start, stop, plan, reads, given, gates, ld, N, table_gates, table_c, to_h, to_c,
    use_c, to_below, to_memory, to_table, to_table_c, dh, dc,
):  # fmt: skip
    """Make the gradients of what the states below were made from, or of them."""
    H = table_c.shape[1]
    for s in range(start, stop):
        clear(dh)
        clear(dc)
        for w in range(reads.user_offset[s], reads.user_offset[s + 1]):
            _from_above(
                *(reads.user[w], plan, gates, ld, N),
                *(to_h, to_c, use_c, to_below, to_memory, dh, dc),
            )
        if given:
            copy(to_table[s], dh)
            copy(to_table_c[s], dc)
            continue
        gate, to_gate = table_gates[s], to_table[s]
        _through_cell(
            *(gate[:H], gate[H : 2 * H], gate[2 * H :], table_c[s], dh, dc),
            *(to_gate[:H], to_gate[H : 2 * H], to_gate[2 * H :]),
        )


@kernel
def _to_projected(plan, reads, to_gates, ld, N, to_table, to_p, H, me, threads):
    """Add up, for each row of input, what the nodes that read it send."""
    start, stop = share(0, len(to_p), me, threads)
    S = len(reads.table)
    for r in range(start, stop):
        clear(to_p[r])
        for w in range(reads.reader_offset[r], reads.reader_offset[r + 1]):
            n = reads.reader[w] - S
            if n < 0:
                add(to_p[r, : 3 * H], to_table[n + S])
                continue
            add(to_p[r, : 3 * H], cut(to_gates, n * ld, 3 * H))
            for e in range(plan.offset[n], plan.offset[n + 1]):
                at = _forget_at(plan, e, H, ld, 0, N * ld)
                add(to_p[r, 3 * H :], cut(to_gates, at, H))


@kernel
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
        clear(to_bias)
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
        own, parts = part_of(wide, me, threads)
        for r in range(start, stop, BLOCK):
            end = min(r + BLOCK, stop)
            if wide:
                _to_gates(r, end, plan, gates, ld, N, c, *above, to_gates, dh, dc)
            count = end - r
            point(rows, to_gates, r * ld, ld, count)
            multiply(
                *(to_below, r * width, width),
                *(rows, 1, count, ld, packed, width, own, parts, 0),
            )
            if K == 0:
                of_forget = packed[len(packed) // 2 :]
                for e in range(plan.offset[r], plan.offset[end], BLOCK):
                    count = min(BLOCK, plan.offset[end] - e)
                    point(rows, to_gates, N * ld + e * H, H, count)
                    multiply(
                        *(to_below, (N + e) * H, H),
                        *(rows, 1, count, H, of_forget, H, own, parts, 0),
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
            add_columns(to_bias[3 * H :], nodes, (3 + k) * H, me, threads)
    else:
        edges = to_gates[N * ld :].reshape(E, H)
        identity = np.arange(N).reshape(N, 1)
        weight_gradient(to_u[:ld], nodes, sums, identity, me, threads)
        child = plan.child.reshape(E, 1)
        weight_gradient(to_u[ld:], edges, h, child, me, threads)
        add_columns(to_bias[3 * H :], edges, 0, me, threads)
    add_columns(to_bias[: 3 * H], nodes, 0, me, threads)
    if not given:
        add_columns(to_bias[: 3 * H], to_table, 0, me, threads)
    if reads.inner:
        _to_projected(plan, reads, to_gates, ld, N, to_table, to_p, H, me, threads)
        barrier()
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
