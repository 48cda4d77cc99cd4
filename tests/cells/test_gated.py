"""The gated recursive cell, held to the equations written out by hand."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import GatedRecursiveCell


def norm(value, gain, bias):
    centred = value - value.mean()
    return gain * centred / (centred.square().mean() + 1e-5).sqrt() + bias


@pytest.mark.parametrize(("activation", "act"), [("gelu", F.gelu), ("relu", F.relu)])
def test_two_children_make_the_state_of_the_paper(activation, act):
    cell = GatedRecursiveCell(3, 4, activation=activation)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(2, 3)
    h = fold(cell, Forest([[], [], [0, 1]]), x, torch.tensor([0, 1])).h

    gain, bias = cell.leaf_norm.weight, cell.leaf_norm.bias
    a, b = (norm(cell.weight_ih @ row + cell.bias, gain, bias) for row in x)
    W1, b1 = cell.inner.weight, cell.inner.bias
    W2, b2 = cell.outer.weight, cell.outer.bias
    left, right, g, u = (W2 @ act(W1 @ torch.cat([a, b]) + b1) + b2).chunk(4)
    mixed = left.sigmoid() * a + right.sigmoid() * b + g.sigmoid() * u
    assert_close(h[:2], torch.stack([a, b]))
    assert_close(h[2], norm(mixed, cell.norm.weight, cell.norm.bias))


def test_an_open_gate_passes_a_child_unchanged_however_deep():
    # Gate of slot 1 open, the others closed: the state of the first leaf goes up.
    cell = GatedRecursiveCell(4, 4)
    with torch.no_grad():
        cell.outer.weight.zero_()
        cell.outer.bias.copy_(torch.tensor([60.0] * 4 + [-60.0] * 12))
    depth = 300
    children = [[] for _ in range(depth + 1)]
    children += [[0 if k == 0 else depth + k, k + 1] for k in range(depth)]
    forest = Forest(children)
    h = fold(cell, forest, torch.randn(depth + 1, 4), forest.leaves).h
    assert_close(h[forest.roots[0]], h[0], rtol=0, atol=1e-2)


def test_the_inner_layer_is_four_times_the_state_unless_said():
    assert GatedRecursiveCell(3, 4).inner.out_features == 16
    assert GatedRecursiveCell(3, 4, inner_size=6).inner.out_features == 6


def test_bad_sizes_and_activations_are_told():
    with pytest.raises(ValueError, match="activation must be one of gelu, relu"):
        GatedRecursiveCell(3, 4, activation="tanh")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="arity must be at least 1, got 0"):
        GatedRecursiveCell(3, 4, arity=0)
