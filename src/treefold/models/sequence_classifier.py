"""A class for a whole sequence: steps to vectors, a stack of folds, and a readout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.data.sequences import Sequences, chains
from treefold.forest import Forest
from treefold.layers import Stack
from treefold.models.base import Model

Readout = Literal["last", "mean", "max", "attention"]


@final
@dataclass(frozen=True)
class SequenceBatch:
    """B sequences as a forest of chains of V nodes.

    Attributes:
        forest: the sequences, in level order.
        x: (V, I) the vectors of the steps; or (U,) int64, the distinct words.
        rows: (V,) int64, which of the words each step has; None with vectors.
        label: (B,) int64, -1 where it is not known.
        numbers: (B,) int64 numpy array, the sequences' numbers in the data.
    """

    forest: Forest
    x: Tensor
    rows: Tensor | None
    label: Tensor
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        """Return B."""
        return len(self.numbers)

    def to(
        self, device: torch.device | str, non_blocking: bool = False
    ) -> SequenceBatch:
        """Return the batch on a device."""
        forest = self.forest.to(device, non_blocking)
        return self._carried(forest, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SequenceBatch:
        """Return a copy in page-locked memory, for transfer to a GPU without a wait."""
        return self._carried(self.forest.pin_memory(), lambda t: t.pin_memory())

    def _carried(
        self, forest: Forest, move: Callable[[Tensor], Tensor]
    ) -> SequenceBatch:
        rows = None if self.rows is None else move(self.rows)
        x, label = move(self.x), move(self.label)
        return replace(self, forest=forest, x=x, rows=rows, label=label)


def collate(
    sequences: Sequences, label: NDArray[np.int64], numbers: NDArray[np.int64]
) -> SequenceBatch:
    """Make a batch of some sequences: `numbers` (B,) int64.

    Args:
        sequences: of vectors, or of the numbers of words.
        label: (len(sequences),) int64.
        numbers: which to take.
    """
    forest, _, x = chains(sequences, numbers)
    rows = None
    if not x.is_floating_point():
        x, rows = torch.unique(x, return_inverse=True)
    return SequenceBatch(forest, x, rows, torch.from_numpy(label[numbers]), numbers)


@final
class SequenceClassifier(Model):
    r"""Tell the class of a sequence from the states of a stack of folds.

    .. math::
        h_1, \dots, h_T = \text{layers}(x_1, \dots, x_T), \qquad
        p = \text{softmax}(W_s\, \text{readout}(h_1, \dots, h_T) + b_s)

    The readout is, over the steps, the *last* state (of each direction, where it ends),
    the *mean*, the greatest of each feature (*max*), or a mean with learned weights,
    :math:`\text{softmax}_t(v^\top \tanh(W h_t + b))` (*attention*; Yang et al., 2016).

    A sequence of one step is one vector, and its class that of a multi-layer
    perceptron: with `RNN`, whose state after one step is tanh(W x + b), exactly that.

    Args:
        layers: the stack; its `input_size` is that of the vectors.
        num_classes: C.
        num_words: W, size of the vocabulary; None: steps are vectors.
        readout: how the states become one.
        embedding_std: standard deviation of the words' vectors at the start.
        sparse: whether the gradient of the words' vectors has only the batch's rows.
        input_dropout: probability to drop a feature of a step's vector, or of a word's
            in all places of a batch.
        word_dropout: probability to read a word as the unknown one.
        output_dropout: probability to drop a feature of what the classifier sees.
        noise: standard deviation of Gaussian noise added to vectors in training.
        warp: in training, each sequence's vectors go through a linear map of its own,
            the identity with Gaussian noise of this deviation: points of a plane are
            turned, scaled and sheared a little.
        mask: in training, a run of up to this share of a sequence's steps, and one of
            its features, is set to zero, the mean (SpecAugment; Park et al., 2019).
        label_smoothing: share of the target that is spread over all classes.

    Attributes:
        embedding: the words' vectors, (W, I), row 0 the unknown word's; None with
            vectors.
        attention: the layers that weigh the steps, None for other readouts.
        output: the linear layer to C.
    """

    def __init__(
        self,
        layers: Stack,
        num_classes: int,
        *,
        num_words: int | None = None,
        readout: Readout = "last",
        embedding_std: float = 0.1,
        sparse: bool = True,
        input_dropout: float = 0.0,
        word_dropout: float = 0.0,
        output_dropout: float = 0.0,
        noise: float = 0.0,
        warp: float = 0.0,
        mask: float = 0.0,
        label_smoothing: float = 0.0,
    ):
        super().__init__()
        self.embedding = None
        if num_words is not None:
            self.embedding = nn.Embedding(num_words, layers.input_size, sparse=sparse)
            nn.init.normal_(self.embedding.weight, std=embedding_std)
            # Where training never meets the unknown word, it says nothing.
            nn.init.zeros_(self.embedding.weight[0])
        self.layers = layers
        self.readout: Readout = readout
        size = layers.output_size
        self.attention = (
            nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1))
            if readout == "attention"
            else None
        )
        self.output = nn.Linear(size, num_classes)
        nn.init.zeros_(self.output.bias)
        self.input_dropout = input_dropout
        self.word_dropout = word_dropout
        self.output_dropout = output_dropout
        self.noise = noise
        self.warp = warp
        self.mask = mask
        self.label_smoothing = label_smoothing

    def forward(self, batch: SequenceBatch) -> Tensor:
        """Return the logits of every sequence, (B, C)."""
        x, rows = self._inputs(batch)
        output, final = self.layers(batch.forest, x, rows=rows)
        read = self._read(batch.forest, output, final)
        return self.output(F.dropout(read, self.output_dropout, self.training))

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Return the mean cross-entropy over the sequences."""
        return F.cross_entropy(
            self(batch), batch.label, label_smoothing=self.label_smoothing
        )

    @torch.no_grad()
    def predict(self, batch: SequenceBatch) -> Tensor:
        """Return the probability of every class for every sequence, (B, C)."""
        was_training = self.training
        self.eval()
        probability = torch.softmax(self(batch), dim=-1)
        self.train(was_training)
        return probability

    def weights(self, forest: Forest, output: Tensor) -> Tensor:
        """Return the share (V,) of each step in its sequence's sum, by attention."""
        assert self.attention is not None
        score = self.attention(output).squeeze(-1)
        most = score.new_full((forest.num_trees,), -torch.inf)
        most = most.scatter_reduce(0, forest.tree, score.detach(), "amax")
        score = (score - most[forest.tree]).exp()
        total = score.new_zeros(forest.num_trees).index_add(0, forest.tree, score)
        return score / total[forest.tree]

    def _inputs(self, batch: SequenceBatch) -> tuple[Tensor, Tensor | None]:
        """Return the vectors that the layers read, and which step reads which."""
        x, rows = batch.x, batch.rows
        if self.embedding is not None and rows is not None:
            # A word of a batch drops the same features wherever it stands: distinct
            # words are then projected once (Gal & Ghahramani, 2016, Sec. 4.2).
            x = F.dropout(self.embedding(x), self.input_dropout, self.training)
            if self.training and self.word_dropout:
                # Read as zeros: the unknown word's vector, which is not learned here.
                x = torch.cat([x, torch.zeros_like(x[:1])])
                missed = torch.rand(rows.shape, device=rows.device) < self.word_dropout
                rows = rows.masked_fill(missed, len(x) - 1)
            return x, rows
        if self.training:
            if self.warp:
                x = self._warped(batch.forest, x)
            if self.noise:
                x = x + self.noise * torch.randn_like(x)
            if self.mask:
                x = x * self._mask(batch.forest, x.shape[1])
            x = F.dropout(x, self.input_dropout)
        return x, None

    def _warped(self, forest: Forest, x: Tensor) -> Tensor:
        """Give each sequence's vectors (V, I) a linear map near the identity."""
        random = x.new_empty(forest.num_trees, x.shape[1], x.shape[1]).normal_()
        return x + self.warp * torch.einsum("vi,vij->vj", x, random[forest.tree])

    def _mask(self, forest: Forest, features: int) -> Tensor:
        """Draw (V, I) ones, zero at a run of steps and of features a sequence."""
        tree, like = forest.tree, self.output.weight
        steps = torch.bincount(tree, minlength=forest.num_trees)
        # Shares of a sequence: where a step stands in it, and a feature.
        time = (forest.heights / steps[tree])[:, None]  # a chain's height is its time
        band = torch.arange(features, device=like.device)[None] / features
        random = torch.rand(4, len(steps), 1, dtype=like.dtype, device=like.device)
        long, wide = random[:2] * self.mask
        begin, first = random[2] * (1 - long), random[3] * (1 - wide)
        in_time = (begin[tree] <= time) & (time < (begin + long)[tree])  # (V, 1)
        in_band = (first <= band) & (band < first + wide)  # (B, I)
        return (~(in_time | in_band[tree])).to(like.dtype)

    def _read(self, forest: Forest, output: Tensor, final: Tensor) -> Tensor:
        """Make one vector (B, D·H) of a sequence's states."""
        tree, B = forest.tree, forest.num_trees
        if self.readout == "last":
            h = final if isinstance(final, Tensor) else final[0]
            return torch.cat(h[-self.layers.num_directions :].unbind(0), dim=1)
        zeros = output.new_zeros(B, output.shape[1])
        if self.readout == "max":
            index = tree[:, None].expand_as(output)
            return zeros.scatter_reduce(0, index, output, "amax", include_self=False)
        if self.readout == "attention":
            share = self.weights(forest, output)
        else:
            count = torch.bincount(tree, minlength=B)
            share = (1 / count.to(output.dtype))[tree]
        return zeros.index_add(0, tree, output * share[:, None])
