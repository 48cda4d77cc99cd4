"""Training that reports how far gradients reach, and stops when they explode."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell
from treefold.data import Dataset
from treefold.folding.watching import watching
from treefold.layers import LSTM
from treefold.models.base import Model
from treefold.training import Config
from treefold.training.errors import RunError, TrainingError
from treefold.training.gradients import gradient_norms, node_gradients
from treefold.training.trainer import train_seed
from treefold.training.trees import TreeTask


def test_after_each_epoch_norms_by_distance_are_noted(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    config = replace(config, epochs=2, gradient_norms=True)
    train_seed(TreeTask(config, dataset), 0, tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    for line in lines:
        (norms,) = json.loads(line)["gradient_norms"]  # one fold
        assert list(norms)[:3] == ["0", "1", "2"]
        assert min(norms.values()) > 0
    assert len(lines) == 2


def test_reporting_norms_changes_no_training(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    histories = []
    for asked in (False, True):
        task = TreeTask(replace(config, epochs=2, gradient_norms=asked), dataset)
        done = train_seed(task, 0, tmp_path / str(asked)).history
        histories.append([(e["train_loss"], e["dev_loss"]) for e in done])
    assert histories[0] == histories[1]


class LastStep(Model):
    """Reads the last step of a layer over chains."""

    def __init__(self, bidirectional: bool = False):
        super().__init__()
        self.layer = LSTM(2, 3, num_layers=2, bidirectional=bidirectional)

    def loss(self, batch: Tensor) -> Tensor:
        return self.layer(batch)[0][-1].square().sum()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_fold_of_a_layer_is_seen(bidirectional) -> None:
    model = LastStep(bidirectional)
    found = gradient_norms(model, torch.randn(9, 4, 2))
    assert len(found) == (4 if bidirectional else 2)
    for norms in found:
        assert list(norms) == ["0", "1", "2", "4", "8"]
    assert all(p.grad is None for p in model.parameters())
    assert model.training


def test_a_watched_fold_gives_the_states_and_gradients_of_others() -> None:
    forest = Forest([[], [], [0, 1], [], [2, 3]])
    cell, table = NaryTreeLSTMCell(2, 3, arity=2), torch.randn(4, 2)
    nodes, rows = forest.leaves.flip(0), torch.tensor([3, 1, 1])
    with watching() as folds:
        h = fold(cell, forest, table, nodes, rows=rows).h
    assert_close(h, fold(cell, forest, table, nodes, rows=rows).h)
    (watched,) = folds
    h[4].sin().sum().backward()
    wanted = node_gradients(
        cell, forest, table[rows], lambda h: h[4].sin().sum(), nodes
    )
    assert_close(watched.e.grad, wanted.gradient)


class Steep(nn.Module):
    """Adds to a model's loss what is finite, and of infinite slope."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, *args):
        return self.model(*args)

    def loss(self, batch):
        return self.model.loss(batch) + self.weight.sqrt().sum()  # type: ignore[operator]


def test_an_exploding_gradient_stops_training_before_the_weights_are_spoilt(
    dataset: Dataset, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    new_model = TreeTask.new_model

    def steep(task: TreeTask) -> Steep:
        models.append(Steep(new_model(task)))
        return models[-1]

    monkeypatch.setattr(TreeTask, "new_model", steep)
    message = r"the gradient exploded at step 1 of epoch 1.*phrases.txt.*clip=1"
    with pytest.raises(TrainingError, match=message):
        train_seed(TreeTask(config, dataset), 0, tmp_path)
    assert all(torch.isfinite(p).all() for p in models[-1].parameters())


def test_entries_of_the_gradient_may_be_bounded(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    # Plain descent at rate 1 moves a weight by its gradient's entry.
    config = replace(
        config, optimizer="sgd", learning_rate=1.0, epochs=1, batch_size=1000,
        clip_value=1e-4, l2=0.0, embedding_l2=0.0,
    )  # fmt: skip
    task = TreeTask(config, dataset)
    torch.manual_seed(0)
    trained = train_seed(task, 0, tmp_path).model
    moved = []
    from treefold.training.trainer import _seed_everything

    _seed_everything(0, 0)
    for (name, now), then in zip(
        trained.state_dict().items(), task.made_model().state_dict().values(),
        strict=True,
    ):  # fmt: skip
        moved.append((name, float((now - then).abs().max())))
    assert max(size for _, size in moved) == pytest.approx(1e-4, rel=0.01)


def test_a_bound_that_is_none_is_told() -> None:
    with pytest.raises(RunError, match="clip_value must be above 0"):
        Config(clip_value=0.0)
