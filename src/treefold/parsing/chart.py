r"""Charts: the best score of every symbol over every span (Cocke, Kasami & Younger).

A cell holds the spans' scores twice: `low`, where a rule of two symbols or a word makes
the symbol, and `high`, with a chain of unary rules above it,

.. math::
    \text{low}_{ij}(A) &= \max_{A \to B\,C,\ k}
        \ln p + \text{high}_{ik}(B) + \text{high}_{kj}(C) \\
    \text{high}_{ij}(A) &= \max_{A \to \dots \to B} \ln p + \text{low}_{ij}(B)

The loops are compiled. Arrays are made and indices checked in Python or here, by
construction: numba lets a negative index wrap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from treefold.parsing.grammar import Rules

Float = NDArray[np.float64]
Int32 = NDArray[np.int32]
Bool = NDArray[np.bool_]


class Chart(NamedTuple):
    """Scores of S symbols in the cells of a sentence; -inf where there is none.

    Most cells have no symbol, their `count` is 0; then their scores are not written, as
    to fill them with -inf would take as long as all the rest.

    The span [i, j) has the cell ``j (j + 1) / 2 - 1 - i``: what lies within a span
    stands before it.

    Attributes:
        low: (cells, S).
        high: (cells, S).
        active: (cells, S), the symbols that `high` has, from the left,
        count: (cells,), and how many.
    """

    low: Float
    high: Float
    active: Int32
    count: Int32


def inside(leaf: Float, rules: Rules, allowed: Bool, kind: Int32) -> Chart:
    """Fill a chart from below.

    Args:
        leaf: (n, S), the score of each symbol over each word, -inf for no tag of it.
        rules: the grammar's.
        allowed: (cells, C), which kinds of symbols a cell may have.
        kind: (S,), the kind of each symbol.
    """
    n, S = leaf.shape
    cells = n * (n + 1) // 2
    low, high = np.empty((cells, S)), np.empty((cells, S))
    active, count = np.empty((cells, S), np.int32), np.zeros(cells, np.int32)
    _inside(leaf, *rules, allowed, kind, low, high, active, count)
    return Chart(low, high, active, count)


def outside(
    chart: Chart, n: int, rules: Rules, top: int, least: float
) -> tuple[Float, Float]:
    """Return the best score of what is around each symbol of a filled chart.

    Args:
        chart: of n words.
        n: how many there are.
        rules: the grammar's.
        top: the symbol of the root.
        least: trees of a lower score need not be known: nothing is looked for around
            what has no better one.

    Returns:
        For `low` and for `high`, (cells, S) each: added to the chart's own score it is
        that of the best tree with the symbol there. Not written where `count` is 0.
    """
    low, high = np.empty_like(chart.low), np.empty_like(chart.high)
    _outside(n, *rules, top, *chart, least, low, high)
    return low, high


@njit(cache=True)
def _inside(
    leaf,
    offset,
    head,
    right,
    weight,
    up_offset,
    up,
    up_weight,
    allowed,
    kind,
    low,
    high,
    active,
    count,
):
    n, S = leaf.shape
    for j in range(1, n + 1):
        for i in range(j - 1, -1, -1):
            cell = j * (j + 1) // 2 - 1 - i
            mine, done, may = low[cell], high[cell], allowed[cell]
            if not may.any() and cell + 1 < len(low):
                continue
            mine[:] = -np.inf
            done[:] = -np.inf
            if j - i == 1:
                for A in range(S):
                    if may[kind[A]]:
                        mine[A] = leaf[i, A]
            for k in range(i + 1, j):
                first, second = k * (k + 1) // 2 - 1 - i, j * (j + 1) // 2 - 1 - k
                if count[second] == 0:
                    continue
                lefts, rights = high[first], high[second]
                for a in range(count[first]):
                    B = active[first, a]
                    x = lefts[B]
                    for e in range(offset[B], offset[B + 1]):
                        score = x + rights[right[e]] + weight[e]
                        A = head[e]
                        if score > mine[A] and may[kind[A]]:
                            mine[A] = score
            for B in range(S):
                if mine[B] > -np.inf:
                    for e in range(up_offset[B], up_offset[B + 1]):
                        A = up[e]
                        score = mine[B] + up_weight[e]
                        if score > done[A] and may[kind[A]]:
                            done[A] = score
            c = 0
            for A in range(S):
                if done[A] > -np.inf:
                    active[cell, c] = A
                    c += 1
            count[cell] = c


@njit(cache=True)
def _outside(
    n,
    offset,
    head,
    right,
    weight,
    up_offset,
    up,
    up_weight,
    top,
    low,
    high,
    active,
    count,
    least,
    out_low,
    out_high,
):
    S = low.shape[1]
    for cell in range(len(low)):
        if count[cell] > 0:
            out_low[cell] = -np.inf
            out_high[cell] = -np.inf
    if count[-1] == 0:
        return
    out_high[-1, top] = 0.0
    for length in range(n, 0, -1):
        for i in range(n - length + 1):
            j = i + length
            cell = j * (j + 1) // 2 - 1 - i
            if count[cell] == 0:
                continue
            around = out_low[cell]
            some = False
            for B in range(S):
                if low[cell, B] > -np.inf:
                    best = -np.inf
                    for e in range(up_offset[B], up_offset[B + 1]):
                        best = max(best, out_high[cell, up[e]] + up_weight[e])
                    if best > -np.inf and low[cell, B] + best >= least:
                        around[B] = best
                        some = True
            if not some:
                continue
            for k in range(i + 1, j):
                first, second = k * (k + 1) // 2 - 1 - i, j * (j + 1) // 2 - 1 - k
                if count[second] == 0:
                    continue
                lefts, rights = high[first], high[second]
                for a in range(count[first]):
                    B = active[first, a]
                    for e in range(offset[B], offset[B + 1]):
                        C = right[e]
                        out = around[head[e]] + weight[e]
                        if out == -np.inf or rights[C] == -np.inf:
                            continue
                        if out + rights[C] > out_high[first, B]:
                            out_high[first, B] = out + rights[C]
                        if out + lefts[B] > out_high[second, C]:
                            out_high[second, C] = out + lefts[B]
