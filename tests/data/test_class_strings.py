"""Strings by class: reading, sharing out, numbering."""

import numpy as np
import pytest

from treefold.data.class_strings import (
    Alphabet,
    class_numbers,
    find,
    load_class_strings,
    read_pairs,
    split_pairs,
)
from treefold.data.errors import DataError
from treefold.data.places import folders

PAIRS = [(kind, f"{kind}{i}") for kind in "abc" for i in range(40)]


def test_a_file_of_two_columns_is_read(tmp_path):
    file = tmp_path / "names.tsv"
    file.write_text("Irish\tO'Neill\n\nPolish\tKowalski \nnobody\n", "utf-8")
    found = [("Irish", "O'Neill"), ("Polish", "Kowalski"), ("", "nobody")]
    assert read_pairs(file) == found


def test_a_folder_has_a_file_for_each_class(tmp_path):
    (tmp_path / "Irish.txt").write_text("O'Neill\nDaly\n", "utf-8")
    (tmp_path / "Polish.txt").write_text("Kowalski\n", "utf-8")
    found = [("Irish", "O'Neill"), ("Irish", "Daly"), ("Polish", "Kowalski")]
    assert read_pairs(tmp_path) == found


def test_a_third_column_is_told_with_its_place(tmp_path):
    file = tmp_path / "names.tsv"
    file.write_text("Irish\tDaly\nIrish\tO'Neill\tfamous\n", "utf-8")
    with pytest.raises(DataError, match=r"names\.tsv:2:15: .*third column"):
        read_pairs(file)


def test_a_file_without_strings_is_told(tmp_path):
    file = tmp_path / "names.tsv"
    file.write_text("\n\n", "utf-8")
    with pytest.raises(DataError, match="found no string"):
        read_pairs(file)


def test_a_data_set_that_is_nowhere_is_told():
    files = {"train": None, "dev": None, "test": None}
    with pytest.raises(DataError, match="there is no file or folder no-such-names"):
        load_class_strings("no-such-names", files, 0)


def test_a_run_of_the_same_name_hides_no_data(tmp_path, monkeypatch):
    places = tmp_path / "data" / "names"
    places.mkdir(parents=True)
    (places / "Ours.txt").write_text("ab\ncd\n", "utf-8")
    monkeypatch.setenv("TREEFOLD_DATA", str(places.parent))
    (tmp_path / "names").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find("names") == places


def test_no_string_is_in_two_splits_whatever_its_classes():
    pairs = [*PAIRS, *(("b", f"a{i}") for i in range(40)), *PAIRS]
    parts = split_pairs(pairs, seed=0)
    strings = {part: {string for _, string in each} for part, each in parts.items()}
    assert not strings["train"] & (strings["dev"] | strings["test"])
    assert not strings["dev"] & strings["test"]
    assert sorted(pair for each in parts.values() for pair in each) == sorted(
        set(pairs)
    )


def test_every_class_gives_its_share():
    parts = split_pairs(PAIRS, seed=3)
    for part in ("dev", "test"):
        kinds = [kind for kind, _ in parts[part]]
        assert {kind: kinds.count(kind) for kind in "abc"} == {"a": 4, "b": 4, "c": 4}


def test_the_seed_decides_the_splits():
    assert split_pairs(PAIRS, 0) == split_pairs(reversed(PAIRS), 0)
    assert split_pairs(PAIRS, 0) != split_pairs(PAIRS, 1)


def test_files_given_for_a_split_are_that_split(tmp_path):
    for name, text in (("a", "x\tone\nx\ttwo\n"), ("b", "x\tthree\n")):
        (tmp_path / name).write_text(text, "utf-8")
    files = {"train": None, "dev": str(tmp_path / "b"), "test": str(tmp_path / "b")}
    found = load_class_strings(str(tmp_path / "a"), files, 0)
    assert found["train"] == [("x", "one"), ("x", "two")]
    assert found["dev"] == found["test"] == [("x", "three")]


def test_characters_come_back_and_unknown_ones_are_told_apart():
    alphabet = Alphabet.build(["abba", "cab"], min_count=2)
    assert alphabet.characters == ("a", "b")
    numbers = alphabet.encode(["bac", ""])
    np.testing.assert_array_equal(numbers[0], [2, 1, 0, alphabet.end])
    np.testing.assert_array_equal(numbers[1], [alphabet.end])
    assert alphabet.decode(numbers[0]) == "ba\N{REPLACEMENT CHARACTER}"


def test_a_class_that_was_not_learned_is_told():
    with pytest.raises(DataError, match="the class 'z' of 'x' is not among"):
        class_numbers([("z", "x")], ["a", "b"])


def test_the_names_are_shared_out_as_stated():
    if not any(folder.exists() for folder in folders("names")):
        pytest.skip("the names are not on this machine: set TREEFOLD_DATA")
    files = {"train": None, "dev": None, "test": None}
    found = load_class_strings("names", files, 0)
    assert sum(map(len, found.values())) == 18012
    assert len({kind for kind, _ in found["test"]}) == 18
