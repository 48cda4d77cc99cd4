"""Draw a sentence as a small model reads it: the picture at the top of the README.

A grammar of our own makes restaurant reviews, and rules of our own label every node of
them from 0 (very bad) to 4 (very good): "not" turns its phrase round, "very" makes it
stronger, and of two halves around "but" the second counts. A Tree-LSTM that sees only
such labelled trees learns to compose, and is then asked about a sentence it never saw.

    python examples/coloured_tree.py [FILE.svg]
"""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import numpy as np
import torch

from treefold.cells import NaryTreeLSTMCell
from treefold.data import Vocabulary, batches, read_brackets
from treefold.models import NodeClassifier
from treefold.report import Reading, TreePicture, corpus_picture

CLASSES = ("very negative", "negative", "neutral", "positive", "very positive")
DISHES = "soup bread cake coffee salad rice tea pie".split()
TASTES = {"awful": 0, "cold": 1, "bad": 1, "good": 3, "warm": 3, "wonderful": 4}

SHOWN = """
(4 (1 (2 (2 the) (2 soup)) (1 (2 was) (1 (2 not) (4 (2 very) (3 good)))))
   (4 (2 but) (4 (2 (2 the) (2 bread)) (4 (2 was) (4 wonderful)))))
"""

Phrase = tuple[int, str]  # its label, and its tree in brackets


def node(label: int, *parts: str) -> Phrase:
    """Put a label over the trees of some parts."""
    return label, f"({label} {' '.join(parts)})"


def taste(rng: np.random.Generator, depth: int = 0) -> Phrase:
    """Make a phrase such as "not very good"."""
    kind = rng.random()
    if depth < 3 and kind < 0.3:  # "not" turns round, and is milder than its phrase
        label, phrase = taste(rng, depth + 1)
        return node(int(2 - np.sign(label - 2)), "(2 not)", phrase)
    word = str(rng.choice(list(TASTES)))
    label, phrase = node(TASTES[word], word)
    if kind < 0.55:  # "very" moves one step further out
        return node(int(np.clip(2 * label - 2, 0, 4)), "(2 very)", phrase)
    return label, phrase


def clause(rng: np.random.Generator) -> Phrase:
    """Make a clause such as "the soup was good"."""
    label, phrase = taste(rng)
    _, what = node(2, "(2 the)", f"(2 {rng.choice(DISHES)})")
    _, said = node(label, "(2 was)", phrase)
    return node(label, what, said)


def sentence(rng: np.random.Generator) -> str:
    """Make one clause, or two around "but", of which the second counts."""
    label, first = clause(rng)
    if rng.random() < 0.5:
        return first
    label, second = clause(rng)
    return node(label, first, node(label, "(2 but)", second)[1])[1]


def picture(num_sentences: int = 300, num_epochs: int = 6) -> TreePicture:
    """Train on sentences of the grammar, then draw the one to show."""
    rng = np.random.default_rng(0)
    shown = read_brackets(StringIO(SHOWN))
    words = " ".join(SHOWN.split())
    made = {sentence(rng) for _ in range(num_sentences)} - {words}
    labels = ("0", "1", "2", "3", "4")
    corpus = read_brackets(StringIO("\n".join(sorted(made))))
    vocabulary = Vocabulary.build(corpus)
    corpus = corpus.recode(vocabulary, labels)

    torch.manual_seed(0)
    model = NodeClassifier(NaryTreeLSTMCell(24, 24), len(vocabulary), len(CLASSES))
    model.embedding.sparse = False  # so few words need no sparse gradients
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    for epoch in range(num_epochs):
        for batch in batches(corpus, batch_size=25, seed=0, epoch=epoch):
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()

    shown = shown.recode(vocabulary, labels)
    probability = model.predict(shown.batch([0])).numpy()
    reading = Reading(CLASSES, ordered=True)
    return corpus_picture(shown, 0, reading, probability)


if __name__ == "__main__":
    to = sys.argv[1] if len(sys.argv) > 1 else "docs/images/coloured-tree.svg"
    drawn = picture()
    Path(to).write_text(drawn.svg + "\n", encoding="utf-8")
    print(f"{drawn.caption}: {drawn.prediction} ({drawn.probability:.2f})")
    print(f"Wrote {to}.")
