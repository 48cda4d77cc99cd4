"""Pairs of texts: files, data sets and batches."""

import gzip
import io

import numpy as np
import pytest
import torch

from treefold.data.errors import DataError
from treefold.data.pair_batches import collate_pairs, collate_sources
from treefold.data.pair_sets import load_pairs
from treefold.data.places import folders
from treefold.data.readers.pairs import read_pairs, read_parallel, read_sources
from treefold.data.sequences import Sequences


@pytest.fixture
def tsv(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"source {n}\ttarget {n}\n" for n in range(30)))
    return path


def test_lines_of_two_columns_are_pairs(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("\ufeff Hi! \tHallo!\r\n\nBye\tTschüß\n".encode())
    pairs = read_pairs(path)
    assert pairs.sources == ["Hi!", "Bye"]
    assert pairs.targets == ["Hallo!", "Tschüß"]
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_pairs(tmp_path / "a.tsv.gz") == pairs


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"no tab", ":2: expected source<TAB>target, found 0 tabs"),
        (b"a\tb\tc", ":2: expected source<TAB>target, found 2 tabs"),
        (b"\tb", ":2: expected a text as source, found none"),
        (b"a\t ", ":2: expected a text as target, found none"),
    ],
)
def test_a_bad_line_is_told_with_its_number_or_left_out(tmp_path, line, message):
    path = tmp_path / "bad.tsv"
    path.write_bytes(b"a\tb\n" + line + b"\nc\td\n")
    with pytest.raises(DataError, match=message):
        read_pairs(path)
    pairs = read_pairs(path, skip_bad=True)
    assert pairs.sources == ["a", "c"]
    assert message in pairs.skipped[0]


def test_bytes_that_are_no_text_and_files_without_pairs_are_told(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_bytes(b"a\tb\nc\t\xff\n")
    with pytest.raises(DataError, match=":2:3: expected text in UTF-8"):
        read_pairs(path)
    path.write_bytes(b"\n\n")
    with pytest.raises(DataError, match="expected source<TAB>target lines, found none"):
        read_pairs(path)
    with pytest.raises(DataError, match="no such file; did you mean"):
        read_pairs(tmp_path / "bd.tsv")


def test_parallel_files_are_paired_line_by_line(tmp_path):
    a, b = tmp_path / "t.en", tmp_path / "t.de"
    a.write_text("one\ntwo\nthree\n")
    b.write_text("eins\nzwei\ndrei\n")
    assert read_parallel(a, b).targets == ["eins", "zwei", "drei"]
    b.write_text("eins\n\ndrei\n")
    with pytest.raises(DataError, match=r"t\.de:2: expected a text as target"):
        read_parallel(a, b)
    assert read_parallel(a, b, skip_bad=True).sources == ["one", "three"]
    b.write_text("eins\n")
    with pytest.raises(DataError, match=r"has 3 lines and .* 1; line n of the one"):
        read_parallel(a, b)


def test_sources_are_lines_or_their_first_column(tmp_path, monkeypatch):
    path = tmp_path / "in.txt"
    path.write_text("one\n\ntwo\tzwei\n")
    assert list(read_sources(path)) == ["one", "two"]
    path.write_text("one\n\ttwo\n")
    with pytest.raises(DataError, match=":2: expected a text before the tab"):
        list(read_sources(path))
    path.write_text("")
    with pytest.raises(DataError, match="expected texts, one a line, found none"):
        list(read_sources(path))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"three\nfour")))
    assert list(read_sources("-")) == ["three", "four"]


def test_a_file_is_divided_by_the_seed_and_nothing_is_lost(tsv):
    data = load_pairs(tsv, seed=1)
    sizes = [len(part) for part in (data.train, data.dev, data.test)]
    assert sizes == [24, 3, 3]
    parts = (data.train, data.dev, data.test)
    found = sorted(source for part in parts for source in part.sources)
    assert found == sorted(f"source {n}" for n in range(30))
    assert load_pairs(tsv, seed=1) == data != load_pairs(tsv, seed=2)
    assert "held out of training by seed 1" in data.note
    for source, target in zip(data.dev.sources, data.dev.targets, strict=True):
        assert source.split()[1] == target.split()[1]


def test_splits_may_have_files_of_their_own(tsv, tmp_path):
    (tmp_path / "folder").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "folder" / f"{split}.tsv").write_text(f"{split}\t{split}\n" * 3)
    data = load_pairs(tmp_path / "folder")
    assert data.test.sources == ["test"] * 3
    assert not data.note
    other = load_pairs(tsv, test=str(tmp_path / "folder" / "test.tsv"))
    assert (len(other.train), len(other.dev), len(other.test)) == (27, 3, 3)


def test_two_parallel_files_are_named_with_a_comma(tmp_path):
    (tmp_path / "t.en").write_text("one\n" * 20)
    (tmp_path / "t.de").write_text("eins\n" * 20)
    data = load_pairs(f"{tmp_path / 't.en'},{tmp_path / 't.de'}")
    assert data.train.sources[0] == "one"
    assert data.train.targets[0] == "eins"


def test_data_that_are_not_there_or_too_few_are_told(tmp_path):
    with pytest.raises(DataError, match="did you mean 'multi30k-en-de'"):
        load_pairs("multi30k-ende")
    with pytest.raises(DataError, match="has its own split; test cannot be given"):
        load_pairs("multi30k-en-de", test="x.tsv")
    (tmp_path / "two.tsv").write_text("a\tb\nc\td\n")
    with pytest.raises(DataError, match="2 pairs are too few to hold some out"):
        load_pairs(tmp_path / "two.tsv")
    with pytest.raises(DataError, match=r"expected train\.tsv"):
        load_pairs(tmp_path)


def test_multi30k_that_is_not_here_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="multi30k is not on this machine; looked in"):
        load_pairs("multi30k-en-fr")


def test_multi30k_has_its_official_sizes():
    if not any((folder / "train.en.gz").exists() for folder in folders("multi30k")):
        pytest.skip("the multi30k data are not on this machine")
    data = load_pairs("multi30k-de-en")
    sizes = [len(part) for part in (data.train, data.dev, data.test)]
    assert sizes == [29_000, 1_014, 1_000]
    assert data.test.targets[0] == "A man in an orange hat starring at something."


SOURCES = Sequences.of([[7, 1], [5, 6, 8, 1], [9, 1], [4, 3, 1]])
TARGETS = Sequences.of([[2, 1], [3, 1], [4, 5, 6, 1], [7, 8, 1]])


def test_a_batch_has_every_source_at_its_place():
    numbers = np.array([1, 3, 0])
    batch = collate_sources(SOURCES, numbers)
    rows = batch.tokens[batch.nodes]
    for row, mask, number in zip(rows, batch.mask, numbers, strict=True):
        assert row[mask].tolist() == SOURCES[int(number)].tolist()


def test_targets_stand_step_by_step_with_what_precedes_each():
    batch = collate_pairs(SOURCES, TARGETS, np.arange(4))
    assert batch.numbers.tolist() == [2, 3, 0, 1]
    assert batch.sizes == [4, 4, 2, 1]
    assert batch.labels.tolist() == [4, 7, 2, 3, 5, 8, 1, 1, 6, 1, 1]
    assert batch.previous.tolist() == [-1, -1, -1, -1, 4, 7, 2, 3, 5, 8, 6]
    assert batch.pair.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 0]
    rows = batch.sources.tokens[batch.sources.nodes]
    assert rows[0][batch.sources.mask[0]].tolist() == [9, 1]


def test_a_batch_that_is_moved_is_the_same():
    batch = collate_pairs(SOURCES, TARGETS, np.arange(4))
    moved = batch.to("cpu")
    assert len(moved) == len(batch) == 4
    assert torch.equal(moved.labels, batch.labels)
    assert moved.sources.forest == batch.sources.forest
