"""Additive attention (Bahdanau, Cho & Bengio, 2015, arXiv:1409.0473)."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """What attention looks at: S steps of each of B structures, as padded tensors.

    Attributes:
        values: (B, S, R), what is read, V_a h_j.
        keys: (B, S, A), what is looked at, U_a h_j.
        mask: (B, S) bool, where a step is; False is padding.
    """

    values: Tensor
    keys: Tensor
    mask: Tensor

    def select(self, rows: Tensor) -> Memory:
        """Return the memory of N structures by number, (N,) int64."""
        return Memory(*(field.index_select(0, rows) for field in self))

    def first(self, size: int) -> Memory:
        """Return the memory of the first structures, without a copy."""
        if size == len(self.mask):
            return self
        return Memory(*(field[:size] for field in self))


@final
class AdditiveAttention(nn.Module):
    r"""A weighted mean of a memory, by how well each step fits a query.

    .. math::
        e_j &= v_a^\top \tanh(W_a s + U_a h_j) \\
        \alpha_j &= \exp(e_j) / \textstyle\sum_k \exp(e_k) \\
        c &= \textstyle\sum_j \alpha_j V_a h_j

    U_a h and V_a h are computed once for all queries. The paper reads h itself and
    multiplies the mean by a matrix wherever it enters; since a product of the mean is
    the mean of the products, V_a may be that matrix.

    Args:
        query_size: features of a query s.
        memory_size: M, features of a step h of the memory.
        hidden_size: A, features in which the two are compared.
        read_size: R, features of what is read.

    Shape:
        - query: (N, query_size).
        - output: the mean c, (N, R), and the weights α, (N, S), which are 0 at padding.
    """

    def __init__(
        self, query_size: int, memory_size: int, hidden_size: int, read_size: int
    ):
        super().__init__()
        self.query = nn.Linear(query_size, hidden_size)
        self.key = nn.Linear(memory_size, hidden_size, bias=False)
        self.value = nn.Linear(memory_size, read_size, bias=False)
        self.score = nn.Linear(hidden_size, 1, bias=False)

    def remember(self, steps: Tensor, mask: Tensor) -> Memory:
        """Make a memory of steps (B, S, M) and a mask (B, S)."""
        return Memory(self.value(steps), self.key(steps), mask)

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        compared = torch.tanh(self.query(query)[:, None] + memory.keys)  # (N, S, A)
        scores = self.score(compared).squeeze(-1)  # (N, S)
        weights = scores.masked_fill(~memory.mask, -torch.inf).softmax(dim=-1)
        mean = (weights[:, None].to(memory.values) @ memory.values).squeeze(1)
        return mean, weights
