"""Words and frames as numbers."""

import json

import numpy as np
import pytest

from treefold.data.coding import SPELLING, FrameCoding, WordCoding, shape
from treefold.data.sequences import Sequences

WORDS = np.array(
    [["The", "DT"], ["dog", "NN"], ["the", "DT"], ["cat", "NN"], ["dog", "NN"]], object
)


def words_coded(**settings) -> WordCoding:
    given = {"min_count": 1, "lower": True, "buckets": 1000, **settings}
    return WordCoding.build(WORDS, **given)


def test_words_and_columns_have_numbers_of_their_own():
    coding = words_coded()
    found = coding.encode(WORDS)
    assert found.shape == (5, 2 + SPELLING)
    the, dog = coding.words.index["the"], coding.words.index["dog"]
    assert found[:, 0].tolist()[:3] == [the, dog, the]
    assert found[:, 1].tolist() == [1, 2, 1, 2, 2] or found[:, 1].tolist() == [
        2,
        1,
        2,
        1,
        1,
    ]


def test_rare_words_and_new_entries_are_unknown():
    coding = words_coded(min_count=2)
    assert set(coding.words.words) == {"<unk>", "the", "dog"}
    new = coding.encode(np.array([["cat", "NN"], ["wug", "XX"]], object))
    assert new[:, 0].tolist() == [0, 0]
    assert new[0, 1] > 0
    assert new[1, 1] == 0


def test_case_is_kept_when_asked():
    found = words_coded(lower=False).encode(WORDS)
    assert found[0, 0] != found[2, 0]


def test_spelling_tells_beginnings_ends_and_shape():
    coding = words_coded(buckets=1 << 20)
    walking, talking, walked, capital = (
        coding.encode(np.array([[word, "VB"]], object))[0, 2:]
        for word in ("walking", "talking", "walked", "Walking")
    )
    same_ends = walking == talking
    assert same_ends.tolist() == [False] * 4 + [True] * 5
    assert (walking == walked).tolist() == [True] * 4 + [False] * 4 + [True]
    assert (walking == capital).tolist() == [True] * 8 + [False]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("McDonald's", "XxXx'x"), ("1,234.5", "0,0.0"), ("USA", "X"), ("é", "é")],
)
def test_shapes_tell_kinds_of_characters(word, expected):
    assert shape(word) == expected


def test_codings_come_back_from_json():
    words = words_coded()
    assets = json.loads(json.dumps(words.to_assets()))
    assert WordCoding.of_assets(assets) == words
    x = Sequences(np.arange(12.0).reshape(6, 2), np.array([0, 4, 6]))
    frames = FrameCoding.build(x, ("a", "b"), (1, 2), "sequence")
    assets = json.loads(json.dumps(frames.to_assets()))
    assert FrameCoding.of_assets(assets) == frames


def some_frames():
    random = np.random.default_rng(0)
    x = random.normal(3, 2, (9, 2)).astype(np.float32)
    return Sequences(x, np.array([0, 5, 9]))


def test_training_frames_have_mean_zero_and_deviation_one():
    x = some_frames()
    found = FrameCoding.build(x, ("a", "b"), (1,)).encode(x)
    assert found.mean(0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert found.std(0) == pytest.approx(np.ones(4), rel=1e-5)


def test_by_sequence_each_sequence_has():
    x = some_frames()
    coding = FrameCoding.build(x, ("a", "b"), (), "sequence")
    for part in Sequences(coding.encode(x), x.offset):
        assert part.mean(0) == pytest.approx(np.zeros(2), abs=1e-6)
        assert part.std(0) == pytest.approx(np.ones(2), rel=1e-5)


def test_differences_are_centred_and_stay_within_a_sequence():
    x = Sequences(np.array([[0.0], [1], [4], [10], [30]]), np.array([0, 3, 5]))
    coding = FrameCoding(("a",), (1,), "training", (0.0, 0.0), (1.0, 1.0))
    assert coding.size == 2
    assert coding.encode(x)[:, 1].tolist() == [1, 4, 3, 20, 20]


def test_a_feature_that_stands_still_becomes_zero():
    x = Sequences(np.full((4, 1), 7.0), np.array([0, 4]))
    for by in ("training", "sequence"):
        coding = FrameCoding.build(x, ("a",), (), by)
        assert coding.encode(x).tolist() == [[0]] * 4
