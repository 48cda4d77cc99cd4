"""Compiled exponential, sigmoid and tanh, against those of numpy in float64."""

import numpy as np
import pytest
from numba import njit

from treefold.folding.fused import activation

LEAST = np.finfo(np.float32).tiny


@njit
def exp(x):
    return np.array([activation.exp(v) for v in x])


@njit
def sigmoid(x):
    return np.array([activation.sigmoid(v) for v in x])


@njit
def tanh(x):
    return np.array([activation.tanh(v) for v in x])


def numbers(dtype: type) -> np.ndarray:
    """Evenly spread ones, and of either sign every order of magnitude."""
    small = np.logspace(-34, 2, 200_001)  # smaller ones have fewer digits
    return np.concatenate([np.linspace(-87, 87, 400_001), small, -small]).astype(dtype)


def relative_error(function, exact, x):
    wanted = exact(x.astype(np.float64))
    return np.abs(function(x) - wanted) / np.maximum(np.abs(wanted), LEAST)


def exact_sigmoid(x):
    return np.where(
        x < 0, np.exp(x) / (1 + np.exp(np.minimum(x, 0))), 1 / (1 + np.exp(-x))
    )


EXACT = {exp: np.exp, sigmoid: exact_sigmoid, tanh: np.tanh}
each_function = pytest.mark.parametrize("function", EXACT)


@each_function
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_are_correct_to_a_few_units_in_the_last_place(function, dtype):
    x = numbers(dtype)
    x = x[np.abs(x) < 87]
    error = relative_error(function, EXACT[function], x)
    assert error.max() < 4 * np.finfo(dtype).eps


@each_function
def test_nan_stays_nan(function):
    assert np.isnan(function(np.array([np.nan], np.float32))).all()
    assert np.isnan(function(np.array([np.nan]))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinity_goes_to_the_limit(dtype):
    ends = np.array([-np.inf, -1000, -100, 100, 1000, np.inf], dtype)
    np.testing.assert_allclose(sigmoid(ends), [0, 0, 0, 1, 1, 1], rtol=0, atol=1e-37)
    np.testing.assert_allclose(tanh(ends), [-1, -1, -1, 1, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(exp(ends[:3]), [0, 0, 0], rtol=0, atol=1e-37)


def test_no_result_leaves_its_range():
    x = np.linspace(-100, 100, 1_000_001).astype(np.float32)
    assert np.abs(tanh(x)).max() <= 1
    assert sigmoid(x).max() <= 1
    assert sigmoid(x).min() > 0
