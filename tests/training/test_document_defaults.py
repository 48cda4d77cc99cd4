"""Settings that nobody gave are chosen by the size of the data."""

from itertools import pairwise

import pytest

from treefold.training.document_defaults import MOST_EPOCHS, STEPS, defaults


@pytest.mark.parametrize("goal", ["classify", "regress", "nodes"])
def test_more_documents_never_make_a_smaller_model_or_more_epochs(goal):
    sizes = [0, 1, 30, 199, 200, 500, 3_999, 4_000, 50_000, 1_000_000]
    found = [defaults(n, goal) for n in sizes]
    for less, more in pairwise(found):
        assert more.hidden_size >= less.hidden_size
        assert more.batch_size >= less.batch_size
    assert all(1 <= each.epochs <= MOST_EPOCHS for each in found)


def test_the_steps_are_about_as_many_whatever_the_size():
    for n in (700, 3_000, 15_000):
        chosen = defaults(n, "classify")
        assert STEPS * 0.8 <= chosen.epochs * n / chosen.batch_size <= STEPS


def test_classes_of_few_documents_are_kept_from_being_learned_by_heart():
    few, many = defaults(500, "classify"), defaults(8_000, "classify")
    assert few.input_dropout > 0 == many.input_dropout
    assert defaults(500, "regress").input_dropout == 0
