"""The fused fold by levels is the recursion: in every value and in every gradient."""

import gc
import weakref
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from tests.core_cases import (
    CELLS,
    FORESTS,
    nodes_with_input,
    random_initial,
    random_input,
    total,
)
from tests.folding.levelwise.cases import (
    SERVED,
    SERVED_WITH_INITIAL,
    SHARED_SLOTS,
    fold_by_levels,
    is_served,
    served_forests,
    states_and_gradients,
)
from treefold import Cell, Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, RecursiveCell
from treefold.folding.levelwise import aten, fold_levelwise

TREE = Forest(FORESTS["binary tree"])


def assert_agreement(cell, forest, x, nodes=None, initial=None, rows=None) -> None:
    given = (x, *(initial or ()), *cell.parameters())
    case = (cell, forest, x, nodes, initial)
    by_levels = fold_by_levels(aten, *case, rows)
    recursive = fold(*case, rows=rows, algorithm="recursive")
    assert_close(
        states_and_gradients(by_levels, *given),
        states_and_gradients(recursive, *given),
        rtol=1e-9,
        atol=1e-11,
    )


@pytest.mark.parametrize("children", list(FORESTS.values())[1:], ids=list(FORESTS)[1:])
@pytest.mark.parametrize("name", SERVED)
def test_it_agrees_with_the_recursion(name, children):
    cell, forest = CELLS[name](), Forest(children)
    nodes = nodes_with_input(cell, forest)
    assert_agreement(cell, forest, random_input(cell, forest, nodes), nodes)


@pytest.mark.parametrize("name", SERVED)
@given(data=st.data())
def test_it_agrees_on_random_forests(name, data):
    cell = CELLS[name]()
    forest = data.draw(served_forests(name))
    nodes = nodes_with_input(cell, forest)
    assert_agreement(cell, forest, random_input(cell, forest, nodes), nodes)


@pytest.mark.parametrize("name", SERVED_WITH_INITIAL)
@given(data=st.data())
def test_some_nodes_have_input_in_any_order_and_leaves_an_initial_state(name, data):
    cell = CELLS[name]()
    forest = data.draw(served_forests(name))
    listed = data.draw(st.permutations(range(forest.num_nodes)))
    nodes = torch.tensor(listed[: data.draw(st.integers(0, len(listed)))]).long()
    given_rows = data.draw(st.sampled_from([0, 1, forest.num_trees]))
    initial = random_initial(cell, given_rows) if given_rows else None
    x = torch.randn(3, cell.input_size, requires_grad=True)
    rows = torch.arange(len(nodes)) % 3
    assert_agreement(cell, forest, x, nodes, initial, rows)


@pytest.mark.parametrize("name", [n for n in SERVED if is_served(n, SHARED_SLOTS)])
def test_transposed_dags_agree_too(name):
    cell, nodes = CELLS[name](), nodes_with_input(CELLS[name](), SHARED_SLOTS)
    x = random_input(cell, SHARED_SLOTS, nodes)
    assert_agreement(cell, SHARED_SLOTS, x, nodes)


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
def test_every_activation_agrees(activation):
    cell = RecursiveCell(3, 4, activation=activation, input="affine")
    assert_agreement(cell, TREE, random_input(cell, TREE))


@pytest.mark.parametrize("name", SERVED)
@settings(max_examples=5)
@given(data=st.data())
def test_second_gradients_are_those_of_the_recursion(name, data):
    cell = CELLS[name]()
    forest = data.draw(served_forests(name, max_nodes=7))
    nodes = nodes_with_input(cell, forest)
    initial = random_initial(cell, 1) if name in SERVED_WITH_INITIAL else None
    x = random_input(cell, forest, nodes)
    ends = [x, *(initial or ()), *cell.parameters()]

    def first_and_second(state: Any) -> tuple[Any, Any]:
        options: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
        first = torch.autograd.grad(total(state), ends, create_graph=True, **options)
        penalty = torch.stack([g.square().sum() for g in first]).sum()
        return first, torch.autograd.grad(penalty, ends, **options)

    assert_close(
        first_and_second(fold_by_levels(aten, cell, forest, x, nodes, initial)),
        first_and_second(fold(cell, forest, x, nodes, initial, algorithm="recursive")),
        rtol=1e-8,
        atol=1e-9,
    )


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", SERVED)
def test_without_gradients_no_gates_are_kept_and_the_states_are_the_same(name, mode):
    cell, nodes = CELLS[name](), nodes_with_input(CELLS[name](), TREE)
    x = random_input(cell, TREE, nodes)
    with mode():
        state = fold_by_levels(aten, cell, TREE, x, nodes)
    assert all(f.grad_fn is None for f in state)
    wanted = fold(cell, TREE, x, nodes, algorithm="recursive")
    assert_close([f.clone() for f in state], [f.detach() for f in wanted])


def test_only_what_needs_a_gradient_gets_one():
    cell = ChildSumTreeLSTMCell(3, 4)
    cell.weight_hh.requires_grad_(False)
    assert_agreement(cell, TREE, torch.randn(TREE.num_nodes, 3))


def test_backward_may_be_called_twice_when_the_graph_is_retained():
    cell = ChildSumTreeLSTMCell(3, 4)
    value = total(fold_by_levels(aten, cell, TREE, random_input(cell, TREE)))
    ends = list(cell.parameters())
    once = torch.autograd.grad(value, ends, retain_graph=True)
    assert_close(torch.autograd.grad(value, ends), once)


def test_a_state_overwritten_before_backward_is_told():
    cell = ChildSumTreeLSTMCell(3, 4)
    x = random_input(cell, TREE)
    state = fold_levelwise(cell, TREE, x, None, None, None, aten)
    value = state.h.sum()
    with torch.no_grad():
        state.c.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_a_fold_is_freed_without_the_garbage_collector():
    cell = ChildSumTreeLSTMCell(3, 4)
    x = random_input(cell, TREE)
    gc.collect()
    gc.disable()
    try:
        watched = x * 1  # the graph of the fold holds on to it
        state = fold_by_levels(aten, cell, TREE, watched, None, random_initial(cell, 1))
        gone = weakref.ref(watched)
        total(state).backward()
        del watched, state
        assert gone() is None
    finally:
        gc.enable()


def test_what_it_does_not_serve_is_left_to_others():
    def fold_some(cell: Cell[Any], forest: Forest = TREE, dtype=torch.float64) -> Any:
        x = torch.randn(forest.num_nodes, cell.input_size, dtype=dtype)
        return fold_levelwise(cell.to(dtype), forest, x, None, None, None, aten)

    for name in set(CELLS) - set(SERVED):
        assert fold_some(CELLS[name]()) is None
    cell = ChildSumTreeLSTMCell(3, 4)
    assert fold_some(cell) is not None
    assert fold_some(cell, Forest([])) is None
    assert fold_some(cell, dtype=torch.half) is None
    assert fold_some(CELLS["gru-nary"](), SHARED_SLOTS) is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert fold_some(cell) is None
    cell.register_forward_hook(lambda *_: None)
    assert fold_some(cell) is None
