"""Readers of triples, and sets made of them."""

from pathlib import Path

import numpy as np
import pytest

from treefold.data.errors import DataError
from treefold.data.places import folders
from treefold.data.relations import (
    RelationSet,
    load_more,
    load_relations,
    read_triples,
    words_of,
)

FACTS = [f"{name}_{kind}\tis_a\t{kind}" for name in "abcdefgh" for kind in "xyz"]


def write(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def named(data: RelationSet, split: str) -> list[tuple[str, str, str, int]]:
    triples = data.splits[split]
    return [
        (data.entities[h], data.relations[r], data.entities[t], y)
        for (h, r, t), y in zip(triples, triples.label.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        ("__bengal_tiger_1", ["bengal", "tiger"]),
        ("cornelie_van_zanten", ["cornelie", "van", "zanten"]),
        ("New York", ["new", "york"]),
        ("route_66", ["route", "66"]),  # a number that is no sense
        ("__2", ["__2"]),  # a sense of nothing: the name is all there is
        ("_", ["_"]),
    ],
)
def test_names_are_taken_to_words(entity: str, words: list[str]):
    assert words_of(entity) == words


def test_a_line_is_a_triple_with_a_label_or_none(tmp_path: Path):
    file = write(tmp_path / "t.tsv", ["a\tr\tb", "", "c\tr\td\t-1", " e \tr\tf\t1"])
    rows = list(read_triples(file))
    assert [row[:4] for row in rows] == [
        ("a", "r", "b", 0),
        ("c", "r", "d", -1),
        ("e", "r", "f", 1),
    ]
    assert rows[1].where == f"{file}:3"


@pytest.mark.parametrize(
    ("line", "labelled", "message"),
    [
        ("a\tr", None, r"t\.tsv:2: expected head<TAB>relation<TAB>tail.*found 1 tabs"),
        ("a\t\tb", None, r"t\.tsv:2: expected a name as relation, found none"),
        ("a\tr\tb\t2", None, r"t\.tsv:2: expected 1 or -1 as label, found '2'"),
        ("a\tr\tb", True, r"t\.tsv:2: expected a label, 1 or -1"),
        ("a\tr\tb\t-1", False, r"t\.tsv:2: expected a triple that holds"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, line: str, labelled, message: str):
    file = write(tmp_path / "t.tsv", ["x\tr\ty\t1", line])
    with pytest.raises(DataError, match=message):
        list(read_triples(file, labelled=labelled))
    kept = read_triples(file, labelled=labelled, skip_bad=True)
    assert [row.head for row in kept] == ["x"]


def test_a_file_without_triples_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="found none; is the file empty"):
        list(read_triples(write(tmp_path / "t.tsv", [""])))


def test_what_is_held_out_gets_false_triples(tmp_path: Path):
    data = load_relations(write(tmp_path / "facts.tsv", FACTS))
    assert data.name == "facts"
    assert {split: len(t) for split, t in data.splits.items()} == {
        "train": 20,
        "dev": 4,
        "test": 4,
    }
    told = {tuple(line.split("\t")) for line in FACTS}
    for split in ("dev", "test"):
        for h, r, t, label in named(data, split):
            assert ((h, r, t) in told) == (label == 1)
            assert t in "xyz", "a false tail is one that the relation has"
    rows = [row for split in data.splits for row in named(data, split)]
    every = [row[:3] for row in rows if row[3] > 0]
    assert len(every) == len(set(every)) == len(FACTS)
    assert "dev and test: 2 triples each, held out" in data.note
    assert "half its triples are false" in data.note


def test_a_split_is_drawn_by_the_seed(tmp_path: Path):
    file = write(tmp_path / "facts.tsv", FACTS)
    first, again, other = (load_relations(file, seed=seed) for seed in (3, 3, 4))
    assert named(first, "test") == named(again, "test")
    assert named(first, "test") != named(other, "test")


def test_a_folder_has_its_own_split_and_labels(tmp_path: Path):
    write(tmp_path / "train.tsv", FACTS)
    write(tmp_path / "dev.tsv", ["a_x\tis_a\tx\t1", "a_x\tis_a\ty\t-1"])
    write(tmp_path / "test.tsv", ["new_x\tis_a\tx"])
    data = load_relations(tmp_path)
    assert named(data, "dev") == [
        ("a_x", "is_a", "x", 1),
        ("a_x", "is_a", "y", -1),
    ]
    assert named(data, "test")[0] == ("new_x", "is_a", "x", 1)
    assert data.splits["test"].label.tolist() == [1, -1]


def test_a_relation_that_training_lacks_is_told(tmp_path: Path):
    write(tmp_path / "train.tsv", FACTS)
    write(tmp_path / "dev.tsv", ["a_x\tis\tx\t1"])
    with pytest.raises(DataError, match=r"dev\.tsv:1: the relation 'is' is not in"):
        load_relations(tmp_path)


def test_a_relation_of_one_tail_cannot_be_corrupted(tmp_path: Path):
    file = write(tmp_path / "facts.tsv", [f"{k}\tis\tgood" for k in range(20)])
    with pytest.raises(DataError, match="has no false triples, and none can be made"):
        load_relations(file)


def test_too_few_triples_are_told(tmp_path: Path):
    file = write(tmp_path / "facts.tsv", FACTS[:3])
    with pytest.raises(DataError, match="3 triples are too few"):
        load_relations(file)


def test_more_triples_may_have_new_entities_but_no_new_relations(tmp_path: Path):
    entities, relations = ("a_x", "x", "y"), ("is_a",)
    file = write(tmp_path / "more.tsv", ["b_y\tis_a\ty\t1", "b_y\tis_a\tx\t-1"])
    data = load_more({"test": file}, entities, relations)
    assert data.entities == ("a_x", "x", "y", "b_y")
    assert named(data, "test") == [
        ("b_y", "is_a", "y", 1),
        ("b_y", "is_a", "x", -1),
    ]
    bad = write(tmp_path / "bad.tsv", ["a\tlikes\tb"])
    with pytest.raises(DataError, match=r"bad\.tsv:1: the relation 'likes' is not"):
        load_more({"test": bad}, entities, relations)


def test_unknown_data_are_told(tmp_path: Path):
    with pytest.raises(DataError, match=r"called 'wn1'; did you mean 'wn11'\?"):
        load_relations("wn1")
    with pytest.raises(DataError, match="wn11 has its own split"):
        load_relations("wn11", dev="x.tsv")


def test_a_set_that_is_not_here_is_told(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"fb13 is not on this machine.*ntn/Freebase"):
        load_relations("fb13")


def test_wordnet_is_what_was_published():
    if not any((folder / "Wordnet").is_dir() for folder in folders("ntn")):
        pytest.skip("needs ntn/Wordnet in $TREEFOLD_DATA")
    data = load_relations("wn11")
    assert (len(data.entities), len(data.relations)) == (38_696, 11)
    assert {split: len(t) for split, t in data.splits.items()} == {
        "train": 112_581,
        "dev": 5_218,
        "test": 21_088,
    }
    for split in ("dev", "test"):
        assert np.bincount(data.splits[split].label + 1).tolist()[1] == 0
        assert data.splits[split].label.sum() == 0, "half of them hold"
