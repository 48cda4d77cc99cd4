"""Bad input: one clear message, the right status, no traceback."""

import shutil
import time
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL, Command, one_message

BAD = {
    "empty": (b"", "found end of file"),
    "blank": (b"\n \n", "found end of file"),
    "latin-1": (
        b"(2 (3 caf\xe9) (2 sun))\n",
        ":1:10: expected UTF-8 text, found the by",
    ),
    "utf-16": ("(2 sun)".encode("utf-16"), "expected UTF-8 text"),
    "binary": (b"(2 s\0n)", "NUL byte"),
    "unclosed": (b"(2 (3 sun)\n(2 no)\n(3 no)\n", ":1:11: expected ')'"),
    "extra bracket": (b"(2 no)\n(2 (3 sun)))\n", ":2:12: expected '(' to begin a tree"),
    "no brackets": (b"the sun rises\n", ":1:1: expected '(' to begin a tree"),
    "no word": (b"(2 (3))\n", "expected a word or a tree after the label '3'"),
    "damaged gzip": (b"\x1f\x8b\x08\x00oh", "gzip file is damaged"),
}
NO_NUMBER = b"(2 sun)\n(2 (good sun) (2 no))\n" * 20


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["train", "data", "show", "predict", "evaluate"])
def test_a_bad_file_is_told_where_it_is_bad(
    treefold: Command, finished: Path, tmp_path, write, command, content, message
) -> None:
    file = write("bad.txt", content)
    words = {
        "train": ["train", file, "--out", tmp_path / "run"],
        "data": ["data", file],
        "show": ["show", file, "--out", tmp_path / "page.html"],
        "predict": ["predict", finished, file],
        "evaluate": ["evaluate", finished, file],
    }[command]
    said = treefold(*words)
    assert said.status == 2
    assert message in one_message(said)
    assert "bad.txt" in one_message(said)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "page.html").exists()


def test_a_mark_of_byte_order_is_no_matter(
    treefold: Command, trees: Path, finished: Path, tmp_path, write
) -> None:
    file = write("marked.txt", b"\xef\xbb\xbf" + trees.read_bytes())
    out = tmp_path / "run"
    words = ["train", file, "--out", out, "--seeds", "2", *SMALL]
    assert treefold(*words).status == 0
    name = "model.safetensors"
    assert (out / name).read_bytes() == (finished / name).read_bytes()


@pytest.mark.parametrize("command", ["train", "data"])
def test_a_label_that_is_no_number_names_file_and_tree(
    treefold: Command, tmp_path, write, command
) -> None:
    file = write("words.txt", NO_NUMBER)
    out = ["--out", tmp_path / "run"] if command == "train" else []
    said = treefold(command, file, *out)
    assert said.status == 2
    assert "expected a whole number as label, found 'good'" in one_message(said)
    assert "words.txt: tree " in one_message(said)


def test_dev_labels_unseen_in_train_name_file_and_tree(
    treefold: Command, trees: Path, tmp_path, write
) -> None:
    dev = write("dev.txt", "(2 sun)\n(2 (9 sun) (2 no))\n")
    said = treefold("train", trees, "--dev", dev, "--out", tmp_path / "run")
    assert said.status == 2
    assert "dev.txt: tree 2 (line 2): the label '9' is not a class" in one_message(said)


def test_a_root_without_label_is_told(treefold: Command, tmp_path, write) -> None:
    file = write("bare.txt", "((0 sun) (1 no))\n" * 20)
    said = treefold("train", file, "--out", tmp_path / "run")
    assert said.status == 2
    assert "bare.txt: tree 1 (line 1): the root has no label" in one_message(said)


def test_a_label_outside_the_classes_of_sst_is_told(
    treefold: Command, tmp_path, monkeypatch
) -> None:
    sst = tmp_path / "data" / "sst"
    sst.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (sst / f"{split}.txt").write_text("(3 (2 sun) (7 no))\n")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    for name in ("sst", "sst-binary"):
        said = treefold("train", name, "--out", tmp_path / "run")
        assert said.status == 2
        assert "train.txt: tree 1 (line 1): the label '7'" in one_message(said)


def test_too_few_trees_to_split_are_told(treefold: Command, tmp_path, write) -> None:
    file = write("two.txt", "(2 sun)\n(1 no)\n")
    said = treefold("train", file, "--out", tmp_path / "run")
    assert said.status == 2
    assert "2 trees are too few to hold some out" in one_message(said)


def test_nothing_left_after_filtering_is_told(
    treefold: Command, tmp_path, write, monkeypatch
) -> None:
    sst = tmp_path / "data" / "sst"
    sst.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (sst / f"{split}.txt").write_text("(2 sun)\n(2 (1 no) (3 sun))\n")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    said = treefold("train", "sst-binary", "--out", tmp_path / "run")
    assert said.status == 2
    assert "no tree is left: all 2 have a neutral root" in one_message(said)


def test_all_trees_bad_is_told(treefold: Command, tmp_path, write) -> None:
    file = write("bad.txt", "(2\n(3)\n()\n")
    said = treefold("train", file, "--skip-bad", "--out", tmp_path / "run")
    assert said.status == 2
    assert "no tree is left" in one_message(said)


@pytest.mark.parametrize(
    "name", ["config.json", "vocabulary.json", "model.safetensors"]
)
@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 3', b"\xff\xfe\0\0oh"])
def test_a_damaged_run_is_told(
    treefold: Command, finished: Path, trees: Path, tmp_path, name, content
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / name).write_bytes(content)
    said = treefold("predict", out, trees)
    assert said.status == 2
    one_message(said)
    said = treefold("info", out)
    assert said.status == (2 if name == "config.json" else 0)


@pytest.mark.parametrize("name", ["result.json", "seed-0/metrics.jsonl"])
def test_a_run_with_a_damaged_result_is_told(
    treefold: Command, finished: Path, tmp_path, name
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / name).write_bytes(b"{broken")
    (out / "report.html").unlink()
    said = treefold("show", out)
    assert said.status == 2
    assert name in one_message(said)


def test_a_run_of_a_later_version_asks_for_a_later_treefold(
    treefold: Command, finished: Path, trees: Path, tmp_path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    config = out / "config.json"
    config.write_text(config.read_text().replace('"version": 1', '"version": 99'))
    assert "Update treefold" in one_message(treefold("predict", out, trees))


def test_a_run_whose_data_have_changed_is_not_resumed(
    treefold: Command, trees: Path, tmp_path
) -> None:
    mine = shutil.copy(trees, tmp_path / "mine.txt")
    out = tmp_path / "run"
    assert treefold("train", mine, "--out", out, *SMALL, "--epochs", "1").status == 0
    with Path(mine).open("a") as file:
        file.write("(2 (3 another) (1 word))\n" * 40)
    said = treefold("train", "--resume", out)
    assert said.status == 2
    assert "have changed" in one_message(said)


def test_a_million_levels_are_shown_and_refused_for_training(
    treefold: Command, trees: Path, tmp_path, write
) -> None:
    n = 1_000_000
    file = write("deep.txt", trees.read_text() + "(2 " * n + "sun" + ")" * n)
    begun = time.perf_counter()
    said = treefold(
        "train", file, "--dev", trees, "--test", trees, "--out", tmp_path / "r"
    )
    assert said.status == 2
    message = one_message(said)
    assert "deep.txt: tree 91 (line 91) has 1,000,000 levels" in message
    assert not (tmp_path / "r").exists()
    alone = write("alone.txt", "(2 " * n + "sun" + ")" * n)
    assert treefold("show", alone, "--out", tmp_path / "page.html").status == 0
    assert (tmp_path / "page.html").stat().st_size < 100_000
    assert treefold("data", file, "--dev", trees, "--test", trees).status == 0
    assert time.perf_counter() - begun < 60
