"""Where the fused fold does not serve, another gives the answer, or it says why."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import parametrize
from torch.testing import assert_close

from tests.core_cases import CELLS, FORESTS, FUSED, random_input, value_and_gradients
from treefold import Cell, Forest, fold, folding
from treefold.cells import ChildSumTreeLSTMCell, RecursiveCell

FOREST = Forest(FORESTS["mixed arity"])
DAG = Forest.from_csr([0, 0, 0, 2], [0, 1], slot=[1, 1])  # two children in one slot


class Own(nn.Module):
    def forward(self, weight):
        return weight * 2


def hooked(cell: Cell[Any]) -> None:
    cell.register_forward_hook(
        lambda module, args, state: type(state)(*map(torch.sin, state))
    )


def pre_hooked(cell: Cell[Any]) -> None:
    cell.register_forward_pre_hook(lambda module, args: (args[0] * 2, *args[1:]))


def parametrized(cell: Cell[Any]) -> None:
    parametrize.register_parametrization(cell, "weight_hh", Own())


def with_a_function_of_its_own(cell: Cell[Any]) -> None:
    inner = cell.forward
    cell.forward = lambda x, children: inner(2 * x, children)  # type: ignore[method-assign]


def with_a_projection_of_its_own(cell: Cell[Any]) -> None:
    inner = cell.project
    cell.project = lambda x: inner(x).sin()  # type: ignore[method-assign]


CHANGES = [
    hooked,
    pre_hooked,
    parametrized,
    with_a_function_of_its_own,
    with_a_projection_of_its_own,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_cell_that_was_changed_is_folded_as_it_is_now(change):
    cell = ChildSumTreeLSTMCell(3, 4)
    x = random_input(cell, FOREST)
    before = fold(cell, FOREST, x, algorithm="fused").h
    change(cell)
    got = value_and_gradients(None, cell, FOREST, x)
    assert_close(got, value_and_gradients("recursive", cell, FOREST, x))
    assert not torch.allclose(got[0][0], before)
    with pytest.raises(ValueError, match="cannot be run fused"):
        fold(cell, FOREST, x, algorithm="fused")


def test_a_cell_derived_from_one_that_ships_is_folded_as_it_is():
    class Doubling(RecursiveCell):  # type: ignore[misc]
        def project(self, x):
            return 2 * super().project(x)

    cell = Doubling(3, 4, arity=None, input="affine")
    x = random_input(cell, FOREST)
    got = value_and_gradients(None, cell, FOREST, x)
    assert_close(got, value_and_gradients("recursive", cell, FOREST, x))
    with pytest.raises(ValueError, match="Doubling cannot be run fused"):
        fold(cell, FOREST, x, algorithm="fused")


def test_hooks_on_all_modules_are_called():
    cell, calls = ChildSumTreeLSTMCell(3, 4), []
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, args, state: calls.append(type(module))
    )
    try:
        fold(cell, FOREST, random_input(cell, FOREST))
    finally:
        hook.remove()
    assert calls.count(ChildSumTreeLSTMCell) == len(FOREST.levels)


def test_replaced_parameters_are_used_and_learn():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = ChildSumTreeLSTMCell(3, 4)

        def forward(self, x, way):
            return fold(self.cell, FOREST, x, algorithm=way).h

    model, x = Model(), torch.randn(FOREST.num_nodes, 3)
    seed = torch.randn(16, 4, requires_grad=True)

    def results(way):
        h = functional_call(model, {"cell.weight_hh": seed.sin()}, (x, way))
        return h, torch.autograd.grad(h.sum(), seed)

    assert_close(results("fused"), results("batched"))


@pytest.mark.parametrize("name", ["lstm-nary", "gru-nary", "recursive", "rntn"])
def test_two_children_in_one_slot_are_added_up(name):
    cell = CELLS[name]()
    nodes = DAG.leaves if cell.leaf_is_input else None
    x = random_input(cell, DAG, nodes)
    got = value_and_gradients(None, cell, DAG, x, nodes)
    assert_close(got, value_and_gradients("recursive", cell, DAG, x, nodes))
    with pytest.raises(ValueError, match="one child in a slot"):
        fold(cell, DAG, x, nodes, algorithm="fused")


def test_parameters_of_several_dtypes_are_converted_as_torch_does():
    cell = RecursiveCell(4, 4, arity=None, input="affine")
    cell.bias.data = cell.bias.data.float()
    x = random_input(cell, FOREST)
    got = value_and_gradients(None, cell, FOREST, x)
    assert_close(got, value_and_gradients("recursive", cell, FOREST, x))
    assert (
        got[1][-1].dtype
        == value_and_gradients("recursive", cell, FOREST, x)[1][-1].dtype
    )


def test_input_of_three_dimensions_is_told():
    cell = RecursiveCell(4, 4, arity=None, input="affine")
    with pytest.raises(RuntimeError, match="must be a matrix"):
        fold(cell, FOREST, torch.randn(FOREST.num_nodes, 2, 4))


@pytest.mark.parametrize("name", FUSED)
def test_an_empty_forest_and_input_without_rows_fold(name):
    cell = CELLS[name]()
    nothing = torch.zeros(0, cell.input_size)
    assert fold(cell, Forest([]), nothing).h.shape == (0, 4)
    forest = Forest(FORESTS["binary tree"])
    no_nodes = torch.zeros(0, dtype=torch.int64)
    got, wanted = (
        value_and_gradients(
            way, cell, forest, nothing.clone().requires_grad_(), no_nodes
        )
        for way in ("fused", "recursive")
    )
    assert_close(got, wanted)


def test_autocast_is_heeded():
    cell = ChildSumTreeLSTMCell(3, 4)
    x = random_input(cell, FOREST)
    with (
        torch.autocast("cpu", dtype=torch.bfloat16),
        pytest.raises(ValueError, match="no autocast"),
    ):
        fold(cell, FOREST, x, algorithm="fused")


@pytest.mark.filterwarnings("ignore")  # torch's own
def test_a_compiled_function_folds():
    cell = ChildSumTreeLSTMCell(3, 4)
    x = random_input(cell, FOREST)

    @torch.compile(backend="eager")
    def run(x):
        return fold(cell, FOREST, x).h * 2

    assert_close(run(x), fold(cell, FOREST, x).h * 2)


@pytest.mark.parametrize("name", FUSED)
def test_the_library_chooses_the_fused_fold_where_it_serves(name, monkeypatch):
    cell = CELLS[name]()
    forest = Forest(FORESTS["binary tree"])
    nodes = forest.leaves if cell.leaf_is_input else None
    monkeypatch.setattr(folding, "fold_batched", None)  # would fail
    fold(cell, forest, random_input(cell, forest, nodes), nodes)
