"""A document again and again, each time without one of its subtrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from treefold.data import kernels
from treefold.data.corpus import Corpus
from treefold.data.documents import Documents

Int64 = NDArray[np.int64]


class Subtrees:
    """The nodes of one document, by where their subtrees lie.

    Args:
        parent: of each node, -1 at the root; a parent comes before its children.

    Attributes:
        parent: (V,) the same as an array.
        size: (V,) how many nodes each subtree has.
        first: (V,) the place of each node in depth-first order, in which its subtree
            is at ``first[v]:first[v] + size[v]``.
        depth: (V,) levels above each node.
    """

    def __init__(self, parent: Sequence[int]):
        V = len(parent)
        self.parent = np.asarray(parent, np.int64)
        size, depth, first = [1] * V, [0] * V, [0] * V
        for v in range(V - 1, 0, -1):
            size[parent[v]] += size[v]
        free = [1] * V  # where the next child's subtree begins, from its parent's place
        for v in range(1, V):
            p = parent[v]
            depth[v] = depth[p] + 1
            first[v] = first[p] + free[p]
            free[p] += size[v]
        self.size = np.asarray(size, np.int64)
        self.depth = np.asarray(depth, np.int64)
        self.first = np.asarray(first, np.int64)

    def sums(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each node the sum of a value over its subtree, (V,)."""
        before = np.zeros(len(value) + 1)
        ordered = np.empty(len(value))
        ordered[self.first] = value
        np.cumsum(ordered, out=before[1:])
        return before[self.first + self.size] - before[self.first]


def without(documents: Documents, nodes: Sequence[int], below: Subtrees) -> Documents:
    """Return one document M times, each time without the subtree of a node.

    Contents are those of the original, as they were: brothers keep their positions.

    Args:
        documents: one of them.
        nodes: M nodes, none of them the root, by their numbers in the `Document`.
        below: its subtrees.
    """
    chosen = np.asarray(nodes, np.int64)
    V = len(below.parent)
    where = below.first[None] - below.first[chosen][:, None]  # (M, V)
    kept = (where < 0) | (where >= below.size[chosen][:, None])
    # Numbers of the nodes that stay, counted anew in each variant.
    number = kept.cumsum(axis=1) - 1
    variant, node = np.nonzero(kept)
    above = below.parent[node]
    parent = np.where(above >= 0, number[variant, above], -1).astype(np.int32)
    offset = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])

    corpus = documents.corpus
    token, label = np.empty(V, np.int32), np.empty(V, np.int32)
    token[documents.node] = corpus.token
    label[documents.node] = corpus.label
    trees = Corpus.from_parents(
        offset,
        parent,
        token[node],
        label[node],
        corpus.tokens,
        corpus.labels,
        source="documents",
    )
    order = kernels.level_order(offset.astype(np.int64), parent)[0]
    first = np.repeat(offset[:-1], np.diff(offset))
    return Documents(
        trees,
        documents.contents,
        (order - first).astype(np.int32),
        documents.targets * len(chosen),
        documents.places * len(chosen),
    )
