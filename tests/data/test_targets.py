"""What is to be told: taken out of documents, understood, held out."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data import DataError
from treefold.data.documents import Document
from treefold.data.readers import xml_text
from treefold.data.readers.objects import document
from treefold.data.targets import (
    fields_of,
    goal_of,
    hold_out,
    lift,
    name_of,
    number_of,
    take,
)

ORDER = {"id": 7, "user": {"plan": "free", "age": 31.5}, "paid": True, "tags": [1, 2]}


@pytest.mark.parametrize(
    ("path", "value", "nodes"),
    [("id", 7.0, 8), ("user.plan", "free", 8), ("paid", "true", 8)],
)
def test_a_field_is_taken_out(path: str, value: object, nodes: int):
    order = document(ORDER)
    assert take(order, path) == value
    assert len(order) == nodes == len(order.content) == len(order.label)
    assert str(order).count("\n") == nodes - 1
    rest = {k: v for k, v in ORDER.items() if k != path}
    if path in ORDER:
        assert str(order) == str(document(rest))


def test_a_key_with_a_dot_is_one_name():
    assert take(document({"a.b": 1, "a": {"b": 2}}), "a.b") == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("plan", "there is no field 'plan'; there are id, paid, tags, user"),
        ("user.plam", r"no field 'user.plam'; there are age, plan; did you .* 'plan'"),
        ("user.plan.x", "no field 'user.plan.x'; it is of kind 'string' with nothing"),
        ("user", "the field 'user' is of kind 'object'; a target is a text"),
        ("tags", "the field 'tags' is of kind 'array'"),
    ],
)
def test_a_field_that_cannot_be_a_target_is_told(path: str, message: str):
    order = document(ORDER)
    order.place = "orders.jsonl:3"
    with pytest.raises(DataError, match=f"orders.jsonl:3: .*{message}"):
        take(order, path)
    assert len(order) == 9


def test_null_is_no_target():
    with pytest.raises(DataError, match="'a' is null"):
        take(document({"a": None}), "a")


def test_many_fields_are_named_as_far_as_they_can_be_read():
    many = document({f"k{i:03}": i for i in range(50)})
    assert fields_of(many).endswith("k019, and 30 more")


def test_attributes_and_elements_of_xml_are_fields():
    (mail,) = xml_text.read(b'<mail id="3"><kind>spam</kind><p>hi</p></mail>', "m")
    assert isinstance(mail, Document)
    assert take(mail, "kind") == "spam"
    assert take(mail, "id") == 3
    assert [c.kind for c in mail.content] == ["mail", "p"]


def test_a_field_of_nodes_becomes_their_label():
    tree = document({"tag": "S", "below": [{"tag": "NP"}, {"tag": 2, "x": 1}, {}]})
    lift(tree, "tag")
    assert tree.label == ["S", None, "NP", "2", None, None]
    assert len(tree) == 6
    with pytest.raises(DataError, match="no node has a field 'tag'"):
        lift(tree, "tag")


@pytest.mark.parametrize(
    ("targets", "goal"),
    [
        (["a", "b"], "classify"),
        ([True, False], "classify"),
        (["a", 1.0], "classify"),
        ([0, 1, 1, 0], "classify"),
        ([1.0, 2.0, 3.0] * 5, "classify"),
        (list(range(20)) * 5, "classify"),
        (list(range(20)) * 4, "regress"),
        (list(range(21)) * 9, "regress"),
        ([0.5, 1.0] * 20, "regress"),
        ([1.0, float("inf")], "regress"),
    ],
)
def test_the_goal_is_what_targets_look_like(targets: list, goal: str):
    assert goal_of(targets) == goal


def test_names_are_those_of_the_file():
    assert [name_of(each) for each in (3, 3.0, 2.5, True, "x")] == [
        *("3", "3", "2.5", "true", "x")
    ]


@pytest.mark.parametrize("target", ["much", float("nan"), float("inf"), "nan"])
def test_what_is_no_finite_number_is_told(target: object):
    with pytest.raises(DataError, match=r"x\.jsonl:3: .* to be told"):
        number_of(target, "x.jsonl:3")


def test_every_part_has_its_share_of_each_class():
    targets = ["a"] * 60 + ["b"] * 40 + ["c"]
    rest, dev, test = hold_out(targets, None, 2, seed=3)
    counts = [Counter(targets[k] for k in part) for part in (rest, dev, test)]
    assert counts[1] == counts[2] == {"a": 6, "b": 4}
    assert counts[0]["c"] == 1
    again = hold_out(targets, None, 2, seed=3)
    np.testing.assert_array_equal(dev, again[1])
    assert dev.tolist() != hold_out(targets, None, 2, seed=4)[1].tolist()


def test_numbers_are_spread_over_their_range():
    targets = np.arange(100.0).tolist()
    for part in hold_out(targets, None, 2, seed=0):
        assert 40 < np.mean([targets[k] for k in part]) < 60


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=30),
    st.integers(1, 2),
)
def test_groups_are_never_split(drawn, parts: int):
    targets, groups = [t for t, _ in drawn], [g for _, g in drawn]
    if len(set(groups)) <= parts:
        with pytest.raises(DataError, match="groups are too few"):
            hold_out(targets, groups, parts, 0)
        return
    shares = hold_out(targets, groups, parts, 0)
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(drawn)))
    found = [{groups[k] for k in share} for share in shares]
    assert all(found)
    assert sum(map(len, found)) == len(set(groups))


def test_too_few_documents_are_told():
    with pytest.raises(DataError, match="2 documents are too few to hold some out"):
        hold_out(["a", "b"], None, 2, 0)


def test_a_number_that_no_sum_of_squares_can_hold_is_told():
    with pytest.raises(DataError, match=r"a:1: .* is -1e\+308, beyond 1e\+100; give"):
        number_of(-1e308, "a:1")
    with pytest.raises(DataError, match="is inf"):
        number_of(10**400, "a:1")


def test_a_key_that_is_not_plain_is_shown_as_python_has_it():
    assert fields_of(document({"\n": 1, "état": 2})) == "'\\n', état"


def test_a_file_that_is_one_object_around_its_records_is_told_so():
    with pytest.raises(DataError, match="The items of 'results' have it"):
        take(document({"results": [{"state": "paid"}], "count": 1}), "state")
    with pytest.raises(DataError) as found:
        take(document({"user": {"state": "paid"}, "tags": [1]}), "state")
    assert "have it" not in str(found.value)
