"""Nodes may read their input from shared rows of x."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.core_cases import CELLS, FORESTS, forests, random_input, total
from treefold import Cell, Forest, fold

WAYS = (None, "batched", "recursive")


def states_and_gradients(
    cell: Cell[Any], x: Tensor, state: Any
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """States, their gradients, and the gradients of those."""
    ends = [t for t in (x, *cell.parameters()) if t.requires_grad]
    options: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
    value = total(state)
    nothing = [torch.zeros_like(t) for t in ends]
    if not value.requires_grad:
        return list(state), nothing, nothing
    first = torch.autograd.grad(value, ends, create_graph=True, **options)
    penalty = torch.stack([g.square().sum() for g in first]).sum()
    if not penalty.requires_grad:
        return list(state), list(first), nothing
    return list(state), list(first), list(torch.autograd.grad(penalty, ends, **options))


@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=8)
@given(data=st.data())
def test_reading_shared_rows_is_having_them_one_by_one(name, data):
    cell = CELLS[name]()
    forest = data.draw(forests(cell.max_arity or 3, max_nodes=7))
    nodes = forest.leaves.flip(0) if cell.leaf_is_input else None
    if not cell.leaf_is_input and data.draw(st.booleans()):
        listed = data.draw(st.permutations(range(forest.num_nodes)))
        nodes = torch.tensor(listed[: data.draw(st.integers(0, len(listed)))]).long()
    num_rows = forest.num_nodes if nodes is None else len(nodes)
    row = st.integers(0, 2)
    rows = torch.tensor(
        data.draw(st.lists(row, min_size=num_rows, max_size=num_rows))
    ).long()
    x = torch.randn(3, cell.input_size, requires_grad=True)
    wanted = states_and_gradients(cell, x, fold(cell, forest, x[rows], nodes))
    for way in WAYS:
        state = fold(cell, forest, x, nodes, rows=rows, algorithm=way)  # type: ignore[arg-type]
        got = states_and_gradients(cell, x, state)
        assert_close(got, wanted, rtol=1e-8, atol=1e-9)


def test_a_row_is_projected_once_however_often_it_is_read():
    cell, forest = CELLS["lstm-nary"](), Forest(FORESTS["mixed arity"])
    projected = []
    project = cell.project
    cell.project = lambda x: projected.append(len(x)) or project(x)  # type: ignore[method-assign]
    x = random_input(cell, forest)[:2]
    fold(cell, forest, x, rows=torch.tensor([0, 1, 1, 0, 1, 1]))
    assert projected == [2]


@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_no_node_reads_has_a_gradient_of_zero(way):
    cell, forest = CELLS["gru-child-sum"](), Forest(FORESTS["binary tree"])
    x = torch.randn(3, cell.input_size, requires_grad=True)
    rows = torch.tensor([0, 2, 2, 0, 2])
    h = fold(cell, forest, x, rows=rows, algorithm=way).h
    (g,) = torch.autograd.grad(h.sum(), x)
    assert not g[1].any()
    assert bool(g[[0, 2]].all())
