"""Labelled sequences by name, and from files of one's own."""

import json
from collections import Counter

import numpy as np
import pytest

from treefold.data.errors import DataError
from treefold.data.examples import Sound
from treefold.data.places import folders
from treefold.data.series_sets import load_examples, read_examples


def needs(name, *files):
    there = any(all((f / x).is_file() for x in files) for f in folders(name))
    return pytest.mark.skipif(not there, reason=f"{name} is not on this machine")


def vectors(example):
    assert isinstance(example.value, np.ndarray)
    return example.value


def sizes(examples):
    return tuple(map(len, (examples.train, examples.dev, examples.test)))


def test_digits_are_images_of_one_step_in_the_order_of_the_file():
    digits = load_examples("digits")
    assert sizes(digits) == (1077, 360, 360)
    assert vectors(digits.train[0]).shape == (1, 64)
    assert digits.test[-1].place == "digits: image 1796"


@needs("fsdd", "recordings.tgz")
def test_the_first_five_recordings_of_each_are_the_official_test():
    fsdd = load_examples("fsdd")
    assert sizes(fsdd) == (2400, 300, 300)
    assert set(Counter(e.label for e in fsdd.test).values()) == {30}
    assert {e.place[-5] for e in fsdd.test} == set("01234")
    assert {e.group for e in fsdd.test} == {e.group for e in fsdd.train}
    seconds = sum(
        len(e.value.samples) / e.value.rate
        for e in (*fsdd.train, *fsdd.dev, *fsdd.test)
        if isinstance(e.value, Sound)
    )
    assert seconds == pytest.approx(1312, abs=1)


@needs("japanese_vowels", "JapaneseVowels_TRAIN.ts.gz", "JapaneseVowels_TEST.ts.gz")
def test_japanese_vowels_have_the_official_test():
    vowels = load_examples("japanese-vowels", seed=3)
    assert sizes(vowels) == (243, 27, 370)
    assert set(Counter(e.label for e in vowels.dev).values()) == {3}
    counts = Counter(e.label for e in vowels.test)
    wanted = [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert [counts[name] for name in vowels.classes] == wanted
    lengths = [len(vectors(e)) for e in (*vowels.train, *vowels.dev, *vowels.test)]
    assert (min(lengths), max(lengths)) == (7, 29)


@needs("pendigits", "pendigits.tra.gz", "pendigits.tes.gz")
def test_pendigits_are_eight_points_each():
    digits = load_examples("pendigits")
    assert sizes(digits) == (6745, 749, 3498)
    assert vectors(digits.train[0]).shape == (8, 2)
    counts = Counter(e.label for e in digits.test)
    wanted = [363, 364, 364, 336, 364, 335, 336, 364, 336, 336]
    assert [counts[name] for name in digits.classes] == wanted


@needs("sst", "train.txt.gz", "dev.txt.gz", "test.txt.gz")
def test_phrases_of_sst_are_as_many_as_are_known():
    phrases = load_examples("sst-words-binary", phrases=True)
    assert sizes(phrases) == (67349, 872, 1821)  # as GLUE's SST-2 counts them
    rock = phrases.train[0]
    assert rock.value[:3] == ["The", "Rock", "is"]
    assert rock.label == "positive"
    assert "67,349 distinct phrases" in phrases.note


def test_a_file_is_divided_by_the_seed_and_the_note_says_so(tmp_path):
    file = tmp_path / "names.tsv"
    file.write_text("".join(f"{'xy'[k % 2]}\tword{k}\n" for k in range(50)))
    one, two = load_examples(file, seed=1), load_examples(file, seed=2)
    assert sizes(one) == (40, 5, 5)
    assert one.classes == ("x", "y")
    assert [e.place for e in one.dev] != [e.place for e in two.dev]
    assert one.note == "Held out of training by seed 1: 5 to dev, 5 to test."
    assert one.name == "names"


def test_a_folder_has_a_file_for_each_split(tmp_path):
    for split, count in (("train", 4), ("dev", 2), ("test", 3)):
        line = json.dumps({"label": "a", "sequence": [[1, 2]]}) + "\n"
        (tmp_path / f"{split}.jsonl").write_text(line * count)
    assert sizes(load_examples(tmp_path)) == (4, 2, 3)


def test_a_file_of_its_own_can_be_given_for_a_split(tmp_path):
    train, test = tmp_path / "a.tsv", tmp_path / "b.tsv"
    train.write_text("x\tone\ny\ttwo\n" * 20)
    test.write_text("x\tthree\n")
    found = load_examples(train, {"test": test})
    assert sizes(found) == (36, 4, 1)


def test_a_strange_label_in_test_is_told(tmp_path):
    train, test = tmp_path / "a.tsv", tmp_path / "b.tsv"
    train.write_text("x\tone\ny\ttwo\n" * 20)
    test.write_text("z\tthree\n")
    with pytest.raises(DataError, match=r"b.tsv:1: the label 'z' is not a class"):
        load_examples(train, {"test": test})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digitz", "no data set and no file is called 'digitz'; did you mean 'digits'"),
        ("data.xlsx", r"expected a file that ends in .tsv, .*found '.xlsx'"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=message):
        load_examples(name)


def test_named_sets_have_their_own_split():
    with pytest.raises(DataError, match="digits has its own split; test cannot"):
        load_examples("digits", {"test": "a.tsv"})


def test_an_empty_file_is_told(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("\n")
    with pytest.raises(DataError, match="expected labelled sequences, found none"):
        read_examples(file)


def test_a_set_that_is_not_here_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"pendigits is not on this machine; .*tra.gz"):
        load_examples("pendigits")


def test_pixels_are_between_nothing_and_one():
    pixels = np.concatenate(
        [np.asarray(e.value) for e in load_examples("digits").train]
    )
    assert pixels.min() == 0
    assert pixels.max() == 1
