"""Dependency trees in CoNLL-U as documents."""

import builtins
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, one, read_all
from treefold.data.documents import Document, Documents
from treefold.data.errors import DataError
from treefold.data.readers.conllu_text import fill, order, read


def line(number, form, upos, head, relation, *, lemma="_", feats="_"):
    return "\t".join(
        [str(number), form, lemma, upos, "_", feats, str(head), relation, "_", "_"]
    )


SHIPS = "\n".join(
    [
        "# text = Old ships creak.",
        line(1, "Old", "ADJ", 2, "amod", lemma="old", feats="Degree=Pos|Foo=Bar"),
        line(2, "ships", "NOUN", 3, "nsubj", lemma="ship"),
        line(3, "creak", "VERB", 0, "root"),
        line(4, ".", "PUNCT", 3, "punct"),
    ]
)
SPLIT = "\n".join(
    [
        "1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_",
        line(1, "Vamos", "VERB", 0, "root"),
        line(2, "nos", "PRON", 1, "obj"),
        "2.1\tallí\t_\tADV\t_\t_\t_\t_\t1:advmod\t_",
    ]
)


def documents(content, **options):
    found = read_all(read, content, **options)
    assert not [part for part in found if isinstance(part, DataError)]
    return [part for part in found if isinstance(part, Document)]


def test_heads_are_parents_relations_roles_and_forms_texts():
    document = one(read, SHIPS)
    assert document.parent == [-1, 0, 0, 1]
    found = [(c.kind, c.role, c.position, c.text) for c in document.content]
    assert found == [
        ("word", "root", -1, "creak"),
        ("word", "nsubj", -1, "ships"),
        ("word", "punct", -1, "."),
        ("word", "amod", -1, "Old"),
    ]
    assert document.label == ["VERB", "NOUN", "PUNCT", "ADJ"]
    assert document.place == "file:2"


def test_what_is_to_be_told_is_nowhere_in_the_content():
    for label in ("upos", "deprel"):
        for structure in ("tree", "chain"):
            document = one(read, SHIPS, label=label, structure=structure)
            seen = {c.role for c in document.content} | {
                c.text for c in document.content
            }
            assert not seen & set(document.label)
    with pytest.raises(DataError, match="what is to be told cannot be shown"):
        read_all(read, SHIPS, label="upos", details=["upos"])


def test_without_relations_words_have_no_roles():
    assert {c.role for c in one(read, SHIPS, relations=False).content} == {""}


def test_ordered_tells_side_and_distance():
    found = one(read, SHIPS, ordered=True).content
    assert [(c.role, c.position) for c in found] == [
        ("root", -1),
        ("nsubj before", 0),
        ("punct after", 0),
        ("amod before", 0),
    ]
    bare = one(read, SHIPS, ordered=True, relations=False).content
    assert [c.role for c in bare] == ["", "before", "after", "before"]


def test_a_chain_is_read_from_left_to_right_on_the_way_up():
    document = one(read, SHIPS, structure="chain")
    assert document.parent == [-1, 0, 1, 2]
    assert [c.text for c in document.content] == [".", "creak", "ships", "Old"]
    assert {c.role for c in document.content} == {""}


def test_details_are_children_of_their_words():
    document = one(read, SHIPS, details=["lemma", "feats"])
    below = [
        (c.kind, c.role, c.text)
        for c, parent in zip(document.content, document.parent, strict=True)
        if parent >= 0 and document.content[parent].text == "Old"
    ]
    assert below == [
        ("lemma", "", "old"),
        ("feats", "Degree", "Pos"),
        ("feats", "Foo", "Bar"),
    ]


def test_multiword_tokens_and_empty_nodes_are_no_words():
    assert [c.text for c in one(read, SPLIT).content] == ["Vamos", "nos"]


def test_several_roots_stand_below_a_sentence():
    document = one(read, SHIPS.replace("\t3\tpunct", "\t0\troot"))
    assert [c.kind for c in document.content] == ["sentence"] + ["word"] * 4
    assert document.label[0] is None
    assert document.parent[:3] == [-1, 0, 0]


def test_columns_may_be_named_by_the_file():
    text = "# global.columns = ID UPOS FORM HEAD\n1\tVERB\tGo\t0\n2\tADV\thome\t1\n"
    document = one(read, text)
    assert [c.text for c in document.content] == ["Go", "home"]
    assert document.label == ["VERB", "ADV"]


def test_a_file_holds_many_sentences_and_windows_ends_of_lines():
    text = f"\ufeff{SHIPS}\n\n# only a comment\n\n\n{SPLIT}".replace("\n", "\r\n")
    assert [part.place for part in documents(text)] == ["file:2", "file:11"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected sentences in CoNLL-U, found none"),
        ("# nothing\n", "expected sentences in CoNLL-U, found none"),
        ("hello", "file:1:1: Invalid line format"),
        (SHIPS.replace("\t3\tnsubj", "\t9\tnsubj"), "file:3:23: expected a head betw"),
        (SHIPS.replace("\t3\tnsubj", "\t_\tnsubj"), "4, the words .* found none"),
        (SHIPS.replace("\t3\tnsubj", "\t-1\tnsubj"), "found -1"),
        (SHIPS.replace("\t3\tnsubj", "\tx\tnsubj"), "file:3:23: .*'x' is not a valid"),
        (SHIPS.replace("\t3\tnsubj", "\t2\tnsubj"), "file:3:23: .*itself: 2 -> 2"),
        (SHIPS.replace("\t0\troot", "\t1\troot"), "below itself: 1 -> 2 -> 3 -> 1"),
        (SHIPS.replace("\n3\t", "\n5\t"), "file:4:1: expected the word 3, found 5"),
        (SHIPS.replace("\n3\t", "\nthree\t"), "file:4:1: .*'three' is not a valid ID"),
        (SHIPS.replace("creak\t_\tVERB", "\t_\tVERB"), "file:4:3: a word has no form"),
        (SHIPS.replace("\n3\t", f"\n{'3' * 9999}\t"), "number of too many digits"),
    ],
)
def test_errors_name_line_and_column(text, message):
    found = error(read, text)
    assert found.startswith("file")
    assert re.search(message, found), found


def test_a_bad_sentence_does_not_hide_the_others():
    text = f"{SHIPS}\n\n{SHIPS.replace('nsubj', chr(233))}\n\n{SPLIT}".encode("latin-1")
    good, bad, other = read_all(read, text)
    assert isinstance(good, Document)
    assert str(bad).startswith("file:9:25: expected text in UTF-8, found the byte 0xe9")
    assert isinstance(other, DataError)  # á is no UTF-8 either


def test_labels_are_written_back_in_the_order_of_the_words():
    bad = SHIPS.replace("\t0\troot", "\t3\troot")
    several = SPLIT.replace("\t1\tobj", "\t0\tobj")
    content = f"{SHIPS}\n\n{bad}\n\n{several}\n".encode()
    for structure in ("tree", "chain"):
        found = [
            part.label if isinstance(part, Document) else []
            for part in read(content, "file", structure=structure)
        ]
        told = [[name or "_" for name in part] for part in found]
        said = "".join(fill(content, "file", told, structure=structure))
        again = documents(said, structure=structure)
        assert [p.label for p in again] == [part for part in found if part]
    with pytest.raises(DataError, match="4 words have 1 labels"):
        list(fill(SHIPS.encode(), "file", [["X"]]))


def test_a_hundred_thousand_words_each_below_the_one_before():
    n = 100_000
    words = [line(k, "on", "ADV", k - 1, "dep") for k in range(1, n + 1)]
    document = one(read, "\n".join(words))
    assert document.parent == list(range(-1, n - 1))
    assert Documents.of([document]).corpus.height.max() == n - 1


def test_a_long_ring_is_told_by_its_beginning():
    words = [line(k, "on", "ADV", k - 1 or 5_000, "dep") for k in range(1, 5_001)]
    assert error(read, "\n".join(words)).endswith(
        "below itself: 1 -> 5000 -> 4999 -> 4998 -> 4997 -> 4996 -> ... -> 1"
    )


def test_a_sentence_of_too_many_words_is_refused(monkeypatch):
    monkeypatch.setattr("treefold.data.readers.conllu_text.MAX_NODES", 4)
    assert "a sentence has 4 words; the most nodes" in error(read, SHIPS)


def test_without_the_library_it_tells_how_to_install_it(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **named):
        if name.startswith("conllu"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DataError, match=r"pip install 'treefold\[nlp\]'"):
        read_all(read, SHIPS)


@given(mutated(f"{SHIPS}\n\n{SPLIT}\n", SPLIT))
def test_whatever_comes_out_is_a_document_or_a_data_error(content):
    for options in (
        {},
        {"ordered": True, "details": ["feats"]},
        {"structure": "chain"},
    ):
        check(read_all(read, content, **options))


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_told(content):
    check(read_all(read, content))


@given(st.lists(st.integers(-1, 9), min_size=1, max_size=9))
def test_any_heads_make_a_tree_or_an_error(heads):
    text = "\n".join(line(k, f"w{k}", "X", h, "dep") for k, h in enumerate(heads, 1))
    (found,) = read_all(read, text)
    good = all(0 <= head <= len(heads) for head in heads)
    if good and len(order(heads)) == len(heads):
        assert isinstance(found, Document)
        words = [c.text for c in found.content if c.text]
        assert words == [f"w{k}" for k in order(heads)]
        above = {
            found.content[k].text: found.content[p].text if p >= 0 else None
            for k, p in enumerate(found.parent)
        }
        for k, head in enumerate(heads, 1):
            assert above[f"w{k}"] == (f"w{head}" if head else None)
    else:
        assert isinstance(found, DataError)
