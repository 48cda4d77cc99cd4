"""Leaky units."""

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import CELLS, nodes_with_input, random_input
from treefold import Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, Leaky, NaryTreeGRUCell, RecursiveCell

FOREST = Forest([[], [], [0, 1], [2]])


@pytest.mark.parametrize("name", CELLS)
def test_a_unit_that_leaks_all_is_the_cell_itself(name):
    cell = CELLS[name]()
    nodes = nodes_with_input(cell, FOREST)
    x = random_input(cell, FOREST, nodes)
    assert_close(fold(Leaky(cell, 1.0), FOREST, x, nodes), fold(cell, FOREST, x, nodes))


def test_on_a_chain_it_is_jaegers_formula():
    plain = RecursiveCell(2, 3, arity=1, input="affine")
    assert plain.weight_ih is not None
    alpha = torch.tensor([0.1, 0.5, 0.9])
    x = torch.randn(5, 2)
    h, hs = torch.zeros(3), []
    for row in x:
        new = torch.tanh(plain.weight_ih @ row + plain.weight_hh @ h + plain.bias)
        h = (1 - alpha) * h + alpha * new
        hs.append(h)
    got = fold(Leaky(plain, alpha), Forest.from_lengths([5]), x).h
    assert_close(got, torch.stack(hs))


def test_on_a_tree_the_old_state_is_the_mean_of_the_children():
    cell = RecursiveCell(2, 2, arity=2)
    x = torch.randn(2, 2)
    forest = Forest([[], [], [0, 1]])
    leaky = fold(Leaky(cell, 0.25), forest, x, forest.leaves).h
    plain = fold(cell, forest, x, forest.leaves).h
    assert_close(leaky[:2], x)  # leaves are their input
    assert_close(leaky[2], 0.75 * x.mean(0) + 0.25 * plain[2])


def test_the_memory_of_an_lstm_is_its_own():
    cell = ChildSumTreeLSTMCell(2, 3)
    x, forest = torch.randn(2, 2), Forest([[], [0]])
    assert_close(fold(Leaky(cell, 0.5), forest, x).c[0], fold(cell, forest, x).c[0])


def test_a_learned_rate_begins_where_it_is_told_and_learns():
    leaky = Leaky(NaryTreeGRUCell(2, 3, arity=1), 0.2, learned=True)
    assert_close(leaky.alpha, torch.full((3,), 0.2))
    fold(leaky, Forest.from_lengths([4]), torch.randn(4, 2)).h.sum().backward()
    assert leaky.logit is not None
    assert leaky.logit.grad is not None
    assert leaky.logit.grad.abs().min() > 0


@pytest.mark.parametrize("alpha", [0.0, -1.0, 1.5, float("nan")])
def test_a_rate_that_is_none_is_told(alpha):
    with pytest.raises(ValueError, match="alpha must be above 0 and 1 at most"):
        Leaky(RecursiveCell(3, 3), alpha)


def test_a_learned_rate_cannot_begin_at_one():
    with pytest.raises(ValueError, match="below 1 to be learned"):
        Leaky(RecursiveCell(3, 3), 1.0, learned=True)


def test_rates_of_another_number_of_units_are_told():
    with pytest.raises(ValueError, match=r"\(hidden_size,\) = \(3,\), got \(2,\)"):
        Leaky(RecursiveCell(3, 3), torch.tensor([0.1, 0.2]))
