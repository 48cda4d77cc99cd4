"""The Tree-LSTM benchmark: its engines agree, and it says what it must."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from treefold.data import load_dataset

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def from_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def common() -> ModuleType:
    return importlib.import_module("common")


@pytest.fixture
def engines() -> ModuleType:
    return importlib.import_module("engines")


@pytest.fixture
def treelstm_sst() -> ModuleType:
    return importlib.import_module("treelstm_sst")


@pytest.fixture
def dataset(tmp_path: Path):
    file = tmp_path / "train.txt"
    file.write_text("(3 (2 a) (4 (2 b) (3 c)))\n(0 (1 c) (2 d))\n(4 e)\n" * 100)
    return load_dataset(file, dev=file, test=file)


def test_the_work_is_counted_from_the_trees(treelstm_sst, dataset):
    leaves, inner, H = 600, 300, 8
    flops = leaves * 300 * 3 * H + inner * 2 * H * 5 * H + (leaves + inner) * H * 5
    assert treelstm_sst.work(dataset.train, H) == 2 * flops


@pytest.mark.slow
def test_a_quick_run_prints_its_shares_and_names_the_absent(
    treelstm_sst, dataset, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(treelstm_sst, "load_dataset", lambda name: dataset)
    lines, picture = tmp_path / "out" / "lines.jsonl", tmp_path / "out" / "bars.svg"
    options = ["--quick", "--rounds", "1", "--hidden", "8", "--threads", "1"]
    options += ["--peers", "dgl", "--environments", str(tmp_path)]
    treelstm_sst.main([*options, "--json", str(lines), "--picture", str(picture)])

    out = capfd.readouterr().out
    found = json.loads(out.splitlines()[-1])
    assert found.pop("benchmark") == "treelstm_sst"
    names = ("batched", "levels", "levels_preallocated", "naive")
    assert set(found) == {
        *(f"{mode}_share_{size}" for mode in ("train", "infer") for size in (25, 256)),
        *(f"vs_{name}_{size}" for name in names for size in (25, 256)),
    }
    assert all(value > 0 for value in found.values())
    assert "not run: DGL: there is no" in out

    facts, *rows = map(json.loads, lines.read_text().splitlines())
    assert facts["absent"].keys() == {"dgl"}
    assert {row["engine"] for row in rows} == {"treefold", *names}
    ours = next(row for row in rows if (row["run"], row["batch"]) == ("train", 25))
    pace = max(facts["gflops"].values()) * 1e9
    limit = 3 * treelstm_sst.work(dataset.train, 8) / len(dataset.train) / pace
    measured = ours["seconds"][0] / ours["trees"]
    assert found["train_share_25"] == pytest.approx(limit / measured, abs=1e-3)
    assert picture.read_text().startswith("<?xml")


def test_an_engine_that_differs_is_seen(engines):
    reference = {"loss": 2.0, "roots": [[1.0, -1.0]], "norms": {"weight_hh": 3.0}}
    assert engines.difference(reference, reference) == 0
    for change in (
        {"loss": 2.001},
        {"roots": [[1.0, -1.001]]},
        {"norms": {"weight_hh": 3.003}},
        {"loss": float("nan")},
    ):
        off = engines.difference({**reference, **change}, reference)
        assert not off < engines.TOLERANCE


def test_trees_reach_the_workers_as_they_are(engines, dataset, tmp_path):
    protocol = importlib.import_module("peers.protocol")
    engines.write_work(tmp_path, dataset.train, len(dataset.vocabulary), 8)
    corpus, weights = protocol.load(tmp_path)
    assert corpus.left[:5].tolist() == [-1, -1, -1, 1, 0]
    assert corpus.right[:5].tolist() == [-1, -1, -1, 2, 3]
    assert sorted(corpus.order) == list(range(300))
    assert weights["weight_hh"].shape == (40, 16)


def test_peers_collation_puts_children_below(engines, dataset, tmp_path):
    collation = importlib.import_module("peers.collation")
    protocol = importlib.import_module("peers.protocol")
    engines.write_work(tmp_path, dataset.train, len(dataset.vocabulary), 8)
    corpus, _ = protocol.load(tmp_path)
    batch = collation.collate(corpus, np.array([0, 1, 2]))
    assert batch.offset.tolist() == [0, 6, 8, 9]
    assert batch.children.tolist() == [[1, 2], [3, 4], [0, 6]]
    assert batch.roots.tolist() == [8, 7, 5]
    names = [dataset.classes[label] for label in batch.label]
    assert names == ["2", "2", "3", "1", "2", "4", "4", "0", "3"]


def test_a_worker_that_dies_tells_why(common):
    worker = common.Worker([sys.executable, "-c", "import no_such_peer"], 1)
    with pytest.raises(common.WorkerError, match="No module named 'no_such_peer'"):
        worker.start()


def test_a_worker_that_is_silent_is_ended(common):
    worker = common.Worker([sys.executable, "-c", "import time; time.sleep(99)"], 1)
    with pytest.raises(common.WorkerError, match="no answer in 0 s"):
        worker.start(timeout=0.2)
