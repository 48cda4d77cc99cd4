"""Values as JSON knows them, as documents."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import values
from treefold.data.readers.values import add_value, as_number, clean


def read(value, **options):
    document = Document("orders.jsonl:3")
    add_value(document, -1, value, **options)
    return document


def nodes(document):
    """Each node as its parent, kind, role and position."""
    return [
        (above, c.kind, c.role, c.position)
        for above, c in zip(document.parent, document.content, strict=True)
    ]


def value_of(document):
    """The plain recursion back from a document to its JSON."""
    children = document.children

    def build(node):
        content = document.content[node]
        match content.kind:
            case "object":
                return {document.content[c].role: build(c) for c in children[node]}
            case "array":
                return [build(c) for c in children[node]]
            case "boolean":
                return bool(content.number)
            case "null":
                return None
        return content.text if content.kind == "string" else content.number

    return build(0)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(JSON)
def test_a_document_holds_all_that_was_in_the_value(value):
    assert value_of(read(value)) == value


@given(JSON)
def test_the_order_of_keys_makes_no_difference(value):
    turned = json.loads(json.dumps(value, sort_keys=True))
    assert read(value).content == read(turned).content


def test_keys_are_roles_and_items_are_numbered():
    assert nodes(read({"b": [True, None], "a": 1})) == [
        (-1, "object", "", -1),
        (0, "number", "a", -1),
        (0, "array", "b", -1),
        (2, "boolean", "b[]", 0),
        (2, "null", "b[]", 1),
    ]


def test_items_of_arrays_in_arrays_keep_the_role_of_the_outermost():
    roles = [content.role for content in read({"m": [[1], [2]]}).content]
    assert roles == ["", "m", "m[]", "m[]", "m[]", "m[]"]


def test_unordered_numbers_nothing_and_ordered_all():
    value = {"a": [1, 2], "b": 3}
    assert {c.position for c in read(value, ordered=False).content} == {-1}
    positions = [c.position for c in read(value, ordered=True).content]
    assert positions == [-1, 0, 0, 1, 0]


def test_numbers_beyond_floats_are_infinite_and_nan_is_kept():
    huge = 10**5000
    number = [c.number for c in read([huge, -huge, math.nan, math.inf, 7]).content]
    assert number[1:3] == [math.inf, -math.inf]
    assert number[3] is not None
    assert math.isnan(number[3])
    assert number[4:] == [math.inf, 7.0]


def test_half_of_a_surrogate_pair_is_replaced():
    assert clean("a\ud800b") == "a\ufffdb"
    assert clean("\ud83d\ude00") == "\U0001f600"
    document = read({"\udcff": "\udcff"})
    assert document.content[1].role == document.content[1].text == "\ufffd"


def test_a_list_in_itself_is_refused_with_its_path():
    value = {"orders": [{"lines": []}]}
    value["orders"][0]["lines"].append(value["orders"])
    message = (
        r"orders\.jsonl:3: \$\.orders\[0\]\.lines\[0\] is \$\.orders again: a value "
        "that contains itself"
    )
    with pytest.raises(DataError, match=message):
        read(value)


def test_the_same_list_twice_is_no_cycle():
    shared = [1]
    assert len(read([shared, shared])) == 5


def test_lists_that_double_at_every_level_end_in_a_message(monkeypatch):
    monkeypatch.setattr(values, "MAX_NODES", 1000)
    value = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(DataError, match="at most 1,000 nodes, this one has more"):
        read(value)


def test_an_unknown_type_is_told_with_its_path():
    with pytest.raises(DataError, match=r"\$\.a\[1\] is of type .*Decimal, which is"):
        read({"a": [1, pytest.importorskip("decimal").Decimal(1)]})


def test_a_key_that_is_no_scalar_is_told():
    with pytest.raises(
        DataError, match=r"3: \$\.a: the key '\(1, 2\)' of an object is"
    ):
        read({"a": {(1, 2): 3}})


def test_keys_that_are_numbers_are_written():
    assert [c.role for c in read({2: 0, None: 0, True: 0}).content[1:]] == [
        "2",
        "null",
        "true",
    ]


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"k": v}])
def test_nesting_of_a_hundred_thousand_is_read(wrap):
    value = 1
    for _ in range(100_000):
        value = wrap(value)
    document = read(value)
    assert len(document) == 100_001
    assert document.parent[-1] == 99_999


def test_a_path_that_is_long_is_shown_at_its_ends():
    value = {"bad": object()}
    for _ in range(1000):
        value = [value]
    with pytest.raises(
        DataError, match=r"3: \$\[0\]\[0\]\[0\]\[0\]\.\.\.\[0\].*\.bad is"
    ):
        read(value)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-1.5e3", -1500), ("INF", math.inf), ("1e999", math.inf)],
)
def test_a_number_is_what_json_writes(text, number):
    assert as_number(text) == number


@pytest.mark.parametrize("text", ["", "007", "+1", ".5", "1.", "1_0", "٣", "9" * 401])
def test_what_only_looks_like_a_number_is_text(text):
    assert as_number(text) is None


def test_whole_numbers_that_floats_confuse_keep_their_digits():
    first, second = Document(), Document()
    add_value(first, -1, 2**53 + 1)
    add_value(second, -1, 2**53 + 2)
    assert [d.content[0].text for d in (first, second)] == [
        "9007199254740993",
        "9007199254740994",
    ]
    small = Document()
    add_value(small, -1, 7)
    assert small.content[0].text is None
