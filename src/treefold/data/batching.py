"""Batches: trees merged into one forest, as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data import kernels
from treefold.data.corpus import Corpus
from treefold.forest import Forest


@final
@dataclass(frozen=True)
class Batch:
    """B trees of a corpus as one forest of V nodes, N of which have a token.

    Attributes:
        forest: the trees, in level order.
        words: (U,) int64, the distinct tokens, ascending.
        rows: (N,) int64, which of `words` each node that has a token has.
        nodes: (N,) int64, those nodes, ascending; None when every node has a token.
        label: (V,) int64, every node's label, -1 where it has none.
        trees: (B,) int64 numpy array, the trees' numbers in the corpus.
    """

    forest: Forest
    words: Tensor
    rows: Tensor
    nodes: Tensor | None
    label: Tensor
    trees: NDArray[np.int64]

    def __len__(self) -> int:
        """Return B, the number of trees."""
        return len(self.trees)

    @property
    def token(self) -> Tensor:
        """(N,) int64, the tokens of the nodes that have one."""
        return self.words[self.rows]

    def shared(self) -> tuple[Batch, Tensor]:
        """Merge equal subtrees into one node each; see `Forest.share`.

        Returns:
            The batch on the shared forest, whose nodes have no labels, and `node_of`
            (V,), the node that stands for each of ours.
        """
        row = self.rows
        if self.nodes is not None:
            row = row.new_full((self.forest.num_nodes,), -1)
            row[self.nodes] = self.rows
        forest, node_of, first = self.forest.share(row)
        row = row[first]
        nodes = None if self.nodes is None else (row >= 0).nonzero().flatten()
        rows = row if nodes is None else row[nodes]
        bare = torch.full_like(first, -1)
        shared = replace(self, forest=forest, rows=rows, nodes=nodes, label=bare)
        return shared, node_of

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Return the batch on a device."""
        forest = self.forest.to(device, non_blocking)
        return self._carried(forest, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """Return a copy in page-locked memory, for transfer to a GPU without a wait."""
        return self._carried(self.forest.pin_memory(), lambda t: t.pin_memory())

    def _carried(self, forest: Forest, move: Callable[[Tensor], Tensor]) -> Batch:
        return replace(
            self,
            forest=forest,
            words=move(self.words),
            rows=move(self.rows),
            nodes=None if self.nodes is None else move(self.nodes),
            label=move(self.label),
        )


def collate(corpus: Corpus, trees: NDArray[np.int64]) -> Batch:
    """Merge trees into a batch; `trees` are (B,) int64 numbers in 0..len(corpus)-1."""
    *structure, words, rows, nodes, label = kernels.collate(
        trees,
        corpus.tree_offset,
        corpus.child_offset,
        corpus.child,
        corpus.height,
        corpus.token,
        corpus.label,
        len(corpus.tokens),
    )
    return Batch(
        Forest.from_sorted(*structure),
        torch.from_numpy(words),
        torch.from_numpy(rows),
        None if len(nodes) == len(label) else torch.from_numpy(nodes),
        torch.from_numpy(label),
        trees,
    )


def plan_batches(
    corpus: Corpus,
    *,
    batch_size: int | None = None,
    max_nodes: int | None = None,
    height_window: int = 1,
    seed: int | None = None,
    epoch: int = 0,
) -> list[NDArray[np.int64]]:
    """Share the trees of a corpus out to batches; the arguments are `batches`'s.

    Returns:
        For each batch the numbers of its trees; every tree is in one batch.
    """
    if batch_size is None and max_nodes is None:
        batch_size = 25
    sizes = {
        "batch_size": batch_size,
        "max_nodes": max_nodes,
        "height_window": height_window,
    }
    for name, value in sizes.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    random = None if seed is None else np.random.default_rng([seed, epoch])
    B = len(corpus)
    order = np.arange(B) if random is None else random.permutation(B)
    if height_window > 1:
        most = batch_size if batch_size is not None else B
        if max_nodes is not None:
            most = min(most, max(1, max_nodes * B // max(corpus.num_nodes, 1)))
        window = np.arange(B) // (height_window * most)
        # Stable: trees of one height stay shuffled.
        order = order[np.lexsort((corpus.height[corpus.roots[order]], window))]
    if max_nodes is None:
        cuts = np.arange(batch_size or 1, B, batch_size or 1)
    else:
        most = batch_size if batch_size is not None else B
        cuts, n = kernels.cut_by_nodes(order, corpus.tree_offset, max_nodes, most)
        cuts = cuts[:n]
    plan = np.split(order, cuts) if B else []
    if height_window > 1 and random is not None:
        return [plan[i] for i in random.permutation(len(plan))]
    return plan


def batches(
    corpus: Corpus,
    *,
    batch_size: int | None = None,
    max_nodes: int | None = None,
    height_window: int = 1,
    seed: int | None = None,
    epoch: int = 0,
) -> Iterator[Batch]:
    """Go through a corpus once, batch by batch.

    Args:
        corpus: the trees.
        batch_size: the most trees in a batch; 25 where `max_nodes` is not given.
        max_nodes: the most nodes in a batch; a tree that alone has more goes alone.
        height_window: trees are sorted by height within this many batches at a time,
            and the batches shuffled then: fewer levels to run, one after another, for
            batches that are less mixed. 1 leaves the trees as they come.
        seed: shuffles the trees, another way in every epoch; None keeps their order.
        epoch: the number of the epoch. Seed and epoch fix the order: any machine,
            any time.
    """
    plan = plan_batches(
        corpus,
        batch_size=batch_size,
        max_nodes=max_nodes,
        height_window=height_window,
        seed=seed,
        epoch=epoch,
    )
    return (collate(corpus, trees) for trees in plan)
