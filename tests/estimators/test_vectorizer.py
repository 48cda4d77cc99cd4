"""States of trees as rows of a table."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.estimators.records import records
from treefold import TreeVectorizer

SMALL: dict[str, Any] = {"hidden_size": 8, "random_state": 0}


def test_without_y_the_weights_are_drawn_and_nothing_is_learned():
    X, _ = records(20)
    model = TreeVectorizer(**SMALL).fit(X)
    assert model.n_iter_ == 0
    assert model.transform(X).shape == (20, 24)
    again = TreeVectorizer(**SMALL).fit_transform(X)
    np.testing.assert_array_equal(again, model.transform(X))


def test_drawn_states_tell_what_trees_are_made_of():
    X, y = records(60)
    model = TreeVectorizer(hidden_size=32, random_state=0).fit(X)
    reader = LogisticRegression(C=100, max_iter=5000).fit(model.transform(X), y)
    X, y = records(40, seed=1)
    assert reader.score(model.transform(X), y) > 0.9


def test_with_y_the_states_learn_to_tell_it():
    X, y = records(40)
    drawn = TreeVectorizer(supervised=False, **SMALL).fit_transform(X, y)
    learned = TreeVectorizer(max_epochs=5, **SMALL).fit(X, y)
    assert learned.n_iter_ == 5
    assert not np.allclose(learned.transform(X), drawn)
    numbers = TreeVectorizer(max_epochs=1, **SMALL).fit(X, np.linspace(0, 1, 40))
    assert numbers.model_.goal == "regress"


def test_the_columns_have_names():
    X, _ = records(5)
    names = TreeVectorizer(**SMALL).fit(X).get_feature_names_out()
    assert names[0] == "treevectorizer0"
    assert len(names) == 24


def test_supervision_without_y_is_told():
    with pytest.raises(ValueError, match="supervised=True needs y"):
        TreeVectorizer(supervised=True).fit(records(5)[0])
