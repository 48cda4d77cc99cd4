"""A cell for any number of children: their messages, pooled in three ways."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells.base import Cell, Children, State
from treefold.cells.parameters import uniform


@final
class PooledCell(Cell[State]):
    r"""A function of the set of the children: mean, maximum and phase of messages.

    For a node with input x and children :math:`k = 1 \dots n`:

    .. math::
        m_k &= W_b \operatorname{GELU}(W_a h_k + U_a x + b_a) + b_b \\
        \theta &= \textstyle\sum_k W_\theta \operatorname{GELU}(m_k) \\
        p &= [\operatorname{mean}_k m_k; \operatorname{max}_k m_k;
            \cos \theta; \sin \theta] \\
        h &= \operatorname{LN}(W_2 \operatorname{GELU}(W_1 p + U_1 x + b_1) + b_2)

    A sum over pooled messages can be any function of a set (Deep Sets, Zaheer et al.,
    2017, arXiv:1703.06114), and several pools tell apart what one confuses (Corso et
    al., 2020, arXiv:2004.05718). These three have values of one range whatever n is,
    so that what is learned on few children may hold for many: the maximum tells
    extremes, the mean the shares of the kinds of children (a median, a majority), and
    the phase, an angle for each child added up, what counts around in a circle (a sum
    modulo a number, a parity). A plain sum is left out, as it grows with n.

    The order of the children does not matter. A node without children has one virtual
    child of zeros.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        message_size: D, features of a message; None takes H.
        num_phases: P, angles; None takes a quarter of H, at least 1.

    Shape:
        - x: (N, D + M), what `project` made of N nodes' inputs, with M = 2H.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (D + M, I), the rows of U_a, then of U_1.
        message: the linear layer W_a, b_a from H to D.
        second: the linear layer W_b, b_b from D to D.
        phase: the linear layer W_θ from D to P.
        inner: the linear layer W_1, b_1 from 2D + 2P, in the order above, to M.
        outer: the linear layer W_2, b_2 from M to H.
        norm: gain and bias of the layer norm, of (H,).

    Example:
        >>> from treefold import Forest, fold
        >>> forest = Forest.from_trees([("a", "b", ("c", "d", "e", "f"))])
        >>> cell = PooledCell(8, 16)
        >>> fold(cell, forest, torch.randn(forest.num_nodes, 8)).h.shape
        torch.Size([8, 16])
    """

    ordered = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        message_size: int | None = None,
        num_phases: int | None = None,
    ):
        super().__init__(input_size, hidden_size)
        D = hidden_size if message_size is None else message_size
        P = max(hidden_size // 4, 1) if num_phases is None else num_phases
        M = 2 * hidden_size
        self.message_size = D
        self.weight_ih = uniform(D + M, input_size, fan=input_size)
        self.message = nn.Linear(hidden_size, D)
        self.second = nn.Linear(D, D)
        self.phase = nn.Linear(D, P, bias=False)
        nn.init.normal_(self.phase.weight, std=2 / D**0.5)
        self.inner = nn.Linear(2 * D + 2 * P, M)
        self.outer = nn.Linear(M, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T

    def forward(self, x: Tensor, children: Children[State]) -> State:
        D = self.message_size
        to_message, to_inner = x.split([D, x.shape[1] - D], dim=-1)
        if len(children) == 0:
            return self._leaf(to_message, to_inner)
        h = children.state.h  # (E, H)
        m = self.second(F.gelu(self.message(h) + children.repeat(to_message)))
        theta = children.sum(self.phase(F.gelu(m)))
        pools = [children.mean(m), children.max(m), theta.cos(), theta.sin()]
        state = self._read(torch.cat(pools, dim=-1), to_inner)
        if children.arity is None:
            leaf, childless = self._leaf(to_message, to_inner), children.count == 0
            state = State(torch.where(childless[:, None], leaf.h, state.h))
        return state

    def _leaf(self, to_message: Tensor, to_inner: Tensor) -> State:
        """One virtual child of zeros is its own mean and maximum."""
        m = self.second(F.gelu(to_message + self.message.bias))
        theta = self.phase(F.gelu(m))
        pools = [m, m, theta.cos(), theta.sin()]
        return self._read(torch.cat(pools, dim=-1), to_inner)

    def _read(self, pools: Tensor, to_inner: Tensor) -> State:
        inner = F.gelu(self.inner(pools) + to_inner)
        return State(self.norm(self.outer(inner)))
