"""What the settings promise."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import treefold
from treefold.data import Dataset, batches
from treefold.training import (
    Config,
    RunError,
    TrainingError,
    evaluate,
    runner,
    train_seed,
    trainer,
)
from treefold.training.optim import Optimizer
from treefold.training.trees import TreeTask


@pytest.mark.parametrize(
    "model",
    ["rnn", "rntn", "mv-rnn", "tree-lstm", "child-sum-tree-lstm", "tree-gru",
     "child-sum-tree-gru"],
)  # fmt: skip
def test_every_model_learns_the_rule(
    dataset: Dataset, config: Config, tmp_path: Path, model
) -> None:
    config = replace(
        config,
        model=model,
        epochs=25,
        average=0.3,
        input_dropout=0.0,
        output_dropout=0.0,
        learning_rate=0.1,
        embedding_learning_rate=0.3,
    )
    trained = train_seed(TreeTask(config, dataset), 0, tmp_path)
    assert trained.history[-1]["train_loss"] < 0.7 * trained.history[0]["train_loss"]
    accuracy = evaluate(trained.model, dataset.train).metrics["root_accuracy"]
    majority = np.bincount(dataset.train.label[dataset.train.roots]).max() / len(
        dataset.train
    )
    assert accuracy > max(0.85, majority)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_every_precision_trains(
    dataset: Dataset, config: Config, tmp_path: Path, precision
) -> None:
    trained = train_seed(
        TreeTask(replace(config, precision=precision), dataset), 0, tmp_path
    )
    assert math.isfinite(trained.history[-1]["train_loss"])
    wanted = torch.float64 if precision == "float64" else torch.float32
    assert trained.model.output.weight.dtype == wanted


def test_vectors_that_no_batch_touches_stay(dataset: Dataset, config: Config) -> None:
    config = replace(config, embedding_l2=0.1, embedding_learning_rate=0.5)
    model = TreeTask(config, dataset).new_model()
    before = model.embedding.weight.detach().clone()
    batch = next(iter(batches(dataset.train, batch_size=1)))
    optimizer = Optimizer(model, config)
    model.loss(batch).backward()
    optimizer.step(0.0)
    moved = (model.embedding.weight != before).any(dim=1)
    touched = torch.zeros_like(moved)
    touched[batch.token] = True
    assert torch.equal(moved, touched)


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd"])
def test_decay_of_the_vectors_is_part_of_the_gradient(
    dataset: Dataset, config: Config, optimizer
) -> None:
    config = replace(config, optimizer=optimizer, embedding_l2=0.5, learning_rate=0.1)
    model = TreeTask(config, dataset).new_model()
    batch = next(iter(batches(dataset.train, batch_size=3)))
    model.eval()
    model.loss(batch).backward()
    rows = batch.token.unique()
    weight = model.embedding.weight.detach().clone()[rows]
    gradient = model.embedding.weight.grad
    assert gradient is not None
    g = gradient.to_dense()[rows] + 0.5 * weight
    Optimizer(model, config).step(0.0)
    step = 0.1 * (g if optimizer == "sgd" else g / (g.abs() + 1e-10))
    torch.testing.assert_close(model.embedding.weight.detach()[rows], weight - step)


def test_clipping_bounds_the_norm_of_all_gradients(
    dataset: Dataset, config: Config
) -> None:
    config = replace(config, optimizer="sgd", clip=0.01, l2=0.0, learning_rate=1.0)
    model = TreeTask(config, dataset).new_model()
    before = [p.detach().clone() for p in model.parameters()]
    model.loss(next(iter(batches(dataset.train, batch_size=8)))).backward()
    Optimizer(model, config).step(0.0)
    change = [(p - b).norm() for p, b in zip(model.parameters(), before, strict=True)]
    assert torch.stack(change).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_rates_fall_to_their_share(dataset: Dataset, config: Config) -> None:
    config = replace(config, optimizer="sgd", l2=0.0, final_learning_rate=0.1)
    batch = next(iter(batches(dataset.train, batch_size=8)))

    def changes(progress: float) -> list[torch.Tensor]:
        torch.manual_seed(0)
        model = TreeTask(config, dataset).new_model().eval()
        before = [p.detach().clone() for p in model.parameters()]
        model.loss(batch).backward()
        Optimizer(model, config).step(progress)
        after = model.parameters()
        return [p.detach() - b for p, b in zip(after, before, strict=True)]

    for first, last in zip(changes(0.0), changes(1.0), strict=True):
        torch.testing.assert_close(last, 0.1 * first, rtol=1e-3, atol=1e-7)


def test_training_stops_when_dev_has_not_improved(
    dataset: Dataset, config: Config, tmp_path: Path
) -> None:
    config = replace(config, epochs=50, patience=2, learning_rate=1e-6)
    assert len(train_seed(TreeTask(config, dataset), 0, tmp_path).history) == 3


@pytest.mark.parametrize("metric", ["root_accuracy", "node_accuracy", "loss"])
def test_the_best_epoch_by_the_metric_is_kept(
    dataset: Dataset, config: Config, tmp_path: Path, metric
) -> None:
    trained = train_seed(TreeTask(replace(config, metric=metric), dataset), 0, tmp_path)
    scores = [epoch[f"dev_{metric}"] for epoch in trained.history]
    best = min(scores) if metric == "loss" else max(scores)
    found = evaluate(trained.model, dataset.dev).metrics[metric]
    assert found == pytest.approx(best, abs=1e-9)


def test_a_loss_that_is_no_number_names_step_and_trees(
    dataset: Dataset, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer._Trainer, "_step", lambda *args: (float("nan"), 0.0))
    message = r"not a number at step 1 of epoch 1.*phrases.txt: tree \d+.*learning_rate"
    with pytest.raises(TrainingError, match=message):
        train_seed(TreeTask(config, dataset), 0, tmp_path)


def test_a_prediction_does_not_depend_on_the_batch(
    dataset: Dataset, config: Config
) -> None:
    model = TreeTask(config, dataset).new_model().double()
    together = evaluate(model, dataset.train).root_probability
    alone = [evaluate(model, dataset.train[[k]]).root_probability for k in range(9)]
    np.testing.assert_allclose(np.concatenate(alone), together[:9], atol=1e-12)


def test_a_run_holds_what_it_promises(
    trees: Path, config: Config, tmp_path: Path
) -> None:
    run = runner.train(str(trees), replace(config, seeds=2), tmp_path / "run")
    result = json.loads((run.folder / "result.json").read_text())
    assert result["model"] == "tree-lstm"
    assert result["task"] == "phrases"
    for split in ("dev", "test"):
        for metric in ("root_accuracy", "node_accuracy"):
            figure = result[split][metric]
            assert len(figure["seeds"]) == 2
            assert figure["mean"] == pytest.approx(np.mean(figure["seeds"]))
            assert figure["std"] == pytest.approx(np.std(figure["seeds"], ddof=1))
    assert {"majority", "bag of nodes"} <= result["baselines"].keys()
    assert result["seconds"] > 0
    assert result["versions"]["torch"] == torch.__version__
    best = max(range(2), key=lambda k: result["dev"]["root_accuracy"]["seeds"][k])
    assert result["best_seed"] == best
    for name in ("README.md", "report.html", "config.json", "metrics.jsonl", "log.txt"):
        assert (run.folder / name).stat().st_size > 0
    kinds = {p.suffix for p in run.folder.rglob("*") if p.is_file()}
    assert kinds <= {".json", ".jsonl", ".txt", ".md", ".html", ".safetensors"}


def test_a_loaded_run_reads_text_tuples_and_nltk_alike(
    trees: Path, config: Config, tmp_path: Path
) -> None:
    nltk = pytest.importorskip("nltk")
    runner.train(str(trees), config, tmp_path / "run")
    run = treefold.load(tmp_path / "run")
    text = "(0 (0 not) (1 (1 quite) (1 bright)))"
    said = run(text)
    for same in (("not", ("quite", "bright")), nltk.Tree.fromstring(text)):
        assert run(same).probabilities == said.probabilities
        assert run(same).node_labels == said.node_labels
    assert len(said.node_labels) == 5
    assert said.label == said.node_labels[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be at least 1, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"input_dropout": 1.0}, r"input_dropout must be in \[0, 1\)"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, got nan"),
        ({"model": "tree-lstn"}, "model must be one of rnn"),
        ({"hiden_size": 3}, "no setting 'hiden_size'"),
    ],
)
def test_settings_that_cannot_be_are_told(settings: dict, message: str) -> None:
    with pytest.raises(RunError, match=message):
        Config.from_dict(settings)


def test_a_folder_in_the_way_is_not_touched(
    trees: Path, config: Config, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(RunError, match="exists"):
        runner.train(str(trees), config, tmp_path / "mine")
    with pytest.raises(RunError, match="not a run"):
        runner.train(str(trees), config, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "keep me"


@pytest.mark.parametrize(
    "name", ["config.json", "vocabulary.json", "model.safetensors"]
)
def test_a_damaged_run_is_told(
    trees: Path, config: Config, tmp_path: Path, name: str
) -> None:
    run = runner.train(str(trees), replace(config, epochs=1), tmp_path / "run")
    (run.folder / name).write_bytes(b"{broken")
    with pytest.raises(ValueError, match=r"damaged|vocabulary"):
        treefold.load(run.folder)
