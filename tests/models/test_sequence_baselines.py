"""Simple rivals at telling a sequence's class."""

import itertools

import numpy as np
import pytest

from treefold.data.sequences import Sequences
from treefold.models.sequence_baselines import (
    majority,
    mean_and_deviation,
    mlp,
    n_grams,
    nearest,
    nearest_by_warping,
    nearest_warped,
    stretched,
    warping_cost,
)


def waves(count, seed):
    """Sequences that rise first or fall first, of different lengths."""
    random = np.random.default_rng(seed)
    label = random.integers(2, size=count)
    rows = []
    for sign in 1 - 2 * label:
        time = np.linspace(0, 2 * np.pi, random.integers(8, 20))
        rows.append(
            (sign * np.sin(time) + 0.1 * random.normal(size=len(time)))[:, None]
        )
    return Sequences.of(rows), label


@pytest.fixture(scope="module")
def data():
    parts, labels = zip(*(waves(40, seed) for seed in range(3)), strict=True)
    return parts, labels


def test_the_majority_is_told_of_all():
    dev, test = majority(np.array([0, 2, 2]), 2, 3)
    assert dev.tolist() == [2, 2]
    assert test.tolist() == [2, 2, 2]


def test_neighbours_and_perceptrons_tell_shapes_apart(data):
    parts, (label, dev_label, test_label) = data
    for dev, test in (
        nearest(parts, label),
        nearest_by_warping(parts, label),
        mlp(parts, label, dev_label, [8]),
    ):
        assert (dev == dev_label).mean() > 0.9
        assert (test == test_label).mean() > 0.9


def test_mean_and_deviation_cannot_see_the_order(data):
    parts, (label, dev_label, test_label) = data
    _, test = mean_and_deviation(parts, label, dev_label)
    assert (test == test_label).mean() < 0.8
    raised = [
        Sequences(p.step + np.repeat(y, p.lengths)[:, None], p.offset)
        for p, y in zip(*data, strict=True)
    ]
    _, test = mean_and_deviation(raised, label, dev_label)
    assert (test == test_label).all()


def test_two_words_tell_what_one_does_not():
    texts = [["not", "good"], ["good", "not"]] * 30
    label = np.arange(60) % 2
    _, one = n_grams([texts] * 3, label, label, 1)
    _, two = n_grams([texts] * 3, label, label, 2)
    assert (one == label).mean() == 0.5
    assert (two == label).all()


def warped(x, y):
    """The definition: the least sum over all paths, by going through them."""
    S, T = len(x), len(y)
    best = np.inf
    for length in range(max(S, T) - 1, S + T - 1):
        for moves in itertools.product([(1, 0), (0, 1), (1, 1)], repeat=length):
            path = np.cumsum([(0, 0), *moves], axis=0)
            if (path[-1] == (S - 1, T - 1)).all() and (path < (S, T)).all():
                best = min(best, sum(((x[i] - y[j]) ** 2).sum() for i, j in path))
    return best / (S + T)


def test_warping_finds_the_least_of_all_paths():
    random = np.random.default_rng(0)
    known = [random.normal(size=(T, 2)) for T in (3, 1, 4, 2)]
    asked = [random.normal(size=(T, 2)) for T in (2, 3, 1)]
    a, b = Sequences.of(asked), Sequences.of(known)
    found = nearest_warped(a.step, a.offset, b.step, b.offset)
    assert found.tolist() == [
        int(np.argmin([warped(x, y) for y in known])) for x in asked
    ]


def test_sequences_are_stretched_to_the_median_length():
    parts = [Sequences.of([np.array([[0.0], [1.0]]), np.array([[0.0], [1], [2]])] * 2)]
    parts[0] = parts[0].cat(Sequences.of([np.array([[5.0]] * 9)]))
    found = stretched(parts)[0]
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found[0], [0, 0.5, 1])
    np.testing.assert_allclose(found[1], [0, 1, 2])
    np.testing.assert_allclose(found[-1], [5, 5, 5])


def test_the_cost_of_warping_is_known_before(data):
    parts, _ = data
    train, dev, test = (len(part.step) for part in parts)
    assert warping_cost(parts) == train * (dev + test)
