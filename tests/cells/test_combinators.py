"""Cells made of cells."""

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import CELLS, nodes_with_input, random_input
from treefold import Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, Dropout, RecursiveCell

FOREST = Forest([[], [], [0, 1], [2]])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("how", ["evaluation", "p = 0"])
def test_dropout_that_drops_nothing_is_the_cell_itself(name, how):
    cell = CELLS[name]()
    wrapped = Dropout(cell, 0.5).eval() if how == "evaluation" else Dropout(cell, 0.0)
    assert wrapped.ordered == cell.ordered
    nodes = nodes_with_input(cell, FOREST)
    x = random_input(cell, FOREST, nodes)
    assert_close(fold(wrapped, FOREST, x, nodes), fold(cell, FOREST, x, nodes))


def test_dropout_draws_for_every_edge_and_scales_the_rest():
    cell = RecursiveCell(200, 200, arity=None, activation="identity")
    with torch.no_grad():
        cell.weight_hh.copy_(torch.eye(200))
        cell.bias.zero_()
    # Two parents of one leaf: each sees it through a mask of its own.
    h = fold(
        Dropout(cell, 0.25),
        Forest([[], [0], [0]]),
        torch.ones(1, 200),
        torch.tensor([0]),
    ).h
    assert_close(h[0], torch.ones(200))  # the node's own state stays whole
    for seen in h[1:]:
        kept = seen != 0
        assert_close(seen[kept], torch.full_like(seen[kept], 1 / 0.75))
        assert 0.6 < kept.double().mean() < 0.9
    assert not torch.equal(h[1], h[2])


def test_dropout_keeps_the_expectation():
    cell = RecursiveCell(1, 1, arity=None, activation="identity")
    with torch.no_grad():
        cell.weight_hh.fill_(1.0)
        cell.bias.zero_()
    star = Forest([*([[]] * 5_000), list(range(5_000))])
    h = fold(Dropout(cell, 0.3), star, torch.ones(5_000, 1), star.leaves).h[-1]
    assert abs(h.item() / 5_000 - 1) < 0.04  # five standard deviations


def test_dropout_leaves_the_memory_alone():
    cell = ChildSumTreeLSTMCell(2, 50)
    with torch.no_grad():
        cell.weight_hh.zero_()  # then h below has no part in c above
    x = torch.randn(4, 2)
    assert_close(fold(Dropout(cell, 0.9), FOREST, x).c, fold(cell, FOREST, x).c)


def test_dropout_gives_gradients_of_the_states_it_gave():
    cell = Dropout(ChildSumTreeLSTMCell(2, 3), 0.5)
    x = torch.randn(4, 2, requires_grad=True)

    def states(x):
        torch.manual_seed(3)
        return fold(cell, FOREST, x).h

    assert torch.autograd.gradcheck(states, x)
    assert torch.autograd.gradgradcheck(states, x)


@pytest.mark.parametrize("p", [-0.1, 1.0, 2.0])
def test_what_is_no_probability_is_told(p):
    with pytest.raises(ValueError, match=f"p must be a probability below 1, got {p}"):
        Dropout(ChildSumTreeLSTMCell(2, 3), p)
