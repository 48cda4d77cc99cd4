"""The node function of the compositional vector grammar (Socher et al., 2013, ACL)."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from treefold.cells import Cell, Children


class PhraseState(NamedTuple):
    """The state of a phrase: h (N, H), and g (N, H), what it was before its label."""

    h: Tensor
    g: Tensor


@final
class PhraseCell(Cell[PhraseState]):
    r"""The node function of a syntactically untied recursive net, by diagonals.

    The compositional vector grammar (Socher, Bauer, Manning & Ng, 2013, ACL) has a
    matrix for every pair of categories (B, C) of the children. Here each pair departs
    from one matrix by two diagonals, as most pairs are rare:

    .. math::
        W^{(B, C)} &= W + [\operatorname{diag} u_{BC};\ \operatorname{diag} v_{BC}] \\
        a &= W^{(B, C)} [h_1; h_2] + s, \qquad g = \tanh a, \qquad h = \tanh(a + e)

    s tells of the words around the phrase, as in the context-aware net (Socher,
    Manning & Ng, 2010), e of its label. g is what the label is chosen by, so it does
    not know it. A word has no children: a = s. With u = v = 0 and e = 0 this is
    `RecursiveCell`.

    Args:
        hidden_size: H.

    Shape:
        - x: (N, 4H), s | e | u | v of each node.
        - children.state: ``PhraseState`` of (E, H), two children each, or none.
        - output: ``PhraseState`` of (N, H).

    Attributes:
        weight_hh: (H, 2H), W.
    """

    max_arity = 2

    def __init__(self, hidden_size: int):
        super().__init__(4 * hidden_size, hidden_size)
        # Near the mean of the children, as the paper begins its matrices.
        near = torch.cat([torch.eye(hidden_size)] * 2, dim=1) / 2
        noise = torch.empty(hidden_size, 2 * hidden_size)
        nn.init.uniform_(noise, -0.05, 0.05)
        self.weight_hh = nn.Parameter(near + noise)

    def zeros(self, num_nodes: int, like: Tensor) -> PhraseState:
        zeros = like.new_zeros(num_nodes, self.hidden_size)
        return PhraseState(zeros, zeros)

    def forward(self, x: Tensor, children: Children[PhraseState]) -> PhraseState:
        s, e, u, v = x.chunk(4, dim=1)
        if len(children) == 0:
            return PhraseState(torch.tanh(s + e), torch.tanh(s))
        both = children.slots(2).h  # (N, 2, H)
        a = self.joined(s, u, v, both[:, 0], both[:, 1])
        return PhraseState(torch.tanh(a + e), torch.tanh(a))

    def joined(self, s: Tensor, u: Tensor, v: Tensor, h1: Tensor, h2: Tensor) -> Tensor:
        """Return a of two children, (N, H)."""
        both = torch.cat([h1, h2], 1)
        return torch.addmm(s + u * h1 + v * h2, both, self.weight_hh.T)
