"""Values are told where the same ones stand again."""

import numpy as np
from hypothesis import given

from tests.data.test_documents import any_documents
from treefold.data import Document, Documents, Schema
from treefold.data.documents import Content
from treefold.data.echoes import FARTHEST, echoes
from treefold.data.readers.objects import document


def same_of(found: Document) -> dict[str, tuple[str, ...]]:
    """The paths of each value of a document, by its role."""
    told = echoes(found.parent, found.content)
    return {each.role: each.same for each in told if each.same}


def follow(found: Document, node: int, path: str) -> set[int]:
    """Walk a path through a document, one step at a time, as a person would."""
    here = {node}
    for step in path.split("/"):
        if step == "..":
            here = {found.parent[v] for v in here}
        else:
            below = found.children
            here = {c for v in here for c in below[v] if found.content[c].role == step}
    return here


def test_a_value_is_told_where_the_same_one_stands():
    record = {"card": {"issuer": "FR"}, "merchant": {"country": "FR", "name": "Ada"}}
    assert same_of(document(record)) == {
        "issuer": ("../../merchant/country",),
        "country": ("../../card/issuer",),
    }


def test_numbers_that_name_others_are_found():
    record = {"atoms": [{"id": 7}, {"id": 8}], "bonds": [{"from": 7, "to": 8}]}
    assert same_of(document(record))["from"] == ("../../../atoms/atoms[]/id",)


def test_the_nearest_is_among_those_told():
    record = {"list": [{"a": "x", "b": "x"}, {"a": "x"}]}
    told = echoes(*_parts(document(record)))
    near = [each.same for each in told if each.role == "b"]
    assert near == [("../../list[]/a", "../a")]


def test_what_is_empty_missing_or_true_names_nothing():
    nan, inf = float("nan"), float("inf")
    record = {"a": ["", "", None, None], "b": [True, True], "c": [nan, nan, inf, inf]}
    assert same_of(document(record)) == {}


def test_a_value_that_is_too_far_is_not_told():
    deep = "x"
    for _ in range(FARTHEST + 1):
        deep = {"k": deep}
    assert same_of(document({"deep": deep, "x": "x"})) == {}


@given(any_documents())
def test_every_path_leads_to_an_equal_value(found):
    for each in found:
        values = Document()
        values.parent = each.parent
        values.content = [
            c._replace(kind="string" if c.text is not None else "number")
            for c in each.content
        ]
        for node, told in enumerate(echoes(*_parts(values))):
            for path in told.same:
                reached = follow(values, node, path)
                mine = values.content[node]
                assert any(
                    (values.content[v].text or values.content[v].number)
                    == (mine.text or mine.number)
                    for v in reached
                )


def test_a_long_chain_of_equal_values_takes_no_time():
    chain = Document()
    for node in range(100_000):
        chain.add(node - 1, "string", text="x")
    told = echoes(chain.parent, chain.content)
    assert len(told) == 100_000


def test_paths_are_found_when_documents_are_packed_and_only_then():
    one = document({"a": "x", "b": "x"})
    assert all(not each.same for each in one.content)
    packed = Documents.of([one])
    assert {each.same for each in packed.contents} == {(), ("../a",), ("../b",)}
    cut = packed.document(0)
    cut.parent, cut.content, cut.label = cut.parent[:2], cut.content[:2], cut.label[:2]
    assert all(not each.same for each in Documents.of([cut]).contents)


def test_paths_that_recur_are_features_and_rare_ones_are_not():
    often = [document({"a": str(k), "b": str(k)}) for k in range(9)]
    schema = Schema.learn(Documents.of([*often, document({"a": "x", "c": "x"})]))
    field = next(f for f in schema.fields if f.role == "a")
    assert field.same == ("../b",)
    assert "same" in field.use
    told = schema.encode(
        [Content("string", "a", text="0", same=s) for s in ((), ("../b",), ("../c",))]
    )
    sizes = np.diff(told.offset)
    assert sizes.tolist() == [sizes[0], sizes[0] + 1, sizes[0]]


def _parts(found: Document) -> tuple[list[int], list[Content]]:
    return found.parent, found.content
