"""Pictures of comparisons: whole, the same each time, and told in words."""

import xml.etree.ElementTree as ElementTree

import numpy as np

from treefold.report.pairs import MOST_POINTS, by_group, scatter

SVG = "{http://www.w3.org/2000/svg}"


def told(image):
    """The title and the description of a picture."""
    root = ElementTree.fromstring(image)
    return root.findtext(f"{SVG}title", ""), root.findtext(f"{SVG}desc", "")


def test_a_scatter_tells_how_many_pairs_and_their_means():
    right = np.repeat([1.0, 5.0], 800)
    said = np.where(right == 1, 1.5, 4.5)
    image = scatter(right, said)
    title, description = told(image)
    assert title == "Scores said against the right ones"
    assert description.startswith(f"{MOST_POINTS:,} of 1,600 pairs.")
    assert "1.0 told 1.5, 5.0 told 4.5" in description
    assert image == scatter(right, said)


def test_scores_that_are_all_one_can_be_drawn():
    assert "told 2.0" in told(scatter(np.ones(3), np.full(3, 2.0)))[1]


def test_a_few_scores_each_alone_are_drawn_without_a_mean():
    assert told(scatter(np.arange(4.0), np.zeros(4)))[1] == "4 of 4 pairs."


def test_accuracy_by_group_has_a_name_at_each_curve():
    ours = {"1": 1.0, "2": 0.9, "10": 0.8}
    others = {"rival & co": {"10": 0.5}, "nobody": {}}
    image = by_group(ours, others, label="operators", seen=["1"])
    title, description = told(image)
    assert title == "Accuracy by operators"
    assert description == "This model. 1: 100.0 %, 2: 90.0 %, 10: 80.0 %"
    words = [text for text in ElementTree.fromstring(image).itertext() if text.strip()]
    assert {"this model", "rival & co", "as in training"} <= set(words)
    assert "nobody" not in words
    bare = by_group(ours, {}, label="operators")
    assert "as in training" not in bare
