"""Bracket trees as documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.brackets_documents import read

SENTENCE = "(S (NP (DT the) cat) (VP (VB sat)))"


def test_labels_are_kinds_and_words_texts():
    assert nodes(one(read, SENTENCE)) == [
        (-1, "S", "", -1, None),
        (0, "NP", "", 0, None),
        (1, "DT", "", 0, "the"),
        (1, "word", "", 1, "cat"),
        (0, "VP", "", 1, None),
        (4, "VB", "", 0, "sat"),
    ]


def test_labels_may_be_what_is_to_be_told():
    nodes = one(read, "(2 (3 good) (1 soup))", labels="label")
    assert nodes.label == ["2", "3", "1"]
    assert [c.kind for c in nodes.content] == ["node", "word", "word"]
    root = one(read, "(2 (3 good) (1 soup))", labels="target")
    assert root.target == "2"
    assert root.label == [None] * 3


def test_unordered_numbers_nothing():
    assert {c.position for c in one(read, SENTENCE, ordered=False).content} == {-1}


def test_unknown_labels_are_told():
    with pytest.raises(DataError, match="labels must be kind, label or target"):
        read_all(read, SENTENCE, labels="words")


def test_bad_trees_are_errors_after_the_good_ones():
    first, second, bad = read_all(read, f"{SENTENCE}\n()\n(NP (DT a))")
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert second.place == "file:3"
    assert "file:2:2: expected a label" in str(bad)
    assert "no tree is left" in error(read, "(S")
    assert "file:1:1: expected a tree" in error(read, "")


def test_a_hundred_thousand_brackets_are_read():
    assert len(one(read, "(a " * 100_000 + "x" + ")" * 100_000)) == 100_000


@given(st.binary(max_size=100))
def test_any_bytes_give_documents_or_errors(data):
    check(read_all(read, data))


@given(mutated(SENTENCE, "(2 (3 a) (1 b))\n(1 x)\n"))
def test_mutated_trees_give_documents_or_errors(data):
    check(read_all(read, data))
