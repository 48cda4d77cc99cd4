"""The k best trees of a chart (Huang & Chiang, 2005), as one forest that shares.

What may be part of a tree within `delta` of the best is a small hypergraph: a node is a
symbol over a span, an edge a rule that makes it. Bottom-up, each node's derivations are
taken in falling order from a heap of the best one of each edge and their successors
(algorithm 2). Should fewer than k trees lie within `delta`, it is doubled: the list is
exact.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from treefold.parsing.chart import Chart, outside
from treefold.parsing.grammar import Rules

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

DELTA = 6.0
WIDEST = 400.0  # nats: beyond it all that there is


class Derivations(NamedTuple):
    """The R best trees of a sentence in V nodes that they share, children first.

    Attributes:
        top: (V,), the symbol at the top of a node's chain of unary rules,
        bottom: (V,), and that at its bottom, a tag or the head of two others.
        begin: (V,), the first word below a node,
        end: (V,), and the first one after it.
        left: (V,), a node's children, -1 over a word,
        right: (V,), both.
        root: (R,), the trees, best first,
        score: (R,), and their scores.
    """

    top: Int64
    bottom: Int64
    begin: Int64
    end: Int64
    left: Int64
    right: Int64
    root: Int64
    score: Float


def k_best(
    chart: Chart, leaf: Float, rules: Rules, top: int, k: int
) -> Derivations | None:
    """Return the k best trees with `top` at the root; None where there is none."""
    n, best = len(leaf), chart.high[-1, top]
    if best == -np.inf:
        return None
    delta = 1e-6 if k == 1 else DELTA
    while True:
        least = best - delta if delta < WIDEST else -np.inf
        # Sums in another order differ in the last digits, which must not cost a tree.
        least -= 1e-9 * abs(best)
        around = outside(chart, n, rules, top, least)
        found = _k_best(chart, around, leaf, rules, top, k, least)
        if len(found.root) == k or delta >= WIDEST:
            return found
        delta *= 2 if delta >= DELTA else DELTA / delta


def _k_best(
    chart: Chart,
    around: tuple[Float, Float],
    leaf: Float,
    rules: Rules,
    top: int,
    k: int,
    least: float,
) -> Derivations:
    n = len(leaf)
    low, high, node = _living(*chart, *around, least)
    cell, layer, symbol = node.T
    parts = (n, *rules, leaf, *chart, *around, low, high, least)
    edges: Any = _edges  # of so many arguments that they come as one tuple
    size = edges(*parts, np.empty((0, 3), np.int64), np.empty(0))
    ends, weight = np.empty((size, 3), np.int64), np.empty(size)
    edges(*parts, ends, weight)
    order = np.argsort(ends[:, 0], kind="stable")
    ends, weight = ends[order], weight[order]
    N = len(cell)
    offset = np.searchsorted(ends[:, 0], np.arange(N + 1))
    out = np.where(layer == 0, around[0][cell, symbol], around[1][cell, symbol])
    score, made, count = (
        np.empty((N, k)),
        np.empty((N, k, 3), np.int64),
        np.zeros(N, int),
    )
    _derive(offset, ends, weight, out, least, score, made, count)
    root = int(high[-1, top])
    entry = np.full((N, k), -1, np.int64)
    V = _reach(ends, made, root, int(count[root]), entry, layer)
    which, rank = np.nonzero(entry >= 0)
    which, rank = which[:V], rank[:V]
    edge = made[which, rank]
    below = ends[edge[:, 0], 1]  # every one is high, over one low
    low_edge = made[below, edge[:, 1]]
    kids = ends[low_edge[:, 0], 1:]
    is_leaf = kids[:, 0] < 0
    left = np.where(is_leaf, -1, entry[kids[:, 0], low_edge[:, 1]])
    right = np.where(is_leaf, -1, entry[kids[:, 1], low_edge[:, 2]])
    end = ((1 + np.sqrt(1 + 8 * cell[which])) / 2).astype(np.int64)
    begin = end * (end + 1) // 2 - 1 - cell[which]
    trees = int(count[root])
    return Derivations(
        symbol[which],
        symbol[below],
        begin,
        end,
        left,
        right,
        entry[root, :trees].copy(),
        score[root, :trees].copy(),
    )


@njit(cache=True)
def _living(low, high, active, count, out_low, out_high, least):
    """Number what may be part of a tree that is good enough, children first.

    Returns:
        The numbers of low and of high symbols, (cells, S), -1 for none and
        not written where `count` is 0; and for each
        number its cell, 0 where it is low and 1 where it is high, and its symbol.
    """
    cells, S = low.shape
    numbers = np.empty((2, cells, S), np.int32)
    N = 0
    for again in range(2):
        node = np.empty((N * again, 3), np.int64)
        N = 0
        for cell in range(cells):
            if count[cell] == 0:
                continue
            for layer in range(2):
                numbers[layer, cell] = -1
                own = low[cell] if layer == 0 else high[cell]
                out = out_low[cell] if layer == 0 else out_high[cell]
                for A in range(S):
                    whole = own[A] + out[A]
                    if whole >= least and whole > -np.inf:
                        if again:
                            numbers[layer, cell, A] = N
                            node[N, 0], node[N, 1], node[N, 2] = cell, layer, A
                        N += 1
    return numbers[0], numbers[1], node


@njit(cache=True)
def _edges(
    n,
    offset,
    head,
    right,
    weight,
    up_offset,
    up,
    up_weight,
    leaf,
    low,
    high,
    active,
    count,
    out_low,
    out_high,
    low_number,
    high_number,
    least,
    ends,
    weights,
):
    """Write the edges (head, first, second) between living nodes; return how many.

    With room for none it only counts them.
    """
    S = low.shape[1]
    room, size = len(ends), 0
    for j in range(1, n + 1):
        for i in range(j - 1, -1, -1):
            cell = j * (j + 1) // 2 - 1 - i
            if count[cell] == 0:
                continue
            for B in range(S):
                below = low_number[cell, B]
                if below < 0:
                    continue
                if j - i == 1 and leaf[i, B] + out_low[cell, B] >= least:
                    if room:
                        ends[size, 0], ends[size, 1], ends[size, 2] = below, -1, -1
                        weights[size] = leaf[i, B]
                    size += 1
                for e in range(up_offset[B], up_offset[B + 1]):
                    A = up[e]
                    above = high_number[cell, A]
                    whole = low[cell, B] + up_weight[e] + out_high[cell, A]
                    if above >= 0 and whole >= least:
                        if room:
                            ends[size, 0], ends[size, 1] = above, below
                            ends[size, 2] = -1
                            weights[size] = up_weight[e]
                        size += 1
            for k in range(i + 1, j):
                first, second = k * (k + 1) // 2 - 1 - i, j * (j + 1) // 2 - 1 - k
                if count[second] == 0:
                    continue
                for a in range(count[first]):
                    B = active[first, a]
                    one = high_number[first, B]
                    if one < 0:
                        continue
                    for e in range(offset[B], offset[B + 1]):
                        A, C = head[e], right[e]
                        above, two = low_number[cell, A], high_number[second, C]
                        if above < 0 or two < 0:
                            continue
                        score = high[first, B] + high[second, C] + weight[e]
                        if score + out_low[cell, A] >= least:
                            if room:
                                ends[size, 0], ends[size, 1] = above, one
                                ends[size, 2] = two
                                weights[size] = weight[e]
                            size += 1
    return size


@njit(cache=True)
def _derive(offset, ends, weight, out, least, score, made, count):
    """Find each node's best derivations: an edge, and the ranks of its ends'."""
    N, K = score.shape
    for v in range(N):
        heap = [(0.0, 0, 0, 0) for _ in range(0)]
        for e in range(offset[v], offset[v + 1]):
            a, b = ends[e, 1], ends[e, 2]
            if (a >= 0 and count[a] == 0) or (b >= 0 and count[b] == 0):
                continue
            s = weight[e]
            if a >= 0:
                s += score[a, 0]
            if b >= 0:
                s += score[b, 0]
            heap.append((-s, e, 0, 0))
        heapify(heap)
        c = 0
        while c < K and len(heap) > 0:
            negative, e, x, y = heappop(heap)
            if -negative + out[v] < least:
                break
            score[v, c] = -negative
            made[v, c, 0], made[v, c, 1], made[v, c, 2] = e, x, y
            c += 1
            a, b = ends[e, 1], ends[e, 2]
            # (x, y) is reached once: from (x, y - 1), or where y = 0 from (x - 1, 0).
            if b >= 0 and y + 1 < count[b]:
                s = weight[e] + score[a, x] + score[b, y + 1]
                heappush(heap, (-s, e, x, y + 1))
            if a >= 0 and y == 0 and x + 1 < count[a]:
                s = weight[e] + score[a, x + 1]
                if b >= 0:
                    s += score[b, 0]
                heappush(heap, (-s, e, x + 1, 0))
        count[v] = c


@njit(cache=True)
def _reach(ends, made, root, trees, entry, layer):
    """Number the derivations of high nodes that the root's are made of; return V."""
    N, K = entry.shape
    for r in range(trees):
        entry[root, r] = 0
    used = np.zeros((N, K), np.bool_)
    used[root, :trees] = True
    for v in range(N - 1, -1, -1):
        for r in range(K):
            if not used[v, r]:
                continue
            e, x, y = made[v, r]
            if ends[e, 1] >= 0:
                used[ends[e, 1], x] = True
            if ends[e, 2] >= 0:
                used[ends[e, 2], y] = True
    V = 0
    for v in range(N):
        for r in range(K):
            if used[v, r] and layer[v] == 1:
                entry[v, r] = V
                V += 1
    return V
