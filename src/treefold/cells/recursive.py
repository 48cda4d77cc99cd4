"""The plain recursive cell (Goller & Küchler, 1996; Socher et al., 2010, 2011)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, final

import torch
from torch import Tensor, nn

from treefold.cells.activations import tanh
from treefold.cells.base import Cell, Children, State
from treefold.cells.parameters import near_mean, uniform, zeros

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": tanh,
    "relu": torch.relu,
    "identity": lambda value: value,
}


def state_or_affine(
    kind: Literal["state", "affine"], input_size: int, hidden_size: int
) -> nn.Parameter | None:
    """Check how a cell takes its input; return W_x of (H, I), or None for "state"."""
    if kind == "affine":
        return uniform(hidden_size, input_size, fan=hidden_size)
    if kind != "state":
        raise ValueError(f'input must be "state" or "affine", got {kind!r}.')
    if input_size != hidden_size:
        raise ValueError(
            f'with input="state" a leaf\'s input is its state, so input_size '
            f"({input_size}) must equal hidden_size ({hidden_size}). "
            'Use input="affine" to map one to the other.'
        )
    return None


def leaf_or(state: Tensor, x: Tensor, children: Children[State]) -> Tensor:
    """Take x as the state of nodes without children, `state` for the others."""
    if children.arity is not None:  # then every node has children
        return state
    return torch.where((children.count == 0)[:, None], x, state)


@final
class RecursiveCell(Cell[State]):
    r"""The recursive net's node function: one layer over the children's states.

    For a node with children :math:`1 \dots K` (Goller & Küchler 1996; Socher 2011):

    .. math::
        h = f(W [h_1; \dots; h_K] + W_x x + b)

    Child-sum (``arity=None``) uses one W for every child, and then the children's
    order does not matter: :math:`h = f(W \sum_k h_k + W_x x + b)`. An empty slot
    counts as zeros. At ``arity=1`` and ``input="affine"`` this is ``torch.nn.RNN``
    (with the sum of its two biases).

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots; None for child-sum.
        activation: f, one of "tanh", "relu", "identity".
        input: "state" takes a leaf's input as its state and gives inner nodes none,
            as Socher does; "affine" adds :math:`W_x x` at any node.

    Shape:
        - x: (N, H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (H, I), W_x; None with ``input="state"``.
        weight_hh: (H, K·H), W, slot by slot; (H, H) for child-sum. With
            ``input="state"`` and slots it begins near the mean of the children.
        bias: (H,).

    Raises:
        ValueError: an unknown activation or kind of input; ``input="state"`` with
            unequal sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = 2,
        activation: Literal["tanh", "relu", "identity"] = "tanh",
        input: Literal["state", "affine"] = "state",
    ):
        super().__init__(input_size, hidden_size)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}, "
                f"got {activation!r}."
            )
        self.max_arity = arity
        self.ordered = arity is not None
        self.activation = activation
        self.leaf_is_input = input == "state"
        slots = 1 if arity is None else arity
        self.weight_ih = state_or_affine(input, input_size, hidden_size)
        if self.leaf_is_input and arity is not None:
            self.weight_hh = near_mean(hidden_size, slots)
            self.bias = zeros(hidden_size)
        else:
            self.weight_hh = uniform(hidden_size, slots * hidden_size, fan=hidden_size)
            self.bias = uniform(hidden_size, fan=hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x if self.weight_ih is None else x @ self.weight_ih.T

    def forward(self, x: Tensor, children: Children[State]) -> State:
        f = ACTIVATIONS[self.activation]
        if len(children) == 0:
            return State(x if self.leaf_is_input else f(x + self.bias))

        if self.max_arity is None:
            below = children.sum(children.state.h)  # (N, H)
        else:
            below = children.slots(self.max_arity).h.flatten(1)  # (N, K·H)
        if not self.leaf_is_input:
            return State(f(torch.addmm(x + self.bias, below, self.weight_hh.T)))
        h = f(torch.addmm(self.bias, below, self.weight_hh.T))
        return State(leaf_or(h, x, children))
