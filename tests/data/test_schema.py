"""The schema: what there is to see in documents, as sparse features."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.test_documents import any_documents
from treefold.data import DataError, Document, Documents, Schema
from treefold.data.documents import Content
from treefold.data.pieces import buckets, pieces
from treefold.data.scales import Scale
from treefold.data.schema import OTHER


def dense(schema: Schema, *contents: Content) -> np.ndarray:
    """The features of contents as a table, (U, F)."""
    found = schema.encode(contents)
    table = np.zeros((len(contents), schema.num_features))
    row = np.repeat(np.arange(len(contents)), np.diff(found.offset))
    np.add.at(table, (row, found.index), found.weight)
    return table


def learned(*contents: Content, times: int = 2) -> Schema:
    document = Document()
    document.add(-1, "root")
    for content in contents * times:
        document.parent.append(0)
        document.content.append(content)
        document.label.append(None)
    return Schema.learn(Documents.of([document]))


@given(any_documents())
def test_each_content_is_encoded_within_the_features_there_are(found):
    packed = Documents.of(found)
    schema = Schema.learn(packed)
    features = schema.encode(packed.contents)
    assert len(features.offset) == len(packed.contents) + 1
    assert (np.diff(features.offset) >= 2).all()  # a kind and a role at least
    assert (features.index >= 0).all()
    assert (features.index < schema.num_features).all()
    assert np.isfinite(features.weight).all()


@given(any_documents())
def test_a_schema_written_and_read_encodes_alike(found):
    packed = Documents.of(found)
    schema = Schema.learn(packed)
    again = Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))
    assert again == schema
    for mine, theirs in zip(
        schema.encode(packed.contents), again.encode(packed.contents), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@given(any_documents(), st.data())
def test_features_are_taken_by_row(found, data):
    packed = Documents.of(found)
    schema = Schema.learn(packed)
    U = len(packed.contents)
    rows = data.draw(st.lists(st.integers(0, U - 1), max_size=6))
    taken = schema.encode(packed.contents).take(np.array(rows, np.int64))
    wanted = schema.encode([packed.contents[u] for u in rows])
    for mine, theirs in zip(taken, wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_kinds_roles_texts_and_numbers_are_told_apart():
    contents = (
        Content("string", "status", text="paid"),
        Content("string", "status", text="open"),
        Content("string", "colour", text="open"),
        Content("number", "total", number=1.0),
        Content("number", "total", number=2.0),
        Content("number", "total", position=3, number=2.0),
        Content("null", "total"),
    )
    table = dense(learned(*contents), *contents)
    assert len(np.unique(table, axis=0)) == len(contents)


def test_what_training_never_met_is_encoded_by_what_remains():
    schema = learned(Content("string", "status", text="paid"))
    strange = (
        Content("widget", "status"),
        Content("string", "state", text="paid"),
        Content("string", "status", text="payed"),
        Content("number", "price", number=7.0),
    )
    table = dense(schema, *strange)
    known = dense(schema, Content("string", "status", text="paid"))[0]
    assert len(np.unique(table, axis=0)) == len(strange)
    assert table[0] @ known > 0  # of its role, it knows
    assert table[2] @ known > table[1] @ known > 0


def test_a_content_that_occurs_once_is_no_category_but_has_pieces():
    schema = learned(Content("string", "name", text="Ada"), times=1)
    field = next(f for f in schema.fields if f.role == "name")
    assert field.categories == ()
    assert field.use == ("text",)


def test_a_use_that_a_person_removes_is_not_seen():
    content = Content("string", "id", text="x17")
    schema = learned(content)
    settings = schema.to_json()
    for field in settings["fields"]:
        field["use"] = []
    edited = Schema.from_json(settings)
    table = dense(edited, content, content._replace(text="y18"))
    np.testing.assert_array_equal(table[0], table[1])


@pytest.mark.parametrize(
    "content", [{}, [], None, {"fields": [{}]}, {"fields": 3}, {"fields": [{"use": 1}]}]
)
def test_what_is_no_schema_is_refused(content):
    with pytest.raises(DataError, match="no schema"):
        Schema.from_json(content)


def test_a_use_that_is_none_is_refused():
    settings = learned(Content("string", "a", text="b")).to_json()
    settings["fields"][0]["use"] = ["magic"]
    with pytest.raises(DataError, match="'magic'"):
        Schema.from_json(settings)


def test_vectors_have_one_length():
    two, three = Content("row", vector=(1.0, 2.0)), Content("row", vector=(1.0,) * 3)
    with pytest.raises(DataError, match="all must have as many"):
        learned(two, three)
    with pytest.raises(DataError, match="a vector has 3 values"):
        learned(two).encode([three])


def test_the_table_has_a_row_for_each_field():
    schema = learned(
        Content("number", "total", number=3.0), Content("string", "s", text="a")
    )
    rows = schema.table()
    assert [row[:2] for row in rows] == [(f.role, f.kind) for f in schema.fields]
    assert "number 3 to 3" in dict((r[0], r[3]) for r in rows)["total"]


# ------------------------------------------------------------------ numbers


@given(st.lists(st.floats(), max_size=20), st.lists(st.floats(), max_size=5))
def test_any_number_has_finite_features(learn, read):
    scale = Scale.of(np.array(learn, np.float64))
    features = scale.features(np.array(read, np.float64))
    assert features.shape == (len(read), scale.size)
    assert np.isfinite(features).all()


def test_a_number_fills_the_gaps_below_it():
    scale = Scale.of(np.array([0.0, 1.0, 2.0, 4.0]))
    gaps = scale.features(np.array([-1.0, 0.5, 3.0, 9.0]))[:, 5:]
    np.testing.assert_allclose(gaps, [[0, 0, 0], [0.5, 0, 0], [1, 1, 0.5], [1, 1, 1]])


def test_missing_and_infinite_numbers_say_so():
    scale = Scale.of(np.array([1.0, 2.0]))
    found = scale.features(np.array([np.nan, np.inf, -np.inf]))
    np.testing.assert_array_equal(found[:, :3], np.eye(3))
    np.testing.assert_array_equal(found[:, 5:], 0)


def test_many_numbers_have_few_knots():
    assert len(Scale.of(np.random.default_rng(0).normal(size=1000)).knots) == 32


# ------------------------------------------------------------------ texts


@given(st.text(), st.integers(1, 50))
def test_the_shares_of_pieces_have_squares_that_sum_to_one(text, number):
    found = buckets(text, number)
    assert all(0 <= bucket < number for bucket in found)
    if found:
        assert sum(v * v for v in found.values()) == pytest.approx(1)


def test_names_fall_into_words():
    assert pieces("getHTTP_x2")[:4] == ["get", "http", "x", "2"]


def test_a_book_is_looked_at_in_part():
    assert len(pieces("word " * 1_000_000)) < 300


def test_the_first_of_each_table_is_for_what_it_lacks():
    assert OTHER == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("deviation", -1, "deviation is above 0, not -1"),
        ("log_deviation", 0, "log_deviation is above 0"),
        ("mean", float("nan"), "are finite"),
        ("knots", [3, 2, 1], "knots ascend"),
        ("num_buckets", 10**12, "num_buckets is from 1 to"),
        ("num_buckets", -1, "num_buckets is from 1 to"),
    ],
)
def test_a_schema_edited_to_what_no_model_can_use_is_refused(name, value, message):
    one = Document()
    one.add(-1, "number", number=2.0)
    settings = Schema.learn(Documents.of([one])).to_json()
    (settings if name in settings else settings["numbers"])[name] = value
    with pytest.raises(DataError, match=message):
        Schema.from_json(settings)
