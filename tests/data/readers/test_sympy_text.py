"""Mathematical expressions as documents: from text, and from sympy."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.documents import Document
from treefold.data.readers.objects import document
from treefold.data.readers.sympy_text import read

WAVE = "sin(x)^2 + 2*f(-y) <= 1"


def test_operators_are_kinds_and_operands_numbered_where_they_may_not_change_places():
    assert nodes(one(read, "2*x - f(y)**2")) == [
        (-1, "Sub", "", -1, None),
        (0, "Mul", "", 0, None),
        (1, "Number", "", -1, 2.0),
        (1, "Symbol", "", -1, "x"),
        (0, "Pow", "", 1, None),
        (4, "Function", "", 0, "f"),
        (5, "Symbol", "", -1, "y"),
        (4, "Number", "", 1, 2.0),
    ]
    assert one(read, "sin(x)").content[0].kind == "sin"


def test_the_caret_is_a_power_and_binds_as_one():
    assert one(read, "2*x^2 + 1").content == one(read, "2*x**2 + 1").content


def test_a_chain_of_comparisons_is_their_and():
    assert one(read, "a < b <= c").content == one(read, "a < b and b <= c").content


def test_signs_and_numbers_are_read():
    number = [c.number for c in one(read, "f(+1, 1e999, 3j, 0x10)").content]
    assert [n for n in number if n is not None] == [1.0, math.inf, 3.0, 16.0]


def test_each_line_is_a_document():
    found = read_all(read, "x\n\n# nothing\n y")
    places = [part.place for part in found if isinstance(part, Document)]
    assert places == ["file:1", "file:4"]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch hacked')",
        "x.__class__",
        "[y for y in x]",
        "lambda x: x",
        "(x := 3)",
        "f'{x}'",
        "x[0]",
        "f(a=1)",
        "f(*x)",
        "x if y else z",
        "x is y",
        "'x'",
        "None",
        "a @ b",
    ],
)
def test_what_is_no_mathematics_is_refused_and_not_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "is no part of a mathematical expression" in error(read, text)
    assert not list(tmp_path.iterdir())


def test_errors_have_line_and_column():
    assert error(read, " x^2^2 +* 3").startswith("file:1:9: expected an expression")
    assert error(read, "é^2 + y.z").startswith("file:1:7: Attribute is no part")
    assert error(read, "") == "file:1:1: expected an expression, found none"
    assert error(read, b"\xff").startswith("file:1:1: expected utf-8 text")
    assert "Exceeds the limit" in error(read, "1" * 5000)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "x" + ")" * 100_000,
        "-" * 100_000 + "x",
        "x" + "+x" * 100_000,
        "not " * 100_000 + "x",
        "f(" * 1000 + "x" + ")" * 1000,
    ],
)
def test_nesting_without_end_is_told(text):
    assert "nest" in error(read, text)


def test_plus_signs_without_end_are_passed_over():
    assert len(one(read, "+" * 500 + "x")) == 1


def test_an_expression_of_twenty_megabytes_is_told():
    assert "characters is more than the 1,000,000" in error(read, "x" * 20_000_000)


def test_expressions_of_sympy_are_walked_and_its_numbers_read():
    sympy = pytest.importorskip("sympy")
    x, y = sympy.symbols("x y")
    f = sympy.Function("f")
    expression = sympy.Le(sympy.sin(x) ** 2 - f(y) / 2, sympy.oo, evaluate=False)
    found = document(expression)
    assert sorted(str(c.kind) for c in found.content) == sorted(
        [
            "LtE",
            "Add",
            "Pow",
            "sin",
            "Mul",
            "Function",
            *["Symbol"] * 2,
            *["Number"] * 3,
        ]
    )
    assert found.content[-1].number == math.inf
    assert [c.text for c in document(sympy.pi + sympy.I).content] == [None, "pi", "I"]


def test_a_deep_expression_of_sympy_is_walked():
    sympy = pytest.importorskip("sympy")
    limit = sys.getrecursionlimit()
    expression = sympy.Symbol("x")
    for _ in range(2000):
        expression = sympy.Pow(expression, 2, evaluate=False)
    assert len(document(expression)) == 4001
    assert sys.getrecursionlimit() == limit


@given(
    st.binary(max_size=50)
    | st.text("()',:;[] a1+-*/^<=!.jxef\n\\\"#{}", max_size=20).map(str.encode)
)
def test_any_bytes_give_documents_or_errors(data):
    check(read_all(read, data))


@given(mutated(WAVE, "a < b < c and not a | b\n3j // 0x1F % 1e5", "max(x, -y)\n"))
def test_mutated_expressions_give_documents_or_errors(data):
    check(read_all(read, data))
