"""The kin of the neural tensor network: its special cases, and what came before it.

As Socher et al. (2013), Section 3.1, write them, each with weights for every relation.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from treefold.models.relation import Own, RelationModel, layer, near_identity

__all__ = ["BilinearModel", "DistanceModel", "HadamardModel", "SingleLayerModel"]


@final
class DistanceModel(RelationModel):
    r"""Distance model (Bordes et al., 2011), negated so that more is better.

    .. math:: g(e_1, R, e_2) = -\lVert W_{R,1} e_1 - W_{R,2} e_2 \rVert_1

    The ends never meet but by subtraction. Arguments as `RelationModel`'s.

    Attributes:
        weight: (R, 2, d, d), of heads and of tails; they begin as the same, at which
            an entity is nearest to itself.
    """

    def __init__(
        self, num_words: int, num_relations: int, size: int, *, std: float = 0.1
    ):
        super().__init__(num_words, num_relations, size, std=std)
        self.weight = nn.Parameter(torch.eye(size).repeat(num_relations, 2, 1, 1))

    def weights(self) -> tuple[Tensor, ...]:
        return (self.weight,)

    def pairs(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        W1, W2 = own[0]
        return -(head @ W1.T - tail @ W2.T).abs().sum(-1)

    def table(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        W1, W2 = own[0]
        return -torch.cdist(head @ W1.T, tail @ W2.T, p=1.0)


@final
class HadamardModel(RelationModel):
    r"""Hadamard model (Bordes et al., 2012): all relations share their matrices.

    .. math::
        g(e_1, R, e_2) = (W_1 e_1 \odot W_{rel,1} e_R + b_1)^\top
                         (W_2 e_2 \odot W_{rel,2} e_R + b_2)

    A relation has but a vector of its own. Arguments as `RelationModel`'s.

    Attributes:
        relation: (R, d), the vectors e_R, ones at the start.
        weight: (2, d, d), W_1 and W_2.
        weight_relation: (2, d, d), W_rel,1 and W_rel,2.
        bias: (2, d).
    """

    def __init__(
        self, num_words: int, num_relations: int, size: int, *, std: float = 0.1
    ):
        super().__init__(num_words, num_relations, size, std=std)
        self.relation = nn.Parameter(torch.ones(num_relations, size))
        self.weight = nn.Parameter(torch.eye(size).repeat(2, 1, 1))
        self.weight_relation = nn.Parameter(torch.eye(size).repeat(2, 1, 1))
        self.bias = nn.Parameter(torch.zeros(2, size))

    def weights(self) -> tuple[Tensor, ...]:
        return (self.relation,)

    def _end(self, side: int, own: Own, e: Tensor) -> Tensor:
        gate = self.weight_relation[side] @ own[0]  # (d,)
        return e @ self.weight[side].T * gate + self.bias[side]

    def pairs(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        return (self._end(0, own, head) * self._end(1, own, tail)).sum(-1)

    def table(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        return self._end(0, own, head) @ self._end(1, own, tail).T


@final
class BilinearModel(RelationModel):
    r"""Bilinear model (Sutskever et al., 2009; Jenatton et al., 2012).

    .. math:: g(e_1, R, e_2) = e_1^\top W_R\, e_2

    It is the neural tensor network with one slice and nothing else. Arguments as
    `RelationModel`'s.

    Attributes:
        weight: W, (R, d, d), near the identity at the start.
    """

    def __init__(
        self, num_words: int, num_relations: int, size: int, *, std: float = 0.1
    ):
        super().__init__(num_words, num_relations, size, std=std)
        self.weight = near_identity(num_relations, size, size)

    def weights(self) -> tuple[Tensor, ...]:
        return (self.weight,)

    def pairs(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        return (head @ own[0] * tail).sum(-1)

    def table(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        return head @ (own[0] @ tail.T)


@final
class SingleLayerModel(RelationModel):
    r"""Single layer model (Collobert & Weston, 2008): a plain net over both ends.

    .. math:: g(e_1, R, e_2) = u_R^\top \tanh(V_R [e_1; e_2] + b_R)

    It is the neural tensor network without its tensor (W = 0): the ends meet only in
    the non-linearity.

    Args:
        num_words, num_relations, size, std: as `RelationModel`'s.
        slices: k, hidden units.

    Attributes:
        weight: V, (R, k, 2d).
        bias: b, (R, k).
        u: (R, k).
    """

    def __init__(
        self,
        num_words: int,
        num_relations: int,
        size: int,
        slices: int = 4,
        *,
        std: float = 0.1,
    ):
        super().__init__(num_words, num_relations, size, std=std)
        self.weight, self.bias, self.u = layer(num_relations, size, slices)

    def weights(self) -> tuple[Tensor, ...]:
        return self.weight, self.bias, self.u

    def pairs(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        V, b, u = own
        V1, V2 = V.chunk(2, dim=1)
        return torch.tanh(head @ V1.T + tail @ V2.T + b) @ u

    def table(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        V, b, u = own
        V1, V2 = V.chunk(2, dim=1)
        left, right = head @ V1.T + b, tail @ V2.T  # (N, k), (M, k)
        return torch.tanh(left[:, None] + right) @ u
