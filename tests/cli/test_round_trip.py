"""From a file of trees to a model, its figures, its predictions and its pictures."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch

from treefold.cli import main

TREES = "(1 (0 not) (1 (1 so) (0 bad)))\n(0 (1 rather) (0 dull))\n" * 20


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("trees.txt").write_text(TREES)
    Path("small.yaml").write_text(
        "input_size: 8\nhidden_size: 6\nepochs: 9\nmodel: rnn\nthreads: 1\n"
    )
    words = ["train", "trees.txt", "--config", "small.yaml", "--model", "tree-lstm"]
    assert main([*words, "--epochs", "3", "--seeds=2", "--out", "run"]) == 0
    return tmp_path / "run"


def test_flags_override_the_file_and_the_run_remembers(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())["config"]
    assert (config["model"], config["epochs"]) == ("tree-lstm", 3)
    assert (config["input_size"], config["seeds"]) == (8, 2)
    assert (run / "seed-1" / "model.safetensors").exists()


def test_evaluate_prints_figures(run: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["evaluate", str(run), "trees.txt"]) == 0
    out = capsys.readouterr().out
    figures = json.loads(out[out.index("{") :])
    assert "root_accuracy" in json.dumps(figures)


def test_predict_writes_a_line_for_each_tree(
    run: Path, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "new.txt").write_text("(_ (_ not) (_ bad)) (_ dull)\n")
    capsys.readouterr()
    assert main(["predict", str(run), "new.txt"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["words"] == ["not", "bad"]
    assert [node["span"] for node in first["nodes"]] == [[0, 2], [0, 1], [1, 2]]
    assert first["label"] == first["nodes"][0]["label"]
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert len(second["nodes"]) == 1


def test_a_long_comb_is_predicted(
    run: Path, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    leaves = 20_000
    comb = "(_ (_ so) " * (leaves - 1) + "(_ bad)" + ")" * (leaves - 1)
    (tmp_path / "comb.txt").write_text(comb)
    capsys.readouterr()
    assert main(["predict", str(run), "comb.txt"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["words"]) == leaves


def test_show_draws_trees_and_readings(run: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("(1 (0 not) (1 (1 so) (0 bad)))\n")
    assert main(["show", "one.txt", "--out", "one.svg"]) == 0
    ElementTree.parse(tmp_path / "one.svg")
    assert main(["show", str(run), "one.txt", "--out", "read.html"]) == 0
    page = (tmp_path / "read.html").read_text()
    assert "not" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_info_and_data_say_what_is_there(
    run: Path, capsys: pytest.CaptureFixture
) -> None:
    capsys.readouterr()
    assert main(["info", str(run)]) == 0
    said = capsys.readouterr().out
    assert "tree-lstm" in said
    assert "majority" in said
    assert main(["data", "trees.txt"]) == 0
    said = capsys.readouterr().out
    assert "40" in said or "32" in said


def test_help_loads_neither_torch_nor_numba() -> None:
    for words in (["--help"], ["train", "--help"], ["predict", "--help"]):
        code = (
            "import sys\nfrom treefold.cli import main\n"
            f"status = main({words!r})\n"
            "heavy = {'torch', 'numba', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
            "sys.exit(f'loaded {heavy}' if heavy else status)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout.lower()
