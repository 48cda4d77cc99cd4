"""Binary trees of the size of sentences, for measurements that need no meaning.

They are like the Stanford Sentiment Treebank's in what matters for speed: 19 words on
average, with a standard deviation of 9; as high, for most phrases have a short part and
a long one; and as many of a batch's words are distinct, for word r is met with a
probability of 1/r (Zipf's law).
"""

from __future__ import annotations

import numpy as np

from treefold.data.corpus import Corpus

MEAN, DEVIATION, MOST = 19.1, 9.3, 56  # words of a sentence
WORDS = 18_000
# The share of a phrase that is its left part has a beta distribution, which below 1 is
# highest at both ends.
UNEVEN = 0.25


def random_sentences(count: int, *, seed: int = 0) -> Corpus:
    """Make trees with a word at each leaf and no labels."""
    random = np.random.default_rng(seed)
    shape, scale = (MEAN / DEVIATION) ** 2, DEVIATION**2 / MEAN
    leaves = np.clip(random.gamma(shape, scale, count).round().astype(int), 2, MOST)
    parents, is_leaf = [], []
    for n in leaves:
        parent, leaf = _split(int(n), random)
        parents += parent
        is_leaf += leaf
    frequency = 1 / np.arange(1, WORDS + 1)
    token = np.full(len(parents), -1)
    token[is_leaf] = random.choice(WORDS, leaves.sum(), p=frequency / frequency.sum())
    return Corpus.from_parents(
        np.concatenate(([0], np.cumsum(2 * leaves - 1))),
        np.array(parents, int),
        token,
        np.full(len(parents), -1),
        tuple(f"word-{r}" for r in range(WORDS)),
        (),
        source="random sentences",
    )


def _split(leaves: int, random: np.random.Generator) -> tuple[list[int], list[bool]]:
    """Return each node's parent, parents first, and whether it is a leaf."""
    parent, is_leaf = [], []
    waiting = [(leaves, -1)]
    while waiting:
        size, above = waiting.pop()
        here = len(parent)
        parent.append(above)
        is_leaf.append(size == 1)
        if size > 1:
            left = min(1 + int((size - 1) * random.beta(UNEVEN, UNEVEN)), size - 1)
            waiting += [(size - left, here), (left, here)]
    return parent, is_leaf
