"""Charts against the enumeration of all trees."""

import math
from functools import cache
from itertools import product

import numpy as np
import pytest

from tests.parsing.trees import TREES
from treefold.parsing.binary import Markov
from treefold.parsing.grammar import Grammar
from treefold.parsing.parser import LONGEST, ChartParser, leaf_scores, tree_of

MARKOVS = {
    "plain": Markov(),
    "coarse": Markov(horizontal=0),
    "annotated": Markov(True, True, 2),
}
SENTENCES = [
    "the dog sees rain with joy",
    "rain falls",
    "the old dog eats joy with rain",
    "it sees the cat eats joy .",
    "Zeno sees",
]
ALL = 10_000


def enumerated(grammar: Grammar, words: list[str]) -> list[float]:
    """The scores of all trees, by plain recursion over spans, splits and rules.

    Of the chains of unary rules between two symbols only the best is taken.
    """
    leaf = leaf_scores(grammar, words)
    total = {}
    for part in (grammar.binary, grammar.unary):
        for key, n in part.items():
            total[key[0]] = total.get(key[0], 0) + n
    for (_, tag), n in grammar.lexicon.counts.items():
        k = grammar.symbols.index(tag)
        total[k] = total.get(k, 0) + n

    def chains(symbol: int, seen: tuple[int, ...], score: float):
        yield symbol, score
        for (above, below), n in grammar.unary.items():
            if above == symbol and below not in seen:
                step = math.log(n / total[above])
                yield from chains(below, (*seen, below), score + step)

    @cache
    def below(symbol: int) -> dict[int, float]:
        best: dict[int, float] = {}
        for end, score in chains(symbol, (symbol,), 0.0):
            best[end] = max(score, best.get(end, -math.inf))
        return best

    @cache
    def high(symbol: int, i: int, j: int) -> list[float]:
        return [s + w for end, w in below(symbol).items() for s in low(end, i, j)]

    @cache
    def low(symbol: int, i: int, j: int) -> list[float]:
        if j - i == 1 and leaf[i, symbol] > -np.inf:
            found = [float(leaf[i, symbol])]
        else:
            found = []
        for (head, left, right), n in grammar.binary.items():
            if head == symbol:
                weight = math.log(n / total[head])
                for k in range(i + 1, j):
                    pairs = product(high(left, i, k), high(right, k, j))
                    found += [weight + a + b for a, b in pairs]
        return found

    return sorted(high(grammar.top, 0, len(words)), reverse=True)


@pytest.mark.parametrize("markov", MARKOVS.values(), ids=MARKOVS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_list_of_all_trees_is_the_enumeration(markov: Markov, sentence: str):
    grammar, words = Grammar.of(TREES, markov, classes=True), sentence.split()
    wanted = enumerated(grammar, words)
    found = ChartParser(grammar).k_best(words, ALL)
    if found is None:
        assert wanted == []
        return
    assert len(wanted) < ALL
    np.testing.assert_allclose(found.score, wanted, rtol=1e-12)


def test_some_of_the_sentences_have_many_trees():
    grammar = Grammar.of(TREES, MARKOVS["coarse"], classes=True)
    counts = [len(enumerated(grammar, s.split())) for s in SENTENCES]
    assert max(counts) > 50


@pytest.mark.parametrize("k", [1, 2, 7, 30])
def test_a_short_list_is_the_beginning_of_a_long_one(k: int):
    grammar = Grammar.of(TREES, Markov(horizontal=0), classes=True)
    words = SENTENCES[0].split()
    long = ChartParser(grammar).k_best(words, ALL)
    short = ChartParser(grammar).k_best(words, k)
    assert long is not None
    assert short is not None
    assert len(short.root) == min(k, len(long.root))
    np.testing.assert_allclose(short.score, long.score[:k], rtol=1e-12)


def test_the_trees_of_a_list_differ_and_have_the_words():
    grammar = Grammar.of(TREES, Markov(True, True, 2), classes=True)
    words = SENTENCES[0].split()
    found = ChartParser(grammar).k_best(words, 20)
    assert found is not None
    trees = [tree_of(grammar, found, r, words) for r in range(len(found.root))]
    assert all(tree.words() == words for tree in trees)
    assert len({tree.brackets() for tree in trees}) == len(trees)


def test_the_coarse_grammar_does_not_cost_the_best_tree():
    coarse = Grammar.of(TREES, Markov(horizontal=0), classes=True)
    grammar = Grammar.of(TREES, Markov(True, True, 2), classes=True)
    for tree in TREES:
        words = tree.words()
        alone, pruned = ChartParser(grammar), ChartParser(grammar, coarse)
        assert pruned.parse(words) == alone.parse(words)


def test_a_sentence_of_training_gets_its_tree_back():
    grammar = Grammar.of(TREES, Markov(True, True, 2), classes=True)
    parser = ChartParser(grammar)
    clear = TREES[:3]  # of another, `eats a bone with joy`, there is a better one
    assert [parser.parse(tree.words()) for tree in clear] == clear


def test_given_tags_are_kept():
    grammar = Grammar.of(TREES, Markov(horizontal=0), classes=True)
    tree = ChartParser(grammar).parse(["rain", "falls"], ["NN", "VBZ"])
    assert tree is not None
    assert tree.brackets() == "(TOP (S (NP (NN rain)) (VP (VBZ falls))))"
    strange = ChartParser(grammar).parse(["rain", "falls"], ["NN", "XYZ"])
    assert strange == tree


def test_there_is_no_tree_of_nothing_or_of_too_many_words():
    parser = ChartParser(Grammar.of(TREES, Markov(), classes=True))
    assert parser.parse([]) is None
    assert parser.parse(["rain"] * (LONGEST + 1)) is None
