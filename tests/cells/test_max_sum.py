"""The Tree-LSTM of sum and maximum, held to its equations."""

import pytest
import torch
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, MaxSumTreeLSTMCell


def written_out(cell, x, below):
    """One node by hand, from its input and the states (h, c) below it."""
    H = cell.hidden_size
    W = (cell.weight_ih @ x + cell.bias).split(H)
    U, V = cell.weight_hh.split(H), cell.weight_mh.split(H)
    total = sum((h for h, _ in below), torch.zeros(H))
    most = torch.stack([h for h, _ in below]).amax(0) if below else torch.zeros(H)
    i, u, o = (W[k] + U[k] @ total + V[k] @ most for k in range(3))
    c = i.sigmoid() * u.tanh()
    for h_k, c_k in below:
        c = c + (W[3] + U[3] @ h_k).sigmoid() * c_k
    return o.sigmoid() * c.tanh(), c


def test_a_node_is_what_the_equations_say():
    cell = MaxSumTreeLSTMCell(3, 4)
    x = torch.randn(5, 3)
    state = fold(cell, Forest([[], [], [], [0, 1, 2], [3]]), x)
    found = [written_out(cell, x[v], []) for v in range(3)]
    found.append(written_out(cell, x[3], found[:3]))
    found.append(written_out(cell, x[4], found[3:]))
    assert_close(state.h, torch.stack([h for h, _ in found]))
    assert_close(state.c, torch.stack([c for _, c in found]))


def test_without_the_maximum_it_is_the_child_sum_cell():
    cell, plain = MaxSumTreeLSTMCell(3, 4), ChildSumTreeLSTMCell(3, 4)
    plain.load_state_dict(
        {k: v for k, v in cell.state_dict().items() if k != "weight_mh"}
    )
    torch.nn.init.zeros_(cell.weight_mh)
    forest, x = Forest([[], [], [0, 1], [2]]), torch.randn(4, 3)
    assert_close(fold(cell, forest, x).h, fold(plain, forest, x).h)


@pytest.mark.parametrize("times", [2, 5])
def test_the_maximum_does_not_grow_with_equal_children(times):
    cell = MaxSumTreeLSTMCell(3, 4)
    with torch.no_grad():
        cell.weight_hh.zero_()  # the sum is not seen
        cell.weight_ih[12:] = 0
        cell.bias[12:] = -1e9  # nor is any memory kept
    x = torch.randn(2, 3)
    one = fold(cell, Forest([[], [0]]), x).h[1]
    many = fold(cell, Forest([[], [0] * times]), x).h[1]
    assert_close(one, many)
