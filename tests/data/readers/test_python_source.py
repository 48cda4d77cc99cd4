"""Python source as documents; nothing is run."""

import ast
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treefold.data import DataError
from treefold.data.documents import Document
from treefold.data.generators.python_swaps import standard_library
from treefold.data.readers.python_source import of_ast, read

SAMPLE = b"""
async def most(a: int, *rest, key=None) -> int:
    "The largest."
    global best, worst
    match a:
        case {"k": [1, *more], **others} | None: pass
    return f"{a!r:>{rest}}" if a[1:2] <= -2.5 and not rest else b"\\xff" + 3j
"""


def one(content: bytes, **options) -> Document:
    (document,) = read(content, "a.py", **options)
    assert isinstance(document, Document), document
    return document


def rows(document: Document):
    return [
        (p, c.kind, c.role, c.position, c.text, c.number)
        for p, c in zip(document.parent, document.content, strict=True)
    ]


def test_a_statement_node_by_node():
    assert rows(one(b"total = max(width - 1, x.y)")) == [
        (-1, "Module", "", -1, None, None),
        (0, "Assign", "body", 0, None, None),
        (1, "Name", "targets", 0, "total", None),
        (1, "Call", "value", -1, None, None),
        (3, "Name", "func", -1, "max", None),
        (3, "BinOp", "args", 0, "Sub", None),
        (5, "Name", "left", -1, "width", None),
        (5, "Constant:int", "right", -1, "1", 1.0),
        (3, "Attribute", "args", 1, "y", None),
        (8, "Name", "value", -1, "x", None),
    ]


def test_constants_have_their_type_text_and_number():
    found = one(
        b"[True, None, 2.5, 3j, ..., b'\\xff', '\\ud800', 0x" + b"f" * 400 + b"]"
    )
    assert [row[1::3] + row[5:] for row in rows(found)[3:]] == [
        ("Constant:bool", "True", 1.0),
        ("Constant:None", None, None),
        ("Constant:float", "2.5", 2.5),
        ("Constant:complex", "3j", None),
        ("Constant:ellipsis", None, None),
        ("Constant:bytes", "\\xff", None),
        ("Constant:str", "\\ud800", None),
        ("Constant:int", None, math.inf),
    ]


def test_names_beside_the_first_are_nodes():
    found = rows(one(b"from ..a import b as c\nglobal x, y"))
    assert (0, "ImportFrom", "body", 0, "a", 2.0) in found
    assert [row[2:5] for row in found if row[1] == "identifier"] == [
        ("asname", -1, "c"),
        ("names", 0, "x"),
        ("names", 1, "y"),
    ]


def test_the_order_is_of_all_or_of_none_if_that_is_asked():
    position = {c.position for c in one(SAMPLE, ordered=False).content}
    assert position == {-1}
    root, *rest = one(SAMPLE, ordered=True).content
    assert root.position == -1
    assert all(content.position >= 0 for content in rest)


def test_every_node_of_the_syntax_tree_is_there_once():
    silent = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
    tree = ast.parse(SAMPLE)
    expected = sorted(
        type(node).__name__ for node in ast.walk(tree) if not isinstance(node, silent)
    )
    found = sorted(content.kind.split(":")[0] for content in of_ast(tree).content)
    assert [kind for kind in found if kind != "identifier"] == expected


def test_trees_that_differ_make_documents_that_differ():
    codes = ["a - b", "b - a", "a + b", "a < b", "a <= b", "f(a, b)", "f(a, *b)",
             "x[a:]", "x[:a]", "f'{a}'", "f'{a!r}'", "{a: b}", "{**b}", "1", "True",
             "'1'", "1.0", "b'1'", "import a", "import a as b", "from . import a",
             "from a import b", "[a for a in b]", "(a for a in b)", "a.b", "not a",
             "match a:\n case None: 0", "match a:\n case True: 0",
             "match a:\n case [*_]: 0", "match a:\n case [*b]: 0"]  # fmt: skip
    assert len({str(rows(one(code.encode()))) for code in codes}) == len(codes)


def test_source_is_read_in_the_encoding_that_it_declares():
    found = one("# coding: latin-1\ncafé = 1".encode("latin-1"))
    assert found.content[2].text == "café"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x = 1\n y", r"^a.py:2:\d: expected Python source.*unexpected indent"),
        (b"\0", r"^a.py: expected Python source.*null bytes"),
        (b"# coding: no-such\n", r"^a.py: expected Python.*unknown encoding"),
        (b"x = '\xff'", r"^a.py:1:\d+: expected Python source.*utf-8"),
        (b"9" * 5000, r"^a.py:1: expected Python source.*4300 digits"),
        (b"(" * 100_000, r"^a.py:1:201: .*too many nested parentheses"),
        (b"-" * 100_000 + b"1", r"^a.py: nested too deep"),
        (b"1" + b"+1" * 100_000, r"^a.py: nested too deep"),
        (b"a" + b".b" * 100_000, r"^a.py: nested too deep"),
    ],
)
def test_what_is_no_python_is_told(content, told):
    (error,) = read(content, "a.py")
    assert isinstance(error, DataError)
    assert re.search(told, str(error))


def test_a_tree_as_deep_as_may_be_is_read_without_recursion():
    tree = ast.Name("a", ast.Load())
    for _ in range(100_000):
        tree = ast.UnaryOp(ast.Not(), tree)
    document = of_ast(tree)
    assert len(document) == 100_001
    assert document.parent[-1] == 99_999
    while isinstance(tree, ast.UnaryOp):  # let go of it from above, not all at once
        tree = tree.operand


def test_nothing_is_run_and_no_warning_is_given(tmp_path):
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w')\n'\\d' is 1\nassert (1, 2)\n"
    assert len(one(code.encode())) > 5
    assert not mark.exists()


def test_files_of_the_standard_library_are_read():
    files, _ = standard_library()
    for name in ("ast.py", "json/decoder.py", "heapq.py"):
        content = files[name].read_bytes()
        count = sum(
            isinstance(node, ast.expr | ast.stmt)
            for node in ast.walk(ast.parse(content))
        )
        assert len(one(content)) > count


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.lists(
            st.sampled_from([*SAMPLE.split(b" "), b"\n", b"\0", b"lambda", b"\xff"])
        ).map(b" ".join),
    )
)
def test_whatever_comes_documents_or_errors_come_of_it(content):
    (found,) = read(content, "a.py")
    if isinstance(found, Document):
        assert all(p < v for v, p in enumerate(found.parent))
        for each in found.content:
            assert each.text is None or each.text.encode() is not None
    else:
        assert isinstance(found, DataError)
