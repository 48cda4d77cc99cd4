"""JSON as documents: values, records, lines; and all that is wrong with them."""

import codecs
import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.readers.hostile import check, error, mutated, nodes, one, read_all
from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import json_records, values
from treefold.data.readers.json_records import read
from treefold.data.readers.objects import document

ORDER = '{"id": 7, "tags": ["new", "red"], "paid": true, "note": null, "to": {"n": 1}}'
LINES = '{"a": 1}\n{"a": [1, "x"]}\n\n{"a": null}\n'
ARRAY = '[{"a": 1},\n {"a": [1, "x"]},\n {"a": null}]\n'
PRETTY = '{\n "a": 1\n}\n{"a": [1, "x"]}\n{"a": null}'


def places(found: list[Document | DataError]) -> list[str]:
    return [part.place if isinstance(part, Document) else str(part) for part in found]


def test_a_value_is_its_members_and_items():
    assert nodes(one(read, ORDER)) == [
        (-1, "object", "", -1, None),
        (0, "number", "id", -1, 7.0),
        (0, "null", "note", -1, None),
        (0, "boolean", "paid", -1, "true"),
        (0, "array", "tags", -1, None),
        (4, "string", "tags[]", 0, "new"),
        (4, "string", "tags[]", 1, "red"),
        (0, "object", "to", -1, None),
        (7, "number", "n", -1, 1.0),
    ]


@pytest.mark.parametrize("text", [LINES, ARRAY, PRETTY])
def test_records_come_one_by_one_however_they_are_written(text: str):
    found = read_all(read, text)
    assert [len(part) for part in found if isinstance(part, Document)] == [2, 4, 2]
    assert [nodes(part) for part in found] == [  # type: ignore[arg-type]
        nodes(document(value)) for value in ({"a": 1}, {"a": [1, "x"]}, {"a": None})
    ]


def test_a_place_is_a_file_and_a_line():
    assert places(read_all(read, LINES)) == ["file:1", "file:2", "file:4"]
    assert places(read_all(read, ARRAY)) == ["file:1", "file:2", "file:3"]
    assert places(read_all(read, PRETTY)) == ["file:1", "file:4", "file:5"]


def test_a_file_that_is_one_document_may_be_an_array():
    assert len(one(read, ARRAY, many=False)) == 9
    assert "the value has ended" in error(read, PRETTY, many=False)


def test_a_bad_line_does_not_end_the_reading():
    text = '{"a": 1}\n  {"a" 1}\nnone\n{"a": 1, "a": 2}\n[1\n{"a": 3}'
    told = places(read_all(read, text, lines=True))
    assert told == [
        "file:1",
        "file:2:8: this is no JSON: expecting ':' delimiter, found '1}'",
        "file:3:1: this is no JSON: expecting value, found 'none'",
        "file:4: the key 'a' stands twice in an object; keep one of them",
        "file:5:3: this is no JSON: expecting ',' delimiter, found the end",
        "file:6",
    ]


def test_what_is_before_a_bad_place_of_an_array_is_kept():
    found = places(read_all(read, '[{"a": 1},\n{"a": 1, "a": 2},\n{"b": 2},\n{"c":]'))
    assert found[0] == "file:1"
    assert "stands twice" in found[1]
    assert found[2] == "file:3"
    assert found[3] == "file:4:6: this is no JSON: expecting value, found ']'"
    for text, message in {
        "[1 2]": "file:1:4: this is no JSON: expecting ',' delimiter or ']', found",
        "[1] x": "file:1:5: this is no JSON: the array has ended, found 'x'",
        "[1": "file:1:3: this is no JSON: expecting ',' delimiter or ']'",
        "[1,]": "file:1:4: this is no JSON: expecting value",
    }.items():
        assert places(read_all(read, text))[-1].startswith(message)


def test_an_empty_text_or_array_has_no_record():
    for text in ("", " \n\n", "[]", "\ufeff"):
        assert read_all(read, text) == []
        assert read_all(read, text, lines=text != "[]") == []


def test_numbers_may_be_anything():
    text = f"[NaN, Infinity, -Infinity, 1e999, {'9' * 5000}, -{'9' * 5000}, 1e-999]"
    found = [c.number for c in one(read, text, many=False).content[1:]]
    assert math.isnan(found[0] or 0)
    assert found[1:] == [math.inf, -math.inf, math.inf, math.inf, -math.inf, 0.0]


def test_mixed_types_under_one_key_are_kinds_of_one_role():
    text = '[{"a": 1}, {"a": "1"}, {"a": [1]}, {"a": {}}, {"a": null}, {"a": false}]'
    found = [part.content[1] for part in read_all(read, text)]  # type: ignore[union-attr]
    assert {content.role for content in found} == {"a"}
    kinds = ["number", "string", "array", "object", "null", "boolean"]
    assert [content.kind for content in found] == kinds


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_a_hundred_thousand_levels_are_read(opening: str):
    levels = 100_000
    closing = opening.replace("[", "]").replace('{"a":', "}")[::-1]
    pieces = levels // opening.count(":" if ":" in opening else "[")
    pieces //= 2 if opening == '[{"a":' else 1
    before = sys.getrecursionlimit()
    found = one(read, opening * pieces + "1" + closing * pieces, many=False)
    assert len(found) == levels + 1
    assert found.parent[-1] == levels - 1
    assert sys.getrecursionlimit() == before


def test_more_levels_than_that_are_told(monkeypatch):
    monkeypatch.setattr(json_records, "MOST_LEVELS", 5000)
    before = sys.getrecursionlimit()
    said = error(read, "[" * 9000 + "]" * 9000, many=False)
    assert said.startswith("file:1:1: this is no JSON: more than 5,000 levels")
    assert "levels" in error(read, "[" * 9000, lines=True)
    assert sys.getrecursionlimit() == before


def test_a_value_of_fifty_megabytes_is_one_node():
    found = one(read, b'{"text": "' + b"word " * 10_000_000 + b'"}')
    assert len(found) == 2
    assert len(found.content[1].text or "") == 50_000_000


def test_a_million_and_more_nodes_are_refused(monkeypatch):
    assert values.MAX_NODES == 1_000_000
    monkeypatch.setattr(values, "MAX_NODES", 1000)
    said = error(read, f"[{'0,' * 1000}0]", many=False)
    assert "at most 1,000 nodes" in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("lines", [True, False])
def test_marks_of_byte_order_tell_the_encoding(encoding: str, lines: bool):
    found = read_all(read, '{"é": "😀"}\n{"é": 2}'.encode(encoding), lines=lines)
    assert nodes(found[0])[1] == (0, "string", "é", -1, "😀")  # type: ignore[arg-type]
    assert len(found) == 2


def test_a_broken_encoding_is_told_with_its_place():
    text = b'{"a": 1}\n{"a": "caf\xe9"}\n{"a": 2}'
    found = places(read_all(read, text, lines=True))
    assert found[::2] == ["file:1", "file:3"]
    assert found[1].startswith("file:2:11: expected text in UTF-8, found the byte 0xe9")
    assert "file:2:11: expected utf-8" in error(read, text, many=False)
    assert "utf-16" in error(read, codecs.BOM_UTF16_LE + b"{\0\0")


def test_half_a_surrogate_pair_is_no_character():
    found = one(read, '{"\\ud800": "a\\udc00b", "\\ud83d\\ude00": 1}')
    assert sorted(c.role for c in found.content[1:]) == ["\ufffd", "😀"]
    assert "a\ufffdb" in [c.text for c in found.content]


def test_line_ends_of_windows_are_no_matter():
    for options in ({"lines": True}, {}):
        found = read_all(read, LINES.replace("\n", "\r\n"), **options)
        assert places(found) == ["file:1", "file:2", "file:4"]


def test_order_is_the_readers_to_say():
    assert {c.position for c in one(read, ORDER, ordered=False).content} == {-1}
    assert {c.position for c in one(read, ORDER, ordered=True).content[1:]} == {0, 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.text(max_size=4), inside, max_size=4)
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4), st.sampled_from([None, 1]))
def test_text_and_objects_make_the_same_documents(values, indent):
    text = json.dumps(values, indent=indent)
    found = read_all(read, text)
    assert [str(part) for part in found] == [str(document(v)) for v in values]
    lines = "\n".join(map(json.dumps, values))
    assert list(map(str, read_all(read, lines, lines=True))) == list(map(str, found))


@given(mutated(ORDER, LINES, ARRAY, PRETTY, '"\\ud83d\\ude00 x"', "[[[1e5,-0.0]]]"))
def test_whatever_comes_out_is_a_document_or_an_error(content: bytes):
    for options in ({}, {"lines": True}, {"many": False}):
        found = read_all(read, content, **options)
        if found:
            check(found)


@given(st.binary(max_size=60))
def test_bytes_are_no_danger(content: bytes):
    for options in ({}, {"lines": True}, {"many": False}):
        assert all(
            isinstance(part, (Document, DataError))
            for part in read_all(read, content, **options)
        )


def test_records_over_many_lines_are_told_in_a_file_of_lines():
    found = next(read(b'{\n "a": 1\n}', "a.jsonl", lines=True))
    assert str(found).endswith("if records span lines, say --format json")
