"""What the study of negation counts as right."""

import numpy as np
import pytest

from treefold.data.datasets import FIVE_CLASSES, TWO_CLASSES
from treefold.data.readers.brackets import parse_brackets
from treefold.training.negation import ask, find_sets, grid, naive_bayes

TRAIN = "(3 good) (1 bad) (2 not) (1 (2 not) (3 good)) (3 (2 very) (3 good))"
TEST = """
(1 (2 not) (3 good))
(2 (2 not) (1 bad))
(3 (2 never) (1 dull))
(1 (2 never) (1 sad))
(3 (1 bad) (3 (2 but) (3 good)))
"""
GRID = grid(["", "not", "not very"], ["good"])


@pytest.fixture
def sets():
    return find_sets(parse_brackets(TRAIN), parse_brackets(TEST), list(GRID))


def sure_of(classes: tuple[str, ...], said: dict[str, str]):
    """A reader that is sure of the classes of some trees, and of nothing else."""

    def read(trees):
        rest = np.full(len(classes), 1 / len(classes))
        one = np.eye(len(classes))
        return np.array(
            [one[classes.index(said[t])] if t in said else rest for t in trees]
        )

    return read


def test_the_grid_nests_adverbs_to_the_right():
    assert GRID == {
        "good": "(_ good)",
        "not good": "(_ (_ not) (_ good))",
        "not very good": "(_ (_ not) (_ (_ very) (_ good)))",
    }


def test_sets_hold_what_people_felt_as_negated(sets):
    assert [n.negated.text for n in sets.positive] == ["not good"]
    # "never sad" is as negative as "sad", and tells nothing.
    assert [n.negated.text for n in sets.negative] == ["not bad", "never dull"]
    assert len(sets.contrasts) == 1
    assert sets.gold == {"good": ("3", True), "not good": ("1", True)}


def test_right_is_what_becomes_negative_or_less_so(sets):
    said = {
        "(_ good)": "4",
        "(_ (_ not) (_ good))": "0",
        "(_ bad)": "1",
        "(_ (_ not) (_ bad))": "2",
        "(_ dull)": "3",
        "(_ (_ never) (_ dull))": "0",
        "(_ (_ but) (_ good))": "3",
    }
    found = ask("sure", FIVE_CLASSES, [sure_of(FIVE_CLASSES, said)], sets, GRID)
    assert found.negated_positive == [1.0]
    assert found.negated_negative == [0.5]
    assert found.positive_change.tolist() == [-1.0]
    assert found.negative_change.tolist() == [1.0, -1.0]
    assert found.contrast == [0.0]  # "good" is 3, not 4
    said["(_ good)"] = "3"
    found = ask("sure", FIVE_CLASSES, [sure_of(FIVE_CLASSES, said)], sets, GRID)
    assert found.contrast == [1.0]
    assert found.table["not good"].tolist() == [1, 0, 0, 0, 0]
    assert found.polarity == (-1, -1, 0, 1, 1)


def test_seeds_are_counted_one_by_one_and_their_probabilities_averaged(sets):
    readers = [
        sure_of(TWO_CLASSES, {"(_ (_ not) (_ good))": name}) for name in TWO_CLASSES
    ]
    found = ask("two seeds", TWO_CLASSES, readers, sets, GRID)
    assert found.negated_positive == [1.0, 0.0]
    assert found.positive_change.tolist() == [0.0]
    assert found.table["not good"].tolist() == [0.5, 0.5]


def test_of_two_classes_neutral_parts_are_not_judged(sets):
    said = {"(_ bad)": "negative", "(_ good)": "positive"}
    said["(_ (_ but) (_ good))"] = "positive"
    found = ask("two", TWO_CLASSES, [sure_of(TWO_CLASSES, said)], sets, GRID)
    assert found.contrast == [1.0]


@pytest.mark.parametrize("classes", [FIVE_CLASSES, TWO_CLASSES])
def test_naive_bayes_knows_a_pair_of_words_that_it_has_met(classes):
    text = " ".join([*("(3 (2 very) (3 good))",), *(f"({k} w{k})" for k in range(5))])
    train = parse_brackets(TRAIN.replace("(2 not) (1", "(1") + text)
    read = naive_bayes(train, classes)
    p = read(["(_ (_ not) (_ good))", "(_ good)", "(_ (_ Very) (_ good))"])
    assert p.shape == (3, len(classes))
    assert np.allclose(p.sum(1), 1)
    positive = p[:, 3:].sum(1) if len(classes) == 5 else p[:, 1]
    assert positive[0] < positive[1] < positive[2]
