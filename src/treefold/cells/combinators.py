"""Cells made of cells."""

from __future__ import annotations

from typing import TypeVar, final

from torch import Tensor
from torch.nn import functional as F

from treefold.cells.base import Cell, Children

S = TypeVar("S", bound=tuple)


@final
class Dropout(Cell[S]):
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
        super().__init__(cell.input_size, cell.hidden_size)
        if not 0 <= p < 1:
            raise ValueError(f"p must be a probability below 1, got {p}.")
        self.cell = cell
        self.p = p
        self.ordered = cell.ordered
        self.max_arity = cell.max_arity
        self.leaf_is_input = cell.leaf_is_input

    def project(self, x: Tensor) -> Tensor:
        return self.cell.project(x)

    def zeros(self, num_nodes: int, like: Tensor) -> S:
        return self.cell.zeros(num_nodes, like)

    def forward(self, x: Tensor, children: Children[S]) -> S:
        if self.training and self.p and len(children):
            h, *others = children.state
            state = type(children.state)(F.dropout(h, self.p), *others)
            children = Children(
                state,
                children.parent,
                children.slot,
                children.num_nodes,
                children.arity,
            )
        return self.cell(x, children)
