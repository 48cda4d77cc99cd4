"""Integrated gradients: they add up, and are what a plain loop over nodes finds."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from tests.explain.cases import coded, model_of, random_document
from treefold.explain.gradients import integrated_gradients
from treefold.folding.recursive import fold_recursive


def said_node_by_node(model, document, x, output):
    """What is said of a document, each state computed by itself."""
    from treefold.forest import Forest

    below = document.children
    order = sorted(range(len(document)), reverse=True)  # children before parents
    place = {v: k for k, v in enumerate(order)}
    forest = Forest([[place[c] for c in below[v]] for v in order])
    h = fold_recursive(model.net, forest, x[order]).h
    r = torch.cat([h[place[0]], h.mean(dim=0), h.amax(dim=0)])
    return model.answer(model.read(r[None]))[0, output]


@pytest.mark.parametrize("output", range(3))
def test_they_are_those_of_a_loop_over_the_nodes(output):
    document = random_document(2, 9)
    given = coded(random_document(1), document)
    model = model_of(given)
    x = torch.zeros(9, 5)
    batch = given.batch([1])
    x[given.documents[[1]].node] = model.vectors(batch)[batch.batch.rows].detach()

    at, weight = np.polynomial.legendre.leggauss(32)
    expected = torch.zeros(9)
    for a, w in zip((at + 1) / 2, weight / 2, strict=True):
        scaled = (float(a) * x).requires_grad_()
        said = said_node_by_node(model, document, scaled, output)
        (gradient,) = torch.autograd.grad(said, scaled)
        expected += float(w) * (gradient * x).sum(dim=1)

    found = integrated_gradients(model, given, 1, output=output, steps=32)
    assert_allclose(found.value, expected.numpy(), atol=1e-9)


@pytest.mark.parametrize("goal", ["classify", "regress"])
def test_they_add_up_to_what_the_document_adds_to_empty_nodes(goal):
    given = coded(*(random_document(seed, 30) for seed in range(3)))
    model = model_of(given, goal, (3,) if goal == "classify" else (1,))
    with torch.no_grad():  # far from linear
        model.encoder.embedding.weight.mul_(3)
        model.output.weight.mul_(10)
    every = [
        integrated_gradients(model, given, number, output=output)
        for number in range(3)
        for output in range(sum(model.sizes))
    ]
    assert max([abs(found.total) for found in every]) > 0.02
    for found in every:
        assert found.gap <= 1e-3
        assert_allclose(found.of_subtrees[0], found.value.sum())


def test_without_a_maximum_few_steps_add_up_exactly():
    given = coded(random_document(1, 30))
    model = model_of(given, readout="root")
    found = integrated_gradients(model, given, steps=32)
    assert abs(found.total) > 1e-3
    assert found.gap < 1e-9


def test_against_another_class_they_add_up_to_the_log_of_the_odds():
    given = coded(random_document(1, 30))
    model = model_of(given)
    found = integrated_gradients(model, given, output=2, against=0)
    batch = given.batch([0])
    with torch.no_grad():
        empty = model.fold(batch.forest, torch.zeros(30, 5))
        odds = model(batch).log_softmax(dim=1)
        none = model.read(model.summary(batch.forest, empty)).log_softmax(dim=1)
    expected = (odds[0, 2] - odds[0, 0]) - (none[0, 2] - none[0, 0])
    assert found.total == pytest.approx(float(expected))
    assert found.gap <= 1e-3


def test_those_of_a_subtree_are_the_sum_over_its_nodes():
    document = random_document(4, 20)
    given = coded(document)
    found = integrated_gradients(model_of(given), given)
    for v in range(20):
        inside = {v}
        inside |= {u for u in range(20) if _above(document, u, v)}
        assert_allclose(found.of_subtrees[v], found.value[list(inside)].sum())


def _above(document, node, other):
    while node > 0 and node != other:
        node = document.parent[node]
    return node == other


def test_of_a_node_only_what_is_below_it_counts():
    document = random_document(5, 15)
    given = coded(document, classes=("root", "value", "word"))
    model = model_of(given, "nodes")
    found = integrated_gradients(model, given, node=1, output=2)
    inside = {u for u in range(15) if _above(document, u, 1)}
    assert found.gap <= 1e-3
    assert set(np.flatnonzero(found.value)) <= inside
    assert found.value[1] != 0


def test_copies_are_bounded_and_the_model_stays_as_it_was(monkeypatch):
    given = coded(random_document(7, 20))
    model = model_of(given).train()
    whole = integrated_gradients(model, given, steps=8)
    monkeypatch.setattr("treefold.explain.gradients.AT_ONCE", 45)
    assert_allclose(integrated_gradients(model, given, steps=8).value, whole.value)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_steps_and_output_are_checked():
    given = coded(random_document(0))
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        integrated_gradients(model_of(given), given, steps=0)
    with pytest.raises(ValueError, match=r"output must lie in 0\.\.2, got 3"):
        integrated_gradients(model_of(given), given, output=3)
    with pytest.raises(ValueError, match=r"against must lie in 0\.\.2, got -1"):
        integrated_gradients(model_of(given), given, against=-1)
