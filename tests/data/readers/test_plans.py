"""PostgreSQL's plans as documents: estimates, and nothing of the execution."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, one, read_all
from treefold.data.documents import Document
from treefold.data.readers.plans import MEASURED_NAMES, Plan, read, read_plans

SCAN = {
    "Node Type": "Seq Scan",
    "Parent Relationship": "Outer",
    "Relation Name": "orders",
    "Startup Cost": 0.0,
    "Total Cost": 99.0,
    "Plan Rows": 1000,
    "Plan Width": 8,
    "Actual Total Time": 4.5,
    "Actual Rows": 990,
    "Actual Loops": 1,
    "Filter": "(day < 30)",
    "Rows Removed by Filter": 10,
    "Shared Hit Blocks": 7,
}
SORT = {
    "Node Type": "Sort",
    "Startup Cost": 1.0,
    "Total Cost": 120.0,
    "Plan Rows": 1000,
    "Plan Width": 8,
    "Actual Total Time": 6.0,
    "Sort Key": ["day", "id DESC"],
    "Sort Method": "quicksort",
    "Plans": [SCAN],
}
EXPLAINED = [
    {"Plan": SORT, "Planning Time": 0.1, "Triggers": [], "Execution Time": 7.0}
]
TEXT = json.dumps(EXPLAINED)


def test_an_operator_is_a_node_of_its_kind_and_role_and_attributes_are_its_children():
    plan = one(read, TEXT)
    assert str(plan).split("\n") == [
        "Sort",
        "  Sort Key: array",
        '    Sort Key[]: "day"',
        '    Sort Key[]: "id DESC"',
        "  Outer: Seq Scan",
        '    Filter: "(day < 30)"',
        '    Relation Name: "orders"',
    ]


def test_estimates_are_logarithms_and_no_workers_are_none():
    vector = one(read, TEXT).content[0].vector
    assert vector == pytest.approx([math.log1p(x) for x in (1, 120, 1000, 8, 0)])


def test_a_plan_without_costs_has_missing_estimates_that_are_equal():
    bare = {"Node Type": "Append", "Plans": [{"Node Type": "A"}, {"Node Type": "A"}]}
    plan = one(read, json.dumps(bare))
    assert all(math.isnan(x) for x in plan.content[1].vector or [0.0])
    assert plan.content[1] == plan.content[2]


def test_the_target_is_the_execution_time_else_the_roots():
    assert one(read, TEXT).target == 7.0
    assert one(read, json.dumps({"Plan": SORT})).target == 6.0
    assert one(read, json.dumps(SORT)).target == 6.0
    assert one(read, '{"Node Type": "Result"}').target is None


def test_nothing_of_the_execution_is_seen():
    measured = {**SORT, **dict.fromkeys(MEASURED_NAMES, 1), "Plans": [SCAN]}
    assert str(one(read, json.dumps(measured))) == str(one(read, TEXT))
    kept = str(one(read, TEXT, executed=True))
    assert "Actual Rows: 990" in kept
    assert "Sort Method" in kept


def test_times_stand_beside_the_operators_they_belong_to():
    (plan,) = read_plans(TEXT.encode(), "file")
    assert isinstance(plan, Plan)
    kinds = [content.kind for content in plan.document.content]
    times = dict(zip(kinds, plan.times, strict=True))
    assert (times["Sort"], times["Seq Scan"]) == (6.0, 4.5)
    assert math.isnan(times["array"])


def test_fields_beside_the_plan_are_below_the_root():
    plan = one(read, json.dumps({"template": "q3", "Plan": SCAN, "ms": 5}))
    fields = {
        c.role: c for c, p in zip(plan.content, plan.parent, strict=True) if p == 0
    }
    assert (fields["template"].text, fields["ms"].number) == ("q3", 5.0)


def test_many_plans_are_read_from_an_array_from_lines_and_from_what_follows():
    line = json.dumps({"Plan": SCAN})
    array = json.dumps([{"Plan": SCAN}, {"Plan": SORT}])
    for text in (array, f"{line}\n{line}\n", f"{TEXT}\n{TEXT}", f"{line} {line}"):
        found = read_all(read, text)
        assert [type(each) for each in found] == [Document, Document]


def test_operators_have_numbers_where_they_are_asked_for():
    append = {"Node Type": "Append", "Plans": [SCAN, SCAN]}
    for ordered, numbers in ((None, [-1, -1]), (True, [0, 1])):
        plan = one(read, json.dumps(append), ordered=ordered)
        found = [c.position for c in plan.content if c.kind == "Seq Scan"]
        assert found == numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file: expected a plan.*found nothing"),
        (
            '{"a": 1}',
            "file:1: expected a plan, an object with 'Plan' or 'Node Type'.*'a'",
        ),
        ("7", "file:1: expected a plan.*found 7"),
        ('{"Node Type": 3}', "expected an operator with its 'Node Type'"),
        ('{"Node Type": "A", "Plans": 3}', "'Plans' must be an array.*found 3"),
        ('{"Node Type": "A", "Plans": [3]}', "'Plans' must hold operators, found 3"),
        ('{"Node Type": "A", "Plan Rows": "many"}', "'Plan Rows' must be a number"),
        ('{"Plan": ', "file:1:10: this is no JSON"),
        ('{"Plan": {}}', "expected a plan.*an object with nothing in it"),
    ],
)
def test_what_is_no_plan_is_told(text, message):
    import re

    assert re.search(message, error(read, text))


def test_a_bad_plan_does_not_end_the_reading():
    line = json.dumps({"Plan": SCAN})
    found = read_all(read, f"{line}\n{{}}\n{line}", lines=True)
    assert [isinstance(each, Document) for each in found] == [True, False, True]


def test_a_plan_of_20000_levels_is_read():
    deep = '{"Node Type":"A","Plans":[' * 20_000 + '{"Node Type":"B"}' + "]}" * 20_000
    assert len(one(read, deep)) == 20_001


@settings(max_examples=60, deadline=None)
@given(mutated(TEXT, json.dumps(SORT)))
def test_only_documents_and_errors_come_out(text):
    check(read_all(read, text))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*SORT, "Actual Startup Time"]),
        st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_values_of_any_type_end_in_a_document_or_an_error(node):
    check(read_all(read, json.dumps({"Plan": {"Node Type": "A", **node}})))
