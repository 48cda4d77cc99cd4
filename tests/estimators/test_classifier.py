"""What scikit-learn's own checks do not ask of a classifier of trees."""

import time
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import base
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from tests.estimators.records import records
from treefold import TreeClassifier, TreeVectorizer

SMALL: dict[str, Any] = {"hidden_size": 8, "learning_rate": 0.02, "random_state": 0}


def clone(estimator: Any) -> Any:
    return base.clone(estimator)


def test_records_are_told_apart_and_unseen_values_are_no_error():
    X, y = records(60)
    model = TreeClassifier(max_epochs=15, **SMALL).fit(X, y)
    assert model.score(*records(40, seed=1)) == 1
    odd = [{"look": {"colour": "mauve", "price": [None, {}]}}, "text", 3.5, [[]]]
    assert set(model.predict(odd)) <= set(y)
    assert model.predict_proba(odd).sum(axis=1) == pytest.approx(1)


def test_the_same_seed_gives_the_same_predictions_and_leaves_random_numbers_alone():
    X, y = records(30)
    before = torch.get_rng_state()
    said = [
        TreeClassifier(max_epochs=2, hidden_size=8, random_state=seed)
        .fit(X, y)
        .predict_proba(X)
        for seed in (0, 0, 1)
    ]
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(said[0], said[1])
    assert not np.allclose(said[0], said[2])


def test_a_grid_is_searched_over_lists_of_records():
    X, y = records(40)
    new = TreeClassifier(batch_size=8, learning_rate=0.02, random_state=0)
    grid = GridSearchCV(new, {"hidden_size": [4, 8], "max_epochs": [1, 12]}, cv=2)
    assert grid.fit(X, y).best_score_ > 0.6
    assert grid.best_params_["max_epochs"] == 12
    assert grid.best_estimator_.classes_.tolist() == ["blue", "green", "red"]


def test_a_pipeline_reads_states_by_another_model():
    X, y = records(40)
    vectors = TreeVectorizer(max_epochs=8, **SMALL)
    found = cross_val_score(make_pipeline(vectors, LogisticRegression()), X, y, cv=3)
    assert found.mean() > 0.8


def test_weights_of_samples_and_classes_are_the_same_where_they_say_the_same():
    X, y = records(30)
    weight = {"blue": 2.0, "green": 1.0, "red": 0.5}
    new = TreeClassifier(max_epochs=2, early_stopping=False, **SMALL)
    by_class = clone(new).set_params(class_weight=weight).fit(X, y)
    by_sample = clone(new).fit(X, y, sample_weight=[weight[name] for name in y])
    np.testing.assert_allclose(by_class.predict_proba(X), by_sample.predict_proba(X))
    assert not np.allclose(by_class.predict_proba(X), new.fit(X, y).predict_proba(X))


def test_a_tree_of_weight_zero_might_as_well_not_be_there():
    X, y = records(30)
    new = TreeClassifier(max_epochs=2, **SMALL)
    zeros = np.r_[np.ones(20), np.zeros(10)]
    with_them = clone(new).fit(X, y, sample_weight=zeros)
    without = clone(new).fit(X[:20], y[:20])
    np.testing.assert_allclose(with_them.predict_proba(X), without.predict_proba(X))


def test_partial_fit_learns_from_one_part_after_another():
    X, y = records(120)
    model = TreeClassifier(**SMALL)
    for _ in range(6):
        for begin in range(0, 120, 40):
            part = slice(begin, begin + 40)
            model.partial_fit(X[part], y[part], classes=["blue", "green", "red"])
    assert model.score(*records(40, seed=1)) > 0.9
    assert model.n_iter_ == 18


def test_partial_fit_knows_classes_that_the_first_trees_do_not_show():
    X, y = records(30)
    blue = [k for k, name in enumerate(y) if name == "blue"]
    model = TreeClassifier(**SMALL)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit([X[k] for k in blue], ["blue"] * len(blue), ["blue", "red"])
    assert model.predict_proba(X).shape == (30, 2)
    with pytest.raises(ValueError, match="'green', which is not among"):
        model.partial_fit(X, y)


def test_a_warm_start_goes_on_where_the_last_fit_ended():
    X, y = records(40)
    model = TreeClassifier(max_epochs=3, warm_start=True, **SMALL).fit(X, y)
    first = model.history_[-1]["loss"]
    assert model.fit(X, y).history_[-1]["loss"] < 0.9 * first
    cold = TreeClassifier(max_epochs=3, **SMALL).fit(X, y)
    assert cold.fit(X, y).history_[-1]["loss"] == pytest.approx(first)


def test_several_outputs_each_have_their_classes():
    X, y = records(60)
    long = [len(tree["look"]["sizes"]) > 1 for tree in X]
    several = np.column_stack([y, np.array(long).astype(str)])
    model = TreeClassifier(max_epochs=25, **SMALL)
    model.fit(X, several)
    assert [list(known) for known in model.classes_] == [
        ["blue", "green", "red"],
        ["False", "True"],
    ]
    said = model.predict(X)
    assert (said == several).mean() > 0.9
    assert [p.shape for p in model.predict_proba(X)] == [(60, 3), (60, 2)]
    assert not hasattr(model, "decision_function")


def test_trees_are_held_out_and_the_best_epoch_is_kept():
    X, y = records(100)
    model = TreeClassifier(max_epochs=30, early_stopping=True, patience=2, **SMALL)
    held = [epoch["held"] for epoch in model.fit(X, y).history_]
    assert len(held) <= 30
    assert len(held) - 1 - int(np.argmin(held)) in (0, 1, 2)
    assert model.score(*records(40, seed=1)) > 0.9


def test_a_class_with_one_example_is_learned_from_and_not_held_out():
    X, y = records(30)
    y[7] = "odd"
    model = TreeClassifier(max_epochs=1, early_stopping=True, **SMALL).fit(X, y)
    assert "odd" in model.classes_


def test_one_class_alone_is_always_said():
    X, _ = records(5)
    model = TreeClassifier(max_epochs=1, **SMALL).fit(X, ["yes"] * 5)
    assert model.predict(X).tolist() == ["yes"] * 5


def test_the_time_limit_is_kept_within_an_epoch():
    X, y = records(400)
    model = TreeClassifier(max_epochs=10**6, time_limit=1.0, batch_size=4, **SMALL)
    begun = time.perf_counter()
    model.fit(X, y)
    assert time.perf_counter() - begun < 4  # one second, on a machine with others
    assert model.predict(X[:3]).shape == (3,)


def test_a_bar_is_shown_where_it_is_asked_for(capsys):
    X, y = records(10)
    TreeClassifier(max_epochs=1, verbose=True, **SMALL).fit(X, y)
    assert "loss" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"dropout": 1.5}, "output_dropout must be in"),
        ({"cell": "shell"}, "model must be one of child-sum-tree-lstm"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
        ({"early_stopping": True, "validation_fraction": 2}, "validation_fraction"),
        ({"class_weight": {"mauve": 1}}, "are not in class_weight"),
    ],
)
def test_a_parameter_that_cannot_be_is_told_when_fitted(wrong, message):
    X, y = records(6)
    with pytest.raises(ValueError, match=message):
        TreeClassifier(**wrong).fit(X, y)


def test_balanced_weights_need_all_trees():
    X, y = records(6)
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        TreeClassifier(class_weight="balanced").partial_fit(X, y, classes=set(y))


def test_a_notebook_shows_the_parameters():
    assert "hidden_size" in TreeClassifier(hidden_size=8)._repr_html_()


def test_a_class_whose_trees_all_weigh_nothing_is_not_learned():
    trees, y = [{"a": k % 5} for k in range(12)], ["p", "q", "none"] * 4
    weight = [1, 1, 0] * 4
    for balance in (None, "balanced"):
        model = TreeClassifier(
            max_epochs=1, hidden_size=4, class_weight=balance, random_state=0
        ).fit(trees, y, sample_weight=weight)
        assert model.classes_.tolist() == ["p", "q"]
        kept = [k for k in range(12) if weight[k]]
        alone = TreeClassifier(
            max_epochs=1, hidden_size=4, class_weight=balance, random_state=0
        ).fit([trees[k] for k in kept], [y[k] for k in kept])
        said, without = model.predict_proba(trees), alone.predict_proba(trees)
        np.testing.assert_allclose(said, without, rtol=1e-4)


def test_none_is_no_class():
    with pytest.raises(ValueError, match="y contains None"):
        TreeClassifier().fit([{"a": 1}, {"a": 2}], ["p", None])


@pytest.mark.parametrize(
    "setting",
    [{"time_limit": 0}, {"time_limit": "x"}, {"hidden_size": 2.5}],
)
def test_a_setting_of_another_type_is_told(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        TreeClassifier(**setting).fit([{"a": 1}, {"a": 2}], ["p", "q"])
