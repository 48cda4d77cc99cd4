"""Pictures of sequences: what they say, and that they are well-formed."""

from xml.etree import ElementTree

import numpy as np
import pytest

from treefold.report.sequences import belief, drawings, images


def description(svg):
    found = ElementTree.fromstring(svg).find("{http://www.w3.org/2000/svg}desc")
    assert found is not None
    return found.text or ""


def test_the_description_says_since_when_the_class_stands():
    probability = np.array([[0.6, 0.4], [0.3, 0.7], [0.8, 0.2], [0.9, 0.1]])
    said = description(belief(probability, ["no", "yes"], "no"))
    assert "True class no" in said
    assert "says no with probability 0.90" in said
    assert "since step 3 of 4" in said


def test_words_stand_below_the_steps():
    svg = belief(np.full((2, 2), 0.5), ["a", "b"], "a", words=["not", "bad & <so>"])
    assert "not" in svg
    assert "bad &amp; &lt;so&gt;" in svg


def test_a_long_sound_does_not_fill_the_page():
    random = np.random.default_rng(0)
    probability = random.dirichlet(np.ones(3), size=200)
    svg = belief(
        probability, list("abc"), "a", steps=random.normal(size=(200, 32)), seconds=0.01
    )
    assert "seconds heard" in svg
    assert len(svg) < 2_000_000


@pytest.mark.parametrize("draw", [drawings, images])
def test_what_is_wrong_is_written_with_the_truth(draw):
    items = [np.random.default_rng(0).normal(size=(8, 2))] * 3
    svg = draw(items, ["1", "2", "3"], ["1", "7", "3"])
    assert "2, is 7" in svg
    assert description(svg) == "1; 7 taken for 2; 3"
