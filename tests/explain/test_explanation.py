"""Explanations: what they name is what the numbers say, in words and in pictures."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from tests.explain import cases
from tests.explain.cases import coded, random_document
from treefold.data.documents import Goal
from treefold.explain.explanation import explain
from treefold.explain.nearest import Neighbours
from treefold.explain.occlusion import occlusion

NAMES = ("red", "green", "blue")


def model_of(given, goal: Goal = "classify", sizes=(3,)):
    """A model that is not trained, but says things as decidedly as if it were."""
    model = cases.model_of(given, goal, sizes)
    with torch.no_grad():
        model.encoder.embedding.weight.mul_(3)
        model.output.weight.mul_(20)
    return model


@pytest.fixture
def given():
    return coded(*(random_document(seed, 14) for seed in range(6)))


def test_the_likeliest_class_is_told_from_the_next(given):
    model = model_of(given)
    found = explain(model, given, 2, classes=NAMES)
    order = np.argsort(-found.said)
    assert (found.output, found.against) == (order[0], order[1])
    assert found.said.sum() == pytest.approx(1)
    odds = np.log(found.said[order[0]] / found.said[order[1]])
    batch = given.batch([2])
    empty = model.fold(batch.forest, model.vectors(batch)[batch.batch.rows] * 0)
    none = model.read(model.summary(batch.forest, empty))[0].detach().numpy()
    assert found.gradients.total == pytest.approx(
        odds - (none[order[0]] - none[order[1]])
    )


def test_another_class_may_be_asked_about(given):
    found = explain(model_of(given), given, classes=NAMES, output=1, against=0)
    assert found.headline.startswith("green ")
    assert "red " in found.headline
    assert "log odds of green to red" in found.legend()


def test_sentences_say_what_is_left_without_what_counts_most(given):
    model = model_of(given)
    found = explain(model, given, 3, classes=NAMES)
    change = occlusion(model, given, 3).change[:, found.output]
    first = found.most()[0]
    rest = found.said[found.output] - change[first]
    assert f"it is {100 * rest:.1f}%." in found.sentences()[1]
    assert abs(change[first]) >= 0.8**3 * np.nanmax(np.abs(change))


def test_a_subtree_that_owes_its_effect_to_one_within_is_not_named(given):
    found = explain(model_of(given), given, 3, classes=NAMES)
    change = np.abs(np.nan_to_num(found.change))
    for v in found.most(5):
        for c in found.document.children[v]:
            assert change[c] < 0.8 * change[v]


def test_numbers_are_explained_without_classes(given):
    model = model_of(given, "regress", (1,))
    found = explain(model, given, 1)
    assert found.against is None
    assert re.fullmatch(r"It says -?[\d.e-]+\.", found.sentences()[0])
    assert "the number" in found.legend()
    assert "%" not in " ".join(found.sentences())


def test_a_node_is_explained_by_what_is_below_it():
    document = random_document(5, 15)
    given = coded(document, classes=("root", "value", "word"))
    model = model_of(given, "nodes")
    found = explain(model, given, classes=("root", "value", "word"), node=1)
    assert found.headline.startswith(f"{document.content[1].role}")
    outside = [v for v in range(1, 15) if not _below(document, v, 1)]
    assert outside
    assert np.allclose(found.change[outside], 0)
    assert np.isnan(found.change[[0, 1]]).all()


def _below(document, node, other):
    while node > 0 and node != other:
        node = document.parent[node]
    return node == other


def test_the_nearest_of_training_are_named_with_their_targets(given):
    model = model_of(given)
    near = Neighbours.of(model, given)
    found = explain(model, given, 4, classes=NAMES, neighbours=near, nearest=2)
    told = " ".join(found.near())
    assert "Near in training: made:4, odd (1.00); made:" in told
    assert found.documents[0].number == 4
    best = found.subtrees[0]
    assert (best.number, best.cosine) == (4, pytest.approx(1)) or best.cosine > 0.99


def test_the_picture_holds_both_readings_and_is_one_for_notebooks(given):
    found = explain(model_of(given), given, 0, classes=NAMES)
    root = ET.fromstring(found.picture())
    texts = [
        "".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    assert texts[:2] == ["if left out", "its content"]
    assert sum(text.startswith(("+", "−")) for text in texts) > 5
    html = found._repr_html_()
    assert html.count("<svg") == 1
    assert "falls (+) or rises (−) without the subtree" in html


def test_what_hardly_changes_anything_is_not_named(given):
    model = cases.model_of(given)
    with torch.no_grad():
        model.output.weight.mul_(0.01)
    found = explain(model, given, 3, classes=NAMES)
    assert found.most() == []
    assert "No subtree by itself changes that much." in found.sentences()
    widths = [
        b.get("width")
        for b in ET.fromstring(found.picture()).iter()
        if b.tag.endswith("rect") and "rx" not in b.attrib
    ]
    assert all(float(w or 0) < 5 for w in widths)  # a full bar has 42 pixels


def test_what_was_not_tried_is_said():
    given = coded(random_document(1, 40))
    found = explain(model_of(given), given, classes=NAMES, work=80)
    assert (
        "Of 40 nodes the 2 most promising were left out in turn." in found.sentences()
    )
