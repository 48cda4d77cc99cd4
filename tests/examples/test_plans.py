"""The example of plans: made, learned from and told."""

import json
import math
import runpy
import sys
from pathlib import Path

import pytest
import torch

from treefold.cli import main
from treefold.data.readers.plans import Plan, read_plans
from treefold.training.files import read_json

ROOT = Path(__file__).parents[2]


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the command line has


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script, out = str(ROOT / "examples/plans/make_plans.py"), tmp_path / "plans"
    monkeypatch.setattr(sys, "argv", [script, str(out), "120"])
    runpy.run_path(script, run_name="__main__")
    return out


def test_a_plan_takes_as_long_as_its_parts_and_more(folder: Path):
    name = str(folder / "test.plans")
    found = list(read_plans(Path(name).read_bytes(), name))
    assert len(found) == 12
    for plan in found:
        assert isinstance(plan, Plan)
        for node, above in enumerate(plan.document.parent):
            if above >= 0 and not math.isnan(plan.times[node]):
                assert plan.times[node] <= plan.times[above]
        assert plan.document.target == plan.times[0]


def test_run_times_are_learned_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    rivals = "treefold.tasks.documents_rivals.rivals"  # they take a minute
    monkeypatch.setattr(rivals, lambda task, progress: {})
    out = folder.parent / "run"
    words = "--target log_ms --epochs 2 --hidden-size 8 --input-size 8 --threads 1"
    assert main(["train", str(folder), *words.split(), "--out", str(out)]) == 0
    assert "r2" in json.dumps(read_json(out / "result.json"))
    config = json.dumps(read_json(out / "config.json"))
    assert "Relation Name" in config
    assert "Actual" not in config
    assert "Execution Time" not in config
    capsys.readouterr()
    assert main(["predict", str(out), str(folder / "test.plans")]) == 0
    told = [json.loads(line)["value"] for line in capsys.readouterr().out.splitlines()]
    assert len(set(told)) > 6
