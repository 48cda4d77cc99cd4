"""A cell that lets the gradient of every node's state be read."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from treefold.cells.base import Cell, Children
from treefold.cells.combinators import Around


@final
class Probe(Around[Any]):
    r"""Add to each node's h an input of its own, whose gradient is that of h.

    .. math:: h_v = f(x_v, \dots) + e_v
        \quad\Rightarrow\quad \frac{\partial L}{\partial e_v} = \frac{dL}{dh_v}

    With :math:`e = 0` nothing changes, and after ``backward`` ``e.grad`` holds, for
    every node, all that reaches its state: from a loss at the node itself and through
    all that is above it.

    Args:
        cell: the cell to wrap. Every node has input: [x; e], of I + H features. Rows
            of zeros stand for none, so nodes that the inner cell gives no input, as
            inner nodes where `leaf_is_input`, get x = 0.

    Example:
        >>> from treefold import Forest, fold
        >>> from treefold.cells import NaryTreeLSTMCell
        >>> forest, cell = Forest([[], [], [0, 1]]), NaryTreeLSTMCell(4, 8)
        >>> x, e = torch.randn(3, 4), torch.zeros(3, 8, requires_grad=True)
        >>> fold(Probe(cell), forest, torch.cat([x, e], dim=1)).h[2].sum().backward()
        >>> e.grad.shape
        torch.Size([3, 8])
    """

    def __init__(self, cell: Cell[Any]):
        super().__init__(cell)
        self.leaf_is_input = False
        self.input_size = cell.input_size + cell.hidden_size

    def project(self, x: Tensor) -> Tensor:
        x, e = x.split([self.cell.input_size, self.hidden_size], dim=1)
        return torch.cat([self.cell.project(x), e], dim=1)

    def forward(self, x: Tensor, children: Children[Any]) -> Any:
        x, e = x.split([x.shape[1] - self.hidden_size, self.hidden_size], dim=1)
        h, *others = state = self.cell(x, children)
        return type(state)(h + e, *others)
