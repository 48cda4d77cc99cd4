"""Pairs of trees: what is read, what is told, and which structure is made of it."""

import gzip
import json
import re

import pytest

from treefold.data.errors import DataError
from treefold.data.places import folders
from treefold.data.readers.tree_pairs import check_heads, read_side, read_tree_pairs
from treefold.data.tree_pair_sets import load_tree_pairs
from treefold.data.tree_pairs import Side, Tree


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


def test_a_line_is_two_trees_and_a_score(tmp_path):
    file = write(tmp_path / "p.tsv", "((the dog) runs)\ta dog\t4.5", "", "a\tb\tsame")
    first, second = read_tree_pairs(file)
    assert first.left.words == ("the", "dog", "runs")
    assert first.left.brackets == ("(", "(", "the", "dog", ")", "runs", ")")
    assert first.right == Side(("a", "dog"), place=f"{file}:1")
    assert (first.target, second.target) == (4.5, "same")
    assert second.place == f"{file}:3"


def test_an_object_may_have_heads(tmp_path):
    left = {"words": ["dogs", "run"], "heads": [2, 0], "brackets": "(dogs run)"}
    line = json.dumps({"left": left, "right": "(a b)", "target": 3})
    (pair,) = read_tree_pairs(write(tmp_path / "p.jsonl", line))
    assert pair.left.heads == (2, 0)
    assert pair.left.brackets == ("(", "dogs", "run", ")")
    assert (pair.right.text, pair.target) == ("( a b )", 3.0)


def test_a_gzipped_file_is_read(tmp_path):
    path = tmp_path / "p.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\t1\n"))
    assert [pair.target for pair in read_tree_pairs(path)] == [1.0]


BAD = {
    "one\ttwo\tthree\tfour": "1: expected left<TAB>right<TAB>score",
    "alone": "1: expected left<TAB>right<TAB>score or relation, found 0 tabs",
    "a\tb": "1: expected a score or a relation after the two trees, found none",
    "a\t\t1": "1:3: expected a tree or a text, found nothing",
    "( a ( b )\tc\t1": "1:10: expected ')' to close the '(' at column 1, found the end",
    "a\t( b ) )\t1": "1:9: expected one tree a side, found ')' behind",
    "( a ) b\tc\t1": "1:7: expected one tree a side, found 'b' behind",
    ") a\tb\t1": "1:1: expected '(', found ')', which closes none",
    "( a ( ) )\tb\t1": "1:7: expected a word after '(', found ')'",
    '{"left": "a"}': '1: expected {"left": ..., "right": ...}, found no \'right\'',
    '{"left": "a", }': "1:15: expected an object in JSON",
    '{"left": 3, "right": "a"}': '1: left: expected a text or {"words"',
    '{"left": "a", "right": {"words": ["b"], "heads": [2]}, "target": 1}': (
        "1: right: expected a head from 0 to 1 for each of the 1 words, found [2]"
    ),
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_told(tmp_path, line):
    file = write(tmp_path / "p.tsv", line)
    with pytest.raises(DataError, match="^" + re.escape(f"{file}:{BAD[line]}")):
        list(read_tree_pairs(file))
    good = write(tmp_path / "q.tsv", line, "a\tb\t1")
    assert len(list(read_tree_pairs(good, skip_bad=True))) == 1


def test_an_empty_file_is_told(tmp_path):
    with pytest.raises(DataError, match="expected pairs left<TAB>right, found none"):
        list(read_tree_pairs(write(tmp_path / "p.tsv")))


def test_heads_that_make_no_tree_are_told():
    words = ["a", "b", "c"]
    with pytest.raises(DataError, match=r"x: expected one word whose head .* found 2"):
        check_heads("x", words, [0, 0, 1])
    with pytest.raises(DataError, match=r"x: expected a tree, .* 'b' is below itself"):
        check_heads("x", words, [0, 3, 2])
    assert check_heads("x", words, [2, 0, 2]) == (2, 0, 2)


def test_a_side_has_several_structures():
    side = read_side("( the ( dog runs ) )")._replace(heads=(2, 3, 0))
    #  the is below dog, and dog below runs
    assert side.tree("dependency") == Tree((-1, 0, 1), ("runs", "dog", "the"))
    assert side.tree("given") == side.tree("dependency")
    assert side._replace(heads=None).tree("given") == side.tree("constituency")
    assert side.tree("constituency") == Tree(
        (-1, 0, 0, 2, 2), (None, "the", None, "dog", "runs")
    )
    assert side.tree("chain") == Tree((-1, 0, 1), ("runs", "dog", "the"))
    words = side.tree("brackets").word
    assert words == tuple(reversed(["(", "the", "(", "dog", "runs", ")", ")"]))
    assert read_side("one").tree("constituency") == Tree((-1,), ("one",))


def test_a_structure_that_is_not_there_is_told():
    side = Side(("a", "b"), place="p.tsv:3")
    with pytest.raises(DataError, match=r"p\.tsv:3: expected the words' heads"):
        side.tree("dependency")
    with pytest.raises(
        DataError, match=r"p\.tsv:3: expected brackets .* 'a b'; take ch"
    ):
        side.tree("constituency")


def test_siblings_keep_their_order_and_depth_costs_no_recursion():
    side = Side(tuple("abcd"), heads=(2, 0, 2, 2))
    assert side.tree().word == ("b", "a", "c", "d")
    deep = read_side("( " * 5000 + "x" + " y )" * 5000)
    assert len(deep.tree().parent) == 10_001


def test_pairs_are_held_out_where_there_are_no_files(tmp_path):
    file = write(tmp_path / "own.tsv", *(f"a{k}\tb\t{k}" for k in range(20)))
    found = load_tree_pairs(file)
    sizes = {split: len(pairs) for split, pairs in found.splits.items()}
    assert (found.name, sizes) == ("own", {"train": 16, "dev": 2, "test": 2})
    assert "held out of training by seed 0" in found.note
    everything = [str(pair.target) for pairs in found.splits.values() for pair in pairs]
    assert sorted(everything) == sorted(f"{k:.1f}" for k in range(20))
    again = load_tree_pairs(file, seed=1)
    assert again.splits["dev"] != found.splits["dev"]


def test_a_folder_has_a_file_for_each_split(tmp_path):
    write(tmp_path / "train.tsv", "a\tb\t1")
    write(tmp_path / "dev.jsonl", '{"left": "a", "right": "b", "target": 2}')
    write(tmp_path / "test.tsv", "a\tb\t3")
    found = load_tree_pairs(str(tmp_path))
    targets = [pairs[0].target for pairs in found.splits.values()]
    assert (targets, found.note) == ([1.0, 2.0, 3.0], "")


def test_data_that_are_not_there_are_told(tmp_path):
    with pytest.raises(DataError, match="called 'sick-relatednes'; did you mean 'sick"):
        load_tree_pairs("sick-relatednes")
    with pytest.raises(DataError, match=r"logic has its own split; dev cannot be"):
        load_tree_pairs("logic", {"dev": "x"})
    with pytest.raises(DataError, match=r"expected train\.tsv or train\.jsonl"):
        load_tree_pairs(str(tmp_path))
    few = write(tmp_path / "few.tsv", "a\tb\t1", "a\tb\t2")
    with pytest.raises(DataError, match="2 pairs are too few to hold some out"):
        load_tree_pairs(few)


def test_named_data_that_are_not_here_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, file in (("logic", "proplogic.tgz"), ("sick-entailment", "sick_all")):
        with pytest.raises(DataError, match=f"not on this machine; .*{file}"):
            load_tree_pairs(name)


def is_here(name):
    return any((folder / name).exists() for folder in folders("."))


@pytest.mark.skipif(not is_here("sick"), reason="SICK is not on this machine")
def test_sick_is_the_official_split_with_both_trees():
    found = load_tree_pairs("sick-relatedness")
    assert [len(p) for p in found.splits.values()] == [4500, 500, 4927]
    pair = found.splits["train"][0]
    assert pair.target == 4.5
    assert pair.left.text.startswith("A group of kids is playing in a yard")
    assert len(pair.left.tree("dependency").parent) == 18
    assert len(pair.left.tree("constituency").parent) == 35
    entailed = load_tree_pairs("sick-entailment").splits["train"]
    assert sum(pair.target == "entailment" for pair in entailed) == 1299


@pytest.mark.slow
@pytest.mark.skipif(not is_here("proplogic"), reason="proplogic is not on this machine")
def test_logic_is_split_by_the_number_of_operators():
    found = load_tree_pairs("logic")
    assert [len(p) for p in found.splits.values()] == [135_529, 23_922, 13_445]
    assert {pair.group for pair in found.splits["test"]} == set("789") | {
        "10",
        "11",
        "12",
    }
    pair = found.splits["test"][0]
    assert pair.left.brackets is not None or len(pair.left.words) == 1
