"""The recursive net's cell with layer norm (Ba, Kiros & Hinton, arXiv:1607.06450)."""

from __future__ import annotations

from typing import Literal, final

from torch import Tensor, nn

from treefold.cells.base import Cell, Children, State
from treefold.cells.parameters import uniform
from treefold.cells.recursive import ACTIVATIONS


@final
class LayerNormRecursiveCell(Cell[State]):
    r"""The recursive net's cell with layer norm: :math:`h = f(\text{LN}(W h + W_x x))`.

    Ba, Kiros & Hinton (2016), section 3.1: the sum is normalised as a whole,
    then scaled and shifted, which takes the bias's place.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K slots for children; None sums them first.
        activation: f, "tanh", "relu" or "identity".

    Shape:
        - x: (N, H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (H, I).
        weight_hh: (H, K·H), slot by slot; (H, H) for child-sum.
        norm: gain and bias, of (H,).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        activation: Literal["tanh", "relu", "identity"] = "tanh",
    ):
        super().__init__(input_size, hidden_size)
        slots = 1 if arity is None else arity
        self.max_arity = arity
        self.ordered = arity is not None
        self.activation = activation
        self.weight_ih = uniform(hidden_size, input_size, fan=hidden_size)
        self.weight_hh = uniform(hidden_size, slots * hidden_size, fan=hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T

    def forward(self, x: Tensor, children: Children[State]) -> State:
        if len(children):
            h = children.state.h
            if self.max_arity is None:
                below = children.sum(h)
            else:
                below = children.slots(self.max_arity).h.flatten(1)
            x = x + below @ self.weight_hh.T
        return State(ACTIVATIONS[self.activation](self.norm(x)))
