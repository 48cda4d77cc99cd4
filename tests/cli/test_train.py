"""``treefold train``, and what the other commands make of its run."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL, Command, one_message, write_phrases
from treefold.training import files, trainer
from treefold.training.trees import TreeTask


def test_a_run_is_trained_and_told(treefold: Command, trees: Path, tmp_path) -> None:
    out = tmp_path / "run"
    said = treefold("train", trees, "--model", "rnn", "--out", out, *SMALL)
    assert said.status == 0
    lines = said.out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "majority", "bag of nodes", "linear, ordered edges", "n-grams", "rnn",
    ]  # fmt: skip
    assert "epoch   3" in said.err
    last = said.err.splitlines()[-1]
    assert last.startswith(f"Wrote the run {out}")
    assert f"Next: treefold show {out}" in last
    result = json.loads((out / "result.json").read_text())
    assert (result["task"], result["model"]) == ("weather", "rnn")
    assert result["command"].startswith(f"treefold train {trees} --model rnn --out")
    assert (out / "log.txt").read_text() in said.err.replace(last, "")


def test_what_result_json_holds(finished: Path) -> None:
    result = json.loads((finished / "result.json").read_text())
    for split in ("test", "dev"):
        for metric in ("root_accuracy", "node_accuracy"):
            found = result[split][metric]
            assert found.keys() == {"mean", "std", "seeds"}
            assert len(found["seeds"]) == 2
    assert set(result) >= {"task", "model", "baselines", "seconds", "versions"}
    kinds = {path.suffix for path in finished.rglob("*") if path.is_file()}
    assert kinds == {".json", ".jsonl", ".txt", ".md", ".html", ".safetensors"}


def test_by_default_the_run_is_named_after_data_and_model(
    treefold: Command, trees: Path, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert treefold("train", trees, *SMALL, "--epochs", "1").status == 0
    assert (tmp_path / "runs" / "weather-tree-lstm" / "result.json").exists()


def test_the_files_of_the_splits_may_be_named(
    treefold: Command, trees: Path, tmp_path
) -> None:
    dev = write_phrases(tmp_path / "dev.txt", 20, seed=1)
    test = write_phrases(tmp_path / "test.txt", 30, seed=2)
    out = tmp_path / "run"
    said = treefold("train", trees, "--dev", dev, "--test", test, "--out", out, *SMALL)
    assert said.status == 0
    assert "90 trees to train, 20 dev, 30 test" in said.err


def test_an_existing_run_is_refused_or_overwritten(
    treefold: Command, trees: Path, finished: Path, tmp_path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    said = treefold("train", trees, "--out", out, *SMALL)
    assert said.status == 2
    assert "--overwrite" in one_message(said)
    assert "--resume" in one_message(said)
    said = treefold("train", trees, "--out", out, "--overwrite", *SMALL)
    assert said.status == 0
    assert not (out / "seed-1").exists()


def test_a_run_outlives_the_attempt_to_overwrite_it_from_bad_data(
    treefold: Command, finished: Path, tmp_path, write
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    bad = write("bad.txt", "(2 oh\n")
    assert treefold("train", bad, "--out", out, "--overwrite").status == 2
    assert treefold("info", out).status == 0


def test_a_stopped_run_says_how_to_go_on_and_does(
    treefold: Command, trees: Path, finished: Path, tmp_path, monkeypatch
) -> None:
    out = tmp_path / "run"
    step, taken = trainer._Trainer._step, 0

    def stopping(self, *args):
        nonlocal taken
        taken += 1
        if taken == 14:  # three steps an epoch, three epochs a seed
            raise KeyboardInterrupt
        return step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer._Trainer, "_step", stopping)
        said = treefold("train", trees, "--out", out, "--seeds", "2", *SMALL)
    assert said.status == 130
    assert "Traceback" not in said.err
    assert f"treefold train --resume {out}" in said.err.splitlines()[-1]

    assert "Not finished: 1 of 2 seeds" in treefold("info", out).out
    assert "--resume" in one_message(treefold("predict", out, trees))
    assert "--resume" in one_message(treefold("show", out))

    said = treefold("train", "--resume", out)
    assert said.status == 0
    for name in ("model.safetensors", "seed-0/model.safetensors"):
        assert (out / name).read_bytes() == (finished / name).read_bytes()
    first, again = (
        json.loads((r / "result.json").read_text()) for r in (finished, out)
    )
    assert again["test"] == first["test"]
    assert again["command"].startswith("treefold train ")


def test_a_resumed_run_keeps_its_settings(treefold: Command, finished: Path) -> None:
    said = treefold("train", "--resume", finished, "--epochs", "9")
    assert said.status == 2
    assert "began with epochs = 3" in one_message(said)


def test_what_stopped_before_it_began_can_begin_again(
    treefold: Command, trees: Path, tmp_path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "vocabulary.json").write_text("{")
    (out / "config.json.part").write_text("{")
    assert "before its training began" in one_message(
        treefold("train", "--resume", out)
    )
    assert treefold("train", trees, "--out", out, *SMALL, "--epochs", "1").status == 0


@pytest.mark.parametrize("after", [0, 3, 6, 9])
def test_a_full_disk_ends_in_a_message_and_can_be_resumed(
    treefold: Command, trees: Path, finished: Path, tmp_path, monkeypatch, after: int
) -> None:
    synced = 0

    def full(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "run"
    words = ["train", trees, "--out", out, "--seeds", "2", *SMALL]
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        said = treefold(*words)
    assert said.status == 1
    assert "the disk is full" in one_message(said)
    assert not list(out.rglob("*.part"))
    again = ["train", "--resume", out] if (out / "config.json").exists() else words
    assert treefold(*again).status == 0
    name = "model.safetensors"
    assert (out / name).read_bytes() == (finished / name).read_bytes()


def test_a_loss_that_is_no_number_names_step_and_trees(
    treefold: Command, trees: Path, tmp_path
) -> None:
    wild = ["--optimizer", "sgd", "--learning-rate", "1e38", "--embedding-std", "1e30"]
    out = tmp_path / "run"
    said = treefold("train", trees, "--out", out, *SMALL, *wild)
    assert said.status == 1
    message = one_message(said)
    assert "its gradient is not" in message  # the loss, 1e30 and more, still is one
    assert "weather.txt: tree" in message
    assert "lower learning_rate" in message


def test_bad_trees_are_left_out_and_counted(
    treefold: Command, trees: Path, tmp_path, write
) -> None:
    lines = trees.read_text().splitlines()
    lines[10] = "(2)"
    bad = write("some-bad.txt", "\n".join(lines) + "\n")
    out = tmp_path / "run"
    said = treefold("train", bad, "--out", out, *SMALL)
    assert said.status == 2
    assert "some-bad.txt:11:3: expected a word" in one_message(said)
    lines[20] = "(2 (3 sun)"
    write("some-bad.txt", "\n".join(lines) + "\n")
    said = treefold("train", bad, "--out", out, "--skip-bad", *SMALL)
    assert said.status == 0
    assert "2 bad trees were left out" in said.err


def test_an_unexpected_error_is_owned_up_to(
    treefold: Command, trees: Path, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(TreeTask, "new_model", lambda self: {}["nothing"])
    words = ["train", trees, "--out", tmp_path / "run", *SMALL]
    said = treefold(*words)
    assert said.status == 1
    assert "this is a bug in treefold" in said.err
    assert "KeyError" in said.err
    assert "Traceback" not in said.err
    shutil.rmtree(tmp_path / "run")
    assert "Traceback" in treefold(*words, "--debug").err
