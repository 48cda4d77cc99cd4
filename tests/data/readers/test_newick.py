"""Phylogenies in Newick as documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.documents import Document
from treefold.data.readers.newick import read

APES = "((human:6,chimp:6)ape:2,'goril''la (x)':8e0[a comment]):0.0;"


def test_names_are_texts_and_lengths_numbers():
    document = one(read, APES)
    assert [(c.kind, c.text, c.number) for c in document.content] == [
        ("clade", None, 0.0),
        ("clade", "ape", 2.0),
        ("leaf", "human", 6.0),
        ("leaf", "chimp", 6.0),
        ("leaf", "goril'la (x)", 8.0),
    ]
    assert document.parent == [-1, 0, 1, 1, 0]


def test_underscores_are_blanks_unless_quoted():
    names = [c.text for c in one(read, "(Homo_sapiens,'Homo_sapiens');").content]
    assert names == [None, "Homo sapiens", "Homo_sapiens"]


def test_nothing_is_numbered_unless_asked_for():
    assert {c.position for c in one(read, APES).content} == {-1}
    positions = [c.position for c in one(read, APES, ordered=True).content]
    assert positions == [-1, 0, 0, 1, 1]


def test_names_and_lengths_may_be_missing():
    assert nodes(one(read, "(,:1,);")) == [
        (-1, "clade", "", -1, None),
        (0, "leaf", "", -1, None),
        (0, "leaf", "", -1, 1.0),
        (0, "leaf", "", -1, None),
    ]
    assert len(one(read, "a;")) == 1


def test_a_file_holds_many_trees_with_their_lines():
    found = read_all(read, "(a,b);\n[between]\n(c,\nd);(e);")
    places = [part.place for part in found if isinstance(part, Document)]
    assert places == ["file:1", "file:3", "file:4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: expected a tree, found the end of the file"),
        ("[only this]", "1:12: expected a tree, found the end of the file"),
        ("(a,b", "1:5: expected ';' to end the tree, found the end of the file"),
        ("((a);", "1:5: expected ')', 1 are missing, found ';'"),
        (";", "1:1: expected a tree, found ';'"),
        ("a,b;", "1:2: expected ';', found ',', which is in no brackets"),
        ("(a)(b);", "1:4: expected ',', ')' or ';', found '('"),
        ("(a:x);", "1:4: expected the length of a branch, found 'x'"),
        ("(a:);", "1:4: expected the length of a branch, found ')'"),
        ("(a:1_0);", "1:4: expected the length of a branch, found '1_0'"),
        ("(a:1:2);", "1:5: expected ',', ')' or ';', found a second length"),
        ("(a,'b);", "1:4: expected a quote to end the name, found none"),
        ("(a,[b);", "1:4: expected ']' to end the comment, found none"),
        (b"(\n\xff);", "2:1: expected utf-8 text, found the byte 0xff"),
    ],
)
def test_errors_have_line_and_column(text, message):
    assert error(read, text).startswith(f"file:{message}")


def test_a_name_with_a_blank_tells_what_to_do():
    assert error(read, "(a,\nHomo sapiens);").endswith(
        "found 'sapiens'; a name with blanks or brackets is quoted, 'Homo sapiens'"
    )


def test_reading_goes_on_after_a_bad_tree():
    first, second, third = read_all(read, "(a,b;(c,(d;\n(e);")
    assert "1:5" in str(first)
    assert "1:11" in str(second)
    assert isinstance(third, Document)


def test_a_hundred_thousand_brackets_are_read():
    assert len(one(read, "(" * 100_000 + "a" + ")" * 100_000 + ";")) == 100_001


def test_a_name_of_twenty_megabytes_is_read():
    assert len(one(read, f"({'x' * 20_000_000});").content[1].text or "") == 20_000_000


def test_blanks_without_end_take_no_time():
    assert len(one(read, "(a);" + " " * 5_000_000)) == 2


def test_a_tree_of_too_many_nodes_is_told(monkeypatch):
    monkeypatch.setattr("treefold.data.readers.newick.MAX_NODES", 10)
    assert "more than 10 nodes" in error(read, f"({',' * 20});")


@given(st.binary(max_size=100) | st.text("()',:;[] a1\n").map(lambda t: t.encode()))
def test_any_bytes_give_documents_or_errors(data):
    check(read_all(read, data))


@given(mutated(APES, "(a,b)Homo_sapiens;\n(c:1e-3,d:-2);"))
def test_mutated_trees_give_documents_or_errors(data):
    check(read_all(read, data))
