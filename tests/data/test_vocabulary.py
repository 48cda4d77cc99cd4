import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data import DataError, Vocabulary
from treefold.data.readers.brackets import parse_brackets

CORPUS = parse_brackets("(1 (0 The) (2 the))(3 the)(4 (3 (2 A) (2 a)) (1 zoo))")


def test_words_are_numbered_by_frequency_then_alphabet():
    vocabulary = Vocabulary.build(CORPUS)
    assert vocabulary.words == ("<unk>", "the", "A", "The", "a", "zoo")
    assert vocabulary.encode(["zoo", "owl", "the"]).tolist() == [5, 0, 1]
    assert len(vocabulary) == 6


def test_rare_words_are_unknown():
    assert Vocabulary.build(CORPUS, min_count=2).words == ("<unk>", "the")
    with pytest.raises(ValueError, match="min_count must be at least 1, got 0"):
        Vocabulary.build(CORPUS, min_count=0)


def test_lower_casing_merges_words_before_they_are_counted():
    vocabulary = Vocabulary.build(CORPUS, min_count=2, lower=True)
    assert vocabulary.words == ("<unk>", "the", "a")
    assert vocabulary.encode(["THE", "a"]).tolist() == [1, 2]
    assert "The" in vocabulary
    assert "owl" not in vocabulary


def test_only_words_that_occur_are_counted():
    assert Vocabulary.build(CORPUS[[1]]).words == ("<unk>", "the")


def test_a_word_spelled_like_the_unknown_word_is_the_unknown_word():
    assert Vocabulary.build(parse_brackets("(0 <unk>)")).words == ("<unk>",)


@given(st.sets(st.text().filter(lambda w: w != "<unk>")), st.booleans())
def test_a_vocabulary_survives_json(words, lower):
    vocabulary = Vocabulary(("<unk>", *words), lower)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    json.loads(vocabulary.to_json())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lower": 1, "words": ["<unk>"]}'])
def test_other_json_is_not_a_vocabulary(text):
    with pytest.raises(DataError, match="expected a vocabulary as JSON"):
        Vocabulary.from_json(text)


def test_the_unknown_word_comes_first_and_words_differ():
    with pytest.raises(DataError, match=r"words must begin with '<unk>'.*got \['a'\]"):
        Vocabulary(("a",))
    with pytest.raises(DataError, match="words must differ, got 'a' twice"):
        Vocabulary(("<unk>", "a", "a"))
