"""Rivals of strokes: densities that find what they were made for."""

import numpy as np
import pytest

from treefold.data.sequences import Sequences
from treefold.models.stroke_rivals import Autoregression, Memoryless, endings, in_air


def drawings(seed, count=60, echo=0.9):
    """Each offset is an echo of the one before, and a little noise."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        n = random.integers(5, 15)
        points = np.zeros((n, 3))
        points[:, :2] = random.normal(size=(n, 2))
        for t in range(1, n):
            points[t, :2] = echo * points[t - 1, :2] + 0.1 * points[t, :2]
        points[:, 2] = random.random(n) < 0.2
        points[-1, 2] = 1
        found.append(points)
    return Sequences.of(found)


def test_the_pen_is_in_the_air_at_the_beginning_and_after_a_stroke():
    points = Sequences.of(
        [np.array([[0, 0, 0], [0, 0, 1], [1, 1, 1.0]]), np.array([[2, 2, 1.0]])]
    )
    assert in_air(points).tolist() == [True, False, True, True]
    assert endings(points).tolist() == [0, 1, 2, 2]


def test_one_gaussian_has_the_nats_of_its_closed_form():
    train = drawings(0)
    x = train.step[:, :2]
    ends = np.bincount(endings(train), minlength=3) + 0.5
    share = ends / ends.sum()
    # The entropy of a Gaussian, and the cross-entropy of the endings.
    gauss = 0.5 * np.log(np.linalg.det(2 * np.pi * np.e * np.cov(x.T, bias=True)))
    pens = -np.log(share)[endings(train)].mean()
    found = Memoryless().fit(train).nats(train).mean()
    assert found == pytest.approx(gauss + pens, abs=1e-3)


def test_a_regression_finds_the_echo_that_those_without_memory_miss():
    train, test = drawings(0), drawings(1)
    one, by_pen = Memoryless().fit(train), Memoryless(3, by_pen=True).fit(train)
    echo = Autoregression(1).fit(train)
    found = [rival.nats(test).mean() for rival in (one, by_pen, echo)]
    assert found[2] < min(found[:2]) - 0.5
    both = np.stack([echo.weights[0][1:3], echo.weights[1][1:3]]).mean(axis=0)
    np.testing.assert_allclose(both, 0.9 * np.eye(2), atol=0.1)


def test_longer_memory_finds_no_more_where_there_is_none():
    train, test = drawings(0, count=200), drawings(1, count=200)
    short, long = (Autoregression(k).fit(train).nats(test).mean() for k in (1, 4))
    assert long == pytest.approx(short, abs=0.1)
