"""What a model of documents is like where nobody said: sizes by the data's size."""

from __future__ import annotations

from typing import NamedTuple


class Defaults(NamedTuple):
    """Settings of a model of documents and of its training."""

    hidden_size: int
    input_size: int
    output_dropout: float
    learning_rate: float
    batch_size: int
    epochs: int


STEPS = 4000  # of the optimizer, about
FEWEST_EPOCHS, MOST_EPOCHS = 6, 100


def defaults(num_documents: int) -> Defaults:
    """Choose by the number of training documents alone.

    Few documents are told apart by few features; many batches of few are needed to
    learn from them at all.
    """
    n = max(num_documents, 1)
    hidden = 32 if n < 200 else 64 if n < 10_000 else 128
    batch = 8 if n < 400 else 16 if n < 2_000 else 32 if n < 20_000 else 64
    epochs = min(max(STEPS * batch // n, FEWEST_EPOCHS), MOST_EPOCHS)
    return Defaults(hidden, hidden, 0.1, 3e-3, batch, epochs)
