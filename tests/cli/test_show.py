"""``treefold show``: pages and pictures."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Command, one_message
from treefold.svg import diverging


def test_a_page_of_trees_with_their_labels(
    treefold: Command, trees: Path, tmp_path
) -> None:
    out = tmp_path / "page.html"
    said = treefold("show", trees, "--out", out, "--trees", "4")
    assert (said.status, said.out) == (0, f"{out}\n")
    page = out.read_text()
    assert page.count("<svg") == 4
    assert "The first 4 of 90 trees." in page
    assert diverging(0, 0, 4) in page
    assert diverging(4, 0, 4) in page
    assert not re.search(r"<script|src=|https?://(?!www\.w3\.org)", page)


def test_a_single_tree_may_be_a_picture(treefold: Command, write, tmp_path) -> None:
    file = write("one.txt", "(S (NP (N sun)) (VP (V rises)))")
    said = treefold("show", file, "--out", tmp_path / "one.svg")
    assert said.status == 0
    root = ElementTree.fromstring((tmp_path / "one.svg").read_text())
    assert root.tag.endswith("svg")
    assert "rises" in (tmp_path / "one.svg").read_text()


def test_several_trees_are_no_single_picture(
    treefold: Command, trees: Path, tmp_path
) -> None:
    said = treefold("show", trees, "--out", tmp_path / "all.svg")
    assert said.status == 2
    assert "--trees 1" in one_message(said)
    words = ["--out", tmp_path / "all.svg", "--trees", "1"]
    assert treefold("show", trees, *words).status == 0


def test_by_default_the_page_lies_where_one_is(
    treefold: Command, trees: Path, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert treefold("show", trees, "--trees", "2").out == "weather.html\n"
    assert (tmp_path / "weather.html").exists()


def test_trees_are_coloured_by_what_a_run_reads(
    treefold: Command, finished: Path, trees: Path, tmp_path
) -> None:
    out = tmp_path / "read.html"
    said = treefold("show", finished, trees, "--out", out, "--trees", "3")
    assert said.status == 0
    page = out.read_text()
    assert page.count("<svg") == 3
    assert re.search(r"[0-4] \d+%", page)  # a class and its probability


def test_a_run_has_a_report(treefold: Command, finished: Path, tmp_path) -> None:
    said = treefold("show", finished)
    assert (said.status, said.out) == (0, f"{finished / 'report.html'}\n")
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    before = (out / "report.html").read_text()
    (out / "report.html").unlink()
    said = treefold("show", out)
    assert said.status == 0
    assert "writing it again" in said.err
    assert (out / "report.html").read_text() == before


@pytest.mark.parametrize(
    ("text", "count"), [("(a (b c) (d e))", 1), ("(2 x)\n(_ y)\n", 2)]
)
def test_labels_need_not_be_numbers(
    treefold: Command, write, tmp_path, text, count
) -> None:
    said = treefold("show", write("t.txt", text), "--out", tmp_path / "t.html")
    assert said.status == 0
    assert (tmp_path / "t.html").read_text().count("<svg") == count


def test_a_page_needs_a_tree(treefold: Command, trees: Path) -> None:
    said = treefold("show", trees, "--trees", "0")
    assert said.status == 2
    assert "--trees must be at least 1" in one_message(said)
