"""The estimators keep scikit-learn's contract, on arrays as on anything."""

from typing import Any

import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from treefold import TreeClassifier, TreeRegressor, TreeVectorizer

SMALL: dict[str, Any] = {"hidden_size": 8, "batch_size": 100, "random_state": 0}
ESTIMATORS = [
    TreeClassifier(max_epochs=12, learning_rate=0.03, **SMALL),
    TreeRegressor(max_epochs=25, learning_rate=0.03, **SMALL),
    TreeVectorizer(max_epochs=2, **SMALL),
]
# A weight of 2 counts twice in the loss, but a tree that is there twice also stands in
# two places of the shuffled batches, and counts twice where the schema is learned.
TWICE = "batches are shuffled, and a tree there twice falls into other ones"
EXCUSED = {"check_sample_weight_equivalence_on_dense_data": TWICE}


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # as users have it


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: EXCUSED)
def test_scikit_learn_checks_hold(estimator, check):
    check(estimator)
