"""SQL statements as documents."""

import logging
import re
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.sql import read

pytest.importorskip("sqlglot")
QUERY = (
    "SELECT a AS b, COUNT(DISTINCT t.c) FROM t LEFT JOIN (SELECT 1 UNION ALL SELECT 2) "
    "u ON t.x = u.y WHERE a IN (1, 'é') AND CAST(q AS VARCHAR(3)) LIKE 'x%' "
    "ORDER BY b DESC"
)
STATEMENTS = (
    "CREATE TABLE t (a INT PRIMARY KEY, b TEXT DEFAULT 'x'); INSERT INTO t VALUES (1); "
    "UPDATE t SET a = a + 1 WHERE b IS NULL; WITH c AS (SELECT 1) SELECT CASE "
    "WHEN a > 1 THEN 'x' ELSE b END, SUM(a) OVER (PARTITION BY b) FROM c; DROP TABLE t"
)

WORDS = re.findall(
    r"\S+",
    "SELECT FROM WHERE ( ) , a t . * 1 'x' = AND OR NOT IN JOIN ON AS GROUP BY "
    "CASE WHEN THEN END :: [ ] { } INTERVAL CAST EXTRACT DATE ARRAY STRUCT MAP "
    "CREATE TABLE ALTER INSERT INTO VALUES WITH UNION LIMIT OVER LATERAL VIEW "
    "XMLTABLE JSON_TABLE PIVOT UNPIVOT TRIM SUBSTRING POSITION ; ? ",
)


def test_classes_are_kinds_and_arguments_roles():
    document = one(read, "SELECT a, 2.5 FROM t WHERE b = '7' ORDER BY a DESC")
    assert nodes(document) == [
        (-1, "Select", "", -1, None),
        (0, "Column", "expressions", 0, None),
        (1, "Identifier", "this", -1, "a"),
        (0, "Literal", "expressions", 1, 2.5),
        (0, "From", "from_", -1, None),
        (4, "Table", "this", -1, None),
        (5, "Identifier", "this", -1, "t"),
        (0, "Where", "where", -1, None),
        (7, "EQ", "this", -1, None),
        (8, "Column", "this", -1, None),
        (9, "Identifier", "this", -1, "b"),
        (8, "Literal", "expression", -1, "7"),
        (0, "Order", "order", -1, None),
        (12, "Ordered", "expressions", 0, None),
        (13, "Column", "this", -1, None),
        (14, "Identifier", "this", -1, "a"),
        (13, "boolean", "desc", -1, "true"),
    ]


def test_left_and_right_joins_differ():
    left, right = (
        one(read, f"SELECT 1 FROM a {side} JOIN b ON a.x = b.x").content
        for side in ("LEFT", "RIGHT")
    )
    assert left != right


def test_statements_are_documents_with_their_lines():
    found = read_all(read, "SELECT 1;;\n-- nothing\nSELECT 2;\n")
    assert [part.place for part in found if isinstance(part, Document)] == [
        "file:1",
        "file:3",
    ]


def test_reading_goes_on_after_a_bad_statement():
    first, second, third = read_all(read, "SELECT 1; SELECT FROM WHERE x;\nSELECT 2")
    assert str(second).startswith("file:1:23: expected table name, at 'WHERE', in")
    assert isinstance(first, Document)
    assert isinstance(third, Document)


def test_the_wrong_dialect_is_told_with_line_and_column():
    query = "SELECT\n TOP 3 a FROM [t]"
    assert len(one(read, query, dialect="tsql")) == 8
    assert error(read, query, dialect="mysql") == (
        "file:2:6: invalid expression / Unexpected token, at '3', in the dialect "
        "mysql; say another with --format sql-NAME"
    )


def test_an_unknown_dialect_is_told_with_the_one_that_was_meant():
    with pytest.raises(DataError, match=r"no SQL dialect 'postgre'.*mean 'postgres'"):
        read_all(read, "SELECT 1", dialect="postgre")


@pytest.mark.parametrize("text", ["SELECT 'a\n", 'SELECT "a\n', "SELECT /* a\n"])
def test_what_has_no_end_is_told(text):
    assert "a string, a name or a comment has no end" in error(read, text)


@pytest.mark.parametrize("text", ["", " \n", ";;", "-- nothing"])
def test_a_file_without_a_statement_is_told(text):
    assert error(read, text) == "file:1:1: expected a SQL statement, found none"


def test_broken_encodings_are_told():
    assert error(read, b"SELECT 1;\nSELECT '\xe9'").startswith(
        "file:2:9: expected utf-8"
    )


def test_what_the_library_does_not_parse_is_one_node_and_nothing_is_logged(caplog):
    with caplog.at_level(logging.DEBUG):
        assert one(read, "SHOW TABLES").content[0].kind == "Command"
    assert not caplog.records


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 30_000 + "1" + ")" * 30_000,
        "SELECT * FROM " + "(SELECT * FROM " * 20_000 + "t" + ")" * 20_000,
        "SELECT " + "NOT " * 30_000 + "1",
        "(" * 100_000,
    ],
)
def test_nesting_without_end_is_told_and_the_limit_restored(text):
    before = sys.getrecursionlimit()
    assert error(read, text).endswith(
        "too deep for sqlglot, which reads some 200 levels"
    )
    assert sys.getrecursionlimit() == before


def test_nesting_of_150_brackets_is_read():
    assert len(one(read, "SELECT " + "(" * 150 + "1" + ")" * 150)) == 152


def test_a_long_sum_is_a_deep_tree():
    document = one(read, "SELECT 1" + " + 1" * 5000)
    assert len(document) == 10_002


def test_a_value_of_twenty_megabytes_is_read():
    begin = time.perf_counter()
    document = one(read, "SELECT '" + "x" * 20_000_000 + "'")
    assert len(document.content[1].text or "") == 20_000_000
    assert time.perf_counter() - begin < 20


def test_a_file_too_long_and_a_statement_too_long_are_told(monkeypatch):
    monkeypatch.setattr("treefold.data.readers.sql.MOST_CHARACTERS", 5)
    assert "more than the 5 that are read at once" in error(read, "SELECT 1")
    monkeypatch.undo()
    monkeypatch.setattr("treefold.data.readers.sql.MAX_NODES", 2)
    assert "a statement of 6 tokens" in error(read, "SELECT 1, 2, 3")


def test_a_missing_library_names_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlglot.dialects.dialect", None)
    with pytest.raises(DataError, match=r"pip install 'treefold\[sql\]'"):
        read_all(read, "SELECT 1")


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda t: t.encode()))
def test_any_bytes_give_documents_or_errors(data):
    check(read_all(read, data))


@given(
    mutated(QUERY, STATEMENTS),
    st.sampled_from(["", "postgres", "tsql", "mysql", "bigquery", "clickhouse"]),
)
def test_mutated_statements_give_documents_or_errors(data, dialect):
    check(read_all(read, data, dialect=dialect))


@given(
    st.lists(
        st.sampled_from(WORDS),
        max_size=12,
    )
)
def test_words_of_sql_in_any_order_give_documents_or_errors(words):
    check(read_all(read, " ".join(words)))
