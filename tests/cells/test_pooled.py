"""The pooled cell, held to its equations, and to what its pools promise."""

import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import PooledCell


def written_out(cell, x, below):
    """One node by hand, from its input and the states below it."""
    D = cell.message_size
    to_message, to_inner = (cell.weight_ih @ x).split([D, len(cell.weight_ih) - D])
    below = below or [torch.zeros(cell.hidden_size)]  # one virtual child
    m = [cell.second(F.gelu(cell.message(h) + to_message)) for h in below]
    theta = torch.stack([cell.phase(F.gelu(each)) for each in m]).sum(0)
    m = torch.stack(m)
    pools = torch.cat([m.mean(0), m.max(0).values, theta.cos(), theta.sin()])
    return cell.norm(cell.outer(F.gelu(cell.inner(pools) + to_inner)))


def test_a_node_is_what_the_equations_say():
    cell = PooledCell(3, 4, message_size=5, num_phases=2)
    x = torch.randn(4, 3)
    h = fold(cell, Forest([[], [], [], [0, 1, 2]]), x).h
    leaves = [written_out(cell, x[v], []) for v in range(3)]
    assert_close(h, torch.stack([*leaves, written_out(cell, x[3], leaves)]))


def test_twice_the_same_children_change_the_phase_only():
    # Mean and maximum do not see it; where the phase is not read neither does the cell.
    cell = PooledCell(4, 4, num_phases=2)
    x = torch.randn(4, 4)
    forests = [Forest([[], [], [], below]) for below in ([0, 1, 2], [0, 1, 2] * 2)]
    one, two = (fold(cell, forest, x).h[3] for forest in forests)
    assert not torch.allclose(one, two)
    with torch.no_grad():
        cell.inner.weight[:, 8:] = 0
    one, two = (fold(cell, forest, x).h[3] for forest in forests)
    assert_close(one, two)


def test_its_sizes_follow_from_those_of_the_state():
    cell = PooledCell(3, 8)
    assert cell.phase.weight.shape == (2, 8)
    assert cell.inner.weight.shape == (16, 2 * 8 + 2 * 2)
    assert PooledCell(3, 2).phase.out_features == 1
