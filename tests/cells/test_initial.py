"""How recurrent weights may begin, and reservoirs, which end so."""

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import MeanCell
from treefold import Forest, fold
from treefold.cells import (
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    Dropout,
    ExtendedTreeLSTMCell,
    Leaky,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
    Skip,
    forget_bias_,
    identity_,
    orthogonal_,
    reservoir_,
    spectral_radius,
)

CELLS = {
    "recursive": (lambda: RecursiveCell(4, 4, arity=3), 3),
    "child-sum": (lambda: RecursiveCell(4, 4, arity=None), 1),
    "lstm-child-sum": (lambda: ChildSumTreeLSTMCell(2, 4), 1),
    "lstm-nary": (lambda: NaryTreeLSTMCell(2, 4, arity=2), 2),
    "gru-child-sum": (lambda: ChildSumTreeGRUCell(2, 4), 1),
    "gru-nary": (lambda: NaryTreeGRUCell(2, 4, arity=2), 2),
    "leaky": (lambda: Leaky(RecursiveCell(4, 4, arity=2), 0.5), 2),
}


def recurrent(cell):
    """All 4 x 4 blocks that meet a child's h."""
    for name, weight in cell.named_parameters():
        if name.rpartition(".")[2] in ("weight_hh", "weight_hn", "weight_skip"):
            for row in weight.reshape(-1, weight.shape[-1]).split(4):
                yield from row.split(4, dim=1)


@pytest.mark.parametrize("name", CELLS)
def test_orthogonal_blocks_change_norms_by_a_factor_alone(name):
    new, K = CELLS[name]
    cell = orthogonal_(new(), 1.5)
    blocks = list(recurrent(cell))
    assert blocks
    for block in blocks:
        assert_close(block @ block.T, torch.eye(4) * 1.5**2 / K)
    assert not torch.equal(blocks[0], blocks[-1]) or len(blocks) == 1


@pytest.mark.parametrize("name", CELLS)
def test_identity_blocks_are_the_identity_over_the_slots(name):
    new, K = CELLS[name]
    cell = identity_(new(), 0.5)
    for block in recurrent(cell):
        assert_close(block.detach(), torch.eye(4) * 0.5 / K)
    assert not any(p.any() for n, p in cell.named_parameters() if "bias" in n)


def test_an_irnn_adds_up_its_positive_inputs():
    cell = identity_(RecursiveCell(3, 3, arity=1, activation="relu", input="affine"))
    assert cell.weight_ih is not None
    with torch.no_grad():
        cell.weight_ih.copy_(torch.eye(3))
    x = torch.rand(30, 3)
    assert_close(fold(cell, Forest.from_lengths([30]), x).h[-1], x.sum(0))


def test_skip_weights_begin_with_the_others():
    cell = orthogonal_(Skip(NaryTreeLSTMCell(2, 4, arity=1), 3))
    for block in cell.weight_skip.split(4):
        assert_close(block @ block.T, torch.eye(4))


def test_projected_states_have_blocks_of_their_own_sizes():
    cell = orthogonal_(ExtendedTreeLSTMCell(2, 5, proj_size=3))
    for block in cell.weight_hh.split(5):  # (5, 3): orthonormal columns
        assert_close(block.T @ block, torch.eye(3))


def test_the_forget_gates_alone_get_the_bias():
    cell = NaryTreeLSTMCell(2, 3, arity=2)
    before = cell.bias.detach().clone()
    forget_bias_(Dropout(cell, 0.1))
    assert_close(cell.bias[9:].detach(), torch.ones(3))
    assert_close(cell.bias[:9].detach(), before[:9])


def test_a_gru_keeps_its_state_by_the_update_gate():
    cell = forget_bias_(NaryTreeGRUCell(1, 2, arity=1), 50.0)
    x, forest = torch.randn(20, 1), Forest.from_lengths([20])
    one = torch.ones(1, 2)
    assert_close(fold(cell, forest, x, initial=one).h[-1:], one)


def test_a_cell_without_forget_gates_is_told():
    with pytest.raises(ValueError, match="RecursiveCell has no forget gate"):
        forget_bias_(RecursiveCell(2, 2))


def test_a_cell_of_unknown_weights_is_told():
    with pytest.raises(ValueError, match="MeanCell has no weight_hh"):
        orthogonal_(MeanCell(2, 2))


@pytest.mark.parametrize("K", [1, 2])
def test_a_reservoir_has_the_spectral_radius_asked_for_and_learns_nothing(K):
    cell = RecursiveCell(2, 30, arity=K, input="affine")
    reservoir_(cell, 0.8, input_scale=0.3, density=0.5)
    for block in cell.weight_hh.split(30, dim=1):
        assert spectral_radius(block) == pytest.approx(0.8 / K)
        assert 0.4 < (block == 0).double().mean() < 0.6
    assert cell.weight_ih is not None
    assert 0.2 < cell.weight_ih.abs().max() <= 0.3
    assert not any(p.requires_grad for p in cell.parameters())


def test_a_reservoir_forgets_how_it_began():
    cell = reservoir_(RecursiveCell(1, 20, arity=1, input="affine"), 0.7)
    x, forest = torch.randn(150, 1), Forest.from_lengths([150])
    one, other = (
        fold(cell, forest, x, initial=torch.full((1, 20), value)).h
        for value in (-1.0, 1.0)
    )
    assert_close(one[-1], other[-1])
    assert (one[0] - other[0]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 1.0}, "radius must be above 0 and below 1"),
        ({"density": 0.0}, "density must be above 0 and at most 1"),
    ],
)
def test_what_is_no_reservoir_is_told(options, message):
    with pytest.raises(ValueError, match=message):
        reservoir_(RecursiveCell(2, 2), **options)
