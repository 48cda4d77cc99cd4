"""Hidden Markov models: counts by hand, and enumeration of all label sequences."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from treefold.data.sequences import Sequences
from treefold.models.hidden_markov import GaussianHMM, WordHMM


def words(*sentences):
    rows = [np.array([w.split("/") for w in s.split()], object) for s in sentences]
    return Sequences.of(rows)


def some_frames():
    random = np.random.default_rng(0)
    label = np.repeat([0, 1, 0, 1], 10)
    step = random.normal(size=(40, 2)) + 2 * label[:, None]
    return Sequences(step, np.array([0, 20, 40])), label


def test_chances_are_counts_smoothed():
    x = words("a b", "a")
    hmm = WordHMM(2, smoothing=0.5).fit(x, np.array([0, 1, 0]))
    # After 0 came 1 once and the end once; beginnings are two, both 0.
    assert hmm.transition[0] == pytest.approx(np.log([0.5 / 3.5, 1.5 / 3.5]))
    assert hmm.last[0] == pytest.approx(np.log(1.5 / 3.5))
    assert hmm.first == pytest.approx(np.log([2.5 / 3.5, 0.5 / 3.5]))


def test_the_best_labels_are_those_of_enumeration():
    x, label = some_frames()
    hmm = GaussianHMM(2, scale=0.3).fit(x, label)
    short = Sequences(x.step[8:14], np.array([0, 6]))
    e = 0.3 * hmm.emissions(short)

    def score(y):
        pairs = sum(hmm.transition[i, j] for i, j in itertools.pairwise(y))
        ends = hmm.first[y[0]] + hmm.last[y[-1]]
        return ends + pairs + sum(e[t, k] for t, k in enumerate(y))

    best = max(itertools.product(range(2), repeat=6), key=score)
    assert tuple(hmm.predict(short)) == best


def test_emissions_are_the_densities_of_scipy():
    x, label = some_frames()
    hmm = GaussianHMM(2, shrinkage=0.0).fit(x, label)
    e = hmm.emissions(x)
    for k in range(2):
        mine = x.step[label == k]
        covariance: Any = np.cov(mine.T, bias=True)
        expected = multivariate_normal.logpdf(x.step, mine.mean(0), covariance)
        assert e[:, k] == pytest.approx(expected)


def test_shrinkage_to_the_end_gives_every_label_one_covariance():
    x, label = some_frames()
    hmm = GaussianHMM(2, shrinkage=1.0).fit(x, label)
    assert hmm.precision[0] == pytest.approx(hmm.precision[1])


def test_a_label_without_frames_and_a_feature_that_stands_still_are_no_trouble():
    x = Sequences(np.ones((4, 1)), np.array([0, 4]))
    hmm = GaussianHMM(3).fit(x, np.array([0, 0, 1, 1]))
    assert np.isfinite(hmm.emissions(x)).all()


def test_new_words_are_labelled_by_their_columns():
    x = words(*["the/DT dog/NN runs/VB"] * 5)
    hmm = WordHMM(3, rare=1).fit(x, np.tile([0, 1, 2], 5))
    new = words("the/DT wug/NN wugs/VB", "wugs/VB")
    assert hmm.predict(new).tolist() == [0, 1, 2, 2]


def test_new_words_without_columns_are_labelled_by_how_they_end():
    rows = [f"{a}ing {b}ed" for a, b in zip("abcdef", "ghijkl", strict=True)]
    hmm = WordHMM(2, rare=1).fit(words(*rows), np.tile([0, 1], 6))
    assert hmm.predict(words("walking", "talked")).tolist() == [0, 1]


def test_order_tells_labels_apart_that_words_do_not():
    # x is 0 or 1 in turn: only what stood before it tells which.
    x = words("s x x x x", "x x x")
    label = np.array([2, 0, 1, 0, 1, 1, 0, 1])
    hmm = WordHMM(3, rare=0).fit(words(*["s x x x x"] * 9), np.tile(label[:5], 9))
    assert hmm.predict(x)[:5].tolist() == [2, 0, 1, 0, 1]
