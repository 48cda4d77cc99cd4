"""Skip connections through time and across generations."""

import pytest
import torch
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell, RecursiveCell, Skip


@pytest.mark.parametrize("distance", [1, 2, 3, 7])
def test_on_a_chain_it_sees_the_step_so_far_back(distance):
    plain = RecursiveCell(2, 3, arity=1, input="affine")
    assert plain.weight_ih is not None
    cell = Skip(plain, distance)
    x = torch.randn(6, 2)
    hs = [torch.zeros(3)] * distance
    for row in x:
        hs.append(
            torch.tanh(
                plain.weight_ih @ row
                + plain.weight_hh @ hs[-1]
                + plain.bias
                + cell.weight_skip @ hs[-distance]
            )
        )
    got = fold(cell, Forest.from_lengths([6]), x).h
    assert_close(got, torch.stack(hs[distance:]))


def test_on_a_tree_it_sees_the_mean_of_the_grandchildren():
    plain = RecursiveCell(2, 3, arity=2, input="affine")
    assert plain.weight_ih is not None
    cell = Skip(plain, 2)
    # 6 has the children 4 and 5; 4 has 0 and 1, 5 has only 2; 3 stands alone.
    forest = Forest([[], [], [], [], [0, 1], [2], [4, 5]])
    x = torch.randn(7, 2)
    h = fold(cell, forest, x).h
    assert_close(h[:6], fold(plain, forest, x).h[:6])
    far = ((h[0] + h[1]) / 2 + h[2]) / 2
    below = plain.weight_hh @ torch.cat([h[4], h[5]])
    entering = plain.weight_ih @ x[6] + plain.bias + cell.weight_skip @ far
    assert_close(h[6], torch.tanh(entering + below))


def test_it_enters_every_gate_of_an_lstm():
    cell = Skip(NaryTreeLSTMCell(2, 3, arity=1), 4)
    assert cell.weight_skip.shape == (12, 3)


def test_where_inner_nodes_read_no_input_it_is_added_to_the_state():
    plain = RecursiveCell(3, 3, arity=2)
    cell = Skip(plain, 1)
    forest, x = Forest([[], [], [0, 1]]), torch.randn(2, 3)
    got = fold(cell, forest, x, forest.leaves).h[2]
    wanted = fold(plain, forest, x, forest.leaves).h[2]
    assert_close(got, wanted + cell.weight_skip @ x.mean(0))


def test_a_gradient_reaches_further_than_without():
    forest, x = Forest.from_lengths([40]), torch.randn(40, 2, requires_grad=True)
    plain = RecursiveCell(2, 8, arity=1, input="affine")

    def at_the_first_step(cell):
        h = fold(cell, forest, x).h
        (gradient,) = torch.autograd.grad(h[-1].sum(), x)
        return gradient[0].norm()

    assert at_the_first_step(Skip(plain, 13)) > 100 * at_the_first_step(plain)


def test_a_distance_that_is_none_is_told():
    with pytest.raises(ValueError, match="distance must be at least 1, got 0"):
        Skip(RecursiveCell(3, 3), 0)
