"""Zoneout (Krueger et al., 2017)."""

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import CELLS, nodes_with_input, random_input
from treefold import Forest, fold
from treefold.cells import (
    ChildSumTreeLSTMCell,
    LSTMState,
    NaryTreeGRUCell,
    RecursiveCell,
    Zoneout,
)

CHAIN = Forest.from_lengths([4])


@pytest.mark.parametrize("name", CELLS)
def test_zoneout_that_keeps_nothing_is_the_cell_itself(name):
    cell, forest = CELLS[name](), Forest([[], [], [0, 1], [2]])
    nodes = nodes_with_input(cell, forest)
    x = random_input(cell, forest, nodes)
    assert_close(
        fold(Zoneout(cell, 0.0), forest, x, nodes), fold(cell, forest, x, nodes)
    )


def test_in_evaluation_it_mixes_by_the_probability():
    cell, x = ChildSumTreeLSTMCell(3, 4), torch.randn(4, 3)
    state: LSTMState = fold(Zoneout(cell, 0.3).eval(), CHAIN, x)
    below = LSTMState(torch.zeros(1, 4), torch.zeros(1, 4))
    for step in range(4):
        here = Forest([[]])
        new = fold(cell, here, x[step : step + 1], initial=below)
        both = zip(below, new, strict=True)
        below = LSTMState(*(0.3 * old + 0.7 * now for old, now in both))
        assert_close(state.h[step], below.h[0])
        assert_close(state.c[step], below.c[0])


def test_in_training_features_are_either_kept_or_new():
    cell = RecursiveCell(2, 300, arity=1, input="affine")
    zoneout, x = Zoneout(cell, 0.25), torch.randn(2, 2)
    before, h = fold(zoneout, Forest.from_lengths([2]), x).h
    new = fold(cell, Forest([[]]), x[1:], initial=before[None]).h[0]
    kept = h == before
    assert_close(h[~kept], new[~kept])
    assert 0.15 < kept.double().mean() < 0.35


def test_training_has_the_mean_of_evaluation():
    cell = NaryTreeGRUCell(2, 3, arity=2)
    zoneout, tree = Zoneout(cell, 0.4), Forest([[], [], [0, 1]])
    x, initial = torch.randn(3, 2), torch.randn(1, 3)
    many = Forest.cat([tree] * 4000)
    h = fold(zoneout, many, x.repeat(4000, 1), initial=initial).h.view(4000, 3, 3)
    wanted = fold(zoneout.eval(), tree, x, initial=initial).h
    # Leaves are linear in the masks; a node over them is not, and only near.
    assert_close(h[:, :2].mean(0), wanted[:2], atol=0.05, rtol=0)


def test_over_a_tree_the_mean_of_the_children_is_kept():
    cell = RecursiveCell(5, 5, arity=2)
    zoneout, tree = Zoneout(cell, 0.9), Forest([[], [], [0, 1]])
    x = torch.randn(2, 5)
    h = fold(zoneout.eval(), tree, x, tree.leaves).h
    assert_close(h[:2], x)  # a leaf that is its input stays so
    plain = fold(cell, tree, x, tree.leaves).h[2]
    assert_close(h[2], 0.9 * x.mean(0) + 0.1 * plain)


def test_gradients_are_those_of_the_states_it_gave():
    zoneout = Zoneout(ChildSumTreeLSTMCell(2, 3), 0.5)
    x = torch.randn(4, 2, requires_grad=True)

    def states(x):
        torch.manual_seed(3)
        return fold(zoneout, CHAIN, x).h

    assert torch.autograd.gradcheck(states, x)
    assert torch.autograd.gradgradcheck(states, x)


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_what_is_no_probability_is_told(p):
    with pytest.raises(ValueError, match=f"p must be a probability below 1, got {p}"):
        Zoneout(ChildSumTreeLSTMCell(2, 3), p)
