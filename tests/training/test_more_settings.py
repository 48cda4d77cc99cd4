"""What the settings promise: rates, decay, averages, weights of classes, vectors."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from treefold.data import Dataset, batches
from treefold.training import (
    Config,
    RunError,
    TrainingError,
    runner,
    train_seed,
)
from treefold.training import trees as task
from treefold.training.build import balanced_weights
from treefold.training.files import read_tensors
from treefold.training.optim import Optimizer
from treefold.training.trainer import CHECKPOINT
from treefold.training.trees import TreeTask

OPTIMIZERS = ["adagrad", "adam", "adamw", "sgd"]


def first_step(config: Config, dataset: Dataset) -> dict[str, torch.Tensor]:
    """How the first step moves each weight, by name."""
    torch.manual_seed(0)
    model = TreeTask(config, dataset).new_model().eval()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    model.loss(next(iter(batches(dataset.train, batch_size=8)))).backward()
    Optimizer(model, config).step(0.0)
    return {n: p.detach() - before[n] for n, p in model.named_parameters()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_every_optimizer_trains_in_every_precision(
    dataset: Dataset, config: Config, tmp_path: Path, optimizer, precision
) -> None:
    config = replace(
        config, optimizer=optimizer, precision=precision, learning_rate=0.01
    )
    history = train_seed(TreeTask(config, dataset), 0, tmp_path).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_vectors_have_a_rate_of_their_own(
    dataset: Dataset, config: Config, optimizer
) -> None:
    config = replace(config, optimizer=optimizer, learning_rate=0.01)
    alike = first_step(config, dataset)
    apart = first_step(replace(config, embedding_learning_rate=0.03), dataset)
    vectors = "embedding.weight"
    assert_close(apart.pop(vectors), 3 * alike.pop(vectors))
    assert_close(apart, alike)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_moments_and_decay_leave_the_vectors_of_other_words_alone(
    dataset: Dataset, config: Config, optimizer
) -> None:
    config = replace(config, optimizer=optimizer, embedding_l2=0.5)
    model = TreeTask(config, dataset).new_model()
    optimizer = Optimizer(model, config)
    for batch in batches(dataset.train, batch_size=4):
        before = model.embedding.weight.detach().clone()
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step(0.0)
        moved = (model.embedding.weight != before).any(dim=1).nonzero().flatten()
        assert set(moved.tolist()) <= set(batch.token.tolist())


def test_decay_of_the_other_weights_spares_the_vectors(
    dataset: Dataset, config: Config
) -> None:
    config = replace(config, optimizer="sgd", learning_rate=0.1)
    plain = first_step(replace(config, l2=0.0), dataset)
    decayed = first_step(replace(config, l2=0.5), dataset)
    torch.manual_seed(0)
    weight = dict(TreeTask(config, dataset).new_model().named_parameters())
    for name, change in plain.items():
        pull = 0.0 if name == "embedding.weight" else -0.1 * 0.5 * weight[name].detach()
        assert_close(decayed[name], change + pull)


def test_weights_are_averaged_over_the_epochs(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    config = replace(config, average=0.25)

    def kept(epochs: int) -> tuple[dict, dict]:
        folder = tmp_path / str(epochs)
        train_seed(TreeTask(replace(config, epochs=epochs), dataset), 0, folder)
        state, _ = read_tensors(folder / CHECKPOINT)
        return tuple(
            {k[len(part) :]: v for k, v in state.items() if k.startswith(part)}
            for part in ("weights.", "average.")
        )  # type: ignore[return-value]

    one, two = kept(1), kept(2)
    assert_close(one[1], one[0])
    expected = {k: 0.25 * one[1][k] + 0.75 * two[0][k] for k in one[0]}
    assert_close(two[1], expected)


def test_balanced_weights_make_the_classes_count_alike(
    dataset: Dataset, config: Config
) -> None:
    weight = balanced_weights(dataset)
    label = torch.from_numpy(dataset.train.label[dataset.train.label >= 0]).long()
    count = torch.bincount(label, minlength=2)
    assert_close(weight * count, torch.full((2,), len(label) / 2))
    torch.manual_seed(0)
    plain = TreeTask(config, dataset).new_model().eval()
    torch.manual_seed(0)
    balanced = (
        TreeTask(replace(config, class_weights="balanced"), dataset).new_model().eval()
    )
    batch = next(iter(batches(dataset.train, batch_size=10)))
    logits = plain(batch)
    each = torch.nn.functional.cross_entropy(logits, batch.label, reduction="none")
    assert_close(plain.loss(batch), each.sum() / 10)
    assert_close(balanced.loss(batch), (each * weight[batch.label]).sum() / 10)


@pytest.mark.parametrize("metric", ["root_accuracy", "node_accuracy", "loss"])
def test_training_stops_by_the_metric_that_is_named(
    dataset: Dataset, config: Config, tmp_path: Path, monkeypatch, metric
) -> None:
    measured = 0

    def scripted(model, corpus):
        nonlocal measured
        measured += 1
        steady = {"root_accuracy": 0.5, "node_accuracy": 0.5, "loss": 0.5}
        course = [0.1, 0.2, 0.4, 0.3, 0.3, 0.9][measured - 1]
        steady[metric] = -course if metric == "loss" else course
        return _Measured(steady)

    monkeypatch.setattr(task, "evaluate", scripted)
    config = replace(config, epochs=50, patience=2, metric=metric)
    history = train_seed(TreeTask(config, dataset), 0, tmp_path).history
    assert len(history) == 5  # the third was the best, and two more came


class _Measured:
    def __init__(self, metrics: dict[str, float]) -> None:
        self.metrics = metrics


def test_training_begins_with_the_vectors_of_a_file(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("dull 1 2 3 4\nunheard 0 0 0 0\nquite -1 -2 -3 -4.5\n")
    torch.manual_seed(0)
    plain = TreeTask(config, dataset).new_model().embedding.weight
    torch.manual_seed(0)
    model = TreeTask(replace(config, vectors=str(file)), dataset).new_model()
    weight, index = model.embedding.weight, dataset.vocabulary.index
    assert weight[index["dull"], :4].tolist() == [1, 2, 3, 4]
    assert weight[index["quite"], :4].tolist() == [-1, -2, -3, -4.5]
    assert torch.equal(weight[index["bright"]], plain[index["bright"]])
    assert torch.equal(weight[:, 4:], plain[:, 4:])
    too_small = replace(config, vectors=str(file), input_size=3)
    with pytest.raises((RunError, TrainingError), match="set input_size=4"):
        TreeTask(too_small, dataset).new_model()


def test_dropout_draws_other_numbers_in_every_epoch(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    config = replace(config, input_dropout=0.5, learning_rate=1e-12, average=0.0)
    losses = [
        e["train_loss"]
        for e in train_seed(TreeTask(config, dataset), 0, tmp_path).history
    ]
    assert len(set(losses)) == len(losses)


def test_seeds_differ_and_repeat(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    said = [
        train_seed(TreeTask(config, dataset), seed, tmp_path / str(k)).history[-1][
            "train_loss"
        ]
        for k, seed in enumerate((0, 1, 0))
    ]
    assert said[0] == said[2] != said[1]


def test_a_device_that_is_not_there_is_told(
    trees: Path, config: Config, tmp_path: Path
) -> None:
    config = replace(config, device="no-such")
    with pytest.raises(RunError, match="device 'no-such' cannot be used"):
        runner.train(str(trees), config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["result.json", "metrics.jsonl"])
def test_an_average_run_tells_no_nan(
    trees: Path, config: Config, tmp_path: Path, name
) -> None:
    run = runner.train(str(trees), config, tmp_path / "run")
    for line in (run.folder / name).read_text().splitlines():
        assert "NaN" not in line
    result = json.loads((run.folder / "result.json").read_text())
    assert all(map(math.isfinite, result["test"]["loss"]["seeds"]))
