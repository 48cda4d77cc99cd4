"""Pictures of documents and of how well they were told: the numbers behind them."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy.stats import binomtest

from treefold.report.documents import (
    by_size,
    calibration,
    distributions,
    grouped,
    most_confused,
    residuals,
    wilson,
)


def description(svg):
    return ET.fromstring(svg).findtext("{http://www.w3.org/2000/svg}desc") or ""


def test_the_calibration_error_is_the_mean_distance_from_the_line():
    sure = np.array([0.95] * 10 + [0.65] * 5 + [0.1] * 5)
    right = np.array([1] * 8 + [0] * 2 + [1] * 4 + [0] * 1 + [0] * 5)
    svg, error = calibration(sure, right)
    by_hand = (10 * abs(0.8 - 0.95) + 5 * abs(0.8 - 0.65) + 5 * abs(0 - 0.1)) / 20
    assert error == pytest.approx(by_hand)
    assert "0.95 sure, 0.80 right (10)" in description(svg)


def test_a_model_as_sure_as_it_is_right_has_no_calibration_error():
    assert calibration([0.75] * 4, [1, 1, 1, 0])[1] == pytest.approx(0)
    assert calibration([1.0] * 4, [1] * 4)[1] == 0


@pytest.mark.parametrize(("right", "count"), [(0, 7), (3, 7), (7, 7), (990, 1000)])
def test_intervals_are_those_of_scipy(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    low, high = wilson(right, count)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_few_sizes_are_groups_of_their_own():
    groups = grouped([3, 3, 5, 7], [1, 0, 1, 1], share=True)
    assert [(g.name, g.count, g.value) for g in groups] == [
        ("3", 2, 0.5),
        ("5", 1, 1.0),
        ("7", 1, 1.0),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_many_sizes_are_groups_of_about_equal_number(seed):
    random = np.random.default_rng(seed)
    size = random.geometric(0.02, 1000)
    error = size * 1.0
    groups = grouped(size, error, share=False)
    assert sum(g.count for g in groups) == 1000
    assert 5 <= len(groups) <= 8
    assert max(g.count for g in groups) < 250
    assert sum(g.count * g.value for g in groups) == pytest.approx(error.sum())
    assert all(g.low <= g.value <= g.high for g in groups)


def test_the_most_confused_pairs_come_first():
    counts = np.array([[9, 1, 0], [7, 2, 3], [0, 0, 5]])
    text = description(most_confused(counts, ["a", "b", "c"]))
    assert text == ("b taken for a: 7; b taken for c: 3; a taken for b: 1")
    assert counts[0, 0] == 9  # what is given stays as it is


def test_residuals_say_how_far_off_half_of_the_numbers_are():
    right = np.arange(11.0)
    text = description(residuals(right, right + np.arange(-5, 6)))
    assert "11 numbers from 0 to 10; half of the errors are within 3," in text
    assert "their mean is +0" in text


def test_sizes_are_described_by_their_range():
    svg = distributions([("nodes", [1, 2, 3, 900]), ("levels", [4, 4]), ("one", [0])])
    assert "nodes: 1 to 900, half are at most 2.5; levels: 4 to 4" in description(svg)


def test_groups_are_told_in_percent():
    groups = grouped([1, 1, 2], [1, 0, 1], share=True)
    svg = by_size([("depth", groups)], measure="accuracy", percent=True, level=0.6)
    assert description(svg) == "depth 1: 50; depth 2: 100"
