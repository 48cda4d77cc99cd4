"""What a fold has to do: the operations of its products, counted from its weights.

A row of n numbers times a matrix of n x m takes 2nm operations; its gradients, those of
the row and of the matrix, take twice as many. Activations, and sums in which no weight
takes part, are not counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from treefold import cells
from treefold.cells import Cell
from treefold.data.corpus import Corpus

BACKWARD = 3  # forward and backward over forward


class Products(NamedTuple):
    """How many pairs of numbers a cell multiplies.

    Attributes:
        leaf_input: for each leaf that has input.
        inner_input: for each other node that has input.
        node: for each node that has children, however many.
        edge: for each child.
    """

    leaf_input: int = 0
    inner_input: int = 0
    node: int = 0
    edge: int = 0

    def operations(self, corpus: Corpus) -> int:
        """Return the operations of a fold over all trees, one way, without gradients.

        Equal leaves count each, even where they are computed once.
        """
        leaf, fed = corpus.height == 0, corpus.token >= 0
        leaves_fed = int((leaf & fed).sum())
        return 2 * (
            self.leaf_input * leaves_fed
            + self.inner_input * (int(fed.sum()) - leaves_fed)
            + self.node * int(np.sum(~leaf))
            + self.edge * len(corpus.child)
        )


def products(cell: Cell[Any]) -> Products | None:
    """Return what a cell multiplies by its weights, None of a cell that is not ours.

    With I features of input, H of the state, and K slots. Each child meets its own
    columns of weights, so that empty slots cost nothing.
    """
    I, H, K = cell.input_size, cell.hidden_size, cell.max_arity or 0  # noqa: E741
    match cell:
        case cells.RecursiveCell():
            fed = 0 if cell.weight_ih is None else H * I
            if cell.max_arity is None:  # W meets the sum
                return Products(fed, fed, node=H * H)
            return Products(fed, fed, edge=H * H)
        case cells.RNTNCell():
            fed = 0 if cell.weight_ih is None else H * I
            return Products(fed, fed, edge=H * H + H * H * K * H)  # W, V
        case cells.MVRNNCell():
            # A word's matrix is L R. A child's vector meets its sibling's matrix, then
            # W; its matrix meets W_M.
            return Products(H * cell.rank * H, edge=H * H + H * H + H * H * H)
        case cells.NaryTreeLSTMCell():
            return Products(3 * H * I, 4 * H * I, edge=(3 + K) * H * H)
        case cells.ChildSumTreeLSTMCell():  # i, u and o meet the sum, f each child
            return Products(3 * H * I, 4 * H * I, node=3 * H * H, edge=H * H)
        case cells.NaryTreeGRUCell():  # r and z of every slot; n of its own
            return Products(3 * H * I, 3 * H * I, edge=(2 * K + 1) * H * H)
        case cells.ChildSumTreeGRUCell():
            return Products(3 * H * I, 3 * H * I, edge=3 * H * H)
    return None
