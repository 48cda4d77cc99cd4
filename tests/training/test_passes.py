"""Runs of several passes over the trees: deep, bidirectional, inside-outside."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from treefold.bench.subject import find_subject
from treefold.cells import NaryTreeLSTMCell, RecursiveCell
from treefold.data import Dataset
from treefold.models import DeepRecursive
from treefold.training import Config, RunError, load, runner
from treefold.training.trees import TreeTask


@pytest.mark.parametrize("model", ["deep-rnn", "tree-lstm", "child-sum-tree-gru"])
@pytest.mark.parametrize("passes", ["up up", "up down up", "up outside"])
def test_any_model_with_input_of_its_own_takes_any_passes(
    dataset: Dataset, config: Config, model, passes
) -> None:
    config = replace(config, model=model, passes=passes, leaf_weights=True)
    task = TreeTask(config, dataset)
    assert task.headline == f"{model}, {passes}"
    made = task.new_model()
    assert isinstance(made.cell, DeepRecursive)
    assert made.cell.passes == tuple(passes.split())
    assert made.loss(dataset.train.batch(slice(None))).isfinite()


def test_a_run_of_several_passes_learns_and_is_loaded_again(
    trees: Path, config: Config, tmp_path: Path
) -> None:
    config = replace(config, model="deep-rnn", passes="up down up", pass_dropout=0.1)
    run = runner.train(str(trees), config, tmp_path / "run")
    losses = [
        json.loads(line)["train_loss"]
        for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert losses[-1] < losses[0]
    again, tree = load(tmp_path / "run"), "(_ (_ not) (_ bright))"
    assert again(tree).probabilities == run(tree).probabilities
    with pytest.raises(RunError, match="bench times one fold"):
        find_subject(str(tmp_path / "run"), {})


def test_one_upward_pass_is_the_cell_alone(dataset: Dataset, config: Config) -> None:
    made = TreeTask(replace(config, model="tree-lstm"), dataset).new_model()
    assert isinstance(made.cell, NaryTreeLSTMCell)
    made = TreeTask(replace(config, model="deep-rnn"), dataset).new_model()
    assert isinstance(made.cell, RecursiveCell)


def test_later_passes_begin_by_handing_on_what_they_read(
    dataset: Dataset, config: Config
) -> None:
    config = replace(config, model="deep-rnn", passes="up up", hidden_size=60)
    weights = TreeTask(config, dataset).new_model().state_dict()
    weight = weights["cell.cells.1.weight_ih"]
    assert_close(weight, torch.eye(60), atol=0.1 / 60**0.5, rtol=0)


@pytest.mark.parametrize("passes", ["", "down up", "up and down"])
def test_passes_that_there_are_not_are_refused(config: Config, passes) -> None:
    with pytest.raises(RunError, match='the first "up", got'):
        replace(config, passes=passes)


@pytest.mark.parametrize("model", ["rnn", "rntn", "mv-rnn"])
def test_cells_whose_leaves_are_vectors_take_one_pass(config: Config, model) -> None:
    with pytest.raises(RunError, match=f"{model} takes one upward pass"):
        replace(config, model=model, passes="up up")
