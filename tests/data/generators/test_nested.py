"""Generated records: each label follows from its record, by the rule told."""

import json

import pytest

from treefold.data.document_sets import NAMED, load_documents
from treefold.data.generators.nested import (
    MANY,
    NAMES,
    load_records,
    make_records,
)

COUNT = 200


def parts(elements):
    """Yield a list's elements, those in bundles too."""
    for element in elements:
        if "parts" in element:
            yield from parts(element["parts"])
        else:
            yield element


def of_the_largest(record):
    scored = [o for o in parts(record["offers"]) if o["score"] is not None]
    scores = sorted(offer["score"] for offer in scored)
    assert scores[-1] - scores[-2] > 0.25 if len(scores) > 1 else scores
    return max(scored, key=lambda offer: offer["score"])["terms"]["grade"]


def any_at_home(record):
    pairs = [
        (payment["card"]["issuer"], payment["merchant"]["address"]["country"])
        for payment in parts(record["payments"])
    ]
    return str(any(issuer == country for issuer, country in pairs))


def number_wanted(record):
    items = list(parts(record["items"]))
    in_stock = [item["stock"]["available"] for item in items]
    many = [item["quantity"] >= MANY for item in items]
    assert sum(in_stock) == sum(many) == len(items) // 2
    return str(sum(a and b for a, b in zip(in_stock, many, strict=True)))


def total(record):
    items = parts(record["items"])
    return pytest.approx(sum(item["price"] * item["quantity"] for item in items))


RULES = {
    "records-largest": of_the_largest,
    "records-equal": any_at_home,
    "records-count": number_wanted,
    "records-sum": total,
}


@pytest.mark.parametrize("name", RULES)
def test_the_label_follows_from_the_record(name):
    for record, label in make_records(name, COUNT):
        assert label == RULES[name](record)


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_json_and_depends_on_its_number_alone(name):
    records = make_records(name, 20, seed=3)
    assert records[5:8] == make_records(name, 3, seed=3, start=5)
    assert records != make_records(name, 20, seed=4)
    assert json.loads(json.dumps([record for record, _ in records])) == [
        record for record, _ in records
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "records-sum"])
def test_no_class_is_rare_among_the_first(name):
    labels = [label for _, label in make_records(name, COUNT)]
    most = max(labels.count(label) for label in set(labels))
    assert most < 0.7 * COUNT
    assert len(set(labels)) >= 2


def test_plain_fields_of_who_leaves_tell_most_of_it():
    records = make_records("records-flat", COUNT)
    idle = [r["account"]["use"]["days_idle"] > 30 for r, _ in records]
    leaves = [label == "leaves" for _, label in records]
    both = sum(a and b for a, b in zip(idle, leaves, strict=True))
    alone = sum(b and not a for a, b in zip(idle, leaves, strict=True))
    assert both / sum(idle) > 1.5 * alone / (COUNT - sum(idle))


def test_an_unknown_rule_is_told():
    with pytest.raises(
        ValueError, match=r"name must be one of records-largest, .*, got 'odds'"
    ):
        make_records("odds", 1)


def test_every_size_of_a_set_has_the_same_test_records(monkeypatch):
    monkeypatch.setattr("treefold.data.generators.nested.TEST", 30)
    small, larger = (load_records(f"records-sum-{count}") for count in (20, 40))
    assert (len(small.train), len(small.dev), len(small.test)) == (20, 5, 30)
    assert (len(larger.train), len(larger.dev)) == (40, 10)
    assert larger.test.targets == small.test.targets
    assert larger.goal == "regress"
    trained = {str(document) for document in larger.train}
    assert not trained & {str(document) for document in larger.test}


def test_records_are_data_sets_by_name(monkeypatch):
    monkeypatch.setattr("treefold.data.generators.nested.TEST", 10)
    names = {f"{name}{size}" for name in NAMES for size in ("", "-2000", "-500")}
    assert names <= set(NAMED)
    found = load_documents("records-flat-500")
    assert found.goal == "classify"
    assert len(found.train) == 500
