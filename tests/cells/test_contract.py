"""What every cell must keep, whoever wrote it: one row in CELLS buys these tests."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.core_cases import CELLS, random_input
from treefold import Children, Forest, fold

# Nodes of the levels below, and slots of their children.
MIXED = [[0, 1], [], [0], [0, 1], []]


def a_level(cell, per_node=MIXED):
    """Random inputs and children of some nodes, as a fold would hand them out."""
    N, E = len(per_node), sum(map(len, per_node))
    x = torch.randn(N, cell.input_size)
    if cell.leaf_is_input:  # then nodes with children have none
        x[[n for n, slots in enumerate(per_node) if slots]] = 0
    like = cell.zeros(E, x)
    state = type(like)(
        *(
            torch.randn(f.shape) if f.is_floating_point() else torch.ones_like(f)
            for f in like
        )
    )
    parent = torch.tensor([n for n, s in enumerate(per_node) for _ in s]).long()
    slot = torch.tensor([s for slots in per_node for s in slots]).long()
    return cell.project(x), state, parent, slot


@pytest.mark.parametrize("name", CELLS)
def test_many_nodes_at_once_are_each_node_alone(name):
    cell = CELLS[name]()
    x, state, parent, slot = a_level(cell)
    together = cell(x, Children(state, parent, slot, len(MIXED)))
    for n in range(len(MIXED)):
        mine = parent == n
        below = type(state)(*(f[mine] for f in state))
        zero = torch.zeros_like(slot[mine])
        alone = cell(x[n : n + 1], Children(below, zero, slot[mine], 1))
        assert_close(tuple(f[n : n + 1] for f in together), tuple(alone))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("arity", [1, 2])
def test_a_known_arity_changes_no_state(name, arity):
    cell = CELLS[name]()
    x, state, parent, slot = a_level(cell, [list(range(arity))] * 3)
    known = cell(x, Children(state, parent, slot, 3, arity))
    unknown = cell(x, Children(state, parent, slot, 3))
    assert_close(tuple(known), tuple(unknown))


@pytest.mark.parametrize("name", CELLS)
def test_declared_order_is_kept(name):
    cell = CELLS[name]()
    x, state, parent, slot = a_level(cell, [[0, 1], [0, 1]])
    swapped = type(state)(*(f[[1, 0, 3, 2]] for f in state))
    one = cell(x, Children(state, parent, slot, 2))
    other = cell(x, Children(swapped, parent, slot, 2))
    if cell.ordered:
        assert not torch.allclose(one.h, other.h, atol=1e-3)
    else:
        assert_close(tuple(one), tuple(other))


@pytest.mark.parametrize("name", CELLS)
def test_states_have_the_shapes_of_zeros(name):
    cell = CELLS[name]()
    x, state, parent, slot = a_level(cell)
    got = cell(x, Children(state, parent, slot, len(MIXED)))
    wanted = cell.zeros(len(MIXED), x)
    assert type(got) is type(wanted)
    assert type(got)._fields[0] == "h"
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        assert not b.any()


@pytest.mark.parametrize("name", CELLS)
def test_a_missing_input_projects_to_zeros(name):
    # So that a node without input may be given zeros, or nothing.
    cell = CELLS[name]()
    assert not cell.project(torch.zeros(2, cell.input_size)).any()


@pytest.mark.parametrize("name", CELLS)
def test_every_parameter_is_in_use(name):
    cell = CELLS[name]()
    forest = Forest([[], [], [0, 1], [], [2, 3]])
    nodes = forest.leaves if cell.leaf_is_input else None
    h = fold(cell, forest, random_input(cell, forest, nodes), nodes).h
    grads = torch.autograd.grad(h.square().sum(), list(cell.parameters()))
    for (which, _), g in zip(cell.named_parameters(), grads, strict=True):
        assert g.abs().max() > 0, which


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_saved_and_loaded_as_any_module(name):
    one, other = CELLS[name](), CELLS[name]()
    other.load_state_dict(one.state_dict())
    x, state, parent, slot = a_level(one)
    children = Children(state, parent, slot, len(MIXED))
    assert_close(tuple(one(x, children)), tuple(other(x, children)))
    assert isinstance(one, nn.Module)
    assert repr(one)


@pytest.mark.parametrize("name", CELLS)
def test_slots_are_declared(name):
    cell = CELLS[name]()
    if cell.max_arity is None:
        return
    forest = Forest([*([[]] * (cell.max_arity + 1)), list(range(cell.max_arity + 1))])
    with pytest.raises(ValueError, match="slots"):
        fold(
            cell, forest, torch.ones(len(forest.leaves), cell.input_size), forest.leaves
        )


def test_only_the_leaf_is_input_cells_say_so():
    said = {name for name in CELLS if CELLS[name]().leaf_is_input}
    around = {"leaky", "skip-to-children"}  # cells around such a cell
    gated = {"gated", "gated-ternary"}
    states = {"recursive", "recursive-child-sum", "rntn", "mv-rnn"}
    assert said == {*states, *gated, *around}
