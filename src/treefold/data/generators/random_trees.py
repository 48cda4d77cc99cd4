"""Random binary trees: every shape of a size equally likely, a symbol at each leaf.

A tree of n leaves has one of C(n - 1) shapes, Catalan's number, and one of S^n rows of
symbols. Its left part has k leaves with the probability

    C(k - 1) C(n - k - 1) / C(n - 1)

which makes every shape as likely as any other. Such trees grow in height with the
square root of their size, not with its logarithm.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from treefold.data.corpus import Corpus

MOST_LEAVES = 64
LETTERS = "abcdefghijklmnopqrstuvwxyz"
INNER = "_"  # what brackets say where there is nothing to say: (_ a b)


def random_trees(
    count: int,
    *,
    leaves: tuple[int, int] = (2, 16),
    symbols: int = 10,
    seed: int | tuple[int, ...] = 0,
) -> Corpus:
    """Draw trees whose numbers of leaves are even between two bounds.

    Args:
        count: B, how many.
        leaves: the least and the most leaves of a tree.
        symbols: S, how many letters there are for leaves.
        seed: fixes the trees.

    Raises:
        ValueError: no such trees.
    """
    least, most = leaves
    if not 1 <= least <= most <= MOST_LEAVES:
        raise ValueError(
            f"leaves must be two numbers, 1 <= least <= most <= {MOST_LEAVES}, "
            f"got {leaves}."
        )
    if not 1 <= symbols <= len(LETTERS):
        raise ValueError(f"symbols must be 1 to {len(LETTERS)}, got {symbols}.")
    random = np.random.default_rng(seed)
    size = random.integers(least, most + 1, count)
    offset = np.concatenate(([0], np.cumsum(2 * size - 1)))
    parent, token = _grow(
        size, offset, random.random(offset[-1]), _shares(most), symbols
    )
    label = np.where(token < 0, 0, -1)
    return Corpus.from_parents(
        offset,
        parent,
        token,
        label,
        tuple(LETTERS[:symbols]),
        (INNER,),
        source="random trees",
    )


def _shares(most: int) -> np.ndarray:
    """Return the probability that n leaves have at most k to the left, by [n, k]."""
    catalan = [1]
    for n in range(most):
        catalan.append(catalan[-1] * 2 * (2 * n + 1) // (n + 2))
    table = np.ones((most + 1, most + 1))
    for n in range(2, most + 1):
        # Whole numbers of Python's, which have no largest, until the division.
        ways = [catalan[k - 1] * catalan[n - k - 1] for k in range(1, n)]
        table[n, 0] = 0.0
        table[n, 1:n] = np.cumsum([w / catalan[n - 1] for w in ways])
        table[n, n - 1 :] = 1.0
    return table


@njit(cache=True)
def _grow(size, offset, draw, share, symbols):
    """Return parent and token of each node, in pre-order; one draw decides a node."""
    parent = np.empty(len(draw), np.int32)
    token = np.full(len(draw), -1, np.int32)
    leaves = np.empty(share.shape[0] + 1, np.int64)  # of those that wait
    above = np.empty_like(leaves)
    for b in range(len(size)):
        leaves[0], above[0], waiting = size[b], -1, 1
        for v in range(offset[b], offset[b + 1]):
            waiting -= 1
            n, parent[v] = leaves[waiting], above[waiting]
            if n == 1:
                token[v] = int(draw[v] * symbols)
                continue
            k = 1
            while draw[v] >= share[n, k]:
                k += 1
            here = v - offset[b]
            leaves[waiting], above[waiting] = n - k, here
            leaves[waiting + 1], above[waiting + 1] = k, here
            waiting += 2
    return parent, token
