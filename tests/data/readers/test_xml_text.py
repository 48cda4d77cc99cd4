"""XML as documents, and what is refused."""

import math
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import xml_text
from treefold.data.readers.xml_text import read

pytest.importorskip("lxml")
ORDER = '<order id="7" to="007"><line>12.5</line>and <b>more</b> to come</order>'


def test_tags_are_kinds_attributes_roles_and_leaves_have_their_text():
    assert nodes(one(read, ORDER)) == [
        (-1, "order", "", -1, None),
        (0, "number", "@id", -1, 7.0),
        (0, "string", "@to", -1, "007"),
        (0, "line", "", 0, 12.5),
        (0, "#text", "#text", 1, "and"),
        (0, "b", "", 2, "more"),
        (0, "#text", "#text", 3, "to come"),
    ]


def test_unordered_numbers_nothing_and_ordered_attributes_too():
    assert {c.position for c in one(read, ORDER, ordered=False).content} == {-1}
    positions = [c.position for c in one(read, ORDER, ordered=True).content]
    assert positions == [-1, 0, 0, 0, 0, 1, 1]


def test_each_makes_a_document_of_every_element():
    found = read_all(read, "<a>\n<b>1</b>\n<b>2</b></a>", each="b")
    assert [part.place for part in found if isinstance(part, Document)] == [
        "file:2",
        "file:3",
    ]
    assert "no element <c>" in error(read, "<a/>", each="c")


def test_a_namespace_is_its_prefix():
    text = '<a xmlns="urn:a" xmlns:s="urn:s" s:k="1"><s:path/></a>'
    assert [(c.kind, c.role) for c in one(read, text).content] == [
        ("a", ""),
        ("number", "@s:k"),
        ("s:path", ""),
    ]


def test_infinite_and_missing_numbers_are_read():
    document = one(read, "<a><b>INF</b><b>NaN</b><b>1e999</b><b>nan</b></a>")
    first, second, third, last = document.content[1:]
    assert first.number == third.number == math.inf
    assert second.number is not None
    assert math.isnan(second.number)
    assert last.text == "nan"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", "UTF-16"),
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "windows-1252"),
        ("utf-8", "UTF-8"),
    ],
)
def test_the_encoding_is_what_the_file_says(encoding, declared):
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    assert one(read, f"{head}<a>café</a>".encode(encoding)).content[0].text == "café"


def test_broken_encodings_are_told_with_line_and_column():
    assert error(read, b"<a>\n b\xe9</a>").startswith("file:2:3: expected utf-8 text")
    for name in ("punycode", "unicode_escape", "zlib", "klingon"):
        text = f'<?xml version="1.0" encoding="{name}"?><a/>'
        assert f"encoding '{name}' is not known" in error(read, text)


def test_xml_that_is_not_well_formed_is_told_with_line_and_column():
    assert error(read, "<a>\n<b></a>") == (
        "file:2:8: opening and ending tag mismatch: b line 2 and a"
    )
    assert error(read, "").startswith("file:1:1: ")
    assert error(read, b"<a>\0</a>").startswith("file:1:4: invalid character")


def test_a_billion_laughs_are_refused_at_once():
    lines = ['<!ENTITY l0 "lol">']
    lines += [f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10)]
    bomb = f'<?xml version="1.0"?>\n<!DOCTYPE a [{"".join(lines)}]><a x="&l9;">&l9;</a>'
    begin = time.perf_counter()
    assert error(read, bomb).startswith("file:2:14: the file defines entities")
    assert "entities" in error(read, bomb.encode("utf-16"))
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("kind", ["<!ENTITY e SYSTEM", "<!ENTITY % e SYSTEM"])
def test_external_entities_are_refused(kind, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    text = f'<!DOCTYPE a [{kind} "{secret.as_uri()}">]><a>&e;</a>'
    assert "defines entities" in error(read, text)


def test_an_external_dtd_is_not_fetched(tmp_path):
    dtd = tmp_path / "a.dtd"
    dtd.write_text('<!ENTITY e "from the file"><!ATTLIST a x CDATA "1">')
    text = f'<!DOCTYPE a SYSTEM "{dtd.as_uri()}"><a>one &e;&nbsp;</a>'
    assert "entity &e; is not known" in error(read, text)
    assert nodes(one(read, text.replace("&e;", ""))) == [(-1, "a", "", -1, "one")]


def test_elements_too_deep_for_the_library_are_told():
    assert len(one(read, "<a>" * 2000 + "</a>" * 2000)) == 2000
    text = "<a>" * 100_000 + "</a>" * 100_000
    assert "nested more than 2,048 deep" in error(read, text)


def test_a_value_of_twenty_megabytes_is_read():
    text = "<a><b>" + "x" * 20_000_000 + "</b></a>"
    assert len(one(read, text).content[1].text or "") == 20_000_000


def test_a_missing_library_names_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "lxml.etree", None)
    assert "pip install 'treefold[web]'" in error(read, "<a/>")


def test_an_element_of_a_million_children_ends_in_a_message(monkeypatch):
    monkeypatch.setattr("treefold.data.readers.values.MAX_NODES", 100)
    assert "at most 100 nodes" in error(read, "<a>" + "<b/>" * 100 + "</a>")


@given(st.binary(max_size=200))
def test_any_bytes_give_documents_or_errors(data):
    check(read_all(read, data))


@given(mutated(ORDER, '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE a [ ]><a>é</a>'))
def test_mutated_files_give_documents_or_errors(data):
    check(read_all(read, data))


def test_comments_and_instructions_are_passed_over():
    text = "<?x y?><a>one <!-- two --><?php three ?>four<![CDATA[ <five> ]]></a>"
    assert nodes(one(read, text)) == [(-1, "a", "", -1, "one four <five>")]


def test_parse_raises_what_read_yields():
    with pytest.raises(DataError, match="file:1:1"):
        xml_text.parse(b"no", "file")
