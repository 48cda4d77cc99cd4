"""What a model of documents is like where nobody said: settings by the data's size.

Chosen by dev on some fifteen sets of 300 to 8,000 records, made and real, most of them
not in the repository: molecules, plans, products, posts, sentences, tables. What was
better on average was taken, and nothing that was better on one set only.
"""

from __future__ import annotations

from typing import NamedTuple

from treefold.data.documents import Goal


class Defaults(NamedTuple):
    """Settings of a model of documents and of its training."""

    hidden_size: int
    input_size: int
    input_dropout: float
    output_dropout: float
    learning_rate: float
    average: float
    batch_size: int
    epochs: int


STEPS = 4000  # of the optimizer, about
FEWEST_EPOCHS, MOST_EPOCHS = 6, 100
FEW = 4000  # documents; of fewer, classes are learned by heart


def defaults(num_documents: int, goal: Goal) -> Defaults:
    """Choose by the number of training documents, and by what is told.

    Few documents are told apart by few features; many batches of few are needed to
    learn from them at all. Classes of few documents are soon learned by heart: dropout
    hinders that. Numbers are to be exact, which dropout hinders, too; the average over
    epochs is better there, as it is where documents are many, and lets the rate be
    higher.
    """
    n = max(num_documents, 1)
    hidden = 32 if n < 200 else 64 if n < 10_000 else 128
    batch = 8 if n < 400 else 16 if n < 2_000 else 32 if n < 20_000 else 64
    epochs = min(max(STEPS * batch // n, FEWEST_EPOCHS), MOST_EPOCHS)
    if goal != "regress" and n < FEW:
        return Defaults(hidden, hidden, 0.2, 0.3, 3e-3, 0.0, batch, epochs)
    return Defaults(hidden, hidden, 0.0, 0.1, 5e-3, 0.8, batch, epochs)
