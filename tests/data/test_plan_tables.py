"""The table of operators: plans by template, with the times of their parts."""

import gzip
import math

import numpy as np
import pytest

from treefold.data import DataError
from treefold.data.document_sets import NAMED, load_documents
from treefold.data.places import folders
from treefold.data.plan_tables import (
    COLUMNS,
    FILE,
    NAME,
    held_out,
    load_plans,
    pack,
    read_table,
)

ROWS = [
    "Q1_a;Sort;0;;1;9;10;4;0;7.5",
    "Q1_a;Hash Join;1;Outer;0;8;10;4;0;6",
    "Q1_a;Seq Scan;2;Outer;0;3;10;4;0;2",
    "Q1_a;Hash;2;Inner;0;2;5;4;0;1",
    "Q2_b;Seq Scan;0;;0;3;10;4;0;2",
]


def table(tmp_path, rows, packed=False, columns=COLUMNS):
    text = "\n".join([";".join(columns), *rows]).encode()
    path = tmp_path / "table.csv"
    path.write_bytes(gzip.compress(text) if packed else text)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_rows_become_plans_by_their_depth(tmp_path, packed):
    first, second = read_table(table(tmp_path, ROWS, packed))
    assert str(first.document) == (
        "Sort\n  Outer: Hash Join\n    Outer: Seq Scan\n    Inner: Hash"
    )
    assert first.times == [7.5, 6, 2, 1]
    assert first.document.target == pytest.approx(math.log(7.5))
    assert first.document.content[0].vector == pytest.approx(
        [math.log1p(x) for x in (1, 9, 10, 4, 0)]
    )
    assert second.document.place == "Q2_b"


def test_times_are_packed_in_the_order_of_the_corpus(tmp_path):
    documents, times = pack(list(read_table(table(tmp_path, ROWS))))
    assert np.log(times[documents.corpus.roots]) == pytest.approx(documents.targets)
    kinds = [documents.contents[k].kind for k in documents.corpus.token]
    assert sorted(zip(times.tolist(), kinds, strict=True)) == [
        (1, "Hash"),
        (2, "Seq Scan"),
        (2, "Seq Scan"),
        (6, "Hash Join"),
        (7.5, "Sort"),
    ]


def test_a_template_left_out_is_in_no_other_part(tmp_path):
    rows = [row.replace("Q2_b", f"Q2_{k}") for k in range(10) for row in ROWS[-1:]]
    plans = {"Q1": [], "Q2": list(read_table(table(tmp_path, rows)))}
    plans["Q1"] = list(read_table(table(tmp_path, ROWS[:4])))
    train, dev, test = held_out(plans, "Q1")
    assert (len(train), len(dev), len(test)) == (8, 2, 1)
    with pytest.raises(DataError, match="no template 'Q7'; the templates are Q1, Q2"):
        held_out(plans, "Q7")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROWS[1]], "csv:2: an operator of depth 1 must follow one of depth 0"),
        ([ROWS[0], ROWS[2]], "csv:3: an operator of depth 2 must follow"),
        ([ROWS[0].replace("9", "x")], "csv:2: expected a number: .*'x'"),
        ([ROWS[0].replace("7.5", "0")], "csv:2: a plan took 0.0 ms, not more than 0"),
        ([ROWS[0], ROWS[1].replace("Q1_a", "Q9")], "csv:3: Q9 begins below its root"),
        ([ROWS[0].rsplit(";", 3)[0]], "csv:2: expected a number"),
    ],
)
def test_a_bad_row_is_told(tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        list(read_table(table(tmp_path, rows)))


def test_a_missing_column_or_file_is_told(tmp_path):
    with pytest.raises(DataError, match="no column 'node_type'"):
        list(read_table(table(tmp_path, [], columns=["query_file"])))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_table(tmp_path / "none.csv"))


def test_where_the_set_was_looked_for_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="is not on this machine; looked in"):
        load_plans()


@pytest.mark.skipif(
    not any((folder / FILE).is_file() for folder in folders(NAME)),
    reason="the table of TPC-H's operators is not on this machine",
)
def test_the_set_leaves_its_template_out():
    found = load_documents("tpch-plans-Q3")
    sizes = {name: len(part) for name, part in found.splits.items()}
    assert sizes == {"train": 18 * 120, "dev": 18 * 30, "test": 150}
    assert {place.split("_")[0] for place in found.test.places} == {"Q3"}
    assert "Q3" not in {p.split("_")[0] for p in found.train.places + found.dev.places}
    assert sum(name.startswith("tpch-plans-") for name in NAMED) == len(load_plans())
