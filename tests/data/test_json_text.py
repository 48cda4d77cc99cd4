"""JSON from outside: whatever is bad is refused as bad JSON."""

import json

import pytest

from treefold.data.readers.json_text import loads


def test_good_json_is_read():
    found = loads('{"a": [1, 2.5, null], "b": "caf\\u00e9 \\ud83d\\ude00"}')
    assert found == {"a": [1, 2.5, None], "b": "café 😀"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting"),
        ("[" * 200_000, "lists too deep in lists"),
        ("9" * 5_000, "a number of too many digits"),
        ('["\\ud800"]', "half a surrogate pair"),
    ],
)
def test_bad_json_is_refused_in_one_way(text, said):
    with pytest.raises(json.JSONDecodeError, match=said):
        loads(text)


def test_the_place_of_half_a_pair_is_told():
    with pytest.raises(json.JSONDecodeError) as error:
        loads('["a", "\\uD800"]')
    assert error.value.colno == 8
