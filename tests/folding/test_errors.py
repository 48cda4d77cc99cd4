"""What does not fit together is told at the door."""

from typing import Any, cast

import pytest
import torch
from torch import nn

from treefold import Cell, Forest, State, fold
from treefold.cells import (
    ChildSumTreeLSTMCell,
    MVRNNCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)

FOREST = Forest([[], [], [0, 1], [], [2, 3, 0]])
CELL = ChildSumTreeLSTMCell(3, 4).double()
X = torch.ones(5, 3, dtype=torch.float64)


def test_a_missing_row_is_told():
    with pytest.raises(ValueError, match=r"x must have a row for each of the 5 nodes"):
        fold(CELL, FOREST, X[:4])


def test_a_row_too_many_is_told():
    with pytest.raises(ValueError, match=r"got shape \(6, 3\)"):
        fold(CELL, FOREST, torch.ones(6, 3))


@pytest.mark.parametrize("shape", [(5, 4), (5,), ()])
def test_rows_of_another_width_are_told(shape):
    with pytest.raises(ValueError, match="input_size = 3"):
        fold(CELL, FOREST, torch.ones(shape))


def test_rows_and_nodes_of_different_number_are_told():
    with pytest.raises(ValueError, match="x has 2 rows for the 3 nodes"):
        fold(CELL, FOREST, X[:2], nodes=torch.tensor([0, 1, 2]))


@pytest.mark.parametrize(("nodes", "named"), [([0, 5], "5"), ([-1, 2], "-1")])
def test_nodes_that_are_not_there_are_told(nodes, named):
    with pytest.raises(ValueError, match=f"nodes lists {named}, .* are 0 to 4"):
        fold(CELL, FOREST, X[:2], nodes=torch.tensor(nodes))


def test_a_node_listed_twice_is_told():
    with pytest.raises(ValueError, match="nodes lists node 3 2 times"):
        fold(CELL, FOREST, X[:3], nodes=torch.tensor([3, 1, 3]))


@pytest.mark.parametrize(
    "nodes",
    [torch.tensor([0.0]), torch.tensor([True]), torch.tensor([[0]]), torch.tensor(0)],
)
def test_nodes_of_another_kind_are_told(nodes):
    with pytest.raises(ValueError, match=r"nodes must be a list of numbers"):
        fold(CELL, FOREST, X[:1], nodes=nodes)


@pytest.mark.parametrize(
    "rows", [torch.zeros(5), torch.zeros(5, 1).long(), torch.zeros(5).int()]
)
def test_rows_of_another_kind_are_told(rows):
    with pytest.raises(ValueError, match=r"rows must be a list of numbers, int64"):
        fold(CELL, FOREST, X, rows=rows)


@pytest.mark.parametrize(
    ("nodes", "rows", "wanted"),
    [(None, [0, 1], "5 nodes of the forest"), ([1, 2], [0, 1, 1], "2 nodes listed")],
)
def test_another_number_of_rows_is_told(nodes, rows, wanted):
    nodes = None if nodes is None else torch.tensor(nodes)
    with pytest.raises(ValueError, match=f"for each of the {wanted}.* got {len(rows)}"):
        fold(CELL, FOREST, X, nodes, rows=torch.tensor(rows))


@pytest.mark.parametrize(("row", "named"), [(2, "2"), (-1, "-1")])
def test_rows_that_are_not_there_are_told(row, named):
    with pytest.raises(ValueError, match=f"rows lists {named}, .* x are 0 to 1"):
        fold(CELL, FOREST, X[:2], rows=torch.tensor([0, 1, row, 1, 0]))


def test_rows_that_are_a_list_are_told():
    with pytest.raises(TypeError, match="rows must be a tensor, got list"):
        fold(CELL, FOREST, X, rows=cast(Any, [0] * 5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_another_dtype_is_told(dtype):
    with pytest.raises(ValueError, match=r"x is torch.*parameters are torch.float64"):
        fold(CELL, FOREST, X.to(dtype))


def test_x_on_another_device_than_the_forest_is_told():
    with pytest.raises(ValueError, match="x is on cpu, but the forest is on meta"):
        fold(CELL, FOREST.to("meta"), X)


def test_a_cell_on_another_device_is_told():
    cell = ChildSumTreeLSTMCell(3, 4).to("meta")
    with pytest.raises(ValueError, match="x is on cpu, but the cell is on meta"):
        fold(cell, FOREST, X)


def test_more_children_than_slots_are_told_with_the_node():
    with pytest.raises(ValueError, match=r"node 4 uses slot 2, .* arity=3"):
        fold(NaryTreeLSTMCell(3, 4, arity=2), FOREST, X)


def test_a_slot_beyond_the_cells_is_told_though_the_node_has_one_child():
    forest = Forest.from_csr([0, 0, 1], [0], slot=[2])
    with pytest.raises(ValueError, match="node 1 uses slot 2"):
        fold(NaryTreeLSTMCell(3, 4, arity=2), forest, X[:2])


@pytest.mark.parametrize("cell", [RecursiveCell(3, 3, arity=3), MVRNNCell(1, rank=1)])
def test_input_at_an_inner_node_is_told_where_a_leafs_input_is_its_state(cell):
    cell, x = cell.double(), torch.ones(3, cell.input_size)
    forest = Forest([[], [], [0, 1]])
    with pytest.raises(ValueError, match="node 2 has both children and input"):
        fold(cell, forest, x)
    with pytest.raises(ValueError, match="node 2 has both children and input"):
        fold(cell, forest, x[:2], nodes=torch.tensor([0, 2]))
    with pytest.raises(ValueError, match="`initial` has no place"):
        fold(cell, forest, x[:2], nodes=forest.leaves, initial=x[:1])


@pytest.mark.parametrize(
    "initial",
    [
        (torch.zeros(2, 4), torch.zeros(2, 4)),  # 2 rows for 1 structure
        (torch.zeros(1, 3), torch.zeros(1, 3)),  # another width
        (torch.zeros(1, 4),),  # a field missing
        (torch.zeros(1, 4), torch.zeros(1, 4), torch.zeros(1, 4)),
        (torch.zeros(1, 4), torch.zeros(1, 4, dtype=torch.float32)),
        (torch.zeros(4), torch.zeros(4)),
        (torch.tensor(0.0), torch.tensor(0.0)),
        torch.zeros(1, 4),
        (torch.zeros(1, 4, device="meta"), torch.zeros(1, 4)),
    ],
)
def test_an_initial_state_of_another_shape_is_told(initial):
    with pytest.raises(ValueError, match="initial must be a LSTMState of shapes"):
        fold(CELL, FOREST, X, initial=initial)


def test_what_is_not_a_cell_is_told():
    with pytest.raises(TypeError, match=r"must be a treefold.Cell, got Linear"):
        fold(cast(Any, nn.Linear(3, 4)), FOREST, X)


def test_what_is_not_a_forest_is_told():
    with pytest.raises(TypeError, match=r"must be a treefold.Forest, got list"):
        fold(CELL, cast(Any, [[], [0]]), X)


def test_what_is_not_a_tensor_is_told():
    with pytest.raises(TypeError, match="x must be a tensor, got list"):
        fold(CELL, FOREST, cast(Any, [[1.0] * 3] * 5))


def test_nodes_that_are_a_list_are_told():
    with pytest.raises(TypeError, match="nodes must be a tensor, got list"):
        fold(CELL, FOREST, X[:1], nodes=cast(Any, [0]))


def test_an_unknown_algorithm_is_told():
    with pytest.raises(ValueError, match='"batched" or "recursive", got \'fast\''):
        fold(CELL, FOREST, X, algorithm=cast(Any, "fast"))


class Returning(Cell):
    def __init__(self, value: Any):
        super().__init__(3, 4)
        self.value = value

    def forward(self, x, children):
        return self.value


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("value", [torch.ones(3, 4), (torch.ones(3, 4),), None])
def test_a_cell_that_returns_no_state_is_told(value, grad):
    with (
        torch.set_grad_enabled(grad),
        pytest.raises(TypeError, match=r"Returning.forward must return a NamedTuple"),
    ):
        fold(Returning(value), FOREST, X)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_cell_that_returns_another_number_of_rows_is_told(rows):
    with pytest.raises(ValueError, match=r"a row for each of the 3 nodes, got h of"):
        fold(Returning(State(torch.ones(rows, 4))), FOREST, X)


def test_a_cell_whose_states_differ_in_shape_is_told():
    class Growing(Cell):
        def forward(self, x, children):
            return State(x[:, : 1 + (len(children) > 0)])

    with pytest.raises(ValueError, match=r"leaves have \(1,\) and nodes above \(2,\)"):
        fold(Growing(3, 1), FOREST, X)
