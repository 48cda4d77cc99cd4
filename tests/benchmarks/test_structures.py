"""The benchmark of models over structures: both ways do the same work."""

import importlib
import json
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = sorted(
    file.stem for file in (BENCHMARKS / "twins").glob("*.py") if file.stem != "__init__"
)


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture(autouse=True)
def from_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_and_its_twin_return_the_same(name):
    structures = importlib.import_module("structures")
    assert name in structures.names()
    assert structures.difference(structures.load(name)) < structures.TOLERANCE


def test_the_command_prints_and_writes_a_row(monkeypatch, tmp_path, capsys):
    structures = importlib.import_module("structures")
    monkeypatch.setattr(structures, "OUT", tmp_path)
    monkeypatch.setattr("sys.argv", ["structures.py", "merging", "--rounds", "1"])
    threads = torch.get_num_threads()
    structures.main()
    torch.set_num_threads(threads)
    assert "| greedy merging |" in capsys.readouterr().out
    _, row = map(json.loads, (tmp_path / "structures.jsonl").read_text().splitlines())
    assert row["ratio"] == pytest.approx(row["single"] / row["batched"])


def test_two_ways_that_differ_are_refused(monkeypatch):
    structures = importlib.import_module("structures")
    zero, one = (lambda: torch.zeros(2)), (lambda: torch.ones(2))
    twins = importlib.import_module("twins")
    wrong = twins.Twin("wrong", "nothing", zero, one)
    monkeypatch.setattr(structures, "load", lambda name: wrong)
    with pytest.raises(SystemExit, match="wrong: the two ways differ by"):
        next(structures.measure(["merging"], 1))
