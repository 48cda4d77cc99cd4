"""Tree-LSTMs, against the equations of the paper written out node by node."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from treefold import Children, Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, LSTMState, NaryTreeLSTMCell

IN, H = 3, 4


def randomised(cell):
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    return cell


def below(*slots: int) -> tuple[LSTMState, Children[LSTMState]]:
    """Random children of one node, in these slots."""
    E = len(slots)
    state = LSTMState(torch.randn(E, H), torch.randn(E, H))
    parent = torch.zeros(E, dtype=torch.int64)
    return state, Children(state, parent, torch.tensor(slots).long(), 1)


def finish(i: Tensor, u: Tensor, o: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    c = i.sigmoid() * u.tanh() + kept  # Eqs. 7 and 13
    return o.sigmoid() * c.tanh(), c  # Eqs. 8 and 14


@pytest.mark.parametrize("E", range(4))
def test_child_sum_is_the_papers_equations(E):
    cell = randomised(ChildSumTreeLSTMCell(IN, H))
    W_i, W_u, W_o, W_f = cell.weight_ih.split(H)
    U_i, U_u, U_o, U_f = cell.weight_hh.split(H)
    b_i, b_u, b_o, b_f = cell.bias.split(H)
    x = torch.randn(IN)
    (h, c), children = below(*range(E))
    h_sum = sum(h, torch.zeros(H))  # Eq. 2
    kept = torch.zeros(H)
    for k in range(E):
        f = torch.sigmoid(W_f @ x + U_f @ h[k] + b_f)  # Eq. 4: W_f x is there
        kept = kept + f * c[k]
    wanted = finish(
        W_i @ x + U_i @ h_sum + b_i,
        W_u @ x + U_u @ h_sum + b_u,
        W_o @ x + U_o @ h_sum + b_o,
        kept,
    )
    got = cell(cell.project(x[None]), children)
    assert_close((got.h[0], got.c[0]), wanted)


@pytest.mark.parametrize("slots", [(), (0,), (1,), (2,), (0, 2), (1, 0), (0, 1, 2)])
def test_nary_is_the_papers_equations_with_a_forget_matrix_for_every_pair(slots):
    K = 3
    cell = randomised(NaryTreeLSTMCell(IN, H, arity=K))
    W_i, W_u, W_o, W_f = cell.weight_ih.split(H)
    b_i, b_u, b_o, b_f = cell.bias.split(H)
    # U[gate][l] is the matrix by which the child in slot l reaches a gate.
    U = [
        [block.split(H, dim=1)[slot] for slot in range(K)]
        for block in cell.weight_hh.split(H)
    ]
    U_i, U_u, U_o, *U_f = U
    x = torch.randn(IN)
    (h, c), children = below(*slots)

    def gate(W, U, b):
        return (
            W @ x + b + sum((U[s] @ h[e] for e, s in enumerate(slots)), torch.zeros(H))
        )

    kept = torch.zeros(H)
    for e, k in enumerate(slots):
        kept = kept + torch.sigmoid(gate(W_f, U_f[k], b_f)) * c[e]  # Eq. 10
    wanted = finish(gate(W_i, U_i, b_i), gate(W_u, U_u, b_u), gate(W_o, U_o, b_o), kept)
    got = cell(cell.project(x[None]), children)
    assert_close((got.h[0], got.c[0]), wanted)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_one_child_meets_the_weights_of_its_slot(slot):
    many = randomised(NaryTreeLSTMCell(IN, H, arity=3))
    one = NaryTreeLSTMCell(IN, H, arity=1)
    columns = many.weight_hh[:, H * slot : H * slot + H]
    own = [columns[: 3 * H], columns[H * (3 + slot) : H * (4 + slot)]]
    one.load_state_dict(many.state_dict() | {"weight_hh": torch.cat(own)})
    x, forest = torch.randn(2, IN), Forest.from_csr([0, 0, 1], [0], slot=[slot])
    assert_close(fold(many, forest, x), fold(one, Forest([[], [0]]), x))


def test_the_order_of_the_children_matters_to_the_nary_cell_alone():
    x = torch.randn(4, IN)
    child_sum = randomised(ChildSumTreeLSTMCell(IN, H))
    assert_close(
        fold(child_sum, Forest([[], [], [], [0, 1, 2]]), x).h,
        fold(child_sum, Forest([[], [], [], [2, 0, 1]]), x).h,
    )
    nary = randomised(NaryTreeLSTMCell(IN, H, arity=3))
    one = fold(nary, Forest([[], [], [], [0, 1, 2]]), x).h
    other = fold(nary, Forest([[], [], [], [2, 0, 1]]), x).h
    assert_close(one[:3], other[:3])
    assert (one[3] - other[3]).abs().max() > 1e-3


def test_a_wide_open_forget_gate_keeps_the_sum_of_all_leaves():
    cell = ChildSumTreeLSTMCell(1, 1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias[3] = 100.0  # f = 1
        cell.weight_ih[1] = 1.0  # u = tanh(x)
    forest = Forest([[], [], [0, 1], [], [2, 3]])
    x = torch.tensor([[1.0], [2.0], [0.0], [3.0], [0.0]])
    c = fold(cell, forest, x).c
    assert_close(c[4], 0.5 * x.tanh().sum(0))
