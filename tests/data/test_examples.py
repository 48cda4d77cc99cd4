"""Labelled sequences before they are numbers, and what is held out of them."""

import numpy as np
import pytest

from treefold.data.errors import DataError
from treefold.data.examples import (
    Example,
    Sound,
    check_alike,
    check_labels,
    classes_of,
    hold_out,
    kind_of,
)


def texts(labels, groups=None):
    groups = groups or [""] * len(labels)
    return [
        Example([f"word{k}"], label, f"file:{k}", group)
        for k, (label, group) in enumerate(zip(labels, groups, strict=True))
    ]


def test_every_class_gives_its_share():
    examples = texts("a" * 100 + "b" * 50 + "c" * 10)
    train, dev, test = hold_out(examples, 2, seed=0)
    for part in (dev, test):
        assert len(part) == 16
        counts = [sum(e.label == name for e in part) for name in "abc"]
        assert counts == pytest.approx([10, 5, 1], abs=1)
    assert sorted(e.place for e in [*train, *dev, *test]) == sorted(
        e.place for e in examples
    )


def test_the_seed_decides_who_is_held_out():
    examples = texts("ab" * 40)
    assert hold_out(examples, 1, seed=0) == hold_out(examples, 1, seed=0)
    assert hold_out(examples, 1, seed=0) != hold_out(examples, 1, seed=1)


def test_those_of_a_group_stay_together():
    groups = [f"writer {k % 12}" for k in range(120)]
    parts = hold_out(texts("ab" * 60, groups), 2, seed=3)
    inside = [{e.group for e in part} for part in parts]
    assert not inside[0] & inside[1]
    assert not inside[0] & inside[2]
    assert not inside[1] & inside[2]
    assert [len(part) for part in parts] == [80, 20, 20]


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (texts("ab"), "2 sequences are too few"),
        (texts("abab", ["x", "y", "x", "y"]), "2 speakers or writers are too few"),
    ],
)
def test_too_few_to_hold_out_is_told(examples, message):
    with pytest.raises(DataError, match=message):
        hold_out(examples, 2, seed=0)


def test_classes_are_in_the_order_of_numbers_or_of_the_alphabet():
    assert classes_of(texts(["10", "9", "10"])) == ("9", "10")
    assert classes_of(texts(["yes", "no", "yes"])) == ("no", "yes")


def test_a_missing_label_is_told_with_its_place():
    with pytest.raises(DataError, match="file:1: expected a label"):
        classes_of(texts(["a", None]))


def test_a_label_that_training_has_not_is_told_with_the_classes():
    with pytest.raises(
        DataError, match=r"file:1: the label 'c' is not a class .* a, b"
    ):
        check_labels(texts("ac"), ("a", "b"))


def test_kinds_are_told_apart():
    vectors = np.zeros((3, 2), np.float32)
    assert kind_of(Example(["a"], None, "")) == "words"
    assert kind_of(Example(vectors, None, "")) == "vectors"
    assert kind_of(Example(Sound(vectors[:, 0], 8000), None, "")) == "sound"


def test_a_mixture_of_kinds_or_sizes_is_told():
    two = Example(np.zeros((3, 2), np.float32), "a", "file:1")
    three = Example(np.zeros((3, 3), np.float32), "a", "file:2")
    message = "file:2: expected vectors of 2 numbers as in file:1, found .* 3 numbers"
    with pytest.raises(DataError, match=message):
        check_alike([two, three], [])
    with pytest.raises(
        DataError, match=r"expected vectors of 2 numbers .* found a text"
    ):
        check_alike([two], texts("a"))
