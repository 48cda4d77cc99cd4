"""A Tree-LSTM that sees the sum of its children, and the greatest of each feature."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from treefold.cells.base import Children
from treefold.cells.parameters import uniform
from treefold.cells.tree_lstm import LSTMState, TreeLSTMCell, outputs


@final
class MaxSumTreeLSTMCell(TreeLSTMCell):
    r"""A Child-Sum Tree-LSTM whose gates see the maximum of the children, too.

    For a node :math:`j` with children :math:`C(j)`, Eqs. (2)-(8) of Tai, Socher &
    Manning (2015), with one term more in three of the gates:

    .. math::
        \tilde h_j &= \textstyle\sum_{k \in C(j)} h_k, \qquad
        m_j = \max_{k \in C(j)} h_k \\
        i_j &= \sigma(W_i x_j + U_i \tilde h_j + V_i m_j + b_i) \\
        f_{jk} &= \sigma(W_f x_j + U_f h_k + b_f) \\
        o_j &= \sigma(W_o x_j + U_o \tilde h_j + V_o m_j + b_o) \\
        u_j &= \tanh(W_u x_j + U_u \tilde h_j + V_u m_j + b_u) \\
        c_j &= i_j \odot u_j + \textstyle\sum_k f_{jk} \odot c_k \\
        h_j &= o_j \odot \tanh(c_j)

    A sum counts; whether any child has something, or which has the most of it, drowns
    in the sum of many. The maximum is taken feature by feature, and is 0 without
    children; the order of the children does not matter. Pooling by sum and maximum at
    once is that of Corso et al. (2020, arXiv:2004.05718) for graphs.

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
        weight_mh: (3H, H), the rows of V in the order i | u | o.
        bias: (4H,).

    Example:
        >>> from treefold import Forest, fold
        >>> forest = Forest.from_trees([("a", "b", ("c", "d", "e"))])
        >>> cell = MaxSumTreeLSTMCell(8, 16)
        >>> fold(cell, forest, torch.randn(forest.num_nodes, 8)).h.shape
        torch.Size([7, 16])
    """

    ordered = False

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.weight_hh = uniform(4 * hidden_size, hidden_size, fan=hidden_size)
        self.weight_mh = uniform(3 * hidden_size, hidden_size, fan=hidden_size)

    def forward(self, x: Tensor, children: Children[LSTMState]) -> LSTMState:
        split = [3 * self.hidden_size, self.hidden_size]
        U_iuo, U_f = self.weight_hh.split(split)
        iuo, f = (x + self.bias).split(split, dim=-1)
        if len(children) == 0:
            return outputs(iuo, 0)
        h, c = children.state  # (E, H) each
        f = torch.sigmoid(children.repeat(f) + h @ U_f.T)
        below = children.sum(h) @ U_iuo.T + children.max(h) @ self.weight_mh.T
        return outputs(iuo + below, children.sum(f * c))
