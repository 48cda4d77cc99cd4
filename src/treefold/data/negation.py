"""Phrases and their negations, and clauses on both sides of "but", out of a treebank.

The sets of section 5.3 of Socher et al. (2013), which are not published, made again by
rule from trees whose every node has a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from treefold.data.corpus import Corpus

NEGATORS = frozenset({"not", "n't", "never", "no", "without", "hardly", "barely"})
LONGEST = 2  # words of what negates, such as "does n't", the last of them a negator
# of the treebank's labels and of those of sst-binary
POLARITY = {"0": -1, "1": -1, "2": 0, "3": 1, "4": 1, "negative": -1, "positive": 1}


class Phrase(NamedTuple):
    """A subtree of a treebank.

    Attributes:
        tree: as bracket text without labels.
        text: its words.
        label: its gold label, as the treebank writes it.
    """

    tree: str
    text: str
    label: str

    @property
    def polarity(self) -> int:
        """-1, 0 or 1, of the gold label."""
        return POLARITY[self.label]


class Negation(NamedTuple):
    """A phrase, and the node above it that negates it: "very good", "not very good"."""

    phrase: Phrase
    negated: Phrase


class Contrast(NamedTuple):
    """Two clauses, "X but Y": the first, the second, and the node over "but Y"."""

    first: Phrase
    second: Phrase
    but: Phrase


def negations(corpus: Corpus) -> list[Negation]:
    """Find each phrase whose sister is a negator, in the order of the trees.

    Args:
        corpus: trees of two children a node, all labelled 0 (very negative) to 4.
    """
    found = []
    for tree in _trees(corpus):
        for node, (left, right) in tree.pairs():
            words = tree.phrase(left).text.lower().split(" ")
            if words[-1] in NEGATORS and len(words) <= LONGEST:
                found.append(Negation(tree.phrase(right), tree.phrase(node)))
    return found


def contrasts(corpus: Corpus) -> list[Contrast]:
    """Find each "X but Y" whose X and Y have different labels.

    Args:
        corpus: as `negations` takes it.
    """
    found = []
    for tree in _trees(corpus):
        for _, (left, right) in tree.pairs():
            below = tree.children[right]
            if len(below) != 2 or tree.phrase(below[0]).text.lower() != "but":
                continue
            parts = Contrast(*map(tree.phrase, (left, below[1], right)))
            if parts.first.label != parts.second.label:
                found.append(parts)
    return found


def phrases(corpus: Corpus) -> Iterator[Phrase]:
    """Go through all subtrees of a treebank, leaves and sentences among them."""
    for tree in _trees(corpus):
        yield from map(tree.phrase, range(len(tree.children)))


class _Tree:
    """One tree of a corpus, its nodes in level order."""

    def __init__(self, corpus: Corpus, number: int):
        first, stop = corpus.tree_offset[number : number + 2]
        at = corpus.child_offset[first : stop + 1]
        self.children = [
            list(map(int, part))
            for part in np.split(corpus.child[at[0] : at[-1]], at[1:-1] - at[0])
        ]
        self._labels = [corpus.labels[k] for k in corpus.label[first:stop]]
        self._trees, self._texts = list[str](), list[str]()
        for v, below in enumerate(self.children):  # children first, in level order
            if below:
                inside = " ".join(self._trees[c] for c in below)
                self._texts.append(" ".join(self._texts[c] for c in below))
            else:
                inside = corpus.tokens[corpus.token[first + v]]
                self._texts.append(inside)
            self._trees.append(f"(_ {inside})")

    def phrase(self, v: int) -> Phrase:
        return Phrase(self._trees[v], self._texts[v], self._labels[v])

    def pairs(self) -> Iterator[tuple[int, list[int]]]:
        """Nodes of two children, and these."""
        return ((v, b) for v, b in enumerate(self.children) if len(b) == 2)


def _trees(corpus: Corpus) -> Iterator[_Tree]:
    return (_Tree(corpus, number) for number in range(len(corpus)))
