"""Tree-GRUs, against their equations written out, and the bound they promise."""

import pytest
import torch
from torch.testing import assert_close

from treefold import Children, Forest, State, fold
from treefold.cells import ChildSumTreeGRUCell, NaryTreeGRUCell

IN, H = 3, 4


def randomised(cell, scale=1.0):
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_(0, scale)
    return cell


def below(*slots: int) -> Children[State]:
    E = len(slots)
    parent = torch.zeros(E, dtype=torch.int64)
    return Children(State(torch.randn(E, H)), parent, torch.tensor(slots).long(), 1)


def combine(n, a, h):
    """Weigh the candidate and the children by a softmax over {0, a_1, …, a_K}."""
    z = torch.softmax(torch.stack([torch.zeros(H), *a]), dim=0)
    return z[0] * n + sum((z_k * h_k for z_k, h_k in zip(z[1:], h, strict=True)))


@pytest.mark.parametrize("E", [1, 2, 3])
def test_child_sum_is_its_equations(E):
    cell = randomised(ChildSumTreeGRUCell(IN, H))
    W_r, W_z, W_n = cell.weight_ih.split(H)
    U_r, U_z, U_n = cell.weight_hh.split(H)
    b_r, b_z, b_n = cell.bias.split(H)
    x, children = torch.randn(IN), below(*range(E))
    h = children.state.h
    r = [torch.sigmoid(W_r @ x + U_r @ h_k + b_r) for h_k in h]
    a = [W_z @ x + U_z @ h_k + b_z for h_k in h]
    inside = sum(
        (r_k * (U_n @ h_k + cell.bias_hn) for r_k, h_k in zip(r, h, strict=True)),
        torch.zeros(H),
    )
    n = torch.tanh(W_n @ x + b_n + inside)
    got = cell(cell.project(x[None]), children).h[0]
    assert_close(got, combine(n, a, h))


@pytest.mark.parametrize("slots", [(0,), (1,), (2,), (0, 2), (1, 0), (0, 1, 2)])
def test_nary_is_its_equations(slots):
    K = 3
    cell = randomised(NaryTreeGRUCell(IN, H, arity=K))
    W_r, W_z, W_n = cell.weight_ih.split(H)
    b_r, b_z, b_n = cell.bias.split(H)
    blocks = [block.split(H, dim=1) for block in cell.weight_hh.split(H)]
    U_r, U_z = blocks[:K], blocks[K:]  # [k][l]: from the child in l to the gate of k
    x, children = torch.randn(IN), below(*slots)
    h = children.state.h

    def seen(U):
        return sum(
            (U[s] @ h_k for s, h_k in zip(slots, h, strict=True)), torch.zeros(H)
        )

    r = [torch.sigmoid(W_r @ x + seen(U_r[k]) + b_r) for k in slots]
    a = [W_z @ x + seen(U_z[k]) + b_z for k in slots]
    inside = torch.zeros(H)
    for r_k, k, h_k in zip(r, slots, h, strict=True):
        inside = inside + r_k * (cell.weight_hn[k] @ h_k + cell.bias_hn)
    n = torch.tanh(W_n @ x + b_n + inside)
    got = cell(cell.project(x[None]), children).h[0]
    assert_close(got, combine(n, a, h))


@pytest.mark.parametrize(
    "cell", [ChildSumTreeGRUCell(IN, H), NaryTreeGRUCell(IN, H, arity=2)]
)
def test_a_leaf_has_a_virtual_child_of_zeros(cell):
    cell = randomised(cell.double())
    W_r, W_z, W_n = cell.weight_ih.split(H)
    b_r, b_z, b_n = cell.bias.split(H)
    x = torch.randn(IN)
    r, z = torch.sigmoid(W_r @ x + b_r), torch.sigmoid(W_z @ x + b_z)
    n = torch.tanh(W_n @ x + b_n + r * cell.bias_hn)
    assert_close(fold(cell, Forest([[]]), x[None]).h[0], (1 - z) * n)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_one_child_meets_the_weights_of_its_slot(slot):
    many, one = (
        randomised(NaryTreeGRUCell(IN, H, arity=3)),
        NaryTreeGRUCell(IN, H, arity=1),
    )
    columns = many.weight_hh[:, H * slot : H * slot + H].split(H)
    own = {
        "weight_hh": torch.cat([columns[slot], columns[3 + slot]]),
        "weight_hn": many.weight_hn[slot : slot + 1],
    }
    one.load_state_dict(many.state_dict() | own)
    x, forest = torch.randn(2, IN), Forest.from_csr([0, 0, 1], [0], slot=[slot])
    assert_close(fold(many, forest, x), fold(one, Forest([[], [0]]), x))


@pytest.mark.parametrize("scale", [1.0, 10.0])
@pytest.mark.parametrize("arity", [None, 1, 2, 3])
def test_states_never_leave_the_range_of_candidate_and_children(arity, scale):
    # A convex combination of tanh and of states within 1: depth cannot make it grow.
    L = 300
    if arity is None:
        cell, K = ChildSumTreeGRUCell(IN, H), 3
    else:
        cell, K = NaryTreeGRUCell(IN, H, arity=arity), arity
    children = [[]] + [[v - 1] * K for v in range(1, L)]  # a chain of K-fold edges
    h = fold(randomised(cell, scale), Forest(children), torch.randn(L, IN)).h
    assert h.abs().max() <= 1 + 1e-12  # rounding
    assert h.isfinite().all()


def test_large_gates_neither_overflow_nor_lose_their_gradient():
    cell = randomised(ChildSumTreeGRUCell(IN, H), 1e3)
    forest = Forest([[], [0], [0, 1, 1]])
    x = torch.randn(3, IN, requires_grad=True)
    h = fold(cell, forest, x).h
    grads = torch.autograd.grad(h.sum(), [x, *cell.parameters()])
    assert all(t.isfinite().all() for t in (h, *grads))


@pytest.mark.parametrize(
    "cell", [ChildSumTreeGRUCell(IN, H), NaryTreeGRUCell(IN, H, arity=2)]
)
@pytest.mark.parametrize("gate", [-1e4, 1e4])
def test_a_gate_that_is_shut_or_wide_open_leaves_candidate_or_children(cell, gate):
    cell = randomised(cell.double())
    with torch.no_grad():
        cell.bias[H : 2 * H] = gate
        children = below(0, 1)
        h = cell(torch.zeros(1, 3 * H), children).h
        cell.bias[H : 2 * H] = 0
        if gate > 0:  # the children alone, weighed against each other
            low, high = children.state.h.min(0).values, children.state.h.max(0).values
            assert ((low <= h) & (h <= high)).all()
        else:
            assert h.isfinite().all()
            assert h.abs().max() <= 1


def test_many_equal_children_outweigh_the_candidate():
    # With all weights zero every gate is even: K children of h weigh K to one.
    cell = ChildSumTreeGRUCell(1, 1)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
    forest = Forest([[], [0], [0, 0], [0, 0, 0]])
    initial = torch.ones(1, 1)
    h = fold(cell, forest, torch.zeros(4, 1), initial=initial).h.flatten()
    assert_close(h, torch.tensor([1 / 2, 1 / 4, 1 / 3, 3 / 8]))
