"""Deep structures: no recursion, no stack to overflow, nothing quadratic."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from treefold import Cell, Forest, State, fold
from treefold.cells import ChildSumTreeLSTMCell, NaryTreeLSTMCell, RecursiveCell


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    """Leave memory as it is: to fill it costs as much as the folds."""


@pytest.mark.slow
def test_a_chain_of_100_000_nodes_trains_and_its_graph_is_freed():
    forest = Forest.from_lengths([100_000])
    cell = RecursiveCell(4, 4, arity=1, input="affine")
    x = torch.randn(forest.num_nodes, 4, requires_grad=True)
    h = fold(cell, forest, x).h
    h[forest.roots].sum().backward()
    assert x.grad is not None
    assert cell.weight_hh.grad is not None
    assert cell.weight_hh.grad.isfinite().all()
    assert x.grad[-1].abs().min() > 0  # the last step is near, the first too far
    del h  # a graph as deep as the chain would overflow the stack here


class DecayCell(Cell):
    """h = x + half of the child: as light as a cell can be."""

    def forward(self, x, children):
        h = children.state.h
        return State(x if len(h) == 0 else torch.add(x, h, alpha=0.5))


@pytest.mark.slow
def test_a_chain_of_1_000_000_nodes_folds_without_gradient():
    forest = Forest.from_lengths([1_000_000])
    with torch.inference_mode():
        h = fold(DecayCell(1, 1), forest, torch.ones(forest.num_nodes, 1)).h
    assert_close(h[:3, 0].clone(), torch.tensor([1.0, 1.5, 1.75]))
    assert_close(h[-1].clone(), torch.tensor([2.0]))


def test_a_comb_of_3_000_leaves_agrees_with_its_formula():
    # Leaf i is merged with all that stands before it: ((x0 x1) x2) ...
    L = 3_000
    children = [[] for _ in range(L)] + [[L + i - 1, i + 1] for i in range(L - 1)]
    children[L] = [0, 1]
    cell = RecursiveCell(3, 3, activation="identity")
    with torch.no_grad():
        cell.weight_hh.copy_(torch.cat([0.9 * torch.eye(3), torch.eye(3)], dim=1))
        cell.bias.zero_()
    forest = Forest(children, trees=True)
    x = torch.randn(L, 3, requires_grad=True)
    root = fold(cell, forest, x, nodes=forest.leaves).h[forest.roots]
    share = 0.9 ** torch.arange(L - 1, -1, -1.0)
    share[0] = share[1] * 0.9
    assert_close(root[0], share @ x)
    (got,) = torch.autograd.grad(root.sum(), x)
    assert_close(got, share[:, None].expand(L, 3))


def test_a_comb_agrees_with_the_recursion():
    L = 300
    tree = ("0",)
    for _ in range(L):
        tree = (tree, "x")
    forest = Forest.from_trees([tree])
    cell = NaryTreeLSTMCell(2, 3, arity=2)
    x = torch.randn(forest.num_nodes, 2, requires_grad=True)
    given = [x, *cell.parameters()]
    for at in (forest.roots, slice(None)):
        got, wanted = (
            torch.autograd.grad(fold(cell, forest, x, algorithm=way).h[at].sum(), given)
            for way in ("batched", "recursive")
        )
        assert_close(got, wanted)


def test_backward_has_one_gradient_buffer_for_all_levels():
    T, H = 200, 4  # so that the weights are smaller than the states
    cell, forest = ChildSumTreeLSTMCell(2, H), Forest.from_lengths([T])
    h = fold(cell, forest, torch.randn(T, 2)).h
    states = T * H * 8  # bytes
    with torch.profiler.profile(profile_memory=True) as profile:
        h.sum().backward()
    taken = [max(e.self_cpu_memory_usage, 0) for e in profile.events() or []]
    assert states <= max(taken) <= 4 * states
    assert len([bytes for bytes in taken if bytes >= states]) < 10


def test_wide_and_deep_structures_stand_in_one_forest():
    star = [[] for _ in range(2_000)] + [list(range(2_000))]
    forest = Forest.cat([Forest(star), Forest.from_lengths([50, 1, 7])])
    cell = ChildSumTreeLSTMCell(2, 3)
    x = torch.randn(forest.num_nodes, 2, requires_grad=True)
    given = [x, *cell.parameters()]
    got, wanted = (
        torch.autograd.grad(fold(cell, forest, x, algorithm=way).h.sum(), given)
        for way in ("batched", "recursive")
    )
    assert_close(got, wanted)
    assert np.diff(forest.levels.offset).tolist()[:2] == [2_003, 3]
