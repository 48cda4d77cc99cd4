"""The node function of the auto-encoder: children bound to their slots, and added."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Children, State
from treefold.cells.parameters import uniform


@final
class BindingCell(Cell[State]):
    r"""Children bound to their slots by a matrix each, added up, and kept of one size.

    .. math::
        a &= \textstyle\sum_k A_k h_k + b_1 \\
        h &= \operatorname{LN}(\textstyle\sum_k S_k h_k + U \operatorname{gelu}(a)
            + W x + b_2)

    The matrices :math:`S_k` begin orthogonal: a sum of turned states, from which the
    turn back brings out each child, and noise of the others (Plate, 1995, binds so by
    convolution, Smolensky, 1990, by products). Training makes the noise less, and adds
    the net of one inner layer, which starts small. The norm keeps a state of one size
    however deep the tree.

    In a transposed tree, where the one parent of a node stands in the node's slot, the
    same cell takes a state apart: :math:`S_k` then leads from a state to child k.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots.
        inner_size: D, features of the net's inner layer.
        leaf_is_input: a leaf's input is its state, of H, and inner nodes have none;
            there is no W then.

    Shape:
        - x: (N, H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (H, I), W; None where a leaf's input is its state.
        weight_hh: (H + D, K·H), the rows of S and then of A, slot by slot.
        bias: (H + D,), b_2 and then b_1.
        inner: (H, D), U.
        norm: gain and bias, of (H,).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int = 2,
        inner_size: int = 128,
        leaf_is_input: bool = False,
    ):
        super().__init__(input_size, hidden_size)
        H, D = hidden_size, inner_size
        self.max_arity = arity
        self.inner_size = D
        self.leaf_is_input = leaf_is_input
        self.weight_ih = None if leaf_is_input else uniform(H, input_size, fan=H)
        self.weight_hh = uniform(H + D, arity * H, fan=H)
        with torch.no_grad():
            for k in range(arity):
                nn.init.orthogonal_(self.slot(k)[:H])
        self.bias = nn.Parameter(torch.zeros(H + D))
        self.inner = uniform(H, D, fan=D, scale=0.1)
        self.norm = nn.LayerNorm(H)

    def slot(self, k: int) -> Tensor:
        """Return the weights of a slot, (H + D, H), as a view."""
        return self.weight_hh[:, k * self.hidden_size : (k + 1) * self.hidden_size]

    def undo_(self, other: BindingCell) -> None:
        """Begin so that each slot turns back what it turns in another cell."""
        H = self.hidden_size
        with torch.no_grad():
            for k in range(self.max_arity or 0):
                self.slot(k)[:H] = other.slot(k)[:H].T

    def project(self, x: Tensor) -> Tensor:
        return x if self.weight_ih is None else x @ self.weight_ih.T

    def forward(self, x: Tensor, children: Children[State]) -> State:
        if self.leaf_is_input and len(children) == 0:
            return State(x)
        below = self._bound(children)
        if self.leaf_is_input:
            h = self._joined(below)
            if children.arity is None:
                h = torch.where((children.count == 0)[:, None], x, h)
            return State(h)
        return State(self._joined(F.pad(x, (0, self.inner_size)) + below))

    def _bound(self, children: Children[State]) -> Tensor:
        """Return the sum over the slots of their products, (N, H + D)."""
        h, K = children.state.h, self.max_arity
        if children.arity == K:
            return h.reshape(children.num_nodes, -1) @ self.weight_hh.T
        # Slot by slot, for most are empty: going down, a node has but one.
        sum_ = h.new_zeros(children.num_nodes, len(self.bias))
        for k in range(K or 0):
            here = (children.slot == k).nonzero().squeeze(1)
            product = h.index_select(0, here) @ self.slot(k).T
            sum_ = sum_.index_add(0, children.parent.index_select(0, here), product)
        return sum_

    def _joined(self, sum_: Tensor) -> Tensor:
        s, a = (sum_ + self.bias).split([self.hidden_size, self.inner_size], dim=-1)
        return self.norm(s + F.gelu(a) @ self.inner.T)
