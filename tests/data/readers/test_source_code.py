"""Source code in six languages as documents."""

import builtins
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tree_sitter", reason="pip install 'treefold[code]'")

from treefold.data import DataError
from treefold.data.documents import Document
from treefold.data.readers import source_code
from treefold.data.readers.formats import LANGUAGES
from treefold.data.readers.source_code import errors, read

SAMPLES = {
    "c": b"int f(int n) { return n < 2 ? 1 : n * f(n - 1); }",
    "cpp": b"template <class T> T most(T a, T b) { return a > b ? a : b; }",
    "java": b"class A { int f(int n) { return n < 2 ? 1 : n * f(n - 1); } }",
    "javascript": b"const f = n => n < 2 ? 1 : n * f(n - 1);",
    "go": b"package a\nfunc f(n int) int { return n * f(n - 1) }",
    "rust": b"fn f(n: i32) -> i32 { if n < 2 { 1 } else { n * f(n - 1) } }",
}


def one(content: bytes, language: str = "cpp", **options) -> Document:
    (document,) = read(content, "a", language=language, **options)
    assert isinstance(document, Document), document
    return document


def contents(document: Document, kind: str):
    return [content for content in document.content if content.kind == kind]


def test_every_language_has_a_sample():
    assert {*SAMPLES} == {*LANGUAGES}


@pytest.mark.parametrize("language", SAMPLES)
def test_operators_identifiers_and_numbers_of_every_language_are_there(language):
    document = one(SAMPLES[language], language)
    texts = {content.text for content in document.content}
    product, order = {"*", "f", "n", "1"}, {">", "a", "b", "most"}
    assert texts >= (order if language == "cpp" else product)
    assert errors(document) == 0


@pytest.mark.parametrize("language", SAMPLES)
def test_the_name_of_a_file_tells_its_language(language):
    by_name = next(read(SAMPLES[language], f"a{LANGUAGES[language][0].upper()}"))
    assert str(by_name) == str(one(SAMPLES[language], language))


def test_a_statement_node_by_node():
    document = one(b"int main() { total += 0x10ul * 2; } // the end")
    rows = [
        (p, c.kind, c.role, c.position, c.text, c.number)
        for p, c in zip(document.parent, document.content, strict=True)
    ]
    assert rows[6:] == [
        (1, "compound_statement", "body", 0, None, None),
        (6, "expression_statement", "", 0, None, None),
        (7, "assignment_expression", "", 0, "+=", None),
        (8, "identifier", "left", 0, "total", None),
        (8, "binary_expression", "right", 0, "*", None),
        (10, "number_literal", "left", 0, "0x10ul", 16.0),
        (10, "number_literal", "right", 0, "2", 2.0),
    ]


def test_brothers_are_numbered_unless_their_order_is_said_not_to_matter():
    code = b"void f() { a(); b(); c(); }"
    placed = contents(one(code), "expression_statement")
    assert [content.position for content in placed] == [0, 1, 2]
    bare = one(code, ordered=False).content
    assert {content.position for content in bare} == {-1}


def test_includes_and_macros_are_nodes_and_nothing_is_included():
    document = one(b'#include "/etc/passwd"\n#define TWICE(x) (2 * (x))\nint a;')
    assert contents(document, "preproc_include")
    (told,) = contents(document, "preproc_arg")
    assert told.text == "(2 * (x))"
    assert contents(document, "string_literal")[0].text == "/etc/passwd"


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("017", 15),
        ("0", 0),
        ("1'000'000", 1e6),
        ("0b101", 5),
        ("0xFFul", 255),
        ("2.5e-3f", 0.0025),
        (".5", 0.5),
        ("9" * 400, math.inf),
        ("0x" + "f" * 400, math.inf),
    ],
)
def test_numerals_have_values(numeral, value):
    document = one(f"double a = {numeral};".encode())
    assert contents(document, "number_literal")[0].number == value


def test_text_in_a_strange_encoding_is_read_all_the_same():
    (text,) = contents(one(b'char *a = "caf\xe9";'), "string_literal")
    assert text.text == "caf�"


def test_an_empty_file_is_a_root():
    assert len(one(b"")) == 1


def test_an_error_is_a_node_and_the_rest_is_read():
    document = one(b"int f() { return 1 ) ; } int h() { return 2; }")
    assert errors(document) == 1
    names = [content.text for content in contents(document, "identifier")]
    assert {"f", "h"} <= {*names}


def test_what_is_no_code_is_told_with_its_place():
    prose = b"\n  Dear reader, how are you? I am fine, thank you, and so are all."
    (error,) = read(prose, "letter.cpp")
    assert isinstance(error, DataError)
    assert str(error).startswith("letter.cpp:2:3: ")
    assert "make no sense to the grammar" in str(error)
    (error,) = read(b"def f(x):\n    return [y for y in x]\n", "a.java")
    assert isinstance(error, DataError)


def test_languages_that_are_not_known_are_told():
    (error,) = read(b"", "a.zig")
    assert str(error).startswith("a.zig: the ending '.zig' tells no language; give one")
    (error,) = read(b"", "a", language="zig")
    assert "language must be one of c, cpp, java" in str(error)


def test_a_missing_package_is_told_with_the_command_that_brings_it(monkeypatch):
    source_code._parser.cache_clear()
    plain = builtins.__import__

    def without(name, *rest):
        if name.startswith("tree_sitter"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    (error,) = read(b"", "a.c")
    monkeypatch.undo()
    source_code._parser.cache_clear()
    assert "needs the package tree_sitter; install it with `pip install" in str(error)


@pytest.mark.parametrize("nested", [b"(", b"{", b"!"])
@pytest.mark.parametrize("closed", [True, False])
def test_nesting_of_100_000_ends(nested, closed):
    ends = {b"(": b")", b"{": b"}", b"!": b""}
    code = nested * 100_000 + b"1" + ends[nested] * (100_000 if closed else 0)
    (found,) = read(b"int a = " + code + b";", "a.cpp")
    assert isinstance(found, Document | DataError)
    if isinstance(found, Document) and closed and nested in b"(!":
        assert len(found) > 100_000


def test_a_parser_comes_to_an_end_with_100_000_bytes_of_nonsense():
    (found,) = read(bytes(range(256)) * 400, "a.cpp")
    assert isinstance(found, Document | DataError)


@pytest.mark.parametrize("language", SAMPLES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_comes_documents_or_errors_come_of_it(language, data):
    words = [*SAMPLES[language].split(), b"{", b"}", b'"', b"/*", b"\0", b"\xff", b"#"]
    mixed = st.lists(st.sampled_from(words)).map(b" ".join)
    content = data.draw(st.one_of(st.binary(), mixed))
    found = list(read(content, "a", language=language))
    assert len(found) == 1
    if isinstance(found[0], Document):
        assert all(p < v for v, p in enumerate(found[0].parent))
        for each in found[0].content:
            assert each.text is None or each.text.encode()
            assert each.number is None or each.kind in source_code._NUMERALS
