"""The benchmark of chains: what is compared computes the same, and shapes are right."""

import importlib
import json
from pathlib import Path

import pytest
import torch

from treefold import fold
from treefold.cells import NaryTreeLSTMCell

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture(autouse=True)
def from_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.mark.parametrize("kind", ["lstm", "gru", "lstm_sum", "gru_sum"])
def test_the_weights_are_exchanged(kind):
    recurrent, shapes = map(importlib.import_module, ("recurrent", "shapes"))
    layer, cell = recurrent.pair(kind, 8)
    x = torch.randn(5, recurrent.INPUT)
    h = fold(cell, shapes.chain(5), x, algorithm="recursive").h
    expected = layer(x)[0]
    recurrent.check(h.detach(), expected.detach(), kind)
    h.square().sum().backward()
    expected.square().sum().backward()
    recurrent.check_gradients(kind, layer, cell, kind)


def test_weights_that_differ_are_seen():
    recurrent = importlib.import_module("recurrent")
    x = torch.randn(5, 3)
    with pytest.raises(SystemExit, match=r"gate differs from torch's by 1\.0e-03"):
        recurrent.check(x + 1e-3 * x.abs().max(), x, "gate")


def test_random_trees_are_binary_and_of_the_size_asked():
    shapes = importlib.import_module("shapes")
    forest = shapes.binary_trees(600)
    assert forest.num_trees == 600
    assert forest.is_sorted
    assert set(forest.arities.tolist()) == {0, 2}
    assert 17 < len(forest.leaves) / 600 < 21


def test_a_comb_is_as_high_as_it_can_be():
    forest = importlib.import_module("shapes").comb(4)
    assert forest.is_sorted
    assert len(forest.levels) == 4
    assert forest.child.tolist() == [0, 1, 4, 2, 5, 3]
    assert forest.roots.tolist() == [6]


def test_the_loop_over_nodes_is_the_fold():
    shapes = importlib.import_module("shapes")
    cell, forest = NaryTreeLSTMCell(4, 3), shapes.binary_trees(3)
    x = torch.randn(len(forest.leaves), 4)
    expected = fold(cell, forest, x, forest.leaves, algorithm="recursive").h
    torch.testing.assert_close(shapes.node_by_node(cell, forest, x), expected)


@pytest.mark.slow
def test_a_run_prints_its_ratios(monkeypatch, tmp_path, capsys):
    chains = importlib.import_module("chains")
    for name, value in {
        "STEPS": 3,
        "MOST": 9,
        "UNEQUAL": 4,
        "HIDDEN": (8,),
        "BATCHES": (2,),
    }.items():
        monkeypatch.setattr(chains, name, value)
    lines, picture = tmp_path / "lines.jsonl", tmp_path / "bars.svg"
    options = ["--quick", "--rounds", "1", "--threads", "1"]
    options += ["--parts", "equal", "unequal", "one"]
    chains.main([*options, "--json", str(lines), "--picture", str(picture)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.pop("benchmark") == "chains"
    kinds, runs = ("lstm", "gru"), ("forward", "train")
    assert set(found) == {
        *(f"{kind}_8_2_{run}" for kind in kinds for run in runs),
        *(
            f"unequal_{rival}_{kind}_8_{run}"
            for rival in ("padded", "packed")
            for kind in kinds
            for run in runs
        ),
        *("latency_ms", "latency_fold_ms", "latency_loop_ms"),
    }
    assert all(value > 0 for value in found.values())
    _, *rows, _ = map(json.loads, lines.read_text().splitlines())
    row = next(r for r in rows if r["key"] == "lstm_8_2_train")
    assert row["steps"] == 6
    ratio = row["their_seconds"] / row["ours_seconds"]
    assert found["lstm_8_2_train"] == pytest.approx(ratio, abs=1e-3)
    assert picture.read_text().startswith("<?xml")
