"""Bad input ends in one clear message on standard error, and exit status 2 or 1."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from treefold.cli import main

GOOD = "(1 (0 not) (1 (1 so) (0 bad)))\n(0 (1 rather) (0 dull))\n" * 10
SMALL = ["--input-size", "4", "--hidden-size", "4", "--epochs", "1", "--threads", "1"]

Run = Callable[[Sequence[str]], tuple[int, str]]


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(words: Sequence[str]) -> tuple[int, str]:
        status = main(list(words))
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return status, said

    return call


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.txt"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a tree, found end of file"),
        (b"\n  \n", "expected a tree, found end of file"),
        (GOOD.encode() + b"(1 (0 caf\xe9) (1 so))\n", "bad.txt:21:10"),
        (b"(1 (0 a) (1 b)\n" + GOOD.encode(), "bad.txt:1:15: expected ')'"),
        (GOOD.encode() + b"(1 (0 a) (1 b)))\n", "bad.txt:21:16"),
        (b"(good (bad a) (good b))\n" * 20, "expected a whole number as label"),
        (b"((0 a) (1 b))\n" * 20, "the root has no label"),
        (b"(1 (0 a) (1 b))\n", "too few to hold some out"),
        (b"(1 (0 a\0) (1 b))\n" * 20, "bad.txt:1:"),
    ],
    ids=[
        "empty",
        "blank",
        "latin-1",
        "unbalanced",
        "extra bracket",
        "label is a word",
        "no root label",
        "too few",
        "nul",
    ],
)
def test_a_bad_file_is_told_with_its_place(
    run: Run, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    status, said = run(["train", str(path), "--out", "run", *SMALL])
    assert status == 2
    assert message in said
    assert not (tmp_path / "run").exists()


def test_a_byte_order_mark_is_no_part_of_a_tree(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marked.txt"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert run(["train", str(path), "--out", "run", *SMALL])[0] == 0


def test_dev_labels_unseen_in_train_are_told(
    run: Run, good: Path, tmp_path: Path
) -> None:
    (tmp_path / "dev.txt").write_text("(0 (0 a) (1 b))\n(7 (0 a) (1 b))\n")
    words = ["train", str(good), "--dev", "dev.txt", "--out", "run", *SMALL]
    status, said = run(words)
    assert status == 2
    assert "dev.txt: tree 2 (line 2)" in said
    assert "'7'" in said


def test_labels_outside_the_classes_of_sst_are_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "sst"
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.txt").write_text("(3 (2 a) (7 b))\n")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    status, said = run(["train", "sst", "--out", "run", *SMALL])
    assert status == 2
    assert "'7' is not a class" in said


def test_no_tree_left_after_filtering_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "sst"
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.txt").write_text("(2 (2 a) (2 b))\n")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    status, said = run(["train", "sst-binary", "--out", "run", *SMALL])
    assert status == 2
    assert "no tree is left" in said


def test_bad_trees_are_left_out_and_counted_on_request(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "some.txt"
    path.write_text(GOOD + "(1 (0 a)\n" + GOOD)
    status, said = run(["train", str(path), "--skip-bad", "--out", "run", *SMALL])
    assert status == 0
    assert "1 bad trees were left out" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "nowhere.txt"], "no data set and no file is called"),
        (["train", "good.txt", "--model", "tree-lstn"], "tree-lstm"),
        (["train", "good.txt", "--hidden-size", "-3"], "hidden_size must be at least"),
        (["train", "good.txt", "--epochs", "many"], "epochs"),
        (["train", "good.txt", "--epoch", "3"], "epochs"),
        (["trian", "good.txt"], "train"),
        (["train"], "DATA is missing"),
        (["train", "--resume", "nowhere"], "nowhere is not a run"),
        (["predict", "nowhere", "good.txt"], "nowhere is not a run"),
        (["evaluate", "nowhere", "good.txt"], "nowhere is not a run"),
        (["info", "nowhere"], "nowhere is not a run"),
        (["show", "nowhere.txt"], "nowhere.txt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_told(
    run: Run, good: Path, words: list[str], message: str
) -> None:
    status, said = run(words)
    assert status == 2
    assert message in said
    assert len(said.splitlines()) <= 3


def test_a_folder_in_the_way_is_refused_unless_it_may_go(run: Run, good: Path) -> None:
    words = ["train", str(good), "--out", "run", *SMALL]
    assert run(words)[0] == 0
    status, said = run(words)
    assert status == 2
    assert "--overwrite" in said
    assert "--resume" in said
    assert run([*words, "--overwrite"])[0] == 0


def test_a_loss_that_is_no_number_ends_with_status_1(
    run: Run, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from treefold.training import trainer

    monkeypatch.setattr(trainer._Trainer, "_step", lambda *args: float("inf"))
    status, said = run(["train", str(good), "--out", "run", *SMALL])
    assert status == 1
    assert "not a number at step 1" in said
    assert "good.txt: tree" in said


def test_ctrl_c_says_how_to_go_on(
    run: Run, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from treefold.training import trainer

    def interrupted(*args: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer._Trainer, "_step", interrupted)
    status, said = run(["train", str(good), "--out", "run", *SMALL])
    assert status == 130
    assert "treefold train --resume run" in said
    monkeypatch.undo()
    monkeypatch.chdir(good.parent)
    assert run(["train", "--resume", "run"])[0] == 0


def test_a_tree_of_a_million_levels_is_read_and_told_from_the_rest(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "deep.txt"
    path.write_text("(1 " * 1_000_000 + "a" + ")" * 1_000_000 + "\n")
    status, said = run(["train", str(path), "--out", "run", *SMALL])
    assert status == 2
    assert "too few to hold some out" in said
    assert run(["data", str(path)])[0] in (0, 2)
