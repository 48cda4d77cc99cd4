"""Zoneout (Krueger et al., 2017, arXiv:1606.01305)."""

from __future__ import annotations

from typing import Any, TypeVar, final

import torch
from torch import Tensor

from treefold.cells.base import Cell, Children
from treefold.cells.combinators import Around, probability

S = TypeVar("S", bound=tuple)


@final
class Zoneout(Around[S]):
    r"""Keep features of the state as they were below, at random.

    For each field s of the state (an LSTM's h and c draw masks of their own):

    .. math::
        s = d \odot \bar s + (1 - d) \odot \tilde s, \qquad d \sim \text{Bernoulli}(p)

    where :math:`\tilde s` is the cell's and :math:`\bar s` the mean of the children's,
    on a chain the step before, and zero below a leaf. In evaluation p stands for d, its
    mean. Gradients pass the kept features unchanged, whatever the depth. Fields of
    whole numbers and truth values are the cell's, as are leaves that are their input.

    Args:
        cell: the cell to wrap.
        p: probability of a feature to stay.

    Raises:
        ValueError: p outside [0, 1).
    """

    def __init__(self, cell: Cell[S], p: float):
        super().__init__(cell)
        self.p = probability(p)

    def forward(self, x: Tensor, children: Children[S]) -> S:
        state = self.cell(x, children)
        if not self.p or (self.leaf_is_input and not len(children)):
            return state
        mixed = (
            self._mix(new, children, below) if new.is_floating_point() else new
            for new, below in zip(state, children.state, strict=True)
        )
        return type(state)(*mixed)

    def _mix(self, new: Tensor, children: Children[Any], below: Tensor) -> Tensor:
        kept: Tensor | float = self.p
        if self.training:
            kept = (torch.rand_like(new) < self.p).to(new.dtype)
        if not len(children):
            return new - kept * new
        mixed = torch.lerp(new, children.mean(below), torch.as_tensor(kept).to(new))
        if self.leaf_is_input and children.arity is None:
            leaf = (children.count == 0).view(-1, *[1] * (new.dim() - 1))
            mixed = torch.where(leaf, new, mixed)
        return mixed
