"""Documents drawn by a run: each with its reasons, and what could not be read."""

import pytest

from tests.explain.cases import random_document
from tests.tasks.test_documents_findings import task_of
from treefold.data.errors import DataError


@pytest.mark.parametrize("goal", ["classify", "nodes"])
def test_each_is_drawn_in_order_and_the_unreadable_is_told(goal):
    task = task_of(goal)
    model = task.made_model().eval()
    items = [random_document(1), DataError("a.json:2: broken"), random_document(2)]
    for item in items[::2]:
        item.target = "class 1" if goal == "classify" else None
    drawn = list(task.draw(model, items, near=2))
    assert len(drawn) == 3
    assert drawn[0].caption.startswith("made:1: It says ")
    assert drawn[1].caption == "Left out: a.json:2: broken"
    assert "falls (+) or rises (−)" in drawn[0].caption
    assert "falls (+) or rises (−)" not in drawn[2].caption
    if goal == "classify":
        assert "right is class 1 " in drawn[0].caption
    else:
        assert "◂ explained" in drawn[0].image
        assert "right is " in drawn[0].image


def test_training_data_that_are_gone_are_no_reason_to_draw_nothing():
    task = task_of("classify")
    model = task.made_model().eval()
    bare = type(task)(task.config, task.assets, None, task.spec)
    drawn = list(bare.draw(model, [random_document(3)], near=2))
    assert "What is near in training cannot be told: " in drawn[0].caption
    assert "<svg" in drawn[0].image
