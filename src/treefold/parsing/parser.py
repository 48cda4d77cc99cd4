"""A parser by charts: words in, the k best trees out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from treefold.parsing.binary import BETWEEN, base
from treefold.parsing.chart import inside, outside
from treefold.parsing.grammar import Grammar
from treefold.parsing.kbest import Derivations, k_best
from treefold.parsing.tree import TOP, Tree

Float = NDArray[np.float64]
LONGEST = 80  # words: a longer sentence's chart takes too much memory and time


@final
class ChartParser:
    """Parse with a grammar, after a coarse one has ruled out most of the chart.

    Where the two together leave no tree, the grammar goes over the whole chart; where
    that has none, or the sentence has more than `LONGEST` words, there is no tree.

    Args:
        grammar: whose trees are wanted.
        coarse: a grammar whose symbols are those of `grammar` without annotation;
            None leaves the whole chart.
        threshold: a cell keeps a coarse symbol whose best tree is within so many nats
            of the best of all.
    """

    def __init__(
        self,
        grammar: Grammar,
        coarse: Grammar | None = None,
        *,
        threshold: float = 10.0,
    ):
        self.grammar, self.coarse, self.threshold = grammar, coarse, threshold

    @cached_property
    def _kinds(self) -> tuple[NDArray[np.int32], int]:
        """The kind of each symbol: the coarse symbol that it is a part of."""
        if self.coarse is None:
            return np.zeros(len(self.grammar.symbols), np.int32), 1
        number = {name: k for k, name in enumerate(self.coarse.bases)}
        kinds = [number[name] for name in self.grammar.bases]
        return np.array(kinds, np.int32), len(number)

    def k_best(
        self, words: Sequence[str], k: int, tags: Sequence[str] | None = None
    ) -> Derivations | None:
        """Return the k best trees over words; None where there is none.

        Args:
            words: n of them.
            k: how many trees, at most.
            tags: what each word is; None lets the grammar's lexicon say.
        """
        n = len(words)
        if not 0 < n <= LONGEST:
            return None
        leaf = leaf_scores(self.grammar, words, tags)
        kind, C = self._kinds
        everywhere = np.ones((n * (n + 1) // 2, C), np.bool_)
        allowed = everywhere
        if self.coarse is not None:
            allowed = self._allowed(words, tags)
        rules, top = self.grammar.rules, self.grammar.top
        chart = inside(leaf, rules, allowed, kind)
        if chart.high[-1, top] == -np.inf and not allowed.all():
            chart = inside(leaf, rules, everywhere, kind)
        return k_best(chart, leaf, rules, top, k)

    def _allowed(
        self, words: Sequence[str], tags: Sequence[str] | None
    ) -> NDArray[np.bool_]:
        """Return which coarse symbols are worth trying in each cell."""
        assert self.coarse is not None
        coarse, n = self.coarse, len(words)
        S = len(coarse.symbols)
        leaf = leaf_scores(coarse, words, tags)
        everywhere = np.ones((n * (n + 1) // 2, 1), np.bool_)
        chart = inside(leaf, coarse.rules, everywhere, np.zeros(S, np.int32))
        best = chart.high[-1, coarse.top]
        if best == -np.inf:
            return np.ones((n * (n + 1) // 2, S), np.bool_)
        least = best - self.threshold - 1e-9 * abs(best)
        around = outside(chart, n, coarse.rules, coarse.top, least)
        with np.errstate(all="ignore"):  # what is not written may be any number
            whole = np.maximum(chart.low + around[0], chart.high + around[1])
        return (whole >= least) & (chart.count > 0)[:, None]

    def parse(
        self, words: Sequence[str], tags: Sequence[str] | None = None
    ) -> Tree | None:
        """Return the best tree over words; None where there is none."""
        found = self.k_best(words, 1, tags)
        return None if found is None else tree_of(self.grammar, found, 0, words)


def leaf_scores(
    grammar: Grammar, words: Sequence[str], tags: Sequence[str] | None = None
) -> Float:
    """Return the score of each symbol over each word, (n, S).

    A tag that the grammar does not know says nothing: the lexicon alone decides.
    """
    T = grammar.num_tags
    leaf = np.full((len(words), len(grammar.symbols)), -np.inf)
    plain = np.array(grammar.bases[:T], object)
    for i, word in enumerate(words):
        scores = grammar.lexicon(word, i == 0)
        if tags is not None and (fits := plain == tags[i]).any():
            scores = np.where(fits, scores, -np.inf)
        leaf[i, :T] = scores
    return leaf


def chains_of(grammar: Grammar, found: Derivations) -> list[tuple[str, ...]]:
    """Return the plain labels of each node's chain of unary rules, from the top."""
    known: dict[tuple[int, int], tuple[str, ...]] = {}
    chains = []
    for key in zip(found.top.tolist(), found.bottom.tolist(), strict=True):
        if key not in known:
            names = grammar.chain(*key)
            known[key] = tuple(base(grammar.symbols[s]) for s in names)
        chains.append(known[key])
    return chains


def tree_of(
    grammar: Grammar, found: Derivations, number: int, words: Sequence[str]
) -> Tree:
    """Return a tree of a k-best list, with the symbols between taken out again."""
    chains = chains_of(grammar, found)
    left, right = found.left.tolist(), found.right.tolist()
    done: dict[int, tuple[Tree, ...]] = {}
    stack = [int(found.root[number])]
    while stack:
        v = stack[-1]
        if v in done:
            stack.pop()
            continue
        if left[v] < 0:
            *above, tag = chains[v]
            below: tuple[Tree, ...] = (Tree(tag, (words[int(found.begin[v])],)),)
        elif left[v] in done and right[v] in done:
            above, below = list(chains[v]), (*done[left[v]], *done[right[v]])
        else:
            stack += [left[v], right[v]]
            continue
        for label in reversed(above):
            if not label.startswith(BETWEEN):
                below = (Tree(label, below),)
        done[v] = below
        stack.pop()
    (tree,) = done[int(found.root[number])]
    return tree if tree.label == TOP else Tree(TOP, (tree,))
