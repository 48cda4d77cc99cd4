"""The neural tensor network of relations, and what its kin share with it.

Socher, Chen, Manning & Ng, "Reasoning With Neural Tensor Networks for Knowledge Base
Completion", NIPS 2013: which triples (head, relation, tail) hold, by entities' vectors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.data.relation_batches import TripleBatch
from treefold.models.base import Model

Own = tuple[Tensor, ...]  # the weights of one relation

__all__ = ["NeuralTensorNetwork", "RelationModel"]


class RelationModel(Model, ABC):
    r"""Score triples (head, R, tail): the higher, the surer that they hold.

    An entity's vector is the mean of the vectors of the words of its name, so that
    ``bengal_tiger`` shares in what is known of ``tiger`` (Section 3.2 of the paper). A
    triple should score one more than each in which an entity is replaced at random
    (Eq. 2), i.e. of N triples and the P corruptions c of their relation, at either end,

    .. math::
        J = \frac{1}{2NP} \sum_{n} \sum_{c}
            \max(0, 1 - g(e_1, R, e_2) + g(e_1, R, c)) +
            \max(0, 1 - g(e_1, R, e_2) + g(c, R, e_2))

    The paper draws corruptions for each triple by itself. Here the triples of a
    relation in a batch share theirs: each pair is drawn with the same probability, and
    all of them are two products of matrices.

    Subclasses name the weights of which each relation has its own, and define `pairs`
    and `table` by them, which agree:
    ``pairs(own, a, b) == table(own, a, b).diagonal()``.

    Args:
        num_words: W, words that names are made of.
        num_relations: R.
        size: d, features of an entity.
        std: standard deviation of the words' vectors at the start.

    Attributes:
        embedding: the vectors of the words, (W, d), with sparse gradients. Row 0 is the
            unknown word's, and stays zero.
    """

    def __init__(
        self, num_words: int, num_relations: int, size: int, *, std: float = 0.1
    ):
        super().__init__()
        self.num_relations, self.size = num_relations, size
        self.embedding = nn.Embedding(num_words, size, sparse=True)
        nn.init.normal_(self.embedding.weight, std=std)
        nn.init.zeros_(self.embedding.weight[0])

    @abstractmethod
    def weights(self) -> tuple[Tensor, ...]:
        """Return the weights of which each relation has its own, (R, ...) each."""

    @abstractmethod
    def pairs(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        """Score triples by a relation's weights: ends (N, d) each to (N,)."""

    @abstractmethod
    def table(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        """Score every head (N, d) with every tail (M, d): (N, M)."""

    def own(self) -> list[Own]:
        """Return the weights of each relation, R tuples."""
        # Unbound once: the gradient of an index is as large as all relations together.
        return list(zip(*(each.unbind() for each in self.weights()), strict=True))

    def entities(self, batch: TripleBatch) -> Tensor:
        """Return the vectors of a batch's entities, (D, d)."""
        words = self.embedding(batch.words)  # a row of gradient for each distinct word
        return F.embedding_bag(batch.name, words, batch.offset, mode="mean")

    def forward(self, batch: TripleBatch) -> Tensor:
        """Score the triples of a batch, (N,)."""
        found = [
            self.pairs(own, head, tail)
            for _, own, head, tail in self._groups(batch, self.entities(batch))
        ]
        return torch.cat(found)

    def loss(self, batch: TripleBatch) -> Tensor:
        """Return the mean over triples and corruptions of what the margin lacks."""
        if batch.heads is None or batch.tails is None:
            raise ValueError(
                "loss needs corrupted triples, got a batch whose heads and tails are "
                "None. Give it entities that take the place of the true ones."
            )
        entities = self.entities(batch)
        heads, tails = (
            F.embedding(each, entities) for each in (batch.heads, batch.tails)
        )
        total = entities.new_zeros(())
        for g, own, head, tail in self._groups(batch, entities):
            least = 1 - self.pairs(own, head, tail)[:, None]  # (N, 1)
            lacks = torch.relu(least + self.table(own, head, tails[g])).sum()
            total = total + lacks
            total = total + torch.relu(least + self.table(own, heads[g], tail).T).sum()
        return total / (2 * len(batch) * heads.shape[1])

    def _groups(
        self, batch: TripleBatch, entities: Tensor
    ) -> Iterator[tuple[int, Own, Tensor, Tensor]]:
        """Go through the relations: number, own weights, heads and tails (N, d)."""
        own = self.own()
        sizes = [size for _, size in batch.relations]
        head = F.embedding(batch.head, entities).split(sizes)
        tail = F.embedding(batch.tail, entities).split(sizes)
        for g, (r, _) in enumerate(batch.relations):
            yield g, own[r], head[g], tail[g]


@final
class NeuralTensorNetwork(RelationModel):
    r"""Neural tensor network (Socher et al., 2013, Eq. 1).

    .. math::
        g(e_1, R, e_2) = u_R^\top \tanh\left(
            e_1^\top W_R^{[1:k]} e_2 + V_R \begin{bmatrix} e_1 \\ e_2 \end{bmatrix}
            + b_R \right)

    Each slice of the tensor is a bilinear form: one kind of tie between the ends. With
    W = 0 it is the single layer model; with one slice, V = 0, b = 0 and the identity
    for tanh it is the bilinear one.

    Args:
        num_words: W, words that names are made of.
        num_relations: R.
        size: d, features of an entity.
        slices: k, of each relation's tensor.
        std: standard deviation of the words' vectors at the start.

    Shape:
        - batch: a `TripleBatch` of N triples.
        - output: (N,) scores.

    Attributes:
        tensor: W, (R, k, d, d), each slice near the identity at the start.
        weight: V, (R, k, 2d).
        bias: b, (R, k).
        u: (R, k).

    Raises:
        ValueError: the loss of a batch without corruptions.

    Example:
        >>> import torch
        >>> from treefold.models.relation import NeuralTensorNetwork
        >>> model = NeuralTensorNetwork(num_words=50, num_relations=3, size=8, slices=2)
        >>> head, tail = torch.randn(5, 8), torch.randn(4, 8)
        >>> model.table(model.own()[0], head, tail).shape  # every head with every tail
        torch.Size([5, 4])
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
        self.tensor = near_identity(num_relations, slices, size, size)
        self.weight, self.bias, self.u = layer(num_relations, size, slices)

    def weights(self) -> tuple[Tensor, ...]:
        return self.tensor, self.weight, self.bias, self.u

    def pairs(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        W, V, b, u = own
        (k, d, _), (V1, V2) = W.shape, V.chunk(2, dim=1)
        # One product of matrices for all slices, then N small ones: the tensor is not
        # gathered for each triple.
        left = (head @ W.transpose(0, 1).reshape(d, k * d)).view(-1, k, d)  # (N, k, d)
        tie = (left @ tail[:, :, None]).squeeze(-1)  # (N, k)
        return torch.tanh(tie + head @ V1.T + tail @ V2.T + b) @ u

    def table(self, own: Own, head: Tensor, tail: Tensor) -> Tensor:
        W, V, b, u = own
        V1, V2 = V.chunk(2, dim=1)
        # The tensor meets the fewer of both ends: their product costs k d² a row, while
        # what follows costs k d an entry of the table.
        if len(head) < len(tail):
            left = head @ W  # (k, N, d)
            tie = left @ tail.T  # (k, N, M)
        else:
            right = W @ tail.T  # (k, d, M)
            tie = head @ right
        left = (head @ V1.T + b).T[:, :, None]  # (k, N, 1)
        right = (tail @ V2.T).T[:, None]  # (k, 1, M)
        hidden = torch.tanh(tie + left + right)
        return torch.tensordot(u, hidden, dims=1)


def near_identity(*shape: int) -> nn.Parameter:
    """Make square matrices near the identity, at which an entity goes with itself.

    What is alike then scores above what is not before anything is learned, and what is
    tied by one relation is alike for the others: of a random matrix both must be found.
    """
    noise = torch.randn(shape) * (0.1 * shape[-1] ** -0.5)
    return nn.Parameter(noise + torch.eye(shape[-1]))


def layer(R: int, d: int, k: int) -> tuple[nn.Parameter, nn.Parameter, nn.Parameter]:
    """Make V (R, k, 2d), b (R, k) and u (R, k)."""
    V = nn.Parameter(torch.empty(R, k, 2 * d))
    nn.init.normal_(V, std=(2 * d) ** -0.5)
    return V, nn.Parameter(torch.zeros(R, k)), nn.Parameter(torch.ones(R, k))
