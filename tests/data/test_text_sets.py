"""Texts by name and from files."""

import gzip
import os
from pathlib import Path

import pytest

from treefold.data import DataError
from treefold.data.text_sets import load_text_set

DATA = Path(os.environ.get("TREEFOLD_DATA", "/nowhere"))


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("".join(f"line {n} of it\n" for n in range(200)))
    return path


def test_the_end_of_a_file_is_held_out_by_lines(book):
    data = load_text_set(str(book))
    parts = [data.splits[split] for split in ("train", "dev", "test")]
    assert list(data.splits) == ["train", "dev", "test"]
    assert "".join(parts) == book.read_text()
    assert all(part.endswith("\n") for part in parts)
    assert [round(len(part) / len(book.read_text()), 2) for part in parts] == [
        0.91, 0.05, 0.05,
    ]  # fmt: skip
    assert (data.name, data.note) == (
        "book", "dev and test: the last 5% of the text each, in this order.",
    )  # fmt: skip


def test_a_text_of_one_line_is_cut_between_words(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("word " * 400)
    parts = load_text_set(str(path)).splits
    assert "".join(parts[split] for split in ("train", "dev", "test")) == "word " * 400
    assert all(part.endswith(" ") for part in parts.values())


def test_splits_may_have_files_of_their_own(book, tmp_path):
    dev = tmp_path / "dev.txt.gz"
    dev.write_bytes(gzip.compress(b"a line\n"))
    data = load_text_set(str(book), {"dev": str(dev)})
    assert data.splits["dev"] == "a line\n"
    assert data.splits["train"] + data.splits["test"] == book.read_text()
    only = load_text_set(str(book), {"test": str(book)})
    assert list(only.splits) == ["test"]


def test_a_folder_has_a_file_a_split(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text(f"{split}\n")
    data = load_text_set(str(tmp_path))
    assert data.splits == {split: f"{split}\n" for split in ("train", "dev", "test")}
    (tmp_path / "train.txt").unlink()
    with pytest.raises(DataError, match=r"expected train\.txt or train\.txt\.gz"):
        load_text_set(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a text, found nothing; the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"good\nb\xfcd\n", r"bad\.txt:2:2: expected UTF-8, found the byte 0xfc"),
        (b"ab", "the text is too short to take 5% of it for test"),
    ],
)
def test_what_is_no_text_is_told(tmp_path, content, message):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_text_set(str(path))


def test_what_is_not_there_is_told(book):
    with pytest.raises(DataError, match=r"did you mean .*book\.txt"):
        load_text_set(str(book.with_name("bok.txt")))
    with pytest.raises(DataError, match="ptb has its own split; dev cannot be given"):
        load_text_set("ptb", {"dev": "a.txt"})


@pytest.mark.skipif(not (DATA / "ptb_lm").is_dir(), reason="ptb_lm is not here")
def test_the_penn_treebank_has_its_published_sizes():
    from treefold.data.text import Coding

    splits = load_text_set("ptb").splits
    coding = Coding.build(splits["train"], "word")
    assert len(coding) == 10_000
    assert [len(coding.encode(splits[s])) for s in ("train", "dev", "test")] == [
        929_589, 73_760, 82_430,
    ]  # fmt: skip


@pytest.mark.skipif(
    not (DATA / "tinyshakespeare").is_dir(), reason="tinyshakespeare is not here"
)
def test_tiny_shakespeare_is_split_90_5_5():
    splits = load_text_set("tinyshakespeare").splits
    sizes = [len(splits[split]) for split in ("train", "dev", "test")]
    assert sizes == [1_003_854, 55_770, 55_770]
    assert len(set("".join(splits.values()))) == 65


def test_a_data_set_that_is_not_here_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="ptb_lm is not on this machine"):
        load_text_set("ptb")
