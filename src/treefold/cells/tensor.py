"""Cells that multiply their children: RNTN (2013) and MV-RNN (2012), Socher et al."""

from __future__ import annotations

from typing import Literal, NamedTuple, final

import torch
from torch import Tensor

from treefold.cells.activations import tanh
from treefold.cells.base import Cell, Children, State
from treefold.cells.parameters import near_mean, uniform, zeros
from treefold.cells.recursive import leaf_or, state_or_affine


@final
class RNTNCell(Cell[State]):
    r"""Recursive neural tensor network (Socher et al., EMNLP 2013, section 4.3).

    With :math:`y = [h_1; \dots; h_K]` the children's states, each output feature has
    a bilinear form of its own:

    .. math::
        h = \tanh\bigl(y^\top V^{[1:H]} y + W y + b\bigr)

    V = 0 gives `RecursiveCell`. The paper's nodes have two children and no bias; here
    any K may be given, and b = 0 is the paper's form. A leaf's input is its state.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.
        arity: K, the number of slots; empty ones count as zeros.
        input: "state" as in the paper; "affine" adds :math:`W_x x` at any node.

    Shape:
        - x: (N, H), what `project` made of N nodes' inputs.
        - children.state: ``State`` of (E, H).
        - output: ``State`` of (N, H).

    Attributes:
        weight_ih: (H, I), W_x; None with ``input="state"``.
        weight_hh: (H, K·H), W; begins near the mean of the children.
        tensor: (K·H, H, K·H), V with the output feature in the middle:
            ``tensor[:, d]`` is the paper's :math:`V^{[d]}`.
        bias: (H,).

    Raises:
        ValueError: an unknown kind of input; ``input="state"`` with unequal sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int = 2,
        input: Literal["state", "affine"] = "state",
    ):
        super().__init__(input_size, hidden_size)
        D = arity * hidden_size
        self.max_arity = arity
        self.leaf_is_input = input == "state"
        self.weight_ih = state_or_affine(input, input_size, hidden_size)
        self.weight_hh = near_mean(hidden_size, arity)
        self.tensor = uniform(D, hidden_size, D, fan=D * D, scale=0.1)
        self.bias = zeros(hidden_size)

    def project(self, x: Tensor) -> Tensor:
        return x if self.weight_ih is None else x @ self.weight_ih.T

    def forward(self, x: Tensor, children: Children[State]) -> State:
        if len(children) == 0:
            return State(x if self.leaf_is_input else tanh(x + self.bias))
        K, H = self.max_arity or 0, self.hidden_size
        y = children.slots(K).h.flatten(1)  # (N, K·H)
        # y^T V as one product; a bilinear layer that loops over features is slower.
        yV = (y @ self.tensor.flatten(1)).view(-1, H, K * H)
        bilinear = (yV * y[:, None]).sum(dim=2)  # (N, H)
        h = bilinear + torch.addmm(self.bias, y, self.weight_hh.T)
        if not self.leaf_is_input:
            return State(tanh(x + h))
        return State(leaf_or(tanh(h), x, children))


class MatrixVectorState(NamedTuple):
    """State of an MV-RNN node: a vector (N, H) and a matrix (N, H, H)."""

    h: Tensor
    matrix: Tensor


@final
class MVRNNCell(Cell[MatrixVectorState]):
    r"""Matrix-vector recursive net (Socher et al., EMNLP-CoNLL 2012, section 2).

    A node is a vector and a matrix; each child's matrix transforms its sibling's
    vector. For children :math:`(a, A)` and :math:`(b, B)`:

    .. math::
        p &= \tanh(W [B a; A b] + b_0) \\
        P &= W_M [A; B]

    A word's matrix is of low rank around the diagonal,
    :math:`A = L R + \mathrm{diag}(d)`. Its input row holds
    :math:`[a, L, R, d - 1]`, so that small random rows begin with
    :math:`A \approx I`, as in the paper.

    Deviations: a missing second child counts as the zero vector with the identity
    matrix, so that a node with one child still sees it.

    Args:
        hidden_size: H, features of the vector and both sides of the matrix.
        rank: r, of the words' matrices.

    Shape:
        - x: (N, 2H + 2Hr), a leaf's vector and matrix.
        - children.state: ``MatrixVectorState`` of (E, H) and (E, H, H).
        - output: ``MatrixVectorState`` of (N, H) and (N, H, H).

    Attributes:
        input_size: 2H + 2Hr.
        weight_hh: (H, 2H), W; begins near the mean of the children, as does W_M.
        weight_matrix: (H, 2H), W_M.
        bias: (H,).
    """

    leaf_is_input = True
    max_arity = 2

    def __init__(self, hidden_size: int, *, rank: int = 3):
        super().__init__(2 * hidden_size * (1 + rank), hidden_size)
        self.rank = rank
        self.weight_hh = near_mean(hidden_size, 2)
        self.weight_matrix = near_mean(hidden_size, 2)
        self.bias = zeros(hidden_size)

    def zeros(self, num_nodes: int, like: Tensor) -> MatrixVectorState:
        H = self.hidden_size
        return MatrixVectorState(
            like.new_zeros(num_nodes, H), like.new_zeros(num_nodes, H, H)
        )

    def forward(
        self, x: Tensor, children: Children[MatrixVectorState]
    ) -> MatrixVectorState:
        if len(children) == 0:
            return self._leaf(x)
        h, M = children.slots(2)  # (N, 2, H), (N, 2, H, H)
        if children.arity != 2:
            eye = torch.eye(self.hidden_size, dtype=M.dtype, device=M.device)
            M = M + (children.filled(2) == 0)[:, :, None, None] * eye
        sibling = M.flip(1)  # B for a, A for b
        crossed = (sibling @ h[:, :, :, None]).squeeze(3).flatten(1)  # [B a; A b]
        p = tanh(torch.addmm(self.bias, crossed, self.weight_hh.T))
        P = self.weight_matrix @ M.flatten(1, 2)  # (N, H, H)
        if children.arity is not None:
            return MatrixVectorState(p, P)
        leaf, childless = self._leaf(x), children.count == 0
        return MatrixVectorState(
            torch.where(childless[:, None], leaf.h, p),
            torch.where(childless[:, None, None], leaf.matrix, P),
        )

    def _leaf(self, x: Tensor) -> MatrixVectorState:
        H, r = self.hidden_size, self.rank
        a, L, R, d = x.split([H, H * r, H * r, H], dim=-1)
        A = L.unflatten(-1, (H, r)) @ R.unflatten(-1, (r, H))
        return MatrixVectorState(a, A + torch.diag_embed(1 + d))
