"""The benchmark of growth: the line is fitted, and every size has its process."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scaling(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("scaling")


def test_the_exponent_is_the_slope_of_the_logarithms(scaling):
    assert scaling.exponent([1, 10, 100], [3, 30, 300]) == 1
    assert scaling.exponent([1, 10, 100], [3, 300, 30_000]) == 2


def test_memory_too_small_to_be_seen_is_not_fitted(scaling):
    rows = [
        {"nodes": nodes, "median": 1e-6 * nodes, "memory_mib": mib}
        for nodes, mib in ((10, 0), (1000, 1.9), (10_000, 10), (100_000, 100))
    ]
    found = scaling.exponents("chain", rows)
    assert found == {"chain_time_exponent": 1, "chain_memory_exponent": 1}
    assert scaling.exponents("trees", rows[:2]) == {"time_exponent": 1}


@pytest.mark.slow
def test_a_run_measures_growing_forests(scaling, monkeypatch, tmp_path, capsys):
    trees = scaling.SERIES["trees"]._replace(nodes=(37_000, 111_000))
    chain = scaling.SERIES["chain"]._replace(nodes=(10_000, 30_000))
    monkeypatch.setattr(scaling, "SERIES", {"trees": trees, "chain": chain})
    lines, picture = tmp_path / "lines.jsonl", tmp_path / "lines.svg"
    options = ["--quick", "--threads", "1", "--series", "trees", "chain"]
    scaling.main([*options, "--json", str(lines), "--picture", str(picture)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.pop("benchmark") == "scaling"
    assert {"time_exponent", "chain_time_exponent"} <= found.keys()
    assert 0.5 < found["memory_exponent"] < 1.5
    _, *rows = map(json.loads, lines.read_text().splitlines())
    assert [row["nodes"] for row in rows[2:]] == [10_000, 30_000]
    assert [row["levels"] for row in rows[2:]] == [10_000, 30_000]
    assert all(row["median"] > 0 for row in rows)
    assert picture.read_text().startswith("<?xml")
