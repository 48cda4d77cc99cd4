"""Treebanks by name and from files."""

import os
from pathlib import Path

import pytest

from treefold.data.errors import DataError
from treefold.data.treebank import load_treebank, read_treebank

TREE = "(S (NP (DT the) (NN dog)) (VP (VBZ {verb})) (. .))\n"
SAMPLE = Path(os.environ.get("TREEFOLD_DATA", "/nowhere")) / "ptb_sample/treebank.zip"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.mrg"
    path.write_text("".join(TREE.format(verb=f"verb{k}") for k in range(20)))
    return path


def test_a_file_of_ones_own_is_split_by_seed(file: Path):
    found, again = load_treebank(file), load_treebank(file, seed=1)
    assert (found.name, len(found.train), len(found.dev), len(found.test)) == (
        "own",
        16,
        2,
        2,
    )
    assert "held out of training by seed 0" in found.note
    assert again.dev != found.dev


def test_a_folder_has_its_own_splits(tmp_path: Path, file: Path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.txt").write_text(file.read_text())
    found = load_treebank(tmp_path)
    assert (len(found.train), len(found.dev), len(found.test)) == (18, 2, 20)


def test_a_word_without_a_tag_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "bad.txt"
    path.write_text(TREE.format(verb="barks") + "(S (NP the dog))\n")
    with pytest.raises(DataError, match=r"line 2.*'the' has no tag"):
        read_treebank(path)
    assert len(read_treebank(path, skip_bad=True)) == 1


def test_a_tree_of_a_thousand_levels_is_told(tmp_path: Path):
    path = tmp_path / "deep.txt"
    path.write_text("(X " * 1000 + "(N a)" + ")" * 1000)
    with pytest.raises(DataError, match="deeper than 300 nodes"):
        read_treebank(path)


def test_too_few_trees_are_told(tmp_path: Path):
    path = tmp_path / "few.txt"
    path.write_text(TREE.format(verb="barks") * 2)
    with pytest.raises(DataError, match="2 trees are too few"):
        load_treebank(path)


def test_names_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DataError, match="The treebank by name is ptb-sample"):
        load_treebank("ptb-simple")
    with pytest.raises(DataError, match="has its own split"):
        load_treebank("ptb-sample", dev="x")
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="ptb-sample is not on this machine"):
        load_treebank("ptb-sample")
    (tmp_path / "ptb_sample").mkdir()
    (tmp_path / "ptb_sample/treebank.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"not the treebank\.zip wanted"):
        load_treebank("ptb-sample")


@pytest.mark.skipif(not SAMPLE.is_file(), reason="the treebank's sample is not here")
def test_the_sample_has_its_trees():
    found = load_treebank("ptb-sample")
    assert (len(found.train), len(found.dev), len(found.test)) == (3396, 273, 245)
    words = sum(
        len(tree.leaves())
        for part in (found.train, found.dev, found.test)
        for tree in part
    )
    assert words == 94_084
