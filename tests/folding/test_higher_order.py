"""Gradients of gradients, by every path."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from tests.core_cases import (
    CELLS,
    EACH_WAY,
    FORESTS,
    WAYS,
    WITH_INITIAL,
    by_way,
    forests,
    nodes_with_input,
    random_initial,
    random_input,
    total,
)
from treefold import Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, Dropout, RecursiveCell


def gradients_of_gradients(algorithm, cell, forest, x, nodes=None, initial=None):
    state = fold(cell, forest, x, nodes, initial, algorithm=algorithm)
    given = [x, *(initial or ()), *cell.parameters()]
    ends = [t for t in given if t.requires_grad]
    value = total(state)
    nothing = [torch.zeros_like(t) for t in ends]
    if not value.requires_grad:
        return [*nothing, *nothing]
    options: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
    first = torch.autograd.grad(value, ends, create_graph=True, **options)
    penalty = torch.stack([g.square().sum() for g in first]).sum()
    if not penalty.requires_grad:
        return [*first, *nothing]
    return [*first, *torch.autograd.grad(penalty, ends, **options)]


@pytest.mark.parametrize(("way", "name"), EACH_WAY)
@settings(max_examples=8)
@given(data=st.data())
def test_second_gradients_are_those_of_the_recursion(way, name, data):
    cell = CELLS[name]()
    forest = data.draw(forests(cell.max_arity or 3, max_nodes=7))
    nodes = nodes_with_input(cell, forest)
    initial = None
    if name in WITH_INITIAL and data.draw(st.booleans()):
        initial = random_initial(cell, 1)
    case = cell, forest, random_input(cell, forest, nodes), nodes, initial
    got = gradients_of_gradients(by_way(way, cell, forest), *case)
    recursive = gradients_of_gradients("recursive", *case)
    assert_close(got, recursive, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("way", "name"), [case for case in EACH_WAY if case[1] != "own-counting"]
)
def test_gradients_pass_finite_differences_twice(way, name):
    cell = CELLS[name]()
    children = "binary tree" if cell.max_arity == 2 else "mixed arity"
    forest = Forest(FORESTS[children])
    nodes = nodes_with_input(cell, forest)
    x = random_input(cell, forest, nodes)

    def states(x, *parameters):
        return tuple(fold(cell, forest, x, nodes, algorithm=way))

    given_to = (x, *cell.parameters())
    assert torch.autograd.gradcheck(states, given_to, fast_mode=True)
    assert torch.autograd.gradgradcheck(states, given_to, fast_mode=True, atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_third_gradients_work(way):
    cell, forest = RecursiveCell(3, 4, input="affine"), Forest(FORESTS["binary tree"])
    x = random_input(cell, forest)

    def third(algorithm):
        value = total(fold(cell, forest, x, algorithm=algorithm))
        for _ in range(3):
            (g,) = torch.autograd.grad(value, x, create_graph=True)
            value = g.sin().sum()
        return g

    assert_close(third(way), third("recursive"))


@pytest.mark.parametrize("way", WAYS)
def test_backward_may_be_called_twice_when_the_graph_is_retained(way):
    cell, forest = ChildSumTreeLSTMCell(3, 4), Forest(FORESTS["shared nodes"])
    x = random_input(cell, forest)
    value = total(fold(cell, forest, x, algorithm=way))
    value.backward(retain_graph=True)
    once = [t.grad.clone() for t in (x, *cell.parameters()) if t.grad is not None]
    value.backward()
    twice = [t.grad for t in (x, *cell.parameters())]
    assert_close(twice, [2 * g for g in once])


@pytest.mark.parametrize("way", WAYS)
def test_backward_twice_without_retaining_the_graph_is_told(way):
    cell, forest = ChildSumTreeLSTMCell(3, 4), Forest(FORESTS["shared nodes"])
    value = total(fold(cell, forest, random_input(cell, forest), algorithm=way))
    value.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        value.backward()


def test_second_gradients_see_the_noise_of_the_fold():
    cell = Dropout(ChildSumTreeLSTMCell(3, 16), 0.5)
    forest = Forest(FORESTS["shared nodes"])
    x = random_input(cell, forest)
    h = fold(cell, forest, x).h
    plain = torch.autograd.grad(h.sin().sum(), x, retain_graph=True)
    torch.rand(7)  # the generator goes on between fold and backward
    before = torch.get_rng_state()
    with_graph = torch.autograd.grad(h.sin().sum(), x, create_graph=True)
    assert_close(with_graph, plain)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_cell_that_changed_since_the_fold_is_told():
    cell = Dropout(ChildSumTreeLSTMCell(3, 16), 0.5)
    forest = Forest(FORESTS["shared nodes"])
    h = fold(cell, forest, random_input(cell, forest)).h
    cell.eval()
    with pytest.raises(RuntimeError, match="its mode or an attribute has changed"):
        torch.autograd.grad(h.sum(), list(cell.parameters()), create_graph=True)


@pytest.mark.parametrize("way", WAYS)
def test_parameters_changed_between_fold_and_backward_are_told(way):
    cell, forest = ChildSumTreeLSTMCell(3, 4), Forest(FORESTS["binary tree"])
    h = fold(cell, forest, random_input(cell, forest), algorithm=way).h
    with torch.no_grad():
        cell.weight_hh.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        h.sum().backward()


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_empty_forest_has_gradients_of_zero(create_graph):
    cell, forest = ChildSumTreeLSTMCell(3, 4), Forest([])
    x = random_input(cell, forest)
    state = fold(cell, forest, x)
    assert state.h.shape == state.c.shape == (0, 4)
    got = torch.autograd.grad(
        state.h.sum(), [x, *cell.parameters()], create_graph=create_graph
    )
    assert_close(got, tuple(torch.zeros_like(t) for t in (x, *cell.parameters())))
