"""RNTN and MV-RNN, against their papers' formulas written out."""

import pytest
import torch
from torch.testing import assert_close

from treefold import Children, Forest, State, fold
from treefold.cells import MVRNNCell, RNTNCell


@pytest.mark.parametrize("kind", ["state", "affine"])
def test_the_rntn_has_a_bilinear_form_for_every_feature(kind):
    H, K = 3, 2
    cell = RNTNCell(H, H, arity=K, input=kind)
    torch.nn.init.normal_(cell.tensor)
    torch.nn.init.normal_(cell.bias)
    h, x = torch.randn(K, H), torch.randn(1, H)
    if kind == "state":
        x = torch.zeros(1, H)
    children = Children(State(h), torch.zeros(K, dtype=torch.int64), torch.arange(K), 1)
    y = h.flatten()
    wanted = torch.empty(H)
    for d in range(H):
        V_d = cell.tensor[:, d]  # (K·H, K·H), the paper's V^[d]
        bilinear = sum(
            y[i] * V_d[i, j] * y[j] for i in range(K * H) for j in range(K * H)
        )
        wanted[d] = torch.tanh(
            bilinear + cell.weight_hh[d] @ y + cell.bias[d] + cell.project(x)[0, d]
        )
    assert_close(cell(cell.project(x), children).h[0], wanted)


@pytest.mark.parametrize("slot", [0, 1])
def test_one_child_of_an_rntn_meets_the_weights_of_its_slot(slot):
    H = 3
    many, one = RNTNCell(H, H, arity=2), RNTNCell(H, H, arity=1)
    torch.nn.init.normal_(many.tensor)
    torch.nn.init.normal_(many.weight_hh)
    own = slice(H * slot, H * slot + H)
    one.load_state_dict(
        {
            "tensor": many.tensor[own, :, own],
            "weight_hh": many.weight_hh[:, own],
            "bias": many.bias,
        }
    )
    x, forest = torch.randn(1, H), Forest.from_csr([0, 0, 1], [0], slot=[slot])
    assert_close(
        fold(many, forest, x, forest.leaves),
        fold(one, Forest([[], [0]]), x, forest.leaves),
    )


def word(row, H, r):
    """Take a row apart: vector, and matrix L R + diag(1 + d)."""
    a, L, R, d = row.split([H, H * r, r * H, H])
    return a, L.view(H, r) @ R.view(r, H) + torch.diag(1 + d)


@pytest.mark.parametrize("rank", [1, 3])
def test_the_mv_rnn_multiplies_each_child_by_its_siblings_matrix(rank):
    H = 2
    cell = MVRNNCell(H, rank=rank)
    assert cell.input_size == 2 * H + 2 * H * rank
    torch.nn.init.normal_(cell.weight_hh)
    torch.nn.init.normal_(cell.weight_matrix)
    torch.nn.init.normal_(cell.bias)
    W, W_M, b_0 = cell.weight_hh, cell.weight_matrix, cell.bias

    def merged(left, right):
        (a, A), (b, B) = left, right
        p = torch.tanh(W @ torch.cat([B @ a, A @ b]) + b_0)
        return p, W_M @ torch.cat([A, B])

    forest = Forest.from_trees([(("w0", "w1"), "w2")])
    x = torch.randn(3, cell.input_size)
    words = [word(row, H, rank) for row in x]
    inner = merged(words[0], words[1])
    wanted = [words[0], words[1], inner, words[2], merged(inner, words[2])]
    state = fold(cell, forest, x, forest.leaves)
    for v, (p, P) in enumerate(wanted):
        assert_close(state.h[v], p)
        assert_close(state.matrix[v], P)


@pytest.mark.parametrize("slot", [0, 1])
def test_an_only_child_of_an_mv_rnn_has_a_sibling_of_zero_and_identity(slot):
    H = 2
    cell = MVRNNCell(H, rank=1)
    x = torch.randn(1, cell.input_size)
    a, A = word(x[0], H, 1)
    zero, eye = torch.zeros(H), torch.eye(H)
    both = [(a, A), (zero, eye)] if slot == 0 else [(zero, eye), (a, A)]
    (left, L), (right, R) = both
    p = torch.tanh(cell.weight_hh @ torch.cat([R @ left, L @ right]) + cell.bias)
    forest = Forest.from_csr([0, 0, 1], [0], slot=[slot])
    state = fold(cell, forest, x, forest.leaves)
    assert_close(state.h[1], p)
    assert_close(state.matrix[1], cell.weight_matrix @ torch.cat([L, R]))


def test_rows_of_zeros_begin_with_the_identity():
    cell = MVRNNCell(3)
    state = fold(cell, Forest([[]]), torch.zeros(1, cell.input_size))
    assert_close(state.matrix[0], torch.eye(3))
