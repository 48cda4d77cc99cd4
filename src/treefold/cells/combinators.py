"""Cells made of cells: what they share, and the two dropouts of a state."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any, TypeVar, final

import torch
from torch import Tensor
from torch.nn import functional as F

from treefold.cells.base import Cell, Children

S = TypeVar("S", bound=tuple)


class Around(Cell[S]):
    """A cell around another: it takes the inner cell's inputs, sizes and promises.

    Args:
        cell: the cell to wrap.
    """

    def __init__(self, cell: Cell[Any]):
        super().__init__(cell.input_size, cell.hidden_size)
        self.cell = cell
        self.ordered = cell.ordered
        self.max_arity = cell.max_arity
        self.leaf_is_input = cell.leaf_is_input

    def project(self, x: Tensor) -> Tensor:
        return self.cell.project(x)

    def zeros(self, num_nodes: int, like: Tensor) -> S:
        return self.cell.zeros(num_nodes, like)


@final
class Dropout(Around[S]):
    """Drop features of the states h that a parent sees, anew for every edge.

    The node's own state, which `fold` returns, is left whole. Acts in training mode
    only. The other fields of the state (an LSTM's memory) are not touched.

    Args:
        cell: the cell to wrap.
        p: probability of a feature to be dropped; the rest is scaled by 1/(1 - p).

    Raises:
        ValueError: p outside [0, 1).
    """

    def __init__(self, cell: Cell[S], p: float):
        super().__init__(cell)
        self.p = probability(p)

    def forward(self, x: Tensor, children: Children[S]) -> S:
        if self.training and self.p and len(children):
            h, *others = children.state
            state = type(children.state)(F.dropout(h, self.p), *others)
            children = with_state(children, state)
        return self.cell(x, children)


@final
class TiedDropout(Around[Any]):
    """Drop the same features of h below every node of a structure (variational).

    Gal & Ghahramani (2016, arXiv:1512.05287) draw one mask a sequence and keep it at
    every step. Here the mask travels with the state, as its last field: `begin` draws
    one a structure, which goes in as the `initial` state of a fold. Without it each
    leaf draws its own and a node takes that of its first child; on a chain the two are
    the same. Acts in training mode only, on h alone.

    Args:
        cell: the cell to wrap; its state gets the field ``dropped``, (N, H) uint8.
        p: probability of a feature to be dropped; the rest is scaled by 1/(1 - p).

    Raises:
        ValueError: p outside [0, 1).
    """

    def __init__(self, cell: Cell[Any], p: float):
        super().__init__(cell)
        self.p = probability(p)

    def zeros(self, num_nodes: int, like: Tensor) -> Any:
        inner = self.cell.zeros(num_nodes, like)
        return _masked(inner, torch.zeros_like(inner[0], dtype=torch.uint8))

    def begin(self, initial: Any, num_trees: int, like: Tensor) -> Any:
        """Give an initial state of the inner cell, or None, a mask a structure."""
        fields = self.cell.zeros(1, like) if initial is None else initial
        state = type(self.cell.zeros(0, like))(
            *(f.expand(num_trees, *f.shape[1:]) for f in fields)
        )
        return _masked(state, self._draw(state[0]))

    def forward(self, x: Tensor, children: Children[Any]) -> Any:
        *fields, dropped = children.state
        inner = type(self.cell.zeros(0, fields[0]))
        if len(children) and self.training and self.p:
            fields[0] = fields[0].masked_fill(dropped.bool(), 0) / (1 - self.p)
        state = self.cell(x, with_state(children, inner(*fields)))
        if len(children) == 0:
            return _masked(state, self._draw(state[0]))
        first = children.count.cumsum(0) - children.count  # child of each node
        above = dropped[first.clamp(max=len(children) - 1)]
        if children.arity is None:
            drawn = self._draw(state[0])
            above = torch.where((children.count > 0)[:, None], above, drawn)
        return _masked(state, above)

    def _draw(self, like: Tensor) -> Tensor:
        if self.training and self.p:
            return (torch.rand_like(like) < self.p).to(torch.uint8)
        return torch.zeros_like(like, dtype=torch.uint8)


def probability(p: float) -> float:
    """Check a probability of dropping."""
    if not 0 <= p < 1:
        raise ValueError(f"p must be a probability below 1, got {p}.")
    return p


def with_state(children: Children[Any], state: S) -> Children[S]:
    """Return the same children with other states."""
    return Children(
        state, children.parent, children.slot, children.num_nodes, children.arity
    )


@cache
def _with_mask(inner: type) -> Any:
    """Make the state type of an inner state type and a mask."""
    return namedtuple(f"Masked{inner.__name__}", (*inner._fields, "dropped"))  # type: ignore[attr-defined]


def _masked(state: Any, mask: Tensor) -> Any:
    return _with_mask(type(state))(*state, mask)
