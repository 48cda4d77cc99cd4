"""Trials: each remedy learns, is looked at, and gives the same again."""

import pytest
import torch

from treefold.lab.remedies import REMEDIES
from treefold.lab.shapes import SHAPES
from treefold.lab.trial import Job, _Trial, run

SMALL = {"steps": 3, "batch_size": 4, "hidden_size": 8}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", REMEDIES)
def test_every_remedy_learns_in_every_shape(name, shape):
    if not REMEDIES[name].serves(shape):
        pytest.skip("time is cut on chains alone")
    found = run(Job("adding", 9, shape, name, **SMALL))
    assert len(found["before"]) == (9 if shape == "chain" else 5)
    assert min(found["before"]) > 0
    assert len(found["after"]) == len(found["before"])
    assert found["loss"] > 0
    assert found["steps"] == 3


@pytest.mark.parametrize("name", ["gru", "truncated", "noise"])
@pytest.mark.parametrize("problem", ["copying", "digits"])
def test_other_problems_are_learned_too(problem, name):
    length = 2 if problem == "copying" else 64
    found = run(Job(problem, length, "chain", name, **SMALL))
    assert 0 < found["loss"] < 4


def test_a_trial_gives_the_same_again():
    job = Job("adding", 7, "chain", "lstm", **SMALL)
    one, other = run(job), run(job)
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert (
        run(Job("adding", 7, "chain", "lstm", seed=1, **SMALL))["loss"] != one["loss"]
    )


def test_without_steps_nothing_is_learned():
    found = run(Job("adding", 7, "tree", "gru", steps=0))
    assert found["after"] is None
    assert found["loss"] is None
    assert found["curve"] == []


def test_a_short_sum_is_learned_and_training_ends_there():
    found = run(Job("adding", 2, "chain", "irnn", steps=1500, hidden_size=32))
    assert found["solved"]
    assert found["steps"] < 1500
    assert found["loss"] < 0.02


def test_a_loss_that_is_no_number_ends_the_trial(monkeypatch):
    def explode(self, draw):
        return next(iter(self.learning)).sum() * torch.inf

    monkeypatch.setattr(_Trial, "loss", explode)
    found = run(Job("adding", 5, "chain", "tanh", **SMALL))
    assert found["diverged"]
    assert not found["solved"]
    assert found["loss"] is None
    assert found["steps"] == 1


def test_a_window_that_covers_the_chain_trains_as_the_whole():
    plain = run(Job("adding", 9, "chain", "clip-norm", **SMALL))
    cut = run(Job("adding", 9, "chain", "truncated", **SMALL))  # 50 steps cover 9
    assert cut["loss"] == pytest.approx(plain["loss"], rel=1e-4)


def test_a_reservoir_learns_its_readout_alone():
    trial = _Trial(Job("adding", 5, "chain", "echo", **SMALL))
    assert len(trial.learning) == 2
    before = [p.clone() for p in trial.cell.parameters()]
    trial.learn()
    for then, now in zip(before, trial.cell.parameters(), strict=True):
        assert torch.equal(then, now)
