"""Trees merged into one batch, with numpy: what the peers' own collation is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from peers.protocol import Corpus


class Levels(NamedTuple):
    """A batch of V nodes by height: level k is ``offset[k]:offset[k+1]``.

    Attributes:
        offset: (L+1,) where the levels begin.
        word: (leaves,) the words of the leaves, which are the first nodes.
        children: (inner, 2) the children of the others.
        label: (V,) the labels.
        roots: (B,) the trees' roots.
    """

    offset: np.ndarray
    word: np.ndarray
    children: np.ndarray
    label: np.ndarray
    roots: np.ndarray


def nodes_of(corpus: Corpus, trees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of some trees, tree by tree, and how many each tree has."""
    size = corpus.offset[trees + 1] - corpus.offset[trees]
    before = np.cumsum(size) - size
    begin = np.repeat(corpus.offset[trees] - before, size)
    return begin + np.arange(size.sum()), size


def collate(corpus: Corpus, trees: np.ndarray) -> Levels:
    """Merge trees into one batch and number its nodes by height."""
    node, size = nodes_of(corpus, trees)
    height = corpus.height[node]
    order = np.argsort(height, kind="stable")
    place = np.empty(len(node), np.int64)
    place[order] = np.arange(len(node))

    counts = np.bincount(height)
    node, leaves = node[order], counts[0]
    base = np.repeat(np.cumsum(size) - size, size)[order][leaves:]
    inner = node[leaves:]
    children = np.stack([corpus.left[inner] + base, corpus.right[inner] + base], axis=1)
    return Levels(
        np.concatenate([[0], np.cumsum(counts)]),
        corpus.word[node[:leaves]],
        place[children],
        corpus.label[node],
        place[np.cumsum(size) - 1],
    )
