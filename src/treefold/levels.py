"""Levels of a forest: the batches in which a fold visits its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from treefold import structure

TOGETHER = 1024  # levels whose views are made at once


class Level(NamedTuple):
    """Nodes of one height; every child of theirs stands in an earlier level.

    Attributes:
        start, stop: the N nodes are places start..stop-1 of the level order.
        child: (E,) places of their children, node by node in order.
        parent: (E,) which of the level's nodes, 0..N-1, each child belongs to.
        slot: (E,) which child of its parent each one is.
        arity: K where every node fills the slots 0..K-1 in order, else None.
    """

    start: int
    stop: int
    child: Tensor
    parent: Tensor
    slot: Tensor
    arity: int | None


class Levels(Sequence[Level]):
    """The levels of a forest, leaves first, each made when asked for.

    Places count the nodes in level order: by height, and by number within a height.
    For chains the `sizes` are ``PackedSequence.batch_sizes``.

    Attributes:
        order: (V,) int64, the node at each place; None where place and node agree.
        place: (V,) int64, the inverse of `order`; None likewise.
        offset: L + 1 ints, where each level begins.
        sizes: (L,) int64 tensor on the CPU.
    """

    # Kept for other folds, so made as ordinary tensors in inference mode, too.
    @torch.inference_mode(False)
    def __init__(
        self,
        offset: np.ndarray,
        child: np.ndarray,
        slot: np.ndarray,
        order: np.ndarray | None,
        level_offset: np.ndarray,
        device: torch.device,
    ):
        self.order = self.place = None
        if order is not None:
            place = np.empty_like(order)
            place[order] = np.arange(len(order))
            self.order = torch.from_numpy(order).to(device)
            self.place = torch.from_numpy(place).to(device)
            offset, child, slot = structure.renumber(offset, child, slot, order)
        self._node_offset = offset
        self._level_offset = level_offset
        self._device = device
        self._child = torch.from_numpy(child).to(device)
        self._slot = torch.from_numpy(slot).to(device)
        self.offset: list[int] = level_offset.tolist()
        self._edge_offset: list[int] = offset[level_offset].tolist()
        self._arity: list[int] = structure.regularity(
            offset, slot, level_offset
        ).tolist()

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Offset, child and slot of the forest in level order, and the level offset."""
        child, slot = self._child.numpy(force=True), self._slot.numpy(force=True)
        return self._node_offset, child, slot, self._level_offset

    @cached_property
    @torch.inference_mode(False)
    def node_offset(self) -> Tensor:
        """(V + 1,) int64, where the edges of the node at each place begin."""
        return torch.from_numpy(self._node_offset).to(self._device)

    @cached_property
    @torch.inference_mode(False)
    def _parent(self) -> Tensor:
        start = np.repeat(self._level_offset[:-1], np.diff(self._level_offset))
        within = np.arange(len(start)) - start  # number of each node in its level
        parent = np.repeat(within, np.diff(self._node_offset))
        return torch.from_numpy(parent).to(self._device)

    @property
    def sizes(self) -> Tensor:
        return torch.from_numpy(np.diff(self._level_offset))

    def __len__(self) -> int:
        return len(self._arity)

    def child(self, number: int) -> Tensor:
        """Return the ``child`` of a level."""
        return self._child[self._edge_offset[number] : self._edge_offset[number + 1]]

    @overload
    def __getitem__(self, index: int) -> Level: ...
    @overload
    def __getitem__(self, index: slice) -> list[Level]: ...
    def __getitem__(self, index: int | slice) -> Level | list[Level]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"level {index} of a forest with {len(self)} levels")
        index %= len(self)
        edges = slice(self._edge_offset[index], self._edge_offset[index + 1])
        return Level(
            self.offset[index],
            self.offset[index + 1],
            self._child[edges],
            self._parent[edges],
            self._slot[edges],
            None if self._arity[index] < 0 else self._arity[index],
        )

    def __iter__(self) -> Iterator[Level]:
        # Views made together cost a third of views made one by one; all at once, those
        # of a chain of a million nodes would fill the memory.
        for first in range(0, len(self), TOGETHER):
            numbers = range(first, min(first + TOGETHER, len(self)))
            begin = self._edge_offset[first : numbers.stop + 1]
            edges, sizes = (
                slice(begin[0], begin[-1]),
                [b - a for a, b in pairwise(begin)],
            )
            views = (
                t[edges].split(sizes) for t in (self._child, self._parent, self._slot)
            )
            for i, child, parent, slot in zip(numbers, *views, strict=True):
                arity = None if self._arity[i] < 0 else self._arity[i]
                start, stop = self.offset[i], self.offset[i + 1]
                yield Level(start, stop, child, parent, slot, arity)
