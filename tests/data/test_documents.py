"""Documents: built from the root down, packed, and unpacked again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data import DataError, Document, Documents
from treefold.data.documents import Content

TEXTS = st.none() | st.text(max_size=4)
NUMBERS = st.none() | st.floats()


@st.composite
def any_documents(draw: st.DrawFn) -> list[Document]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        document = Document(f"made:{number}", draw(st.none() | st.text(max_size=2)))
        for node in range(draw(st.integers(1, 9))):
            document.add(
                draw(st.integers(0, node - 1)) if node else -1,
                draw(st.sampled_from("abc")),
                role=draw(st.sampled_from(["", "r", "s"])),
                position=draw(st.integers(-1, 3)),
                text=draw(TEXTS),
                number=draw(NUMBERS),
                vector=draw(st.none() | st.just([1.0, 2.0])),
                label=draw(st.none() | st.sampled_from("xy")),
            )
        found.append(document)
    return found


def assert_equal(left: Document, right: Document) -> None:
    assert left.parent == right.parent
    assert left.content == right.content
    assert left.label == right.label
    assert left.target == right.target
    assert left.place == right.place


@given(any_documents())
def test_what_is_packed_can_be_unpacked(found):
    packed = Documents.of(found)
    assert len(packed) == len(found)
    for mine, given_ in zip(packed, found, strict=True):
        assert_equal(mine, given_)


@given(any_documents())
def test_equal_contents_are_held_once(found):
    packed = Documents.of(found)
    assert len(set(packed.contents)) == len(packed.contents)
    assert len(packed.contents) == len({c for d in found for c in d.content})
    assert packed.corpus.tokens == tuple(map(str, packed.contents))


@given(any_documents(), st.data())
def test_documents_are_chosen_by_number(found, data):
    packed = Documents.of(found)
    numbers = data.draw(st.lists(st.integers(0, len(found) - 1), max_size=4))
    chosen = packed[np.array(numbers, np.int64)]
    assert len(chosen) == len(numbers)
    for mine, number in zip(chosen, numbers, strict=True):
        assert_equal(mine, found[number])


def test_parts_are_put_together():
    def one(text: str) -> Documents:
        document = Document()
        document.add(-1, "word", text=text)
        return Documents.of([document])

    both = Documents.cat([one("a"), one("b"), one("a")])
    assert [d.content[0].text for d in both] == ["a", "b", "a"]
    assert len(both.contents) == 2


def test_a_chain_of_a_hundred_thousand_nodes_is_packed_and_printed():
    document = Document()
    for node in range(100_000):
        document.add(node - 1, "link")
    packed = Documents.of([document])
    assert packed.corpus.height[-1] == 99_999
    assert packed.document(0).parent == document.parent


def test_not_a_number_is_one_content():
    document = Document()
    document.add(-1, "number", number=float("nan"))
    document.add(0, "number", number=-math.nan)
    assert len(Documents.of([document]).contents) == 1


@pytest.mark.parametrize("parent", [0, -1, 5, -2])
def test_a_parent_that_is_not_there_is_refused(parent):
    document = Document("file:3")
    if parent == -1:
        document.add(-1, "root")
    with pytest.raises(DataError, match="file:3"):
        document.add(parent, "node")


def test_a_document_without_nodes_is_refused():
    with pytest.raises(DataError, match="file:9: it has no node"):
        Documents.of([Document("file:9")])


def test_contents_are_written_for_people():
    assert str(Content("number", "total", number=2.0)) == "total: 2"
    assert str(Content("string", text="x" * 50)) == f'"{"x" * 40}…"'
    assert str(Content("object")) == "object"
