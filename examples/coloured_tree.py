"""Draw a sentence as a small model reads it: the picture at the top of the README.

A Tree-LSTM learns from the labelled trees of `reviews.py`, and is then asked about a
sentence that was not among them.

    python examples/coloured_tree.py [FILE.svg]
"""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import torch

from reviews import reviews
from treefold.cells import NaryTreeLSTMCell
from treefold.data import Vocabulary, batches, read_brackets
from treefold.models import NodeClassifier
from treefold.report import Reading, TreePicture, corpus_picture

LABELS = ("0", "1", "2", "3", "4")
NAMES = ("very negative", "negative", "neutral", "positive", "very positive")
SHOWN = (
    "(4 (1 (2 (2 the) (2 soup)) (1 (2 was) (1 (2 not) (4 (2 very) (3 good)))))"
    " (4 (2 but) (4 (2 (2 the) (2 bread)) (4 (2 was) (4 wonderful)))))"
)


def picture(num_sentences: int = 300, num_epochs: int = 6) -> TreePicture:
    """Train on other sentences, then draw the one to show."""
    others = [tree for tree in reviews(num_sentences) if tree != SHOWN]
    corpus = read_brackets(StringIO("\n".join(others)))
    vocabulary = Vocabulary.build(corpus)
    corpus = corpus.recode(vocabulary, LABELS)

    torch.manual_seed(0)
    model = NodeClassifier(NaryTreeLSTMCell(24, 24), len(vocabulary), len(LABELS))
    model.embedding.sparse = False  # so few words need no sparse gradients
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    for epoch in range(num_epochs):
        for batch in batches(corpus, batch_size=25, seed=0, epoch=epoch):
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()

    shown = read_brackets(StringIO(SHOWN)).recode(vocabulary, LABELS)
    probability = model.predict(shown.batch([0])).numpy()
    return corpus_picture(shown, 0, Reading(NAMES, ordered=True), probability)


if __name__ == "__main__":
    to = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/coloured-tree.svg")
    drawn = picture()
    to.write_text(drawn.svg + "\n", encoding="utf-8")
    print(f"{drawn.caption}: {drawn.prediction}, probability {drawn.probability:.2f}")
    print(f"Wrote {to}.")
