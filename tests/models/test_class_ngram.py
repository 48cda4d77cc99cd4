"""n-grams by class: a mixture whose weights come from what was held out."""

import numpy as np
import pytest

from treefold.data.sequences import Sequences
from treefold.models.class_ngram import ClassNGram
from treefold.models.ngram import NGram


def strings(pattern, count):
    return [np.array([*pattern, 3])] * count


TRAIN = Sequences.of([*strings([0, 1, 0], 20), *strings([2, 2, 0], 20)])
of_class = np.repeat([0, 1], 20)


@pytest.fixture
def model():
    return ClassNGram(3, 4, "witten-bell").fit(TRAIN, of_class, TRAIN, of_class)


def test_it_is_the_mixture_of_two_ngrams(model):
    some = TRAIN[[0, 39]]
    found = np.exp(model.log_probability(some, np.array([0, 1])))
    every = NGram(3, 4, "witten-bell").fit(TRAIN.step, TRAIN.offset)
    expected = []
    for kind, number in ((0, 0), (1, 39)):
        part = TRAIN[of_class == kind]
        own = NGram(3, 4, "witten-bell").fit(part.step, part.offset)
        one = TRAIN[[number]]
        p, q = (np.exp(m.log_probability(one.step, one.offset)) for m in (own, every))
        expected.append(model.weight[kind] * p + (1 - model.weight[kind]) * q)
    np.testing.assert_allclose(found, np.concatenate(expected))


def test_the_weights_are_the_best_for_what_was_held_out(model):
    held_out = TRAIN[[0, 25, 30, 35]]  # the first is of the other class
    kind = np.ones(4, np.int64)
    model.fit(TRAIN, of_class, held_out, kind)
    best = model.log_probability(held_out, kind).sum()
    chosen = model.weight[1]
    assert 0.05 < chosen < 0.95
    for other in (chosen - 0.02, chosen + 0.02):
        model.weight[1] = other
        assert model.log_probability(held_out, kind).sum() < best


def test_a_class_without_strings_of_its_own_takes_those_of_all(model):
    some, kind = TRAIN[[0]], np.array([1])
    model.fit(TRAIN[of_class == 0], of_class[of_class == 0], some, kind)
    np.testing.assert_allclose(
        model.log_probability(some, kind),
        model.all.log_probability(some.step, some.offset),
    )
