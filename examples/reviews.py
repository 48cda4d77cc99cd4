"""Make a treebank of small reviews, labelled at every node by rules of our own.

A grammar makes sentences such as "the soup was not very good but the bread was
wonderful". Labels run from 0 (very bad) to 4 (very good): "not" turns its phrase round
and is milder than it, "very" makes it stronger, and of two halves around "but" the
second counts. No licensed data is needed to try treefold with them.

    python examples/reviews.py reviews.txt [NUMBER [SEED]]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

DISHES = ["soup", "bread", "cake", "coffee", "salad", "rice", "tea", "pie"]
TASTES = {"awful": 0, "cold": 1, "bad": 1, "good": 3, "warm": 3, "wonderful": 4}

Phrase = tuple[int, str]  # its label, and its tree in brackets


def node(label: int, *parts: str) -> Phrase:
    """Put a label over a word, or over the trees of some parts."""
    return label, f"({label} {' '.join(parts)})"


def taste(rng: np.random.Generator, depth: int = 0) -> Phrase:
    """Make a phrase such as "not very good"."""
    kind = rng.random()
    if depth < 3 and kind < 0.3:
        label, phrase = taste(rng, depth + 1)
        return node(int(2 - np.sign(label - 2)), "(2 not)", phrase)
    word = str(rng.choice(list(TASTES)))
    label, phrase = node(TASTES[word], word)
    if kind < 0.55:
        return node(int(np.clip(2 * label - 2, 0, 4)), "(2 very)", phrase)
    return label, phrase


def clause(rng: np.random.Generator) -> Phrase:
    """Make a clause such as "the soup was good"."""
    label, phrase = taste(rng)
    _, dish = node(2, "(2 the)", f"(2 {rng.choice(DISHES)})")
    _, verdict = node(label, "(2 was)", phrase)
    return node(label, dish, verdict)


def sentence(rng: np.random.Generator) -> str:
    """Make one clause, or two around "but"."""
    _, first = clause(rng)
    if rng.random() < 0.5:
        return first
    label, second = clause(rng)
    _, contrast = node(label, "(2 but)", second)
    return node(label, first, contrast)[1]


def reviews(number: int, seed: int = 0) -> list[str]:
    """Return so many different sentences, as bracket trees."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}  # a set that keeps its order
    while len(found) < number:
        found[sentence(rng)] = None
    return list(found)


if __name__ == "__main__":
    to, *given = sys.argv[1:]
    made = reviews(*map(int, given or ["500"]))
    Path(to).write_text("\n".join(made) + "\n", encoding="utf-8")
    print(f"Wrote {len(made)} trees to {to}.")
