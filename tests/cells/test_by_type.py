"""Node functions by type, held to the definition and to running each by itself."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.core_cases import FORESTS, total
from treefold import Forest, fold
from treefold.cells import (
    ByType,
    ChildSumTreeLSTMCell,
    GatedRecursiveCell,
    ModuleCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)

NEW = {
    "lstm": lambda: ByType([NaryTreeLSTMCell(3, 4, arity=3) for _ in range(3)]),
    "arities": lambda: ByType(
        [RecursiveCell(3, 4, arity=K, input="affine") for K in (3, 3, None)]
    ),
    "modules": lambda: ByType(
        [
            ModuleCell(nn.Sequential(nn.Linear(3 + 12, 4), nn.Tanh()), 3, 4, arity=3)
            for _ in range(3)
        ]
    ),
}


@pytest.mark.parametrize("children", FORESTS.values(), ids=FORESTS)
@pytest.mark.parametrize("name", NEW)
def test_it_agrees_with_the_recursion_in_values_and_gradients(name, children):
    forest, cell = Forest(children), NEW[name]()
    if not forest.num_nodes:
        return
    features = torch.randn(forest.num_nodes, 3, requires_grad=True)
    types = torch.arange(forest.num_nodes) % 3
    ends = [features, *cell.parameters()]

    def value_and_gradients(algorithm):
        state = fold(cell, forest, cell.typed(types, features), algorithm=algorithm)
        grads = torch.autograd.grad(
            total(state), ends, allow_unused=True, materialize_grads=True
        )
        return tuple(state), grads

    assert_close(value_and_gradients(None), value_and_gradients("recursive"))


def test_each_node_is_run_by_the_cell_of_its_type():
    one, two = (ChildSumTreeLSTMCell(3, 4) for _ in range(2))
    both = ByType([one, two])
    forest, features = Forest([[], [0], [0, 1]]), torch.randn(3, 3)
    for number, cell in enumerate((one, two)):
        x = both.typed(torch.full((3,), number), features)
        assert_close(tuple(fold(both, forest, x)), tuple(fold(cell, forest, features)))
    mixed = fold(both, forest, both.typed(torch.tensor([0, 0, 1]), features))
    below = fold(one, forest, features)
    assert_close(mixed.h[:2], below.h[:2])
    assert not torch.allclose(mixed.h[2], below.h[2])


def test_nodes_without_input_are_of_type_0():
    cell = NEW["lstm"]()
    forest = Forest([[], [], [0, 1]])
    x = cell.typed(torch.tensor([1, 2]), torch.randn(2, 3))
    some = fold(cell, forest, x, forest.leaves)
    every = fold(cell, forest, torch.cat([x, torch.zeros(1, 4)]))
    assert_close(tuple(some), tuple(every))


def test_it_takes_the_promises_of_its_cells():
    cell = NEW["arities"]()
    assert cell.max_arity is None
    assert cell.ordered
    assert cell.input_size == 4
    assert not ByType([ChildSumTreeLSTMCell(3, 4)]).ordered
    assert NEW["lstm"]().max_arity == 3


def test_a_strange_type_is_told():
    cell = NEW["lstm"]()
    x = cell.typed(torch.tensor([0, 3]), torch.randn(2, 3))
    with pytest.raises(ValueError, match="0 to 2; row 1 has 3"):
        fold(cell, Forest([[], [0]]), x)


def test_cells_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="got none"):
        ByType([])
    others: list[Any] = [ChildSumTreeLSTMCell(2, 4)]
    others.append(RecursiveCell(3, 4, input="affine"))
    for other in others:
        with pytest.raises(ValueError, match="cell 1 is"):
            ByType([ChildSumTreeLSTMCell(3, 4), other])
    with pytest.raises(ValueError, match="cell 1 is"):
        ByType([RecursiveCell(3, 4, input="affine"), GatedRecursiveCell(3, 4)])
