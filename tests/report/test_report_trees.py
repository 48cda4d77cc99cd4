"""Coloured trees: what a model reads in each node, in colour and in words."""

import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from treefold import Forest
from treefold.report import Reading, corpus_picture, most_confident, tree_picture

RATING = Reading(("very negative", "negative", "neutral", "positive", "very positive"))
KIND = Reading(("noun", "verb", "other"))
PAIR = Reading(("original", "swapped"))


class Arrays(NamedTuple):
    """What a picture needs of a forest."""

    offset: list
    child: list
    roots: list


WARM_SOUP = Arrays([0, 0, 0, 2], [0, 1], [2])


def shown(picture):
    return [
        "".join(t.itertext())
        for t in ET.fromstring(picture.svg).iter()
        if "text" in t.tag
    ]


def test_the_picture_tells_class_and_probability_of_every_node():
    p = [[0.1, 0.9], [0.8, 0.2], [0.375, 0.625]]
    words = ["warm", "soup", None]
    picture = tree_picture(WARM_SOUP, p, PAIR, text=words, truth=0)
    assert shown(picture) == [
        "warm",
        "swapped 90%",
        "swapped 62%",
        "soup",
        "original 80%",
    ]
    assert picture.caption == "warm soup"
    assert (picture.truth, picture.prediction) == ("original", "swapped")
    assert picture.probability == pytest.approx(0.625)
    assert picture.right is False
    assert "original: 10.0%\nswapped: 90.0%" in picture.svg


def test_nodes_of_which_the_model_says_nothing_stay_without_colour():
    p = np.full((3, 2), np.nan)
    picture = tree_picture(WARM_SOUP, p, PAIR, text=["warm", "soup", "np"])
    assert sorted(shown(picture)) == ["np", "soup", "warm"]
    assert picture.prediction is picture.probability is picture.right is None


def test_ordered_classes_run_from_orange_to_blue_by_expectation():
    ordered = Reading(RATING.classes, ordered=True)
    sure = np.eye(5)
    assert [ordered.fill(row) for row in sure[[0, 4]]] == ["#b75503", "#1f62a6"]
    assert ordered.fill((sure[0] + sure[4]) / 2) == ordered.fill(sure[2])


def test_other_classes_have_a_colour_each_the_paler_the_less_sure():
    sure = [KIND.fill(row) for row in np.eye(3)]
    assert len(set(sure)) == 3
    assert KIND.fill(np.array([0.4, 0.3, 0.3])) not in sure


def test_a_single_class_has_a_colour_too():
    only = Reading(("anything",), ordered=True)
    assert only.legend == [("#80b8d8", "anything")]


def test_ratings_are_abbreviated_by_signs_and_the_legend_explains_them():
    assert RATING.names == ["−−", "−", "0", "+", "++"]
    assert [text for _, text in RATING.legend][:2] == [
        "−−  very negative",
        "−  negative",
    ]
    assert KIND.names == ["noun", "verb", "other"]
    assert Reading(KIND.classes, short=("n", "v", "o")).word(np.eye(3)[1]) == "v 100%"


def test_a_large_tree_is_a_summary_but_keeps_its_prediction():
    chain = Arrays([0, 0, 1, 2], [0, 1], [2])
    picture = tree_picture(chain, np.eye(3), KIND, text=["a", "b", "c"], max_nodes=2)
    assert "3 nodes" in picture.svg
    assert picture.prediction == "other"


def test_a_newline_in_a_word_does_not_begin_the_line_of_the_reading():
    one = Arrays([0, 0], [], [0])
    picture = tree_picture(one, [[1.0, 0.0]], PAIR, text=["a\nb"])
    assert shown(picture) == ["a␊b", "original 100%"]


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(num_nodes, 2\).*got \(3, 3\)"):
        tree_picture(WARM_SOUP, np.eye(3), PAIR)


def test_a_tree_of_a_corpus_is_drawn_with_its_own_words_and_truth():
    corpus = SimpleNamespace(
        tree_offset=np.array([0, 1, 4]),
        child_offset=np.array([0, 0, 0, 0, 2]),
        child=np.array([1, 0], np.int32),
        token=np.array([2, 0, 1, -1], np.int32),
        label=np.array([0, -1, -1, 1], np.int32),
        tokens=("cold", "soup", "no"),
        roots=np.array([0, 3]),
    )
    picture = corpus_picture(corpus, 1, PAIR, np.eye(3)[:, :2] + 0.1)
    assert picture.caption == "soup cold"
    assert picture.truth == "swapped"
    assert corpus_picture(corpus, 0, PAIR, [[0.7, 0.3]]).right is True

    labelled = corpus_picture(corpus, 1, PAIR)
    assert shown(labelled) == ["soup", "swapped", "cold"]
    assert (labelled.truth, labelled.prediction) == ("swapped", None)


def test_a_forest_of_the_library_is_drawn_as_it_is():
    forest = Forest.from_trees([("great", "soup")])
    assert shown(tree_picture(forest, [0, 1, 1], PAIR)) == [
        "original",
        "swapped",
        "swapped",
    ]


def test_the_most_confident_are_sorted_and_the_unlabelled_left_out():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.99, 0.01], [0.9, 0.1]])
    right, wrong = most_confident(p, [0, 0, 1, -1, 0], count=2)
    assert right.tolist() == [0, 4]
    assert wrong.tolist() == [1]
    assert [a.tolist() for a in most_confident(np.zeros((0, 2)), [])] == [[], []]
