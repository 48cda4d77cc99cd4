"""The benchmark of sharing: all ways give the same logits, losses and gradients."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from treefold.data import load_dataset

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SOURCE = "def f(x):\n    return x + x\n\nclass A:\n    y = f(x)\n"


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture(autouse=True)
def from_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def sharing(tmp_path, monkeypatch) -> ModuleType:
    """The benchmark, over tiny sets of a few features."""
    module = importlib.import_module("sharing")
    asts = importlib.import_module("python_asts")
    trees = tmp_path / "train.txt"
    trees.write_text("(3 (2 a) (4 (2 b) (3 c)))\n(0 (1 c) (2 d))\n(4 e)\n" * 4)
    dataset = load_dataset(trees, dev=trees, test=trees)
    files = [tmp_path / f"{name}.py" for name in "abc"]
    for file in files:
        file.write_text(SOURCE)
    files[0].write_text("def def")

    def tiny(*, lean: bool):
        below, label = (
            (asts.children, asts.whole)
            if lean
            else (asts.ast.iter_child_nodes, asts.named)
        )
        return asts.pack(files, below, label)

    monkeypatch.setattr(module, "load_dataset", lambda name: dataset)
    monkeypatch.setattr(module, "standard_library_asts", tiny)
    monkeypatch.setattr(module, "INPUT", 4)
    monkeypatch.setattr(module, "HIDDEN", 3)
    return module


def test_files_become_trees_of_types_and_names(sharing):
    corpus, _ = sharing.load("ast")
    assert len(corpus) == 2  # one of the three is not Python
    tokens = {corpus.tokens[t] for t in corpus.token}
    assert {"Module", "Name:x", "Load", "Add", "arg:x", "BinOp"} <= tokens
    lean, _ = sharing.load("lean")
    tokens = {lean.tokens[t] for t in lean.token}
    assert {"Module", "Name:x", "BinOp:Add"} <= tokens
    assert tokens.isdisjoint({"Load", "Add"})


@pytest.mark.parametrize("name", ["sst", "ast", "lean"])
def test_every_way_gives_the_same_logits_and_gradients(sharing, name):
    corpus, model = sharing.load(name)
    assert sharing.check(model, corpus, np.arange(len(corpus))) < 1e-6
    expected = model.infer(corpus, "plain", None)
    assert len(expected) == (corpus.num_nodes if name == "sst" else len(corpus))
    torch.testing.assert_close(model.infer(corpus, "merged", None), expected)
    torch.testing.assert_close(model.infer(corpus, "shared", None), expected)
    if name != "sst":  # roots stand tree by tree however trees are batched
        torch.testing.assert_close(model.infer(corpus, "merged", 1), expected)


def test_equal_files_are_one_tree(sharing):
    corpus, _ = sharing.load("lean")
    count = sharing.distinct(corpus, np.arange(2))
    assert count["nodes"] == 2 * corpus.sizes[0]
    assert count["distinct_nodes"] <= count["nodes"] / 2


@pytest.mark.slow
def test_a_run_prints_its_ratios(sharing, capsys):
    sharing.main(["--rounds", "1", "--threads", "1", "--sets", "sst", "ast"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.pop("benchmark") == "sharing"
    assert set(found) == {
        f"{key}_{name}{rival}"
        for name in ("sst", "ast")
        for key, rival in (
            ("infer", ""),
            ("infer", "_plain"),
            ("train", ""),
            ("train", "_plain"),
            ("distinct", ""),
        )
    }
    assert all(value > 0 for value in found.values())
