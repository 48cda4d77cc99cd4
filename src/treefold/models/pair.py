"""Pairs of structures: one encoder folded over both, and a head that compares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell
from treefold.data.tree_pairs import PairBatch
from treefold.folding import fold
from treefold.models.base import Model


class Head(nn.Module, ABC):
    """What tells from the states of two roots how their structures stand."""

    @abstractmethod
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return logits (B, C) of the states (B, H) of two roots."""

    @abstractmethod
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of logits (B, C) against targets (B,)."""


@final
class SimilarityHead(Head):
    r"""How alike two structures are, as a score (Tai et al., 2015, section 4.2).

    .. math::
        h_\times &= h_L \odot h_R, \qquad h_+ = |h_L - h_R| \\
        h_s &= \sigma(W^{(\times)} h_\times + W^{(+)} h_+ + b^{(h)}) \\
        p &= \text{softmax}(W^{(p)} h_s + b^{(p)}), \qquad \hat y = r^\top p

    The target of a score y between two levels :math:`r_i \le y < r_{i+1}` is a
    distribution over these two whose mean is y, and the loss KL(target ‖ p), Eq. (15).
    The paper's levels are 1 to 5. Left and right may change places: the score is the
    same.

    Args:
        hidden_size: H, features of a root's state.
        inner_size: D, features of h_s; 50 in the paper.
        levels: r, the K scores that the classes stand for, evenly spaced and rising.

    Attributes:
        product: the linear layer of h×, with its bias.
        difference: that of h+, without one.
        output: the linear layer from D to K.
        levels: r, (K,).

    Raises:
        ValueError: levels that do not rise evenly.

    Example:
        >>> head = SimilarityHead(8)
        >>> p = head(torch.randn(2, 8), torch.randn(2, 8)).softmax(dim=1)
        >>> head.score(p).shape
        torch.Size([2])
    """

    levels: Tensor

    def __init__(
        self,
        hidden_size: int,
        *,
        inner_size: int = 50,
        levels: Sequence[float] = (1.0, 2.0, 3.0, 4.0, 5.0),
    ):
        super().__init__()
        r = torch.tensor(levels, dtype=torch.get_default_dtype())
        steps = r.diff()
        if len(r) < 2 or not (steps > 0).all() or not torch.allclose(steps, steps[0]):
            raise ValueError(
                f"levels must be two or more scores that rise evenly, got {levels}."
            )
        self.product = nn.Linear(hidden_size, inner_size)
        self.difference = nn.Linear(hidden_size, inner_size, bias=False)
        self.output = nn.Linear(inner_size, len(r))
        self.register_buffer("levels", r, persistent=False)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        h = self.product(left * right) + self.difference((left - right).abs())
        return self.output(torch.sigmoid(h))

    def target(self, score: Tensor) -> Tensor:
        """Return the distribution over the levels (B, K) whose mean is the score."""
        K, r = len(self.levels), self.levels
        at = (score.to(r) - r[0]) / (r[1] - r[0])
        at = at.clamp(0, K - 1)  # a score beyond the levels is taken for the last one
        low = at.floor().clamp(max=K - 2)
        share = (at - low)[:, None]
        hot = F.one_hot(low.long(), K).to(r)
        return hot * (1 - share) + hot.roll(1, dims=1) * share

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        log_p = F.log_softmax(logits, dim=-1)
        return F.kl_div(log_p, self.target(target), reduction="batchmean")

    def score(self, probability: Tensor) -> Tensor:
        """Return the expected score (B,) of probabilities (B, K)."""
        return probability @ self.levels.to(probability)


@final
class RelationHead(Head):
    r"""Which of C relations holds between two structures (Bowman et al., 2015).

    .. math::
        h = f(W [h_L; h_R; |h_L - h_R|; h_L \odot h_R] + b), \qquad
        p = \text{softmax}(W_p h + b_p)

    With `tensor` the layer also gets :math:`h_L^\top V^{[1:D]} h_R`, as in Eq. (2) of
    the paper, whose comparison layer has it and :math:`[h_L; h_R]` alone. The order of
    the two matters: a relation has a direction.

    Args:
        hidden_size: H, features of a root's state.
        num_classes: C.
        inner_size: D, features of h.
        tensor: compare by a tensor, too; it has D·H² numbers.
        label_smoothing: share of the target that is spread over all relations.

    Attributes:
        compare: the linear layer from 4H to D.
        tensor: V, (D, H, H), or None.
        output: the linear layer from D to C.

    Example:
        >>> head = RelationHead(8, 3, tensor=True)
        >>> head(torch.randn(2, 8), torch.randn(2, 8)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        hidden_size: int,
        num_classes: int,
        *,
        inner_size: int = 100,
        tensor: bool = False,
        label_smoothing: float = 0.0,
    ):
        super().__init__()
        self.compare = nn.Linear(4 * hidden_size, inner_size)
        self.tensor = None
        if tensor:
            self.tensor = nn.Parameter(
                torch.empty(inner_size, hidden_size, hidden_size)
            )
            nn.init.normal_(self.tensor, std=1 / hidden_size)
        self.output = nn.Linear(inner_size, num_classes)
        self.label_smoothing = label_smoothing

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        both = torch.cat([left, right, (left - right).abs(), left * right], dim=-1)
        h = self.compare(both)
        if self.tensor is not None:
            D, H = self.tensor.shape[:2]
            through = (left @ self.tensor.permute(1, 0, 2).reshape(H, D * H)).unflatten(
                1, (D, H)
            )
            h = h + (through @ right[:, :, None]).squeeze(-1)
        return self.output(F.leaky_relu(h))

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target, label_smoothing=self.label_smoothing)


@final
class PairModel(Model):
    r"""Compare two structures: one cell folded over both, and a head on the two roots.

    .. math::
        h = \text{fold}(\text{cell}, \text{all trees}, \text{vectors of the words}),
        \qquad \text{logits} = \text{head}(h_{\text{root } L}, h_{\text{root } R})

    The trees of all pairs of a batch are one forest, in which equal subtrees are one
    node (`Forest.share`): a formula or a phrase that stands in many pairs, or on both
    sides of one, is computed once. This is exact, in training too, since whatever is
    drawn at random is drawn for a word or for a root, and not for a node.

    The encoder is siamese: both sides go through the same weights.

    Args:
        cell: the node function.
        num_words: W, size of the vocabulary.
        head: `SimilarityHead` or `RelationHead`, of the cell's hidden size.
        embedding_std: standard deviation of the words' vectors at the start.
        fixed_words: leave the words' vectors as they are.
        input_dropout: probability to drop a feature of a word's vector, the same in
            all places of a batch.
        output_dropout: probability to drop a feature of a root's state.

    Shape:
        - batch: B pairs among trees of V nodes, see `PairBatch`.
        - output: (B, C), logits of the relations or of the levels of similarity.

    Attributes:
        embedding: the words' vectors, (W, I), row 0 the unknown word's; their
            gradients have the batch's rows only.
        cell: the node function.
        head: what compares.

    Example:
        >>> import numpy as np
        >>> from treefold.cells import ChildSumTreeLSTMCell
        >>> from treefold.data.readers.tree_pairs import read_side
        >>> from treefold.data.tree_pairs import Pair, TreePairs
        >>> sides = [read_side("( the ( old dog ) )"), read_side("( a dog )")]
        >>> number = ["<unk>", "the", "a", "old", "dog"].index
        >>> pairs = TreePairs.of([Pair(*sides)], "constituency", number, [4.5])
        >>> model = PairModel(ChildSumTreeLSTMCell(8, 16), 5, SimilarityHead(16))
        >>> model(pairs.batch(np.array([0]))).shape
        torch.Size([1, 5])
    """

    def __init__(
        self,
        cell: Cell[Any],
        num_words: int,
        head: Head,
        *,
        embedding_std: float = 0.1,
        fixed_words: bool = False,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ):
        super().__init__()
        self.embedding = nn.Embedding(num_words, cell.input_size, sparse=True)
        nn.init.normal_(self.embedding.weight, std=embedding_std)
        # Where training never meets the unknown word, it says nothing.
        nn.init.zeros_(self.embedding.weight[0])
        self.embedding.weight.requires_grad_(not fixed_words)
        self.cell = cell
        self.head = head
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout

    def forward(self, batch: PairBatch) -> Tensor:
        """Return the logits of every pair, (B, C)."""
        root, side = torch.cat([batch.left, batch.right]).unique(return_inverse=True)
        h = self.states(batch)[root]
        # A mask for each distinct root: equal sides stay equal under dropout.
        h = F.dropout(h, self.output_dropout, self.training)
        left, right = h[side].chunk(2)
        return self.head(left, right)

    def states(self, batch: PairBatch) -> Tensor:
        """Return the state of every node, (V, H)."""
        x = self.embedding(batch.words)
        x = F.dropout(x, self.input_dropout, self.training)
        return fold(self.cell, batch.forest, x, batch.nodes, rows=batch.rows).h

    def loss(self, batch: PairBatch) -> Tensor:
        """Return the mean loss of the pairs."""
        return self.head.loss(self(batch), batch.target)

    @torch.no_grad()
    def predict(self, batch: PairBatch) -> Tensor:
        """Return the probability of every relation or level for every pair, (B, C)."""
        was_training = self.training
        self.eval()
        probability = torch.softmax(self(batch), dim=-1)
        self.train(was_training)
        return probability
