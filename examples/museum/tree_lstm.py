"""2015: a Tree-LSTM works out deeper formulas than it has seen; a sequence does not."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

import numpy as np
import torch

from museum import Exhibit
from treefold.cells import NaryTreeLSTMCell
from treefold.data import Corpus, Vocabulary, batches, read_brackets
from treefold.models import NodeClassifier
from treefold.report import Reading, corpus_picture

CLASSES = ("F", "T")
NUM_TRAIN, NUM_TEST, EPOCHS = 400, 200, 40
SHORT, LONG = range(5), range(8, 13)  # operators of a formula, to train and to test on

Formula = str | tuple["Formula", ...]  # T, F, (not, f) or (f, (and, f))


def formula(rng: np.random.Generator, operators: int) -> Formula:
    """Make a random formula."""
    if operators == 0:
        return str(rng.choice(CLASSES))
    if rng.random() < 0.25:
        return ("not", formula(rng, operators - 1))
    left = int(rng.integers(operators))
    below = formula(rng, left), formula(rng, operators - 1 - left)
    return (below[0], (str(rng.choice(["and", "or"])), below[1]))


def value(of: Formula) -> bool:
    """Work a formula out."""
    if isinstance(of, str):
        return of == "T"
    if of[0] == "not":
        return not value(of[1])
    name, right = of[1]
    return (all if name == "and" else any)([value(of[0]), value(right)])


def tree(of: Formula, label: str = "_") -> str:
    """Write a formula in brackets, with a label at its root alone."""
    if isinstance(of, str):
        return f"({label} {of})"
    return f"({label} {' '.join(map(tree, of))})"


def words(of: Formula) -> list[str]:
    """Write a formula as a sequence, its parentheses included."""
    if isinstance(of, str):
        return [of]
    return ["<", *(word for part in of for word in words(part)), ">"]


def chain(of: Formula, label: str) -> str:
    """Write the sequence as a tree that is one: each word above those before it."""
    first, *others = words(of)
    text = f"(_ {first})"
    for word in others:
        text = f"(_ {text} (_ {word}))"
    return f"({label}{text[2:]}"


def learn(
    train: Sequence[str], test: Sequence[str]
) -> tuple[NodeClassifier, Corpus, float]:
    """Train on trees by the labels of their roots; return the accuracy on others."""
    corpus = read_brackets(StringIO("\n".join([*train, *test])))
    corpus = corpus.recode(Vocabulary.build(corpus), CLASSES)
    rest = corpus[len(train) :]
    torch.manual_seed(0)
    model = NodeClassifier(NaryTreeLSTMCell(16, 32), len(corpus.tokens), len(CLASSES))
    model.embedding.sparse = False
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(EPOCHS):
        for batch in batches(corpus[: len(train)], batch_size=50, seed=0, epoch=epoch):
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()
    batch = rest.batch(np.arange(len(rest)))
    roots = batch.forest.roots
    told = model.predict(batch).argmax(dim=1)[roots]
    return model, rest, float((told == batch.label[roots]).double().mean())


def exhibit() -> Exhibit:
    """Learn from formulas of few operators, and work out ones of many."""
    rng = np.random.default_rng(0)
    made = [formula(rng, int(rng.choice(SHORT))) for _ in range(NUM_TRAIN)]
    made += [formula(rng, int(rng.choice(LONG))) for _ in range(NUM_TEST)]
    labels = [CLASSES[value(each)] for each in made]

    def written(form) -> tuple[list[str], list[str]]:
        lines = [form(each, label) for each, label in zip(made, labels, strict=True)]
        return lines[:NUM_TRAIN], lines[NUM_TRAIN:]

    model, test, by_trees = learn(*written(tree))
    _, _, by_words = learn(*written(chain))
    smallest = int(np.argmin(test.sizes))
    probability = model.predict(test.batch([smallest])).numpy()
    picture = corpus_picture(test, smallest, Reading(CLASSES), probability)
    return Exhibit(
        2015,
        "Tree-LSTM",
        "Tai, Socher & Manning, ACL 2015",
        "A memory with a gate for each child carries meaning through deep trees.",
        f"Trained on formulas of up to {SHORT[-1]} operators, it works out "
        f"{by_trees:.0%} of those with {LONG[0]} to {LONG[-1]}; the same cell along "
        f"their words and parentheses {by_words:.0%}.",
        picture.svg,
        "A formula from the test set, and what the model reads at each node, though "
        "only whole formulas had labels.",
    )
