"""Tree-GRU cells, in the form that is ``torch.nn.GRU`` on chains.

After Kokkinos & Potamianos (2017, arXiv:1701.01811) and Zhou et al. (2016): one reset
gate per child. Here the update is a convex combination of the candidate and the
children, with one update gate per child normalised against the candidate, so that
states cannot grow with depth; with one child it is torch's GRU, where the reset acts
after the product (Cho et al., 2014, have it before).
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from treefold.cells.activations import tanh
from treefold.cells.base import Cell, Children, State
from treefold.cells.parameters import uniform


class _GRUCell(Cell[State]):
    """What both Tree-GRUs share: the input's weights, the biases, and the leaf."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.weight_ih = uniform(3 * hidden_size, input_size, fan=hidden_size)
        self.bias = uniform(3 * hidden_size, fan=hidden_size)
        self.bias_hn = uniform(hidden_size, fan=hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T  # (N, 3H): one product for the whole forest

    def _leaf(self, r: Tensor, z: Tensor, n: Tensor) -> State:
        """One virtual child of zeros: b_hn and the update gate act as on a chain."""
        n = tanh(n + torch.sigmoid(r) * self.bias_hn)
        return State(torch.sigmoid(-z) * n)


@final
class ChildSumTreeGRUCell(_GRUCell):
    r"""Child-Sum Tree-GRU: a reset and an update gate for each child.

    For a node with input x and children :math:`k`:

    .. math::
        r_k &= \sigma(W_r x + U_r h_k + b_r) \\
        a_k &= W_z x + U_z h_k + b_z \\
        n &= \tanh(W_n x + b_n
            + \textstyle\sum_k r_k \odot (U_n h_k + b_{hn})) \\
        z_k &= e^{a_k} / (1 + \textstyle\sum_j e^{a_j}) \\
        h &= (1 - \textstyle\sum_k z_k) \odot n + \textstyle\sum_k z_k \odot h_k

    With one child :math:`z = \sigma(a)`, which is ``torch.nn.GRU``. A node without
    children has one virtual child of zeros. The order of the children does not matter.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.

    Shape:
        - x: (N, 3H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (3H, I), the rows of W in the order r | z | n.
        weight_hh: (3H, H), the rows of U in the same order.
        bias: (3H,), in the same order; b_n stands outside the reset gate.
        bias_hn: (H,), inside it.
    """

    ordered = False

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.weight_hh = uniform(3 * hidden_size, hidden_size, fan=hidden_size)

    def forward(self, x: Tensor, children: Children[State]) -> State:
        x = x + self.bias
        r, z, n = x.chunk(3, dim=-1)  # (N, H) each
        leaf = self._leaf(r, z, n)
        if len(children) == 0:
            return leaf

        h = children.state.h  # (E, H)
        U_r_h, U_z_h, U_n_h = (h @ self.weight_hh.T).chunk(3, dim=-1)
        r = torch.sigmoid(children.repeat(r) + U_r_h)  # (E, H)
        a = children.repeat(z) + U_z_h
        n = tanh(n + children.sum(r * (U_n_h + self.bias_hn)))

        # The softmax over {0, a_1, …, a_K} is shifted by its largest entry.
        top = children.max(a).clamp(min=0).detach()
        e, e_n = torch.exp(a - children.repeat(top)), torch.exp(-top)
        h = (e_n * n + children.sum(e * h)) / (e_n + children.sum(e))
        if children.arity is None:
            h = torch.where((children.count == 0)[:, None], leaf.h, h)
        return State(h)


@final
class NaryTreeGRUCell(_GRUCell):
    r"""N-ary Tree-GRU: children in K slots, gates that see all of them.

    For a node with input x and children :math:`1 \dots K`:

    .. math::
        r_k &= \sigma(W_r x + \textstyle\sum_\ell U_r^{k\ell} h_\ell + b_r) \\
        a_k &= W_z x + \textstyle\sum_\ell U_z^{k\ell} h_\ell + b_z \\
        n &= \tanh(W_n x + b_n
            + \textstyle\sum_k r_k \odot (U_n^k h_k + b_{hn})) \\
        z_k &= e^{a_k} / (1 + \textstyle\sum_j e^{a_j}) \\
        h &= (1 - \textstyle\sum_k z_k) \odot n + \textstyle\sum_k z_k \odot h_k

    Sums over k run over the slots in use. At K = 1 this is ``torch.nn.GRU``. A node
    without children has one virtual child of zeros.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots.

    Shape:
        - x: (N, 3H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (3H, I), the rows of W in the order r | z | n.
        weight_hh: (2·K·H, K·H), rows r of slot 1 | … | r of slot K | z of slot 1 | …,
            columns slot by slot.
        weight_hn: (K, H, H), U_n of each slot.
        bias: (3H,), in the order r | z | n; the slots share them.
        bias_hn: (H,), inside the reset gates.
    """

    def __init__(self, input_size: int, hidden_size: int, *, arity: int = 2):
        super().__init__(input_size, hidden_size)
        H = hidden_size
        self.max_arity = arity
        self.weight_hh = uniform(2 * arity * H, arity * H, fan=H)
        self.weight_hn = uniform(arity, H, H, fan=H)

    def forward(self, x: Tensor, children: Children[State]) -> State:
        K, H = self.max_arity or 0, self.hidden_size
        x = x + self.bias
        r, z, n = x.chunk(3, dim=-1)  # (N, H) each
        leaf = self._leaf(r, z, n)
        if len(children) == 0:
            return leaf

        h = children.slots(K).h  # (N, K, H)
        gates = (h.flatten(1) @ self.weight_hh.T).view(-1, 2, K, H)
        r = torch.sigmoid(r[:, None] + gates[:, 0])  # (N, K, H)
        a = z[:, None] + gates[:, 1]
        U_n_h = (h.transpose(0, 1) @ self.weight_hn.mT).transpose(0, 1) + self.bias_hn
        if children.arity != K:  # an empty slot has neither candidate nor weight
            used = (children.filled(K) > 0)[:, :, None]
            U_n_h = U_n_h * used
            a = a.masked_fill(~used, -torch.inf)
        n = tanh(n + (r * U_n_h).sum(dim=1))

        z = torch.softmax(torch.cat([torch.zeros_like(a[:, :1]), a], dim=1), dim=1)
        h = z[:, 0] * n + (z[:, 1:] * h).sum(dim=1)
        if children.arity is None:
            h = torch.where((children.count == 0)[:, None], leaf.h, h)
        return State(h)
