"""The example of JSON: orders made, looked at, learned from and explained."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

from treefold.cli import main

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "examples" / "json" / "make_orders.py")


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the command line has


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "orders.jsonl"
    monkeypatch.setattr(sys, "argv", [SCRIPT, str(path), "--count", "60"])
    runpy.run_path(SCRIPT, run_name="__main__")
    return path


def items(record: dict) -> list[dict]:
    return [
        inside
        for item in record["items"]
        for inside in (item["items"] if "box" in item else [item])
    ]


def test_the_label_is_whether_one_item_is_both(orders: Path):
    records = [json.loads(line) for line in orders.read_text().splitlines()]
    assert len(records) == 60
    counts: dict[str, list[tuple[int, int]]] = {"yes": [], "no": []}
    for record in records:
        fragile = [item["care"]["fragile"] for item in items(record)]
        many = [item["quantity"] >= 3 for item in items(record)]
        both = any(f and m for f, m in zip(fragile, many, strict=True))
        assert record["inspect"] == ("yes" if both else "no")
        counts[record["inspect"]].append((sum(fragile), sum(many)))
    assert all(min(pair) >= 1 for each in counts.values() for pair in each)
    assert any("box" in item for record in records for item in record["items"])


def test_orders_are_looked_at_learned_from_and_explained(
    orders: Path, capsys: pytest.CaptureFixture[str]
):
    out = orders.with_name("run")
    assert main(["data", str(orders), "--target", "inspect"]) == 0
    assert "fragile" in capsys.readouterr().out
    words = ["--target", "inspect", "--epochs", "2", "--threads", "1"]
    assert main(["train", str(orders), *words, "--out", str(out)]) == 0
    result = json.loads((out / "result.json").read_text())
    assert 0 <= result["test"]["accuracy"]["mean"] <= 1
    assert "flattened, boosted" in result["baselines"]
    asked = orders.with_name("asked.jsonl")
    asked.write_text("".join(orders.read_text().splitlines(keepends=True)[:2]))
    capsys.readouterr()
    assert main(["predict", str(out), str(asked)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(each["probabilities"]) for each in told] == [{"yes", "no"}] * 2
    page = orders.with_name("asked.html")
    assert main(["show", str(out), str(asked), "--out", str(page)]) == 0
    assert "fragile" in page.read_text("utf-8")
