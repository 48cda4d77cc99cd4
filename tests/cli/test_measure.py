"""``evaluate``, ``info``, ``data`` and ``download``."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL, Command, one_message
from treefold import load
from treefold.data import read_brackets

needs_sst = pytest.mark.skipif(
    "TREEFOLD_DATA" not in os.environ
    or not Path(os.environ["TREEFOLD_DATA"], "sst").is_dir(),
    reason="TREEFOLD_DATA names no folder that has sst in it",
)


def test_evaluate_prints_a_table_and_an_object(
    treefold: Command, finished: Path, trees: Path, tmp_path
) -> None:
    said = treefold("evaluate", finished, trees, "--out", tmp_path / "found.json")
    assert said.status == 0
    *table, last = said.out.splitlines()
    assert "root accuracy" in "\n".join(table)
    found = json.loads(last)
    assert found == json.loads((tmp_path / "found.json").read_text())
    assert (found["model"], found["trees"]) == ("tree-lstm", 90)
    assert found["versions"]["torch"]
    metrics = load(finished).evaluate(read_brackets(trees)).metrics
    for name, value in metrics.items():
        assert found["test"][name]["seeds"] == [pytest.approx(value)]
    assert "Next: treefold" in said.err.splitlines()[-1]


def test_evaluate_takes_a_split_of_a_folder(
    treefold: Command, finished: Path, trees: Path, tmp_path
) -> None:
    lines = trees.read_text().splitlines()
    (tmp_path / "dev.txt").write_text("\n".join(lines[:7]))
    said = treefold("evaluate", finished, tmp_path, "--split", "dev")
    assert json.loads(said.out.splitlines()[-1])["trees"] == 7
    said = treefold("evaluate", finished, tmp_path, "--split", "test")
    assert "expected test.txt" in one_message(said)


def test_evaluate_tells_a_label_that_is_no_class(
    treefold: Command, finished: Path, write
) -> None:
    file = write("odd.txt", "(2 (2 sun) (3 sun))\n(2 (7 sun) (3 sun))\n")
    said = treefold("evaluate", finished, file)
    assert said.status == 2
    message = one_message(said)
    assert "odd.txt: tree 2 (line 2): the label '7' is not among" in message
    assert "0, 1, 2, 3, 4" in message


def test_a_binary_run_reads_five_labels_as_its_own_data_were_read(
    treefold: Command, trees: Path, tmp_path, write, monkeypatch
) -> None:
    sst = tmp_path / "data" / "sst"
    sst.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        shutil.copy(trees, sst / f"{split}.txt")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path / "data"))
    out = tmp_path / "run"
    assert treefold("train", "sst-binary", "--out", out, *SMALL).status == 0
    by_name = treefold("evaluate", out, "sst-binary")
    by_file = treefold("evaluate", out, trees)
    figures = [json.loads(s.out.splitlines()[-1]) for s in (by_name, by_file)]
    assert figures[0]["test"] == figures[1]["test"]
    neutral = sum(line.startswith("(2") for line in trees.read_text().splitlines())
    assert figures[1]["trees"] == 90 - neutral
    said = treefold("evaluate", out, write("neutral.txt", "(2 weather)\n"))
    assert "no tree is left" in one_message(said)


def test_info_tells_what_differs_from_the_defaults(
    treefold: Command, finished: Path, trees: Path
) -> None:
    said = treefold("info", finished)
    assert said.status == 0
    for words in (str(trees), "hidden_size  ", "tree-lstm", "majority", "±", "torch"):
        assert words in said.out
    assert "label_smoothing" not in said.out
    assert "seed-1/model.safetensors" in said.out


def test_data_tells_figures_and_verdicts(
    treefold: Command, trees: Path, tmp_path, write
) -> None:
    lines = trees.read_text().splitlines()
    dev = write("dev.txt", "\n".join(["(4 (2 new) (3 word))", *lines[:3]]) + "\n")
    test = write("test.txt", "(1 (3 sun) (2 rises))\n" + lines[5] + "\n")
    words = ["data", trees, "--dev", dev, "--test", test]
    said = treefold(*words, "--out", tmp_path / "figures.json")
    assert said.status == 0
    assert "dev has 3 trees (75.0 %) that are also in train: " in said.out
    assert f"{dev}: tree 2 (line 2)" in said.out
    assert "test has 1 tree (50.0 %) that is also in train" in said.out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["dev"]["trees"] == 4
    assert figures["dev"]["depth_max"] >= 1
    assert figures["train"]["arity_max"] == 2
    assert figures["test"]["unknown"] > 0
    assert figures["train"]["unknown"] == 0
    assert sum(figures["train"]["roots"].values()) == 90
    assert figures["duplicates"]["dev in train"] == 3


def test_data_tells_apart_trees_whose_words_are_all_unknown(
    treefold: Command, trees: Path, tmp_path, write
) -> None:
    dev = write("dev.txt", "(2 (2 hail) (2 frost))\n(2 (2 wind) (2 frost))\n")
    test = write("test.txt", "(2 (2 fog) (2 frost))\n")
    out = tmp_path / "figures.json"
    words = ["data", trees, "--dev", dev, "--test", test, "--out", out]
    assert treefold(*words).status == 0
    assert not any(
        count
        for name, count in json.loads(out.read_text())["duplicates"].items()
        if name != "train in train"
    )


def test_data_knows_a_chain(treefold: Command, write) -> None:
    chain = "(2 (2 a) " * 30 + "(3 b)" + ")" * 30
    file = write("chains.txt", "\n".join(f"{chain}" for _ in range(30)) + "\n")
    said = treefold("data", file)
    assert "the trees are nearly chains" in said.out


@needs_sst
def test_data_of_sst(treefold: Command) -> None:
    said = treefold("data", "sst")
    assert "318,582" in said.out
    assert "18,280 words" in said.out


def test_download_says_where_it_is(treefold: Command, tmp_path) -> None:
    archive = tmp_path / "trees.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for split in ("train", "dev", "test"):
            file.writestr(f"trees/{split}.txt", "(2 (3 sun) (2 rises))\n")
    to = tmp_path / "sst"
    words = ["download", "sst", "--to", to, "--url", archive.as_uri()]
    said = treefold(*words)
    assert said.status == 2
    assert "is not the file known" in one_message(said)
    said = treefold(*words, "--no-verify")
    assert said.status == 0
    assert said.out == f"{to}\n"
    assert (to / "dev.txt").exists()
    assert "Next: treefold data" in said.err
