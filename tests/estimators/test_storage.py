"""Estimators go to a folder and come back, without pickle."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.estimators.records import records
from treefold import TreeClassifier, TreeRegressor, TreeVectorizer
from treefold.estimators import load

SMALL: dict[str, Any] = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}


def test_a_classifier_comes_back_as_it_was(tmp_path):
    X, y = records(20)
    model = TreeClassifier(class_weight={"blue": 2.0}, **SMALL).fit(X, y)
    model.save(tmp_path)
    again = load(tmp_path)
    assert isinstance(again, TreeClassifier)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.history_ == model.history_
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "estimator.json",
        "model.safetensors",
    ]


@pytest.mark.parametrize("y", [[0, 1] * 5, [True, False] * 5, [[1, 2], [3, 4]] * 5])
def test_classes_keep_their_type(tmp_path, y):
    X, _ = records(10)
    model = TreeClassifier(**SMALL).fit(X, y)
    model.save(tmp_path)
    said = TreeClassifier.load(tmp_path).predict(X)
    assert said.dtype == model.predict(X).dtype
    np.testing.assert_array_equal(said, model.predict(X))


def test_a_regressor_of_a_table_keeps_scale_and_names(tmp_path):
    table = pd.DataFrame({"a": [1, 2, 3, 4], "b": ["x", "y", "x", None]})
    model = TreeRegressor(**SMALL).fit(table, [[1e6, 0], [2e6, 1], [0, 1], [5, 5]])
    model.save(tmp_path)
    again: Any = TreeRegressor.load(tmp_path)
    np.testing.assert_array_equal(again.predict(table), model.predict(table))
    assert list(again.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(table.rename(columns={"a": "c"}))


def test_what_came_back_can_learn_on(tmp_path):
    X, y = records(20)
    TreeClassifier(warm_start=True, **SMALL).fit(X, y).save(tmp_path)
    again = TreeClassifier.load(tmp_path).partial_fit(X, y)
    assert again.n_iter_ == 3
    assert again.fit(X, y).predict(X).shape == (20,)


def test_a_vectorizer_comes_back(tmp_path):
    X, _ = records(10)
    model = TreeVectorizer(**SMALL).fit(X)
    model.save(tmp_path)
    again = TreeVectorizer.load(tmp_path)
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


def test_what_is_no_estimator_is_told(tmp_path):
    with pytest.raises(ValueError, match="is no saved estimator"):
        load(tmp_path)
    TreeRegressor(**SMALL).fit([{"a": 1}, {"a": 2}], [1, 2]).save(tmp_path)
    with pytest.raises(
        ValueError, match="holds a TreeRegressor, and no TreeClassifier"
    ):
        TreeClassifier.load(tmp_path)
    content = json.loads((tmp_path / "estimator.json").read_text())
    del content["learned"]["schema_"]
    (tmp_path / "estimator.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="is damaged"):
        load(tmp_path)


def test_what_json_cannot_hold_is_told(tmp_path):
    model = TreeRegressor(**SMALL).set_params(random_state=np.random.RandomState(0))
    model.fit([{"a": 1}, {"a": 2}], [1, 2])
    with pytest.raises(TypeError, match="RandomState cannot be saved"):
        model.save(tmp_path)
