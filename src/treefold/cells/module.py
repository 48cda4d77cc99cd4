"""Any module as a node function (Frasconi, Gori & Sperduti, 1998)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from treefold.cells.base import Cell, Children, State


@final
class ModuleCell(Cell[State]):
    r"""A node function that is any module: :math:`h = f([x; h_1; \dots; h_K])`.

    Frasconi, Gori & Sperduti (1998, IEEE Transactions on Neural Networks 9:5) let the
    state of a node be any function f of its label and of the states of its ordered
    children, with a fixed frontier state :math:`h_0` where a child is missing; here
    that state is zeros. The children of a node that share a slot, as in a transposed
    DAG, are added.

    Args:
        module: f, from (N, I + K·H) to (N, H); rows must not see each other.
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots.

    Shape:
        - x: (N, I).
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        module: f.

    Example:
        >>> from treefold import Forest, fold
        >>> f = nn.Sequential(nn.Linear(3 + 2 * 4, 16), nn.GELU(), nn.Linear(16, 4))
        >>> cell = ModuleCell(f, 3, 4)
        >>> shared = Forest([[], [0], [0], [1, 2]])  # a DAG: 0 is below 1 and 2
        >>> fold(cell, shared, torch.randn(4, 3)).h.shape
        torch.Size([4, 4])
    """

    def __init__(
        self, module: nn.Module, input_size: int, hidden_size: int, *, arity: int = 2
    ):
        super().__init__(input_size, hidden_size)
        self.max_arity = arity
        self.module = module

    def forward(self, x: Tensor, children: Children[State]) -> State:
        K, H = self.max_arity or 0, self.hidden_size
        if len(children) == 0:
            below = x.new_zeros(len(x), K * H)
        else:
            below = children.slots(K).h.flatten(1)  # (N, K·H)
        return State(self.module(torch.cat([x, below], dim=-1)))
