r"""The walks of the Tree-GRUs.

What belongs to an edge, r | z | m with :math:`m = U_n h + b_{hn}`, lies in one flat
array, a row of 3H for each edge: in order, or N-ary at n * K + slot. A node keeps
n | z_0, where :math:`z_0 = 1 - \sum_k z_k` is the candidate's share.
"""

from __future__ import annotations

import numpy as np

from treefold.folding.fused.activation import exp, sigmoid, tanh
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
    to_sigmoid,
)


@kernel
def _three(a, at, H):
    """Cut three neighbours of H numbers."""
    return cut(a, at, H), cut(a, at + H, H), cut(a, at + 2 * H, H)


@pointwise
def _table_states(start, stop, table, p, bias, bias_hn, gates, h):
    """Make the states of leaves, one for each distinct row of input.

    A leaf has one virtual child of zeros; its gates are r | 1 - z | n.
    """
    H = h.shape[1]
    b_r, b_z, b_n = _three(bias, 0, H)
    for s in range(start, stop):
        r, z, n = _three(gates[s], 0, H)
        x_r, x_z, x_n = _three(p[table[s]], 0, H)
        state = h[s]
        for j in range(H):
            r[j] = sigmoid(x_r[j] + b_r[j])
        for j in range(H):
            z[j] = sigmoid(-(x_z[j] + b_z[j]))
        for j in range(H):
            n[j] = x_n[j] + b_n[j]
        add_product(n, r, bias_hn)
        for j in range(H):
            n[j] = tanh(n[j])
            state[j] = z[j] * n[j]


@pointwise
def _states(
    start, stop, plan, row, p, bias, bias_hn, gates, row_shift, nodes, node_shift, h,
    top,
):  # fmt: skip
    """Turn products into gates, and gates into states.

    The softmax over {0, a_1, …, a_K} is shifted by its largest entry.
    """
    H, F = h.shape[1], plan.num_below
    b_r, b_z, b_n = _three(bias, 0, H)
    for node in range(start, stop):
        state = h[F + node]
        n, z_0 = nodes[node - node_shift, :H], nodes[node - node_shift, H:]
        x_r, x_z, x_n = _three(p[row[node]], 0, H)
        first, last = plan.offset[node], plan.offset[node + 1]
        clear(top)
        for j in range(H):
            n[j] = x_n[j] + b_n[j]
        for e in range(first, last):
            r, a, m = _three(gates, (plan.edge[e] - row_shift) * 3 * H, H)
            to_sigmoid(r, b_r, x_r)
            add(m, bias_hn)
            add_product(n, r, m)
            for j in range(H):
                a[j] += b_z[j] + x_z[j]
            for j in range(H):
                top[j] = max(top[j], a[j])
        for j in range(H):
            n[j] = tanh(n[j])
        for j in range(H):
            top[j] = -top[j]
            z_0[j] = exp(top[j])
            state[j] = z_0[j]
        for e in range(first, last):
            a = cut(gates, (plan.edge[e] - row_shift) * 3 * H + H, H)
            for j in range(H):
                a[j] = exp(a[j] + top[j])
            add(state, a)
        for j in range(H):
            top[j] = 1 / state[j]
            z_0[j] *= top[j]
            state[j] = z_0[j] * n[j]
        for e in range(first, last):
            z = cut(gates, (plan.edge[e] - row_shift) * 3 * H + H, H)
            for j in range(H):
                z[j] *= top[j]
            add_product(state, z, h[plan.child[e]])


@kernel
def _products(
    start, stop, plan, h, gates, row_shift, packed, packed_n, wide, rows, me, threads
):
    """Multiply the children of nodes by the weights."""
    K, H = plan.below.shape[1], h.shape[1]
    own, parts = part_of(wide, me, threads)
    if K:
        count, ld = stop - start, 3 * K * H
        point_to(rows, h, plan.below, start, count)
        for k in range(K):
            at = (start * K - row_shift + k) * 3 * H
            multiply(
                *(gates, at, ld, rows, K, count, H, packed[k], 2 * H),
                *(own, parts, 0),
            )
            multiply(
                *(gates, at + 2 * H, ld, rows[k:], 1, count, H, packed_n[k], H),
                *(own, parts, 0),
            )
        return
    child = plan.child.reshape(len(plan.child), 1)
    stop_edge = plan.offset[stop]
    for e in range(plan.offset[start], stop_edge, BLOCK):
        count = min(BLOCK, stop_edge - e)
        point_to(rows, h, child, e, count)
        multiply(
            *(gates, (e - row_shift) * 3 * H, 3 * H),
            *(rows, 1, count, H, packed[0], 3 * H, own, parts, 0),
        )


@kernel
def _forward(
    plan, reads, x, weight, bias, bias_hn, u, u_n, given, p, p_inner, packed_x, packed,
    packed_n, table_gates, table_h, gates, nodes, h, keep, threads,
):  # fmt: skip
    me, H, K = rank(), h.shape[1], plan.below.shape[1]
    for k in range(len(u)):
        pack_transposed(u[k], packed[k], me, threads)
    for k in range(K):
        pack_transposed(u_n[k], packed_n[k], me, threads)
    project(x, weight, packed_x, p, me, threads)
    barrier()
    if not given:
        start, stop = share(0, len(table_h), me, threads)
        _table_states(start, stop, reads.table, p, bias, bias_hn, table_gates, table_h)
        barrier()
    spread(table_h, reads.source, h, me, threads)
    barrier()

    rows = np.empty((max(K, 1), BLOCK), np.int64)
    top = np.empty(H, h.dtype)
    for level in range(len(plan.level) - 1):
        a, b = plan.level[level], plan.level[level + 1]
        node_shift, row_shift = 0, 0
        if not keep:  # what no backward will ask for, the next level overwrites
            node_shift, row_shift = a, a * K if K else plan.offset[a]
        of_node = (plan, reads.row, p_inner, bias, bias_hn)
        of_gates = (gates, row_shift, nodes, node_shift, h, top)
        wide, start, stop = part(a, b, me, threads)
        for r in range(start, stop, BLOCK):
            end = min(r + BLOCK, stop)
            _products(
                *(r, end, plan, h, gates, row_shift, packed, packed_n),
                *(wide, rows, me, threads),
            )
            if wide:
                _states(r, end, *of_node, *of_gates)
        if not wide:
            barrier()
            start, stop = share(a, b, me, threads)
            _states(start, stop, *of_node, *of_gates)
        barrier()


@kernel
def _from_above(v, plan, gates, to_h, to_below, to_state, dh):
    """Add what all parents of a place send it to what comes from outside."""
    H = len(dh)
    add(dh, to_h[v])
    for w in range(plan.up_offset[v], plan.up_offset[v + 1]):
        e = plan.up[w]
        add(dh, cut(to_below, plan.edge[e] * H, H))
        z = cut(gates, (3 * plan.edge[e] + 1) * H, H)
        add_product(dh, z, to_state[plan.parent[e]])


@pointwise
def _to_gates(
    start, stop, plan, gates, nodes, h, to_h, to_below, to_state, to_gates, to_nodes, dh
):
    """Make the gradients of the gates before activation from those of the states."""
    H, F, K = h.shape[1], plan.num_below, plan.below.shape[1]
    for node in range(start, stop):
        state, to_n = h[F + node], to_nodes[node]
        n, z_0 = nodes[node, :H], nodes[node, H:]
        clear(dh)
        _from_above(F + node, plan, gates, to_h, to_below, to_state, dh)
        copy(to_state[node], dh)
        for j in range(H):
            to_n[j] = dh[j] * z_0[j] * (1 - n[j] * n[j])
        if plan.offset[node + 1] - plan.offset[node] < K:  # empty slots
            clear(cut(to_gates, node * K * 3 * H, K * 3 * H))
        for e in range(plan.offset[node], plan.offset[node + 1]):
            r, z, m = _three(gates, plan.edge[e] * 3 * H, H)
            to_r, to_a, to_m = _three(to_gates, plan.edge[e] * 3 * H, H)
            below = h[plan.child[e]]
            for j in range(H):
                to_r[j] = to_n[j] * m[j] * r[j] * (1 - r[j])
            for j in range(H):
                to_m[j] = to_n[j] * r[j]
            for j in range(H):
                to_a[j] = z[j] * dh[j] * (below[j] - state[j])


@pointwise
def _to_table(
    start, stop, plan, reads, given, gates, table_gates, bias_hn, to_h, to_below,
    to_state, to_table, dh,
):  # fmt: skip
    """Make the gradients of what the states below were made from, or of them."""
    H = len(dh)
    for s in range(start, stop):
        clear(dh)
        for w in range(reads.user_offset[s], reads.user_offset[s + 1]):
            _from_above(reads.user[w], plan, gates, to_h, to_below, to_state, dh)
        if given:
            clear(to_table[s])
            add(to_table[s], dh)
            continue
        r, z_0, n = _three(table_gates[s], 0, H)
        to_r, to_z, to_n = _three(to_table[s], 0, H)
        for j in range(H):
            to_n[j] = dh[j] * z_0[j] * (1 - n[j] * n[j])
        for j in range(H):
            to_r[j] = to_n[j] * bias_hn[j] * r[j] * (1 - r[j])
        for j in range(H):
            to_z[j] = -dh[j] * n[j] * z_0[j] * (1 - z_0[j])


@kernel
def _to_projected(plan, reads, to_gates, to_nodes, to_table, to_p, me, threads):
    """Add up, for each row of input, what the nodes that read it send."""
    start, stop = share(0, len(to_p), me, threads)
    S, H = len(reads.table), to_nodes.shape[1]
    for r in range(start, stop):
        clear(to_p[r])
        for w in range(reads.reader_offset[r], reads.reader_offset[r + 1]):
            n = reads.reader[w] - S
            if n < 0:
                add(to_p[r], to_table[n + S])
                continue
            add(to_p[r, 2 * H :], to_nodes[n])
            for e in range(plan.offset[n], plan.offset[n + 1]):
                add(to_p[r, : 2 * H], cut(to_gates, plan.edge[e] * 3 * H, 2 * H))


@kernel
def _to_biases(
    given,
    table_gates,
    to_gates,
    to_nodes,
    to_table,
    to_bias,
    to_bias_hn,
    H,
    me,
    threads,
):
    """Add up the gradients of the biases."""
    add_columns(to_bias[: 2 * H], to_gates, 0, me, threads)
    add_columns(to_bias[2 * H :], to_nodes, 0, me, threads)
    add_columns(to_bias_hn, to_gates, 2 * H, me, threads)
    if given:
        return
    add_columns(to_bias[: 2 * H], to_table, 0, me, threads)
    add_columns(to_bias[2 * H :], to_table, 2 * H, me, threads)
    start, stop = share(0, H, me, threads)
    for s in range(len(to_table)):
        to_n = to_table[s, 2 * H + start : 2 * H + stop]
        add_product(to_bias_hn[start:stop], to_n, table_gates[s, start:stop])


@kernel
def _backward(
    plan, reads, x, weight, bias_hn, u, u_n, given, packed_x, packed, packed_n,
    table_gates, gates, nodes, h, to_h, to_below, to_state, to_gates, to_nodes,
    to_table, to_p, to_x, to_weight, to_u, to_u_n, to_bias, to_bias_hn, one, want_x,
    threads,
):  # fmt: skip
    me, H, K = rank(), h.shape[1], plan.below.shape[1]
    E = len(plan.child)
    for k in range(len(u)):
        pack(u[k], packed[k], me, threads)
    for k in range(K):
        pack(u_n[k], packed_n[k], me, threads)
    if me == 0:
        clear(to_bias)
        clear(to_bias_hn)
    barrier()

    width, ld = max(K, 1) * H, 3 * max(K, 1) * H
    rows = np.empty((1, BLOCK), np.int64)
    dh = np.empty(H, h.dtype)
    back = (gates, nodes, h, to_h, to_below, to_state, to_gates, to_nodes, dh)
    for level in range(len(plan.level) - 2, -1, -1):
        a, b = plan.level[level], plan.level[level + 1]
        wide, start, stop = part(a, b, me, threads)
        if not wide:
            mine, end = share(a, b, me, threads)
            _to_gates(mine, end, plan, *back)
            barrier()
        own, parts = part_of(wide, me, threads)
        for r in range(start, stop, BLOCK):
            end = min(r + BLOCK, stop)
            if wide:
                _to_gates(r, end, plan, *back)
            if K == 0:
                for e in range(plan.offset[r], plan.offset[end], BLOCK):
                    count = min(BLOCK, plan.offset[end] - e)
                    point(rows, to_gates, e * 3 * H, 3 * H, count)
                    multiply(
                        *(to_below, e * H, H, rows, 1, count, 3 * H, packed[0], H),
                        *(own, parts, 0),
                    )
                continue
            for k in range(K):
                point(rows, to_gates, r * ld + k * 3 * H, ld, end - r)
                multiply(
                    *(to_below, r * width, width),
                    *(rows, 1, end - r, 2 * H, packed[k], width, own, parts, k),
                )
            if not wide:  # the columns of one slot are shared out in another way
                barrier()
            for k in range(K):
                point(rows, to_gates, r * ld + (3 * k + 2) * H, ld, end - r)
                multiply(
                    *(to_below, r * width + k * H, width),
                    *(rows, 1, end - r, H, packed_n[k], H, own, parts, 1),
                )
        barrier()
    start, stop = share(0, len(reads.table), me, threads)
    _to_table(
        *(start, stop, plan, reads, given, gates, table_gates, bias_hn, to_h),
        *(to_below, to_state, to_table, dh),
    )
    barrier()

    edges = to_gates.reshape(len(to_gates) // (3 * H), 3 * H)
    by_node = to_gates.reshape(len(to_gates) // ld, ld)
    if K == 0:
        weight_gradient(to_u[0], edges, h, plan.child.reshape(E, 1), me, threads)
    for k in range(K):
        at = k * 3 * H
        both = by_node[:, at : at + 2 * H]
        weight_gradient(to_u[k], both, h, plan.below, me, threads)
        of_n = by_node[:, at + 2 * H : at + 3 * H]
        weight_gradient(to_u_n[k], of_n, h, plan.below[:, k : k + 1], me, threads)
    _to_biases(
        *(given, table_gates, edges, to_nodes, to_table, to_bias, to_bias_hn),
        *(H, me, threads),
    )
    if reads.inner:
        _to_projected(plan, reads, to_gates, to_nodes, to_table, to_p, me, threads)
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
