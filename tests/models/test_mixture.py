"""The cache as its sum is written, and the best mixture as a search finds it."""

import numpy as np
import pytest
import torch

from treefold.models import mixture
from treefold.models.mixture import best_weights, cache_log_probability, mixed


@pytest.mark.parametrize("size", [1, 4, 50])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_the_cache_is_its_definition(size, at_once, monkeypatch):
    monkeypatch.setattr(mixture, "AT_ONCE", at_once)
    h, target = torch.randn(12, 3), torch.randint(3, (12,))
    found = cache_log_probability(h, target, size=size, flatness=0.7)
    for t in range(12):
        before = range(max(t - size, 0), t)
        weight = {i: float(torch.exp(0.7 * h[t] @ h[i])) for i in before}
        total = sum(weight.values())
        same = sum(weight[i] for i in before if target[i] == target[t])
        expected = np.log(same / total) if same else -np.inf
        assert float(found[t]) == pytest.approx(expected)


def test_a_flat_cache_is_the_frequency_among_the_last():
    target = torch.tensor([0, 1, 0, 0])
    found = cache_log_probability(torch.randn(4, 2), target, size=9, flatness=0.0)
    assert found.exp().tolist() == pytest.approx([0, 0, 1 / 2, 2 / 3])


def test_a_mixture_is_the_weighted_sum_of_probabilities():
    p = np.array([[0.5, 0.1], [0.25, 0.4]])
    found = np.exp(mixed(np.log(p), np.array([0.3, 0.7])))
    np.testing.assert_allclose(found, 0.3 * p[0] + 0.7 * p[1])


def test_no_other_weights_make_the_text_likelier():
    random = np.random.default_rng(0)
    log_p = np.log(random.uniform(0.01, 1, (2, 200)))
    log_p[1, ::3] = -np.inf  # a cache has not seen every symbol
    best = best_weights(log_p)
    assert best.sum() == pytest.approx(1)
    found = mixed(log_p, best).mean()
    for share in np.linspace(0.01, 0.99, 99):
        assert mixed(log_p, np.array([share, 1 - share])).mean() <= found + 1e-6


def test_a_model_that_knows_nothing_gets_no_weight():
    log_p = np.log([[0.5] * 50, [0.001] * 50])
    assert best_weights(log_p)[1] < 1e-6
