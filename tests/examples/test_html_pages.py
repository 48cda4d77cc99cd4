"""The example of HTML: pages made, read, learned from and told."""

import csv
import json
from pathlib import Path

import pytest
import torch

from tests.examples.test_sql_queries import run
from treefold.cli import main
from treefold.data.documents import Document
from treefold.data.readers import html_text

pytest.importorskip("lxml")


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the command line has


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pages"
    run("html/make_pages.py", str(folder), "100", monkeypatch=monkeypatch)
    return folder


def labels(folder: Path) -> dict[str, str]:
    with (folder / "labels.csv").open(newline="") as file:
        return {row["path"]: row["label"] for row in csv.DictReader(file)}


def place_of_advert(page: Document, marks: list[str]) -> str:
    """Find the advert by a rule of its own: who stands above it."""
    children = page.children
    (advert,) = (v for v, c in enumerate(page.content) if c.text in marks)
    above, tags = page.parent[advert], set[str]()
    while above > 0:
        inside = {page.content[v].kind for v in children[above]}
        tags |= inside & {"h1", "h2"}
        if "p" in inside and not inside & {"h1", "h2", "h3", "span"}:
            return "article"
        if tags:
            return "feed" if "h1" in tags else "beside"
        above = page.parent[above]
    raise AssertionError("the advert stands nowhere")


def test_the_class_is_where_the_advert_stands(pages: Path):
    marks = ["Sponsored", "Advertisement", "Promoted", "Partner offer"]
    told = labels(pages / "train")
    assert len(told) == 80
    assert set(told.values()) == {"feed", "article", "beside"}
    for name, label in told.items():
        (page,) = html_text.read((pages / "train" / name).read_bytes(), name)
        assert isinstance(page, Document)
        assert place_of_advert(page, marks) == label


def test_no_site_is_in_two_splits(pages: Path):
    sites = [
        {name.partition("-")[0] for name in labels(pages / split)}
        for split in ("train", "dev", "test")
    ]
    assert not sites[0] & sites[1]
    assert not sites[2] & (sites[0] | sites[1])


@pytest.mark.slow
def test_they_are_learned_from_and_told(
    pages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    # Rivals have tests of their own, and take longer than all the rest.
    monkeypatch.setattr("treefold.tasks.documents_rivals.rivals", lambda *_: {})
    out = pages.parent / "run"
    words = "--epochs 1 --hidden-size 16 --threads 1"
    assert main(["train", str(pages), *words.split(), "--out", str(out)]) == 0
    capsys.readouterr()
    page = next((pages / "test").glob("*.html"))
    assert main(["predict", str(out), str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["label"] in {"feed", "article", "beside"}
