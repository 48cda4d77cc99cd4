"""The example of SQL: queries made, run, learned from and told."""

import csv
import json
import math
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from treefold.cli import main
from treefold.training.files import read_json

pytest.importorskip("sqlglot")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the command line has


def run(script: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> dict:
    path = str(ROOT / "examples" / script)
    monkeypatch.setattr(sys, "argv", [path, *arguments])
    return runpy.run_path(path, run_name="__main__")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "queries"
    run("sql/make_queries.py", str(folder), "120", monkeypatch=monkeypatch)
    return folder


def test_labels_are_what_sqlite_returns_and_no_query_is_twice(
    queries: Path, monkeypatch: pytest.MonkeyPatch
):
    example = runpy.run_path(str(ROOT / "examples/sql/make_queries.py"))
    base = example["database"](np.random.default_rng(0))
    splits = [rows(queries / f"{split}.csv") for split in ("train", "dev", "test")]
    assert [len(split) for split in splits] == [96, 12, 12]
    for row in splits[0][:50]:
        returned = base.execute(row["query"]).fetchall()
        assert len(returned) == int(row["rows"])
        assert float(row["log_rows"]) == pytest.approx(
            math.log1p(len(returned)), abs=1e-4
        )
    base.close()
    texts = [row["query"] for split in splits for row in split]
    assert len(set(texts)) == 120


@pytest.mark.slow
def test_they_are_learned_from_and_told(
    queries: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    # Rivals have tests of their own, and take longer than all the rest.
    monkeypatch.setattr("treefold.tasks.documents_rivals.rivals", lambda *_: {})
    out = queries.parent / "run"
    words = "--column query --format sql --target log_rows --epochs 1 --hidden-size 16"
    assert main(["train", str(queries), *words.split(), "--out", str(out)]) == 0
    result = read_json(out / "result.json")
    assert "r2" in json.dumps(result)
    asked = queries.parent / "asked.sql"
    asked.write_text("SELECT id FROM orders;\nSELECT id FROM orders WHERE NOT (1 = 1)")
    capsys.readouterr()
    assert main(["predict", str(out), str(asked)]) == 0
    told = [json.loads(line)["value"] for line in capsys.readouterr().out.splitlines()]
    assert len(told) == 2
    assert told[0] != told[1]


@pytest.mark.slow
def test_models_of_the_text_are_measured_beside(
    queries: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = [str(queries), "--column", "query", "--target", "log_rows"]
    run("text_rivals.py", *words, monkeypatch=monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15] for line in lines] == ["n-grams, linear", "n-grams, booste"]
    assert all("rmse  dev" in line for line in lines)
