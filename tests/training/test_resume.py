"""Training that is stopped at any moment goes on as if it had not been."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from treefold.data import Dataset
from treefold.training import Config, TrainingError, files, runner, train_seed, trainer
from treefold.training.files import read_tensors
from treefold.training.trees import TreeTask

MODEL = "model.safetensors"


class Stop(BaseException):
    """As sudden as a kill: nothing in the library catches it."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(folder / MODEL)[0]


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def metrics(folder: Path) -> list[dict]:
    _, history = read_tensors(folder / trainer.CHECKPOINT)
    return [{k: v for k, v in e.items() if k != "seconds"} for e in history]


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "adamw", "sgd"])
def test_training_stopped_in_mid_epoch_ends_with_the_same_weights(
    dataset: Dataset,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    optimizer,
) -> None:
    config = replace(config, optimizer=optimizer, learning_rate=0.01)
    train_seed(TreeTask(config, dataset), 0, tmp_path / "whole")
    step, taken = trainer._Trainer._step, 0

    def stopping(self, *args):
        nonlocal taken
        taken += 1
        if taken == 25:  # ten steps an epoch: in the middle of the third
            raise Stop
        return step(self, *args)

    monkeypatch.setattr(trainer._Trainer, "_step", stopping)
    with pytest.raises(Stop):
        train_seed(TreeTask(config, dataset), 0, tmp_path / "stopped")
    torch.manual_seed(123)  # another process would not have our random numbers
    train_seed(TreeTask(config, dataset), 0, tmp_path / "stopped")
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "stopped"))
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "stopped")


@pytest.mark.parametrize("write", range(1, 9))
def test_training_stopped_at_any_write_ends_with_the_same_weights(
    dataset: Dataset,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: int,
) -> None:
    train_seed(TreeTask(config, dataset), 0, tmp_path / "whole")
    whole, written = files.write_bytes, 0

    def stopping(path, content):
        nonlocal written
        written += 1
        if written == write:
            path.with_name(path.name + ".part").write_bytes(
                content[: len(content) // 2]
            )
            raise Stop
        whole(path, content)

    for module in (files, trainer):
        monkeypatch.setattr(module, "write_bytes", stopping)
    with pytest.raises(Stop):
        train_seed(TreeTask(config, dataset), 0, tmp_path / "stopped")
    train_seed(TreeTask(config, dataset), 0, tmp_path / "stopped")
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "stopped"))


def test_a_run_of_several_seeds_goes_on_where_it_was_stopped(
    trees: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(config, seeds=2)
    whole = runner.train(str(trees), config, tmp_path / "whole")
    measure, measured = trainer._Trainer._measure, 0

    def stopping(self, *args):
        nonlocal measured
        measured += 1
        if measured == 6:  # the second seed's second epoch
            raise Stop
        measure(self, *args)

    monkeypatch.setattr(trainer._Trainer, "_measure", stopping)
    with pytest.raises(Stop):
        runner.train(str(trees), config, tmp_path / "stopped")
    stopped = runner.resume(tmp_path / "stopped")
    assert stopped.result["test"] == whole.result["test"]
    assert stopped.result["best_seed"] == whole.result["best_seed"]
    assert_same(weights(whole.folder), weights(stopped.folder))


def test_a_killed_process_goes_on_to_the_same_weights(
    trees: Path, tmp_path: Path
) -> None:
    settings = "input_size=6, hidden_size=8, epochs=60, patience=None, threads=1"

    def begin(call: str) -> subprocess.Popen:
        code = f"from treefold.training import Config, runner; runner.{call}"
        return subprocess.Popen([sys.executable, "-c", code])

    def train(out: Path) -> subprocess.Popen:
        return begin(f"train({str(trees)!r}, Config({settings}), {str(out)!r})")

    assert train(tmp_path / "whole").wait() == 0
    killed = train(tmp_path / "killed")
    history = tmp_path / "killed" / "seed-0" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and killed.poll() is None:
        if history.exists() and history.read_text().count("\n") >= 3:
            break
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    assert not (tmp_path / "killed" / "result.json").exists(), "it was killed too late"
    assert begin(f"resume({str(tmp_path / 'killed')!r})").wait() == 0
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_a_full_disk_leaves_the_old_checkpoint_whole(
    dataset: Dataset, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    synced = 0

    def full(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TrainingError, match="the disk is full"):
            train_seed(TreeTask(config, dataset), 0, tmp_path / "full")
    _, history = read_tensors(tmp_path / "full" / trainer.CHECKPOINT)
    assert 1 <= len(history) < config.epochs
    assert not list((tmp_path / "full").glob("*.part"))
    train_seed(TreeTask(config, dataset), 0, tmp_path / "whole")
    train_seed(TreeTask(config, dataset), 0, tmp_path / "full")
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "full"))
