"""A label for every step: vectors of the steps, a recurrent layer, a linear layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.forest import Forest
from treefold.layers import GRU, LSTM, RNN
from treefold.models.base import Model
from treefold.models.crf import LinearChainCRF

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


@final
@dataclass(frozen=True)
class TagBatch:
    """B sequences of V steps in all, as a forest of chains.

    Attributes:
        forest: the chains, in level order.
        steps: (V, ...) what is known of each step, in the forest's numbering.
        place: (V,) int64, the node of every step, sequence by sequence.
        label: (V,) int64, the labels, sequence by sequence.
        offset: (B + 1,) int64 numpy array, where each sequence begins, and V.
    """

    forest: Forest
    steps: Tensor
    place: Tensor
    label: Tensor
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        """Return B."""
        return len(self.offset) - 1

    def to(self, device: torch.device | str, non_blocking: bool = False) -> TagBatch:
        """Return the batch on a device."""
        forest = self.forest.to(device, non_blocking)
        return self._carried(forest, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> TagBatch:
        """Return a copy in page-locked memory."""
        return self._carried(self.forest.pin_memory(), lambda t: t.pin_memory())

    def _carried(self, forest: Forest, move: Callable[[Tensor], Tensor]) -> TagBatch:
        return replace(
            self,
            forest=forest,
            steps=move(self.steps),
            place=move(self.place),
            label=move(self.label),
        )


class Tags(NamedTuple):
    """The labels said, (V,) int64, and the probability of every label, (V, C)."""

    label: Tensor
    probability: Tensor


@final
class WordEncoder(nn.Module):
    """Vectors of words: of the word itself, its further columns, and its spelling.

    Args:
        num_words: number of words known; number 0 is the unknown word.
        columns: numbers of the entries known of each further column.
        buckets: numbers of hashed affixes; see `treefold.data.coding.WordCoding`.
        word_size: features of a word.
        column_size: features of an entry of a further column.
        spelling_size: features of the spelling, the sum of the vectors of its parts;
            0 leaves it out.
        word_dropout: probability that a word is taken for the unknown word in training,
            so that this learns to stand for others.

    Attributes:
        size: features of the result.
    """

    def __init__(
        self,
        num_words: int,
        columns: Sequence[int],
        buckets: int,
        *,
        word_size: int = 100,
        column_size: int = 30,
        spelling_size: int = 50,
        word_dropout: float = 0.0,
    ):
        super().__init__()
        self.word = nn.Embedding(num_words, word_size, sparse=True)
        self.columns = nn.ModuleList(nn.Embedding(n, column_size) for n in columns)
        self.spelling = None
        if spelling_size:
            self.spelling = nn.Embedding(buckets, spelling_size, sparse=True)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.1)
        nn.init.zeros_(self.word.weight[0])
        self.word_dropout = word_dropout
        self.size = word_size + len(columns) * column_size + spelling_size

    def forward(self, steps: Tensor) -> Tensor:
        """Return vectors (V, size) of numbers (V, 1 + columns + spelling)."""
        word, *columns = steps[:, : 1 + len(self.columns)].unbind(1)
        if self.training and self.word_dropout:
            kept = torch.rand(len(word), device=word.device) >= self.word_dropout
            word = word * kept
        parts = [self.word(word)]
        parts += [e(c) for e, c in zip(self.columns, columns, strict=True)]
        if self.spelling is not None:
            parts.append(self.spelling(steps[:, 1 + len(columns) :]).sum(1))
        return torch.cat(parts, 1)


@final
class Tagger(Model):
    r"""Label every step of a sequence from all of it.

    .. math::
        h = \text{layer}(\text{encoder}(x)), \qquad e_t = W h_t + b, \qquad
        p(y_t) = \text{softmax}(e_t)

    With a conditional random field e are its emissions, and labels are probable as
    whole sequences (Huang, Xu & Yu, 2015, arXiv:1508.01991). The loss is the mean over
    the steps, in nats: :math:`-\log p(y_t)`, or :math:`-\log p(y)` shared by its steps.

    Args:
        encoder: makes vectors (V, I) of the steps of a batch.
        input_size: I.
        num_classes: C.
        cell: "lstm", "gru" or "rnn".
        hidden_size: H, of each direction.
        num_layers: of the recurrent layer.
        bidirectional: False labels a step from those up to it alone.
        input_dropout: probability to drop a feature of the vectors.
        dropout: the same for the states, between layers and before the output.
        crf: True adds a conditional random field.
        forbidden: (C, C), and
        forbidden_first: (C,), rules for the field; see `LinearChainCRF`.
        class_weights: (C,) weights of the classes in the loss; None: 1 each. They
            are for a loss without a field.

    Attributes:
        layer: the recurrent layer.
        output: the linear layer from 2H to C.
        crf: the conditional random field, if any.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        encoder: nn.Module,
        input_size: int,
        num_classes: int,
        *,
        cell: str = "lstm",
        hidden_size: int = 200,
        num_layers: int = 1,
        bidirectional: bool = True,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        crf: bool = False,
        forbidden: Tensor | None = None,
        forbidden_first: Tensor | None = None,
        class_weights: Tensor | None = None,
    ):
        super().__init__()
        self.encoder = encoder
        self.layer = LAYERS[cell](
            input_size,
            hidden_size,
            num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
        )
        self.output = nn.Linear(hidden_size * (1 + bidirectional), num_classes)
        nn.init.zeros_(self.output.bias)
        self.input_dropout = input_dropout
        self.dropout = dropout
        self.crf = None
        if crf:
            self.crf = LinearChainCRF(
                num_classes, forbidden=forbidden, forbidden_first=forbidden_first
            )
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, batch: TagBatch) -> Tensor:
        """Return the scores of all labels at every step, (V, C), by sequence."""
        x = F.dropout(self.encoder(batch.steps), self.input_dropout, self.training)
        h, _ = self.layer(batch.forest, x)
        e = self.output(F.dropout(h, self.dropout, self.training))
        return e.index_select(0, batch.place)

    def loss(self, batch: TagBatch) -> Tensor:
        """Return the mean loss of a step."""
        e = self(batch)
        if self.crf is None:
            return F.cross_entropy(e, batch.label, self.class_weights)
        e = e.to(self.crf.first.dtype)  # under autocast e is of lower precision
        likelihood = self.crf.log_likelihood(e, batch.label, batch.offset)
        return -likelihood.sum() / len(e)

    @torch.no_grad()
    def predict(self, batch: TagBatch) -> Tags:
        """Return the most probable labels, by sequence, and all probabilities."""
        was_training = self.training
        self.eval()
        e = self(batch)
        self.train(was_training)
        if self.crf is None:
            p = e.softmax(1)
            return Tags(p.argmax(1), p)
        best = self.crf.best(e, batch.offset)
        return Tags(best.label, self.crf.marginals(e, batch.offset))
