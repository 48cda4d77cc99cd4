"""The benchmark of plans: what flat features see, and what the figures say."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from treefold.data.documents import Document
from treefold.data.readers.plans import Plan, estimates

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

plans = importlib.import_module("plans")


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the benchmark has


def plan(template, times, kinds=("Sort", "Hash Join", "Seq Scan")):
    """A chain of operators of rising times from the leaf."""
    document = Document(f"{template}_{times[0]}", float(np.log(times[0])))
    for k, (kind, time) in enumerate(zip(kinds, times, strict=True)):
        document.add(k - 1, kind, vector=estimates(0, 10 * time, time, 8, 0))
    return Plan(document, list(times))


def test_flat_features_count_and_sum_by_kind_and_see_no_order():
    one = plan("Q1", [9.0, 5.0, 2.0])
    other = plan("Q1", [9.0, 2.0, 5.0], kinds=("Sort", "Seq Scan", "Hash Join"))
    kinds = ["Hash Join", "Seq Scan", "Sort"]
    x = plans.features([one, other], kinds)
    np.testing.assert_allclose(x[0], x[1])
    np.testing.assert_allclose(x[0][:3], [1, np.log1p(50), np.log1p(5)])
    assert x[0][-1] == 2  # levels below the root


def test_a_perfect_answer_has_no_error_and_the_reverse_ranks_nothing():
    target = np.log(np.arange(1.0, 41.0))
    template = np.array(["Q1", "Q2"] * 20)
    found = plans.figures(target, target, template)
    assert (found["relative error"], found["pairs"], found["tau"]) == (0, 1, 1)
    back = plans.figures(-target, target, template)
    assert (back["pairs"], back["same template"], back["tau"]) == (0, 0, -1)


def test_known_pairs_are_judged_by_one_model():
    answers = (np.array([1.0, 3.0]), np.array([2.0]), np.array([5.0]))
    assert plans.known_pairs(answers, np.array([4.0, 4.5])) == 0.5


@pytest.mark.parametrize("name", ["mean", "cost", "root", "tree", "ranking"])
def test_each_model_judges_every_template_once(name, monkeypatch):
    monkeypatch.setattr(plans, "EPOCHS", 1)
    monkeypatch.setattr(plans, "EACH", 2)
    given = {
        f"Q{q}": [plan(f"Q{q}", [9.0 * q + k, 5.0 * q, 2.0]) for k in range(5)]
        for q in (1, 2, 3)
    }
    row, answers = plans.run(name, given, seeds=2)
    assert {len(answer) for answer in answers} == {15}
    assert set(row["template"]) == set(given)
    assert all(np.isfinite(answer).all() for answer in answers)
