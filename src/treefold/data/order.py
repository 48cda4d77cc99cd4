"""Trees in the order of reading: pre-order, and the leaves each node spans."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from treefold.data.corpus import Corpus


class ReadingOrder(NamedTuple):
    """How to read V nodes aloud, tree by tree.

    Attributes:
        order: (V,) int64, each tree's own node numbers in pre-order.
        start: (V,) int64, the first leaf below each node, counted within its tree from
            left to right; in the corpus's order, as is `end`.
        end: (V,) int64, one past the last leaf below it.
    """

    order: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


def reading_order(corpus: Corpus) -> ReadingOrder:
    """Find the pre-order and the spans of all trees, in O(V + E)."""
    return ReadingOrder(
        *_reading_order(corpus.tree_offset, corpus.child_offset, corpus.child)
    )


def words(corpus: Corpus, reading: ReadingOrder | None = None) -> list[str]:
    """Return the words of the leaves of all trees, from left to right."""
    order = (reading or reading_order(corpus)).order
    node = np.repeat(corpus.tree_offset[:-1], corpus.sizes) + order
    leaves = node[np.diff(corpus.child_offset)[node] == 0]
    return [corpus.tokens[k] if k >= 0 else "" for k in corpus.token[leaves].tolist()]


@njit(cache=True)
def _reading_order(tree_offset, child_offset, child):
    V = len(child_offset) - 1
    order = np.empty(V, np.int64)
    place = np.zeros(V, np.int64)  # in pre-order
    start = np.zeros(V, np.int64)
    leaves = np.zeros(V, np.int64)
    size = np.ones(V, np.int64)
    for b in range(len(tree_offset) - 1):
        s, e = tree_offset[b], tree_offset[b + 1]
        for v in range(s, e):  # children come before their parents
            for k in range(child_offset[v], child_offset[v + 1]):
                leaves[v] += leaves[s + child[k]]
                size[v] += size[s + child[k]]
            if child_offset[v] == child_offset[v + 1]:
                leaves[v] = 1
        for v in range(e - 1, s - 1, -1):
            order[s + place[v]] = v - s
            at, leaf = place[v] + 1, start[v]
            for k in range(child_offset[v], child_offset[v + 1]):
                c = s + child[k]
                place[c], start[c] = at, leaf
                at += size[c]
                leaf += leaves[c]
    return order, start, start + leaves
