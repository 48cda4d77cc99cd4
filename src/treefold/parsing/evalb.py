"""Labelled brackets, right and wrong, by the rules of evalb (Sekine & Collins, 1997).

TOP is no bracket; punctuation (the tags ``,`` ``:`` two backquotes, two apostrophes and
``.``) is deleted before spans are compared, and so is what then covers nothing; ADVP
and PRT are one label. Equal brackets count as often as they occur.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from treefold.parsing.tree import TOP, Tree

DELETED = frozenset({"''", "``", ",", ":", "."})
SAME = {"PRT": "ADVP"}
Bracket = tuple[str, int, int]


class Score(NamedTuple):
    """Counts over any number of trees, which add up.

    Attributes:
        matched: brackets of both trees.
        said: brackets of the parser's.
        right: brackets of the treebank's.
        tags: words with the right tag.
        words: all of them.
        exact: trees whose brackets are all right.
        trees: all of them.
    """

    matched: int = 0
    said: int = 0
    right: int = 0
    tags: int = 0
    words: int = 0
    exact: int = 0
    trees: int = 0

    def __add__(self, other: object) -> Score:
        if not isinstance(other, Score):
            return NotImplemented
        return Score(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def precision(self) -> float:
        return self.matched / max(self.said, 1)

    @property
    def recall(self) -> float:
        return self.matched / max(self.right, 1)

    @property
    def f1(self) -> float:
        return 2 * self.matched / max(self.said + self.right, 1)


def positions(tags: Iterable[str], deleted: frozenset[str] = DELETED) -> list[int]:
    """Return for each gap between words the words that count before it, (n + 1,)."""
    found = [0]
    for tag in tags:
        found.append(found[-1] + (tag not in deleted))
    return found


def brackets(tree: Tree, tags: Iterable[str] | None = None) -> Counter[Bracket]:
    """Return the labelled brackets of a tree that count.

    Args:
        tree: whose brackets.
        tags: by which words are deleted; by default the tree's own.
    """
    own = [leaf.label for leaf in tree.leaves()] if tags is None else tags
    place = positions(own)
    return Counter(
        (SAME.get(node.label, node.label), place[i], place[j])
        for node, i, j in tree.spans()
        if node.word is None and node.label != TOP and place[i] < place[j]
    )


def score(said: Tree, right: Tree, labelled: bool = True) -> Score:
    """Compare a parser's tree with the treebank's.

    Words are deleted by the treebank's tags in both, so that a wrong tag of a
    punctuation mark does not move all spans behind it.

    Raises:
        ValueError: they are of different words.
    """
    if said.words() != right.words():
        raise ValueError(
            f"the trees must be of the same words, got {' '.join(said.words())!r} and "
            f"{' '.join(right.words())!r}."
        )
    tags = [leaf.label for leaf in right.leaves()]
    found, wanted = brackets(said, tags), brackets(right, tags)
    if not labelled:
        found, wanted = _bare(found), _bare(wanted)
    matched = (found & wanted).total()
    pairs = zip(said.leaves(), tags, strict=True)
    counted = [(a.label == b) for a, b in pairs if b not in DELETED]
    return Score(
        matched,
        found.total(),
        wanted.total(),
        sum(counted),
        len(counted),
        int(found == wanted),
        1,
    )


def total(pairs: Iterable[tuple[Tree, Tree]], labelled: bool = True) -> Score:
    """Add up the scores of (a parser's tree, the treebank's)."""
    return sum((score(a, b, labelled) for a, b in pairs), Score())


def _bare(found: Counter[Bracket]) -> Counter[Bracket]:
    """Return brackets without labels."""
    bare: Counter[Bracket] = Counter()
    for (_, i, j), count in found.items():
        bare["", i, j] += count
    return bare
