"""Batches of pairs of sequences: what is read, and what is to be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.sequences import Sequences, chains
from treefold.forest import Forest


@final
@dataclass(frozen=True)
class Sources:
    """B sequences to read, as one forest of chains.

    Attributes:
        forest: the sequences, in level order.
        tokens: (V,) int64, the token of each node.
        nodes: (B, S) int64, the node of each step of each sequence; any at padding.
        mask: (B, S) bool, where there is a step.
    """

    forest: Forest
    tokens: Tensor
    nodes: Tensor
    mask: Tensor

    def __len__(self) -> int:
        """Return B."""
        return len(self.mask)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return them on a device."""
        forest = self.forest.to(device, non_blocking)
        return self._carried(forest, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """Return a copy in page-locked memory."""
        return self._carried(self.forest.pin_memory(), lambda t: t.pin_memory())

    def _carried(self, forest: Forest, move: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(forest, move(self.tokens), move(self.nodes), move(self.mask))


@final
@dataclass(frozen=True)
class Pairs:
    """B pairs of sequences, the longer targets first.

    The targets lie step by step, as in torch's ``PackedSequence``: at step t only the
    first ``sizes[t]`` of them go on, so that there is no padding among them.

    Attributes:
        sources: what to read.
        sizes: how many targets reach each step; the end token counts as one.
        previous: (W,) int64, the token before each step, -1 at the first.
        labels: (W,) int64, the token at each step.
        numbers: (B,) int64 numpy array, the pairs' numbers in the data.
    """

    sources: Sources
    sizes: list[int]
    previous: Tensor
    labels: Tensor
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        """Return B."""
        return len(self.sources)

    @property
    def pair(self) -> Tensor:
        """(W,) int64, the pair that each step is of, 0 to B - 1."""
        return torch.cat([torch.arange(size) for size in self.sizes])

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return them on a device."""
        return type(self)(
            self.sources.to(device, non_blocking),
            self.sizes,
            self.previous.to(device, non_blocking=non_blocking),
            self.labels.to(device, non_blocking=non_blocking),
            self.numbers,
        )

    def pin_memory(self) -> Self:
        """Return a copy in page-locked memory."""
        return type(self)(
            self.sources.pin_memory(),
            self.sizes,
            self.previous.pin_memory(),
            self.labels.pin_memory(),
            self.numbers,
        )


def collate_sources(sources: Sequences, numbers: NDArray[np.int64]) -> Sources:
    """Make sources of these numbers a forest; every one has a step."""
    forest, order, tokens = chains(sources, numbers)
    lengths = sources.lengths[numbers]
    mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
    place = np.empty(len(order), np.int64)  # in level order, of each step in line
    place[order.numpy()] = np.arange(len(order))
    nodes = np.zeros(mask.shape, np.int64)
    nodes[mask] = place
    return Sources(forest, tokens, torch.from_numpy(nodes), torch.from_numpy(mask))


def collate_pairs(
    sources: Sequences, targets: Sequences, numbers: NDArray[np.int64]
) -> Pairs:
    """Make a batch of pairs; the end token is the last step of each target.

    Args:
        sources: of all pairs.
        targets: of all pairs.
        numbers: (B,) int64, the pairs of this batch, in any order.
    """
    # Stable, so that a batch in order stays as it is.
    numbers = numbers[np.argsort(-targets.lengths[numbers], kind="stable")]
    lengths = targets.lengths[numbers]
    step = np.arange(lengths.max(initial=0))[:, None]
    going_on = step < lengths  # (T, B), true in front
    place = (targets.offset[numbers] + step)[going_on]
    labels = targets.step[place]
    previous = targets.step[place - 1]
    previous[: len(numbers)] = -1  # there it was the end of another target
    return Pairs(
        collate_sources(sources, numbers),
        going_on.sum(axis=1).tolist(),
        torch.from_numpy(previous),
        torch.from_numpy(labels),
        numbers,
    )
