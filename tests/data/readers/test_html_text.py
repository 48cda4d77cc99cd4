"""HTML pages as documents, however they are written."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.readers.html_text import read

pytest.importorskip("lxml")
SOUP = "<p class='a b'>one<b>two</p>three<ul><li>1<li>two<table><td>x</ul>"


def test_tag_soup_is_read_as_a_browser_would():
    assert nodes(one(read, "<p class='a b'>one<b>two</p>three<ul><li>1<li>two")) == [
        (-1, "html", "", -1, None),
        (0, "body", "", 0, None),
        (1, "p", "", 0, None),
        (2, "string", "@class", -1, "a b"),
        (2, "#text", "#text", 0, "one"),
        (2, "b", "", 1, "two"),
        (1, "#text", "#text", 1, "three"),
        (1, "ul", "", 2, None),
        (7, "li", "", 0, 1.0),
        (7, "li", "", 1, "two"),
    ]


def test_scripts_and_styles_keep_their_attributes_and_lose_their_text():
    page = "<script src=x.js>if (a < b) run('&amp;')</script><style>p {}</style>"
    found = [(c.kind, c.role, c.text) for c in one(read, page).content]
    assert ("script", "", None) in found
    assert ("string", "@src", "x.js") in found
    assert not any("run" in (text or "") for _, _, text in found)


@pytest.mark.parametrize(
    "page",
    [
        "<p>café".encode(),
        "<p>café".encode("utf-8-sig"),
        "<p>café".encode("utf-16"),
        "<p>café".encode("cp1252"),
        "<meta charset=latin-1><p>café".encode("latin-1"),
        "<meta charset=utf-16><p>café".encode(),
        '<meta http-equiv=x content="text/html; charset=mac-roman"><p>café'.encode(
            "mac-roman"
        ),
        "<meta charset=klingon><p>café".encode(),
        "<meta charset=utf-8><p>café".encode("cp1252"),
    ],
)
def test_the_encoding_is_declared_or_guessed(page):
    assert one(read, page).content[-1].text == "café"


def test_entities_are_those_of_html_and_none_is_defined():
    page = '<!DOCTYPE html [<!ENTITY e SYSTEM "file:///etc/hostname">]><p>&eacute;&e;'
    text = " ".join(c.text or "" for c in one(read, page).content)
    assert "é&e;" in text


def test_a_page_with_nothing_in_it_is_told():
    for page in ("", "  \n", "<!-- only this -->"):
        assert error(read, page) == (
            "file:1:1: expected a page, found nothing to show in it"
        )


def test_elements_too_deep_for_the_library_are_told_and_not_cut():
    assert len(one(read, "<div>" * 2000)) == 2002
    assert "nested more than 2,048 deep" in error(read, "<div>" * 100_000)


def test_a_value_of_twenty_megabytes_is_read():
    page = one(read, "<p>" + "x" * 20_000_000)
    assert len(page.content[-1].text or "") == 20_000_000


def test_a_missing_library_names_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "lxml.etree", None)
    assert "pip install 'treefold[web]'" in error(read, "<p>")


@given(st.binary(max_size=200))
def test_any_bytes_give_documents_or_errors(data):
    check(read_all(read, data))


@given(mutated(SOUP, "<!doctype html><html><head><meta charset=utf-8><p a=&lt; b>"))
def test_mutated_pages_give_documents_or_errors(data):
    check(read_all(read, data))
