"""Socher's recursive auto-encoders (2011) on sentences: how well do words come back?

Each model encodes a sentence in one vector, along trees that it finds greedily or is
given, and takes the vector apart again along the same tree. What is told is the squared
distance between a word's vector, of length 1, and what comes back for it, on test
sentences of the Stanford Sentiment Treebank, and how well the trees agree with the
treebank's.

    python examples/phrase_auto_encoder.py [PICTURE]
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from treefold.data.bracketing import agreement, branching, of_phrases
from treefold.data.glove import load_vectors, vectors_file
from treefold.data.raw_sentences import Treebank, load_sentences
from treefold.data.vocabulary import Vocabulary
from treefold.models.recursive_auto_encoder import Phrases, RecursiveAutoEncoder
from treefold.svg import tree_svg

TRAIN, TEST, BATCH, EPOCHS, SIZE = 1000, 300, 25, 3, 25
OWN = ["the", "old", "boat", "drifts", "slowly", "down", "the", "quiet", "river"]
VARIANTS = {
    "greedy trees, children compared": (False, "greedy"),
    "greedy trees, unfolding": (True, "greedy"),
    "balanced trees, unfolding": (True, "balanced"),
    "random trees, unfolding": (True, "random"),
    "right-branching trees, unfolding": (True, "right"),
    "the treebank's trees, unfolding": (True, "gold"),
}


class Sentences:
    """Sentences of a treebank as vectors of their words, each of length 1."""

    def __init__(self, bank: Treebank, count: int, vectors: dict[str, torch.Tensor]):
        long = [b for b in range(len(bank)) if len(bank.words[b]) > 1][:count]
        self.words = [bank.words[b] for b in long]
        self.spans = [bank.spans[b] for b in long]
        self.lengths = np.array([len(words) for words in self.words])
        rows = [vectors[word.lower()] for words in self.words for word in words]
        self.vectors = torch.stack(rows)
        self.begin = np.append(0, np.cumsum(self.lengths))

    def of(
        self, numbers: np.ndarray, model: RecursiveAutoEncoder, tree: str
    ) -> Phrases:
        """Take some sentences, with trees of a kind."""
        rows = [self.vectors[self.begin[b] : self.begin[b + 1]] for b in numbers]
        lengths = self.lengths[numbers]
        phrases = Phrases(torch.cat(rows), torch.from_numpy(lengths))
        if tree == "greedy":
            return model.find(phrases)
        if tree == "gold":
            forest = of_phrases(lengths, [self.spans[b] for b in numbers])
        else:
            forest = branching(lengths, tree, seed=int(numbers[0]))  # type: ignore[arg-type]
        return replace(phrases, forest=forest)


def word_vectors(banks: list[Treebank]) -> dict[str, torch.Tensor]:
    """Read the words' vectors; those without one get a random one, by seed."""
    words = sorted({w.lower() for b in banks for ws in b.words for w in ws} | {*OWN})
    vocabulary = Vocabulary(("<unk>", *words))
    found, known = load_vectors(vectors_file("glove_twitter25_12k.txt.gz"), vocabulary)
    drawn = torch.randn(found.shape, generator=torch.Generator().manual_seed(0))
    vectors = torch.where(
        torch.from_numpy(known)[:, None], torch.from_numpy(found), drawn
    )
    return dict(zip(words, F.normalize(vectors, dim=1)[1:], strict=True))


def learn(train: Sentences, unfolding: bool, tree: str) -> RecursiveAutoEncoder:
    """Train a model for a few epochs."""
    torch.manual_seed(0)
    model = RecursiveAutoEncoder(SIZE, unfolding=unfolding)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    random = np.random.default_rng(0)
    for _ in range(EPOCHS):
        for numbers in np.split(random.permutation(len(train.words)), TRAIN // BATCH):
            optimizer.zero_grad()
            model.loss(train.of(numbers, model, tree)).backward()
            optimizer.step()
    return model


def measure(test: Sentences, model: RecursiveAutoEncoder, tree: str) -> dict[str, Any]:
    """Take test sentences apart from one vector each."""
    phrases = test.of(np.arange(len(test.words)), model, tree)
    assert phrases.forest is not None
    with torch.no_grad():
        words = model.leaf_errors(phrases.vectors, phrases.forest).mean()
        model.unfolding = False
        children = model.errors(phrases.vectors, phrases.forest).mean()
    found = agreement(phrases.forest, test.lengths, test.spans)
    return {"words": float(words), "children": float(children), "f1": found.f1}


def main(picture: str | None) -> None:
    """Train the variants, print the table, draw a tree."""
    torch.set_num_threads(1)
    data = load_sentences("sst-windows")
    banks = [data.trees["train"], data.trees["test"]]
    vectors = word_vectors(banks)
    train, test = (
        Sentences(banks[0], TRAIN, vectors),
        Sentences(banks[1], TEST, vectors),
    )

    def distance(said: torch.Tensor) -> float:
        return float((test.vectors - said).square().sum(dim=1).mean())

    every = train.vectors.mean(dim=0)
    parts = test.vectors.split(test.lengths.tolist())
    of_words = torch.cat([part.mean(dim=0).expand_as(part) for part in parts])
    print(f"{'':34} {'words':>7} {'children':>9} {'F1 %':>6} {'seconds':>8}")
    print(f"{'the mean word of all':34} {distance(every):7.3f}")
    print(f"{'the mean word of the sentence':34} {distance(of_words):7.3f}")
    for name, (unfolding, tree) in VARIANTS.items():
        begun = time.process_time()
        model = learn(train, unfolding, tree)
        told = measure(test, model, tree)
        print(
            f"{name:34} {told['words']:7.3f} {told['children']:9.3f} "
            f"{100 * told['f1']:6.1f} {time.process_time() - begun:8.0f}",
            flush=True,
        )
        if picture and name == "greedy trees, unfolding":
            Path(picture).write_text(draw(vectors, model), "utf-8")


def draw(vectors: dict[str, torch.Tensor], model: RecursiveAutoEncoder) -> str:
    """Draw the tree of a sentence of our own, with what each merge loses."""
    rows = torch.stack([vectors[word] for word in OWN])
    forest = model.find(Phrases(rows, torch.tensor([len(OWN)]))).forest
    assert forest is not None
    with torch.no_grad():
        errors = model.errors(rows, forest).tolist()
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=[*OWN, *(f"{error:.2f}" for error in errors)],
        title="A tree found by merging, again and again, the two neighbours that lose "
        "the least; the numbers are what each merge loses",
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
