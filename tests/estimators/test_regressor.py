"""Numbers of trees."""

from typing import Any

import numpy as np
import pytest
from sklearn import base

from treefold import TreeRegressor

SMALL: dict[str, Any] = {"hidden_size": 16, "learning_rate": 0.02, "random_state": 0}


def clone(estimator: Any) -> Any:
    return base.clone(estimator)


def sums(count: int, seed: int = 0) -> tuple[list[Any], np.ndarray]:
    random = np.random.default_rng(seed)
    lists = [
        random.integers(0, 9, random.integers(1, 6)).tolist() for _ in range(count)
    ]
    return [{"items": items} for items in lists], np.array([sum(i) for i in lists])


def test_a_sum_over_a_list_is_learned():
    model = TreeRegressor(max_epochs=25, **SMALL).fit(*sums(150))
    assert model.score(*sums(60, seed=1)) > 0.9


def test_numbers_on_any_scale_are_told_alike():
    X, y = sums(40)
    new = TreeRegressor(max_epochs=3, **SMALL)
    plain = clone(new).fit(X, y).predict(X)
    far = clone(new).fit(X, 1e9 + y / 10).predict(X)
    assert (far - 1e9) * 10 == pytest.approx(plain, abs=1e-3)


def test_several_numbers_are_told_at_once():
    X, y = sums(100)
    both = np.column_stack([y, [len(tree["items"]) for tree in X]])
    model = TreeRegressor(max_epochs=20, **SMALL).fit(X, both)
    assert model.predict(X).shape == (100, 2)
    assert model.score(X, both) > 0.8


def test_targets_that_are_all_the_same_are_said():
    X, _ = sums(10)
    model = TreeRegressor(max_epochs=30, **SMALL).fit(X, np.full(10, 7.0))
    assert model.predict(X) == pytest.approx(7, abs=0.5)


def test_weights_change_what_counts():
    X, y = sums(60)
    weight = np.where(y > 10, 1.0, 1e-6)
    model = TreeRegressor(max_epochs=20, **SMALL).fit(X, y * weight.round(), weight)
    assert model.predict(X)[y > 10].mean() == pytest.approx(y[y > 10].mean(), rel=0.2)


def test_partial_fit_keeps_the_scale_of_the_first_trees():
    X, y = sums(60)
    model = TreeRegressor(**SMALL)
    for _ in range(15):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.8
    with pytest.raises(ValueError, match="y has 2 outputs, those that were learned"):
        model.partial_fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0] * 9, "a weight for each of 10 trees"),
        ([0.0] * 10, "at least one non-zero"),
        ([-1.0] + [1.0] * 9, "none below zero"),
    ],
)
def test_weights_that_cannot_be_are_told(weight, message):
    with pytest.raises(ValueError, match=message):
        TreeRegressor().fit(*sums(10), weight)
