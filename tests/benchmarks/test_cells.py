"""The benchmark of cells: the work is counted, and every cell has its figures."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from treefold import fold
from treefold.data import load_dataset
from treefold.data.batching import collate

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture
def cells(tmp_path, monkeypatch) -> ModuleType:
    """The benchmark, over a tiny set."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("cells")
    file = tmp_path / "train.txt"
    file.write_text("(3 (2 a) (4 (2 b) (3 c)))\n(0 (1 c) (2 d))\n(4 e)\n" * 100)
    dataset = load_dataset(file, dev=file, test=file)
    monkeypatch.setattr(module, "load_dataset", lambda name: dataset)
    monkeypatch.setattr(module, "BATCHES", (25,))
    return module


def test_the_work_is_counted_from_the_trees(cells):
    corpus = cells.load_dataset("sst").train
    leaves, inner = 600, 300
    batches = np.array_split(np.arange(len(corpus)), 7)
    for name, H, leaf, node in [
        ("tree-lstm", 150, 300 * 450, 300 * 750),
        ("rntn", 30, 0, 60 * 30 + 60 * 60 * 30),
    ]:
        work = leaves * leaf + inner * node + (leaves + inner) * H * 5
        assert cells.flops(cells.CASES[name], corpus, batches) == 2 * work


def test_a_users_cell_is_not_run_fused_and_gives_the_same(cells):
    torch.manual_seed(0)
    cell = cells.CASES["sum-gru"].make()
    forest = collate(cells.load_dataset("sst").train, np.arange(2)).forest
    x = torch.randn(len(forest.leaves), cell.input_size)
    fused = fold(cell, forest, x, forest.leaves, algorithm="fused").h
    with pytest.raises(ValueError, match="cannot be run fused"):
        fold(cells.own(cell), forest, x, forest.leaves, algorithm="fused")
    levels = fold(cell, forest, x, forest.leaves).h
    torch.testing.assert_close(levels, fused)


@pytest.mark.slow
def test_every_cell_has_its_figures(cells, tmp_path, capsys):
    lines = tmp_path / "cells.jsonl"
    cells.main(["--quick", "--rounds", "1", "--threads", "1", "--json", str(lines)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.pop("benchmark") == "cells"
    for name in cells.CASES:
        for run in ("train", "infer"):
            for figure in ("share", "over_levels"):
                assert found.pop(f"{name.replace('-', '_')}_{run}_25_{figure}") >= 0
    assert not found
    assert len(lines.read_text().splitlines()) == 3
