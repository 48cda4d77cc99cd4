"""``treefold bench``: tables, a page, figures as JSON."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command, one_message
from treefold import bench
from treefold.bench import timing

SMALL = ["--input-size", "6", "--hidden-size", "8", "--threads", "1"]


@pytest.fixture(autouse=True)
def short(monkeypatch, tmp_path) -> None:
    """Little to multiply, and no file outside the test's folder."""
    monkeypatch.setattr(timing, "STRETCH", 0.002)
    monkeypatch.setattr(timing, "SIDE", 64)
    monkeypatch.setattr(bench, "SIZES", (1, 4))
    monkeypatch.chdir(tmp_path)


def test_without_data_trees_are_made(treefold: Command) -> None:
    said = treefold("bench", *SMALL, "--json", "bench.json")
    assert said.status == 0, said.err
    assert "NaryTreeLSTMCell(6, 8)" in said.out
    assert re.search(r"trees a batch +naive +batched +fused +the limit", said.out)
    assert said.out.count("\n            4  ") == 3  # of three tables
    last = said.err.splitlines()[-1]
    assert "Wrote bench.html and bench.json: open bench.html" in last
    assert "Next: treefold train python-swaps --model tree-lstm" in last
    assert "compiled at the first use" in said.err


def test_the_page_has_a_picture_and_asks_nobody(treefold: Command) -> None:
    assert treefold("bench", *SMALL).status == 0
    page = Path("bench.html").read_text()
    assert page.count("<svg") == 1
    assert "fused" in page
    assert "tree-lstm over random sentences" in page
    assert "treefold bench --input-size 6" in page
    assert not re.search(r"<script|src=|https?://(?!www\.w3\.org)", page)


def test_the_figures_are_those_of_the_table(treefold: Command) -> None:
    said = treefold("bench", *SMALL, "--json", "bench.json")
    found = json.loads(Path("bench.json").read_text())
    assert [size["trees"] for size in found["sizes"]] == [1, 4]
    for size in found["sizes"]:
        for mode in ("forward", "forward and backward"):
            paces, share = size["pace"][mode], size["share"][mode]
            assert set(paces) == set(share) == {"recursive", "batched", "fused"}
            for name, pace in paces.items():
                assert f"{pace:,.0f}" in said.out
                assert share[name] == pytest.approx(pace / size["limit"][mode])


def test_trees_of_a_file(treefold: Command, trees: Path, tmp_path) -> None:
    words = ["--model", "child-sum-tree-gru", "--hidden-size", "4", "--threads", "1"]
    said = treefold("bench", trees, *words, "--input-size", "3", "--out", tmp_path)
    assert said.status == 0, said.err
    assert "ChildSumTreeGRUCell(3, 4)" in said.out
    assert (tmp_path / "bench.html").exists()
    assert f"Next: treefold train {trees} --model child-sum-tree-gru" in said.err


def test_a_run_is_measured_with_its_cell_and_its_data(
    treefold: Command, finished: Path
) -> None:
    said = treefold("bench", finished)
    assert said.status == 0, said.err
    assert "NaryTreeLSTMCell(6, 8)" in said.out  # what `finished` was trained with
    assert f"Next: treefold show {finished}" in said.err
    assert (
        "NaryTreeLSTMCell(6, 5)" in treefold("bench", finished, "--hidden-size", 5).out
    )


def test_the_flags_have_the_words_of_train(treefold: Command) -> None:
    words = ["--cell", "rnn", "--hidden_size", "4", "--threads", "1"]
    assert "RecursiveCell(4, 4)" in treefold("bench", *words).out


def test_a_cell_that_is_never_fused_is_told(treefold: Command) -> None:
    words = ["--model", "mv-rnn", "--hidden-size", "3", "--threads", "1"]
    said = treefold("bench", *words)
    assert said.status == 0
    assert "Not fused: this fold of MVRNNCell cannot be run fused" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bench nothing.txt", "no data set and no file is called 'nothing.txt'"),
        ("bench --model tree-lsm", "did you mean 'tree-lstm'?"),
        ("bench --hidden-size 0", "hidden_size must be at least 1, got 0"),
        ("bench --out no/where.html", "no: No such file or directory"),
    ],
)
def test_slips_are_told_at_once(treefold: Command, words, message) -> None:
    said = treefold(*words.split())
    assert said.status in (1, 2)
    assert message in one_message(said)
    assert "Warming up" not in said.err
