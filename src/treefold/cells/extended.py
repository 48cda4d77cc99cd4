"""The Tree-LSTM and Tree-GRU with what later papers added inside the cell.

Layer normalisation (Ba, Kiros & Hinton, 2016, arXiv:1607.06450), dropout of the
update (Semeniuta, Severyn & Barth, 2016, arXiv:1603.05118) and projection (Sak, Senior
& Beaufays, 2014, arXiv:1402.1128). Where none is asked for, the plain cells compute the
same, and faster.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells.activations import tanh
from treefold.cells.base import Cell, Children, State
from treefold.cells.combinators import probability
from treefold.cells.parameters import uniform
from treefold.cells.tree_lstm import LSTMState


class GateNorm(nn.Module):
    """Normalise each gate's H features to mean 0 and variance 1, then scale them.

    There is no bias, so that zeros stay zeros: a node without input, or without
    children, adds nothing to its gates.

    Args:
        hidden_size: H, features of a gate.
        num_gates: G.

    Shape:
        - value, output: (..., G·H).

    Attributes:
        gain: (G, H), begins as ones.
    """

    def __init__(self, hidden_size: int, num_gates: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(num_gates, hidden_size))

    def forward(self, value: Tensor, first: int = 0) -> Tensor:
        """Normalise gates `first` and on, as many as the value has."""
        H = self.gain.shape[1]
        gates = value.unflatten(-1, (-1, H))
        gain = self.gain[first : first + gates.shape[-2]]
        return (F.layer_norm(gates, (H,)) * gain).flatten(-2)


@final
class ExtendedTreeLSTMCell(Cell[LSTMState]):
    r"""Tree-LSTM with layer norm, dropout of the update, and projection of h.

    As `ChildSumTreeLSTMCell` or `NaryTreeLSTMCell`, and

    .. math::
        i, f, o, u &: \quad \text{LN}(W x) + \text{LN}(U h) + b
            && \text{(Ba, supplement)} \\
        c &= i \odot d(u) + \textstyle\sum_k f_k \odot c_k
            && \text{(Semeniuta)} \\
        h &= W_{hr} \, (o \odot \tanh(\text{LN}(c)))
            && \text{(Sak; Ba)}

    where d is dropout, in training only: what is kept of the children is never
    dropped, so that memory lasts however deep the structure.

    Deviation: every gate is normalised by itself, and so is each child's forget gate;
    Ba normalises the four gates of a step together.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of the memory c, and of h without projection.
        arity: K slots for children; None is Child-Sum.
        layer_norm: normalise the gates and the memory.
        update_dropout: probability to drop a feature of the update u.
        proj_size: P, features of h; 0 is no projection.

    Shape:
        - x: (N, 4H), what `project` made of N nodes' inputs.
        - children.state: ``LSTMState`` of (E, P) and (E, H).
        - output: ``LSTMState`` of (N, P) and (N, H); P = H without projection.

    Attributes:
        hidden_size: P, features of h.
        memory_size: H.
        weight_ih, weight_hh, bias: as in the plain cells, with P columns a slot.
        weight_hr: (P, H), the projection; None without.

    Raises:
        ValueError: update_dropout outside [0, 1), or proj_size outside 0..H-1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
        proj_size: int = 0,
    ):
        H, slots = hidden_size, 1 if arity is None else arity
        super().__init__(input_size, proj_size or H)
        if not 0 <= proj_size < max(H, 1):
            raise ValueError(
                f"proj_size must be below hidden_size = {H}, or 0 for no projection, "
                f"got {proj_size}."
            )
        self.memory_size = H
        self.max_arity = arity
        self.ordered = arity is not None
        self.update_dropout = probability(update_dropout)
        self.weight_ih = uniform(4 * H, input_size, fan=H)
        self.weight_hh = uniform((3 + slots) * H, slots * self.hidden_size, fan=H)
        self.bias = uniform(4 * H, fan=H)
        self.weight_hr = uniform(proj_size, H, fan=H) if proj_size else None
        self.norm_x = GateNorm(H, 4) if layer_norm else None
        self.norm_h = GateNorm(H, 3 + slots) if layer_norm else None
        self.norm_c = nn.LayerNorm(H) if layer_norm else None

    def project(self, x: Tensor) -> Tensor:
        x = x @ self.weight_ih.T
        return x if self.norm_x is None else self.norm_x(x)

    def zeros(self, num_nodes: int, like: Tensor) -> LSTMState:
        return LSTMState(
            like.new_zeros(num_nodes, self.hidden_size),
            like.new_zeros(num_nodes, self.memory_size),
        )

    def forward(self, x: Tensor, children: Children[LSTMState]) -> LSTMState:
        H, K = self.memory_size, self.max_arity
        iuo, f = (x + self.bias).split([3 * H, H], dim=-1)
        kept: Tensor | float = 0.0
        if len(children) and K is None:
            U_iuo, U_f = self.weight_hh.split([3 * H, H])
            h, c = children.state  # (E, P), (E, H)
            iuo = iuo + self._norm_h(children.sum(h) @ U_iuo.T)
            f = torch.sigmoid(children.repeat(f) + self._norm_h(h @ U_f.T, 3))
            kept = children.sum(f * c)
        elif len(children) and K is not None:
            h, c = children.slots(K)  # (N, K, P), (N, K, H)
            U_h = self._norm_h(h.flatten(1) @ self.weight_hh.T)
            U_iuo_h, U_f_h = U_h.split([3 * H, K * H], dim=-1)
            iuo = iuo + U_iuo_h
            f = torch.sigmoid(f[:, None] + U_f_h.unflatten(1, (K, H)))
            kept = (f * c).sum(dim=1)

        i, u, o = iuo.chunk(3, dim=-1)
        update = F.dropout(tanh(u), self.update_dropout, self.training)
        c = torch.sigmoid(i) * update + kept
        h = torch.sigmoid(o) * tanh(c if self.norm_c is None else self.norm_c(c))
        return LSTMState(h if self.weight_hr is None else h @ self.weight_hr.T, c)

    def _norm_h(self, gates: Tensor, first: int = 0) -> Tensor:
        return gates if self.norm_h is None else self.norm_h(gates, first)


@final
class ExtendedTreeGRUCell(Cell[State]):
    r"""Tree-GRU with layer norm and dropout of the update.

    As `ChildSumTreeGRUCell` or `NaryTreeGRUCell`, with :math:`\text{LN}(W x)` for every
    :math:`W x`, :math:`\text{LN}(U h)` for every :math:`U h` (Ba, supplement), and the
    candidate n dropped in training (Semeniuta). Each gate is normalised by
    itself.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K slots for children; None is child-sum.
        layer_norm: normalise the gates.
        update_dropout: probability to drop a feature of the candidate.

    Shape:
        - x: (N, 3H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (3H, I), the rows of W in the order r | z | n.
        weight_hh: (2·K·H, K·H), r of slot 1 | … | z of slot 1 | …; K = 1 for child-sum.
        weight_hn: (K, H, H), U_n of each slot.
        bias: (3H,), in the order r | z | n.
        bias_hn: (H,), inside the reset gates.

    Raises:
        ValueError: update_dropout outside [0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
    ):
        super().__init__(input_size, hidden_size)
        H, slots = hidden_size, 1 if arity is None else arity
        self.max_arity = arity
        self.ordered = arity is not None
        self.update_dropout = probability(update_dropout)
        self.weight_ih = uniform(3 * H, input_size, fan=H)
        self.weight_hh = uniform(2 * slots * H, slots * H, fan=H)
        self.weight_hn = uniform(slots, H, H, fan=H)
        self.bias = uniform(3 * H, fan=H)
        self.bias_hn = uniform(H, fan=H)
        self.norm_x = GateNorm(H, 3) if layer_norm else None
        self.norm_h = GateNorm(H, 3 * slots) if layer_norm else None

    def project(self, x: Tensor) -> Tensor:
        x = x @ self.weight_ih.T
        return x if self.norm_x is None else self.norm_x(x)

    def forward(self, x: Tensor, children: Children[State]) -> State:
        K = self.max_arity
        r, z, n = (x + self.bias).chunk(3, dim=-1)
        leaf = self._drop(tanh(n + torch.sigmoid(r) * self.bias_hn)) * torch.sigmoid(-z)
        if len(children) == 0:
            return State(leaf)

        if K is None:
            h = self._of_any(r, z, n, children)
        else:
            h = self._of_slots(r, z, n, children, K)
        if children.arity is None:
            h = torch.where((children.count == 0)[:, None], leaf, h)
        return State(h)

    def _drop(self, candidate: Tensor) -> Tensor:
        return F.dropout(candidate, self.update_dropout, self.training)

    def _gates(self, h: Tensor) -> tuple[Tensor, ...]:
        """Multiply states (M, K, H) by U: r, z and n of each slot, (M, K, H) each."""
        U_rz_h = h.flatten(1) @ self.weight_hh.T
        U_n_h = (h.transpose(0, 1) @ self.weight_hn.mT).transpose(0, 1)
        U_h = torch.cat([U_rz_h, U_n_h.flatten(1)], dim=1)
        U_h = U_h if self.norm_h is None else self.norm_h(U_h)
        return U_h.unflatten(1, (3, -1, self.hidden_size)).unbind(1)

    def _of_any(self, r: Tensor, z: Tensor, n: Tensor, children: Any) -> Tensor:
        h = children.state.h  # (E, H), each child by itself
        U_r_h, U_z_h, U_n_h = (gate.squeeze(1) for gate in self._gates(h[:, None]))
        r = torch.sigmoid(children.repeat(r) + U_r_h)
        a = children.repeat(z) + U_z_h
        n = self._drop(tanh(n + children.sum(r * (U_n_h + self.bias_hn))))
        # The softmax over {0, a_1, …, a_K} is shifted by its largest entry.
        top = children.max(a).clamp(min=0).detach()
        e, e_n = torch.exp(a - children.repeat(top)), torch.exp(-top)
        return (e_n * n + children.sum(e * h)) / (e_n + children.sum(e))

    def _of_slots(
        self, r: Tensor, z: Tensor, n: Tensor, children: Any, K: int
    ) -> Tensor:
        h = children.slots(K).h  # (N, K, H), every gate sees all of them
        U_r_h, U_z_h, U_n_h = self._gates(h)
        used = (children.filled(K) > 0)[:, :, None]
        r = torch.sigmoid(r[:, None] + U_r_h) * used
        a = (z[:, None] + U_z_h).masked_fill(~used, -torch.inf)
        n = self._drop(tanh(n + (r * (U_n_h + self.bias_hn)).sum(dim=1)))
        z = torch.softmax(torch.cat([torch.zeros_like(a[:, :1]), a], dim=1), dim=1)
        return z[:, 0] * n + (z[:, 1:] * h).sum(dim=1)
