"""Tree-LSTM cells (Tai, Socher & Manning, 2015, arXiv:1503.00075)."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from treefold.cells.activations import tanh
from treefold.cells.base import Cell, Children
from treefold.cells.parameters import uniform


class LSTMState(NamedTuple):
    """Hidden and memory state of an LSTM cell, each of shape (N, H)."""

    h: Tensor
    c: Tensor


class TreeLSTMCell(Cell[LSTMState]):
    """What both Tree-LSTMs share: the input's weights, biases, and two fields."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.weight_ih = uniform(4 * hidden_size, input_size, fan=hidden_size)
        self.bias = uniform(4 * hidden_size, fan=hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T  # (N, 4H): one product for the whole forest

    def zeros(self, num_nodes: int, like: Tensor) -> LSTMState:
        zeros = like.new_zeros(num_nodes, self.hidden_size)
        return LSTMState(zeros, zeros)


@final
class ChildSumTreeLSTMCell(TreeLSTMCell):
    r"""Child-Sum Tree-LSTM: an LSTM with one forget gate per child.

    For a node :math:`j` with children :math:`C(j)`, Eqs. (2)-(8) of the paper:

    .. math::
        \tilde h_j &= \textstyle\sum_{k \in C(j)} h_k             && (2) \\
        i_j &= \sigma(W_i x_j + U_i \tilde h_j + b_i)             && (3) \\
        f_{jk} &= \sigma(W_f x_j + U_f h_k + b_f)                 && (4) \\
        o_j &= \sigma(W_o x_j + U_o \tilde h_j + b_o)             && (5) \\
        u_j &= \tanh(W_u x_j + U_u \tilde h_j + b_u)              && (6) \\
        c_j &= i_j \odot u_j + \textstyle\sum_k f_{jk} \odot c_k  && (7) \\
        h_j &= o_j \odot \tanh(c_j)                               && (8)

    The order of the children does not matter. On a chain this is ``torch.nn.LSTM``.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.

    Shape:
        - x: (N, 4H), what `project` made of N nodes' inputs.
        - children.state: ``LSTMState`` of (E, H), one row per child.
        - output: ``LSTMState`` of (N, H).

    Attributes:
        weight_ih: (4H, I), the rows of W in the order i | u | o | f.
        weight_hh: (4H, H), the rows of U in the same order.
        bias: (4H,), one bias per gate, as in the paper; ``torch.nn.LSTM`` has two.
    """

    ordered = False

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.weight_hh = uniform(4 * hidden_size, hidden_size, fan=hidden_size)

    def forward(self, x: Tensor, children: Children[LSTMState]) -> LSTMState:
        # The forget rows stand last because they alone meet every child by itself;
        # i, u and o meet only the sum (Eq. 2), so they take one product per node.
        split = [3 * self.hidden_size, self.hidden_size]
        U_iuo, U_f = self.weight_hh.split(split)
        iuo, f = (x + self.bias).split(split, dim=-1)
        if len(children) == 0:  # both sums over no children are zero
            return outputs(iuo, 0)

        h, c = children.state  # (E, H) each
        f = torch.sigmoid(children.repeat(f) + h @ U_f.T)  # (E, H), Eq. 4
        return outputs(iuo + children.sum(h) @ U_iuo.T, children.sum(f * c))


@final
class NaryTreeLSTMCell(TreeLSTMCell):
    r"""N-ary Tree-LSTM: children in K slots, a forget matrix for each pair of slots.

    For a node :math:`j` with children :math:`1 \dots K`, Eqs. (9)-(14) of the paper:

    .. math::
        i_j &= \sigma(W_i x_j + \textstyle\sum_\ell U_i^\ell h_{j\ell} + b_i) && (9) \\
        f_{jk} &= \sigma(W_f x_j
            + \textstyle\sum_\ell U_f^{k\ell} h_{j\ell} + b_f)                && (10) \\
        o_j &= \sigma(W_o x_j + \textstyle\sum_\ell U_o^\ell h_{j\ell} + b_o) && (11) \\
        u_j &= \tanh(W_u x_j + \textstyle\sum_\ell U_u^\ell h_{j\ell} + b_u)  && (12) \\
        c_j &= i_j \odot u_j + \textstyle\sum_\ell f_{j\ell} \odot c_{j\ell}  && (13) \\
        h_j &= o_j \odot \tanh(c_j)                                           && (14)

    A node may have fewer children than slots: an empty slot counts as zeros. At K = 1
    this is ``torch.nn.LSTM``.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots.

    Shape:
        - x: (N, 4H), what `project` made of N nodes' inputs.
        - children.state: ``LSTMState`` of (E, H).
        - output: ``LSTMState`` of (N, H).

    Attributes:
        weight_ih: (4H, I), the rows of W in the order i | u | o | f.
        weight_hh: ((3 + K)·H, K·H), rows i | u | o | f of slot 1 | … | f of slot K,
            columns slot by slot.
        bias: (4H,), one bias per gate; the slots share the forget gates'.
    """

    def __init__(self, input_size: int, hidden_size: int, *, arity: int = 2):
        super().__init__(input_size, hidden_size)
        self.max_arity = arity
        self.weight_hh = uniform(
            (3 + arity) * hidden_size, arity * hidden_size, fan=hidden_size
        )

    def forward(self, x: Tensor, children: Children[LSTMState]) -> LSTMState:
        K, H = self.max_arity or 0, self.hidden_size
        iuo, f = (x + self.bias).split([3 * H, H], dim=-1)
        if len(children) == 0:
            return outputs(iuo, 0)

        h, c = children.slots(K)  # (N, K, H) each
        U_iuo_h, U_f_h = (h.flatten(1) @ self.weight_hh.T).split([3 * H, K * H], dim=-1)
        f = torch.sigmoid(f[:, None] + U_f_h.unflatten(1, (K, H)))  # (N, K, H), Eq. 10
        return outputs(iuo + U_iuo_h, (f * c).sum(dim=1))


def outputs(iuo: Tensor, kept: Tensor | int) -> LSTMState:
    """Make the state of gates i | u | o before activation and of the memory kept."""
    i, u, o = iuo.chunk(3, dim=-1)
    c = torch.sigmoid(i) * tanh(u) + kept  # Eqs. 7 and 13
    return LSTMState(torch.sigmoid(o) * tanh(c), c)
