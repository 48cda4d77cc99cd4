"""The example of source code: functions without their names, on our own sources."""

import csv
import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

from treefold.cli import main
from treefold.training.files import read_json

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "treefold" / "data" / "readers"


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the command line has


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code") / "functions"
    example = runpy.run_path(str(ROOT / "examples/code/make_functions.py"))
    example["write"](folder, sorted(SOURCES.rglob("*.py")))
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_name_is_taken_out_wherever_it_stands(tmp_path: Path):
    example = runpy.run_path(str(ROOT / "examples/code/make_functions.py"))
    path = tmp_path / "a.py"
    path.write_text(
        "@cache\ndef find_it(a):\n    'Find.'\n    b = find_it(a)\n"
        "    return self.find_it(b)\n\ndef __init__(a):\n    b = a\n    return b\n"
    )
    (found,) = example["functions"](path)
    assert found == ("def _(a):\n    b = _(a)\n    return self._(b)\n", "find")


def test_no_function_stands_twice_and_no_file_is_in_two_splits(functions: Path):
    splits = [rows(functions / s / "labels.csv") for s in ("train", "dev", "test")]
    texts = [path.read_text() for path in functions.rglob("*.py")]
    assert len(texts) == len(set(texts)) == sum(map(len, splits))
    assert len({row["label"] for split in splits for row in split}) == 10


def test_they_are_learned_from_and_told(
    functions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    out = tmp_path / "run"
    words = "--epochs 2 --hidden-size 16 --input-size 16 --threads 1"
    assert main(["train", str(functions), *words.split(), "--out", str(out)]) == 0
    rivals = read_json(out / "baselines.json")
    assert {"majority", "flattened, linear", "1 to 3 tokens, linear"} <= {*rivals}
    asked = tmp_path / "asked.py"
    asked.write_text("def _(path):\n    with open(path) as file:\n        return file")
    capsys.readouterr()
    assert main(["predict", str(out), str(asked)]) == 0
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert told["label"] in {
        row["label"] for row in rows(functions / "train/labels.csv")
    }
    assert main(["show", str(out), str(asked), "--out", str(tmp_path / "a.svg")]) == 0
    assert "with" in (tmp_path / "a.svg").read_text().lower()


def test_the_command_without_arguments_says_what_it_does(monkeypatch):
    path = str(ROOT / "examples/code/make_functions.py")
    monkeypatch.setattr(sys, "argv", [path])
    with pytest.raises(SystemExit, match="Cut functions out of Python sources"):
        runpy.run_path(path, run_name="__main__")
