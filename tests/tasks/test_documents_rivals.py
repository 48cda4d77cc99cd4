"""Rivals of documents: what a table of flattened paths holds, and what it cannot."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info

from treefold.data.documents import Document, Documents, DocumentSet, Goal
from treefold.data.flat import Bag, Pools, Walk, mixed
from treefold.data.readers.values import add_value
from treefold.tasks import documents_rivals
from treefold.tasks.documents import DocumentsTask
from treefold.tasks.documents_config import DocumentsConfig


def documents(records, targets):
    found = []
    for record, target in zip(records, targets, strict=True):
        document = Document(target=target)
        add_value(document, -1, record)
        found.append(document)
    return Documents.of(found)


def task_of(records, targets, goal: Goal = "classify"):
    """Make a task whose first half is to learn from."""
    n = len(records)
    cuts = ((0, n // 2), (n // 2, 3 * n // 4), (3 * n // 4, n))
    parts = [documents(records[a:b], targets[a:b]) for a, b in cuts]
    return DocumentsTask.of(DocumentsConfig(), DocumentSet("made", *parts, goal=goal))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(documents_rivals, "WORK", 1.0)


def pools_of(*records):
    """Return the pooled numbers of records, sorted within each."""
    walk = Walk(documents(records, [None] * len(records)))
    numbers = walk.numbers()
    return Pools(numbers, len(records), least=1)(numbers, len(records))


def test_numbers_of_a_list_are_pooled_in_six_ways_and_placed():
    x = pools_of({"a": [{"b": 3.0}, {"b": 1.0}, {"b": 8.0}]}, {"a": [{"b": 5.0}]})
    assert {3.0, 1.0, 8.0, 12.0, 4.0} <= set(x[0].tolist())  # each, the sum, the mean
    assert set(x[1][~np.isnan(x[1])].tolist()) == {5.0}
    assert np.isnan(x[1]).any()  # it has no second item


def test_first_and_last_go_by_the_order_in_the_document_not_by_level():
    nested = {"a": [{"b": 1.0}, {"c": {"d": [{"b": 2.0}]}}, {"b": 3.0}]}
    walk = Walk(documents([nested], [None]))
    assert walk.numbers().value[:3].tolist() == [1.0, 2.0, 3.0]


def test_dates_and_numbers_in_texts_are_numbers():
    x = pools_of({"a": "2024-05-03T12:00:00Z", "b": " 17.5 ", "c": "2024-99-99"})
    days = date(2024, 5, 3).toordinal() + 0.5
    assert set(x[0].tolist()) == {days, 17.5}


def test_a_key_with_numbers_texts_and_nulls_is_one_path():
    walk = Walk(documents([{"k": 1.0}, {"k": "x"}, {"k": None}], [None] * 3))
    leaf = walk.parent >= 0
    assert len(set(walk.path[leaf].tolist())) == 1
    assert len(set(walk.kind[leaf].tolist())) == 3


def test_keys_do_not_depend_on_the_documents_beside():
    record = {"a": [1.0, {"b": "x"}], "c": True}
    alone = Walk(documents([record], [None]))
    both = Walk(documents([{"z": 1}, record], [None] * 2))
    mine = both.row == 1
    assert np.array_equal(both.path[mine], alone.path)
    assert np.array_equal(both.place[mine], alone.place)


def test_a_bag_counts_what_several_training_documents_hold():
    walk = Walk(documents([{"t": "a b"}, {"t": "a"}, {"u": "c"}], [None] * 3))
    node, _ = walk.words()
    seen = documents_rivals._words(walk)
    assert len(node) == 4
    bag = Bag(seen, 3)
    assert bag(seen, 3).toarray().tolist() == [[1.0], [1.0], [0.0]]


def test_keys_mix_in_their_order():
    a, b = np.array([1], np.uint64), np.array([2], np.uint64)
    assert mixed(a, b) != mixed(b, a)
    assert mixed(a, b) == mixed(a, b)


def test_a_rule_on_one_path_is_learned_by_all_but_the_simplest(quick):
    random = np.random.default_rng(0)
    values = random.normal(size=160).tolist()
    records = [{"a": {"x": v, "noise": random.random()}} for v in values]
    targets = ["high" if v > 0 else "low" for v in values]
    found = documents_rivals.rivals(task_of(records, targets), progress=False)
    assert found["flattened, linear"]["test"]["accuracy"] > 0.9
    assert found["flattened, boosted"]["test"]["accuracy"] > 0.9
    assert found["majority"]["test"]["accuracy"] < 0.8
    assert all(each["seconds"] >= 0 for each in found.values())
    assert "words, linear" not in found  # there is no text


def test_numbers_are_told_several_at_once(quick):
    random = np.random.default_rng(1)
    values = random.normal(size=(120, 2)).tolist()
    records = [{"a": a, "b": [b, 0.0]} for a, b in values]
    targets = [(3 * a, b) for a, b in values]
    found = documents_rivals.rivals(task_of(records, targets, "regress"), False)
    assert found["flattened, linear"]["test"]["r2"] > 0.9
    assert found["mean"]["test"]["r2"] < 0.1


def test_words_are_a_rival_where_there_are_texts(quick):
    random = np.random.default_rng(2)
    good = random.random(120) < 0.5
    records = [{"t": f"it is {'very good' if g else 'rather bad'}"} for g in good]
    found = documents_rivals.rivals(task_of(records, good.astype(str).tolist()), False)
    assert found["words, linear"]["test"]["accuracy"] == 1


def test_many_documents_are_cut_and_that_is_said(quick, monkeypatch):
    monkeypatch.setattr(documents_rivals, "MOST", 30)
    records = [{"x": k % 2, "y": k % 7} for k in range(80)]
    targets = [str(k % 2) for k in range(80)]
    found = documents_rivals.rivals(task_of(records, targets), False)
    assert found["flattened, linear"]["cut"] == "30 of 40 documents to learn from"
    assert found["flattened, linear"]["test"]["accuracy"] == 1


def test_many_classes_are_told_by_a_forest(quick, monkeypatch):
    monkeypatch.setattr(documents_rivals, "MANY_CLASSES", 2)
    records = [{"x": k % 3, "y": k % 7} for k in range(80)]
    found = documents_rivals.rivals(
        task_of(records, [f"c{k % 3}" for k in range(80)]), False
    )
    assert found["flattened, boosted"]["test"]["accuracy"] == 1


def test_rivals_use_no_more_threads_than_the_run(monkeypatch):
    HistGradientBoostingClassifier()  # whose threads are seen once it is there
    seen = list[int]()

    def fit():
        pools = threadpool_info()
        seen.extend(p["num_threads"] for p in pools if p["user_api"] == "openmp")
        return np.zeros(20, int), np.zeros(20, int)

    monkeypatch.setattr(documents_rivals, "_of_documents", lambda task: {"probe": fit})
    task = task_of([{"x": k} for k in range(80)], ["a", "b"] * 40)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        documents_rivals.rivals(task, progress=False)
        task.config = replace(task.config, threads=2)
        documents_rivals.rivals(task, progress=False)
    finally:
        torch.set_num_threads(before)
    assert seen
    assert set(seen[: len(seen) // 2]) == {3}
    assert set(seen[len(seen) // 2 :]) == {2}


def test_nodes_are_told_by_what_is_beside_them():
    def chain(words):
        document = Document()
        above = -1
        for k, word in enumerate(words):
            # A word's label is the first letter of the one above it.
            label = words[k - 1][0] if k else "none"
            above = document.add(above, "word", text=word, label=label)
        return document

    random = np.random.default_rng(3)
    made = [chain(random.choice(["ant", "bee", "cow"], 6).tolist()) for _ in range(60)]
    parts = [Documents.of(made[a : a + 20]) for a in (0, 20, 40)]
    found = DocumentSet("chains", *parts, goal="nodes")
    said = documents_rivals.rivals(DocumentsTask.of(DocumentsConfig(), found), False)
    assert said["neighbours, linear"]["test"]["accuracy"] == 1
    assert said["majority"]["test"]["accuracy"] < 0.6
    assert said["majority of a kind"]["test"]["accuracy"] < 0.6
