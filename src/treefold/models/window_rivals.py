"""Ranking windows of text without a structure: a bag of words, and a window's net."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.models.base import Model
from treefold.models.reasoner import RankingLoss, Reading, Windows, ranking_loss


@final
class WindowScorer(Model):
    """Score a window of fixed width by a net of one hidden layer.

    With ``ordered=True`` that is Collobert & Weston (2008): the vectors of all places,
    side by side. Else the mean of the vectors: a bag, which does not see the order.

    Args:
        num_tokens: W.
        hidden_size: H, of vectors and of the hidden layer.
        reach: words on each side of the one in the middle.
        ordered: see above.
        loss: of ranking.

    Attributes:
        embedding: (W + 1, H); the last row stands for places beyond the sentence.
    """

    def __init__(
        self,
        num_tokens: int,
        hidden_size: int,
        reach: int,
        *,
        ordered: bool,
        loss: RankingLoss = "hinge",
    ):
        super().__init__()
        places = 2 * reach + 1 if ordered else 1
        self.reach, self.ordered, self.beyond = reach, ordered, num_tokens
        self.embedding = nn.Embedding(num_tokens + 1, hidden_size, sparse=True)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.hidden = nn.Linear(places * hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, 1)
        self.above = ranking_loss(loss)

    def forward(self, word: Tensor) -> Tensor:
        """Return the scores (B,) of windows (B, 2 * reach + 1)."""
        distinct, rows = word.unique(return_inverse=True)
        vectors = F.embedding(rows, self.embedding(distinct))  # (B, places, H)
        if self.ordered:
            x = vectors.flatten(1)
        else:
            inside = (word != self.beyond)[..., None].to(vectors)
            x = (vectors * inside).sum(dim=1) / inside.sum(dim=1)
        return self.output(torch.tanh(self.hidden(x))).squeeze(-1)

    def loss(self, batch: Reading) -> Tensor:
        assert batch.windows is not None
        return self.above(*self.rank(batch.windows))

    def rank(self, windows: Windows) -> tuple[Tensor, Tensor]:
        """Return the scores of windows and of the corrupted ones, (B,) each."""
        window = np.repeat(np.arange(len(windows)), windows.lengths)
        column = np.arange(len(window)) - windows.place[window] + self.reach
        at = torch.from_numpy(window), torch.from_numpy(column)
        shape = len(windows), 2 * self.reach + 1

        def laid_out(word: Tensor) -> Tensor:
            return word.new_full(shape, self.beyond).index_put(at, word)

        return self(laid_out(windows.word)), self(laid_out(windows.other))
