"""Lower precision, autocast, and folds that keep no graph."""

import gc
import weakref

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import (
    CELLS,
    EACH_WAY,
    FORESTS,
    WITH_INITIAL,
    nodes_with_input,
    random_initial,
    random_input,
    total,
    value_and_gradients,
)
from treefold import Cell, Forest, State, fold
from treefold.cells import ChildSumTreeLSTMCell

FOREST = Forest.cat([Forest(FORESTS["binary tree"]), Forest([[], [0], [1, 1], []])])

# Of the largest gradient, what may be lost on the way up four levels and down again.
TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 0.1}


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize(("way", "name"), EACH_WAY)
def test_a_lower_precision_stays_near_float64(way, name, dtype):
    cell = CELLS[name]()
    nodes = nodes_with_input(cell, FOREST)
    x = random_input(cell, FOREST, nodes).detach().to(dtype)
    exact = value_and_gradients(
        "batched", cell.to(dtype).double(), FOREST, x.double().requires_grad_(), nodes
    )
    algorithm = None if dtype == torch.bfloat16 and way == "fused" else way
    low = value_and_gradients(
        algorithm, cell.to(dtype), FOREST, x.requires_grad_(), nodes
    )
    for got, wanted in zip([*low[0], *low[1]], [*exact[0], *exact[1]], strict=True):
        assert got.dtype == (dtype if got.is_floating_point() else wanted.dtype)
        scale = max([1.0, *wanted.detach().abs().flatten().tolist()])
        assert_close(
            got.to(wanted.dtype), wanted, rtol=0, atol=TOLERANCES[dtype] * scale
        )


@pytest.mark.parametrize("name", CELLS)
def test_autocast_runs_in_bfloat16_as_the_recursion_does(name):
    cell = CELLS[name]().float()
    nodes = nodes_with_input(cell, FOREST)
    x = random_input(cell, FOREST, nodes).detach().float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        batched = value_and_gradients(None, cell, FOREST, x, nodes)
        recursive = value_and_gradients("recursive", cell, FOREST, x, nodes)
        plain = fold(cell, FOREST, x, nodes).h
    for got, wanted in zip(
        [*batched[0], *batched[1]], [*recursive[0], *recursive[1]], strict=True
    ):
        scale = max([1.0, *wanted.detach().abs().flatten().tolist()])
        assert_close(got.double(), wanted.double(), rtol=0, atol=0.05 * scale)
    assert all(g.dtype == torch.float32 for g in batched[1])
    full = fold(cell, FOREST, x, nodes).h
    assert not torch.equal(plain.double(), full.double())  # it was autocast indeed


def test_second_gradients_remember_autocast():
    cell = ChildSumTreeLSTMCell(3, 4).float()
    x = torch.randn(FOREST.num_nodes, 3, dtype=torch.float32, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        h = fold(cell, FOREST, x).h.float()
    (plain,) = torch.autograd.grad(h.sum(), x, retain_graph=True)
    (again,) = torch.autograd.grad(h.sum(), x, create_graph=True)
    assert_close(again, plain, rtol=0, atol=0.02)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", CELLS)
def test_no_graph_is_kept_without_gradients(name, mode):
    cell = CELLS[name]()
    nodes = nodes_with_input(cell, FOREST)
    x = random_input(cell, FOREST, nodes)
    initial = random_initial(cell, 1) if name in WITH_INITIAL else None
    with mode():
        state = fold(cell, FOREST, x, nodes, initial)
    assert not any(f.requires_grad for f in state)
    assert all(f.grad_fn is None for f in state)
    assert_close(
        tuple(f.clone() for f in state),
        tuple(f.detach() for f in fold(cell, FOREST, x, nodes, initial)),
    )


def test_a_fold_is_freed_without_the_garbage_collector():
    cell = ChildSumTreeLSTMCell(3, 4)
    x = random_input(cell, FOREST)
    gc.collect()
    gc.disable()
    try:
        watched = x * 1  # the graph of the fold holds on to it
        state = fold(cell, FOREST, watched)
        gone = weakref.ref(watched)
        total(state).backward()
        del watched, state
        assert gone() is None
    finally:
        gc.enable()


def test_a_state_whose_levels_differ_in_precision_is_not_cut():
    class Rising(Cell):
        def forward(self, x, children):
            if len(children) == 0:
                return State(x.bfloat16())
            return State(x + children.sum(children.state.h))

    cell, forest = Rising(3, 3), Forest(FORESTS["binary tree"])
    x = random_input(cell, forest)
    batched = value_and_gradients("batched", cell, forest, x)
    recursive = value_and_gradients("recursive", cell, forest, x)
    assert_close(batched[0], recursive[0])  # in dtype, too
    assert_close(batched[1], recursive[1], rtol=0, atol=0.02)  # bfloat16 at the leaves
