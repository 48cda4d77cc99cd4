"""The gated recursive cell of Ordered Memory (Shen et al., 2019, arXiv:1910.13466)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells.base import Cell, Children, State
from treefold.cells.parameters import uniform
from treefold.cells.recursive import leaf_or

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu": F.relu}


@final
class GatedRecursiveCell(Cell[State]):
    r"""A gate for each child and one for a candidate, from a net of two layers.

    For a node with children :math:`a` and :math:`b` (Shen et al., 2019):

    .. math::
        [l; r; g; u] &= W_2 \operatorname{act}(W_1 [a; b] + b_1) + b_2 \\
        h &= \operatorname{LN}(\sigma(l) \odot a + \sigma(r) \odot b
            + \sigma(g) \odot u)

    and :math:`h = \operatorname{LN}(W x + b)` at a leaf, with gain and bias of its own.
    With K slots there are K such gates; an empty slot counts as zeros. The act of the
    paper is ReLU; Ray Chowdhury & Caragea (2021, arXiv:2106.06038) take GELU.

    The norm keeps a state of one size however deep the tree, and the gates let a child
    pass unchanged: the cell learns on short expressions what holds on long ones.

    Args:
        input_size: I, features of a leaf's input; inner nodes have none.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots; 2 in the paper.
        inner_size: D, features of the inner layer; None takes the paper's 4H.
        activation: act, "gelu" or "relu".

    Shape:
        - x: (N, H), what `project` made of N leaves' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (H, I), a leaf's W.
        bias: (H,), a leaf's.
        leaf_norm: gain and bias of the leaves' norm, of (H,).
        inner: the linear layer W_1, b_1 from K·H, slot by slot, to D.
        outer: the linear layer W_2, b_2 from D to (K + 2)·H, in the order gate of slot
            1 | … | gate of slot K | g | u.
        norm: gain and bias of the other nodes' norm, of (H,).

    Raises:
        ValueError: an unknown activation, or less than one slot.

    Example:
        >>> from treefold import Forest, fold
        >>> forest = Forest.from_trees([(("not", "a"), ("or", "b"))])
        >>> cell = GatedRecursiveCell(8, 16)
        >>> fold(cell, forest, torch.randn(4, 8), forest.leaves).h.shape
        torch.Size([7, 16])
    """

    leaf_is_input = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int = 2,
        inner_size: int | None = None,
        activation: Literal["gelu", "relu"] = "gelu",
    ):
        super().__init__(input_size, hidden_size)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {', '.join(ACTIVATIONS)}, "
                f"got {activation!r}."
            )
        if arity < 1:
            raise ValueError(f"arity must be at least 1, got {arity}.")
        inner = 4 * hidden_size if inner_size is None else inner_size
        self.max_arity = arity
        self.activation = activation
        self.weight_ih = uniform(hidden_size, input_size, fan=input_size)
        self.bias = uniform(hidden_size, fan=input_size)
        self.leaf_norm = nn.LayerNorm(hidden_size)
        self.inner = nn.Linear(arity * hidden_size, inner)
        self.outer = nn.Linear(inner, (arity + 2) * hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T

    def forward(self, x: Tensor, children: Children[State]) -> State:
        if len(children) == 0:
            return State(self.leaf_norm(x + self.bias))
        K, H = self.max_arity or 0, self.hidden_size
        below = children.slots(K).h  # (N, K, H)
        inner = ACTIVATIONS[self.activation](self.inner(below.flatten(1)))
        gates, u = self.outer(inner).split([(K + 1) * H, H], dim=-1)
        gates = torch.sigmoid(gates).unflatten(1, (K + 1, H))
        passed = torch.cat([below, u[:, None]], dim=1)  # (N, K + 1, H)
        h = self.norm((gates * passed).sum(dim=1))
        if children.arity is None:
            h = leaf_or(h, self.leaf_norm(x + self.bias), children)
        return State(h)
