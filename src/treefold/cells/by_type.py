"""Different node functions for different types of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells.base import Cell, Children

S = TypeVar("S", bound=tuple)


@final
class ByType(Cell[S]):
    r"""A cell for each type of node: :math:`h_v = f_{t(v)}(x_v, [h_k : k \in C(v)])`.

    Frasconi, Gori & Sperduti (1998) let the node function depend on the node. The type
    of a node is the first feature of its input, a whole number; the cell of that type
    gets the others. All nodes of one type on a level are run at once.

    Args:
        cells: T cells of one input size, one hidden size and one kind of state. A node
            without input is of type 0.

    Shape:
        - x: (N, 1 + I): type and features; `typed` puts them together.
        - children.state: as of the cells.
        - output: the same.

    Attributes:
        cells: the cells by type.
        input_size: 1 + I.

    Raises:
        ValueError: no cell, or cells that do not fit each other; in a fold, a type
            that is not 0 to T - 1.

    Example:
        >>> from treefold import Forest, fold
        >>> from treefold.cells import ChildSumTreeLSTMCell
        >>> cell = ByType([ChildSumTreeLSTMCell(3, 4) for _ in range(2)])
        >>> forest = Forest([[], [0], [0, 1]])
        >>> x = cell.typed(torch.tensor([0, 1, 1]), torch.randn(3, 3))
        >>> fold(cell, forest, x).h.shape
        torch.Size([3, 4])
    """

    def __init__(self, cells: Sequence[Cell[S]]):
        if not cells:
            raise ValueError("cells must have a cell for each type, got none.")
        first = cells[0]
        for number, cell in enumerate(cells):
            same = (
                cell.input_size == first.input_size
                and cell.hidden_size == first.hidden_size
                and cell.leaf_is_input == first.leaf_is_input
                and _state_of(cell) == _state_of(first)
            )
            if not same:
                raise ValueError(
                    "cells must have one input size, hidden size and kind of state; "
                    f"cell {number} is {cell!r}, cell 0 is {first!r}."
                )
        super().__init__(1 + first.input_size, first.hidden_size)
        self.cells = nn.ModuleList(cells)
        self._widths = [_width(cell) for cell in cells]  # of what `project` makes
        self.ordered = any(cell.ordered for cell in cells)
        arities = [cell.max_arity for cell in cells]
        self.max_arity = (
            None if None in arities else max(a for a in arities if a is not None)
        )
        self.leaf_is_input = first.leaf_is_input

    @staticmethod
    def typed(types: Tensor, x: Tensor) -> Tensor:
        """Put types (N,) before features (N, I)."""
        return torch.cat([types.to(x.dtype)[:, None], x], dim=1)

    def zeros(self, num_nodes: int, like: Tensor) -> S:
        return self._cell(0).zeros(num_nodes, like)

    def project(self, x: Tensor) -> Tensor:
        types, x = x[:, 0], x[:, 1:]
        T = len(self.cells)
        strange = (types < 0) | (types >= T) | (types != types.floor())
        if not types.is_cuda and bool(strange.any()):
            raise ValueError(
                f"the first feature of a node is its type, 0 to {T - 1}; "
                f"row {int(strange.nonzero()[0])} has {float(types[strange][0]):g}."
            )
        found = self._dispatch(types, lambda t, rows: self._cell(t).project(x[rows]))
        width = max(self._widths)
        padded = [F.pad(f, (0, width - f.shape[1])) for f, _ in found]
        return self.typed(types, _merged(x.new_zeros(0, width), padded, found))

    def forward(self, x: Tensor, children: Children[S]) -> S:
        types, x = x[:, 0], x[:, 1:]
        of_child = children.repeat(types)

        def run(t: int, rows: Tensor) -> S:
            cell = self._cell(t)
            mine = (of_child == t).nonzero().flatten()
            place = torch.empty_like(types, dtype=torch.int64)
            place[rows] = torch.arange(len(rows), device=rows.device)
            state = type(children.state)(*(f[mine] for f in children.state))
            below = Children(
                cast(S, state),
                place[children.parent[mine]],
                children.slot[mine],
                len(rows),
                children.arity,
            )
            return cell(x[rows][:, : self._widths[t]], below)

        found = self._dispatch(types, run)
        none = self.zeros(0, x)
        parts = zip(none, *(state for state, _ in found), strict=True)
        merged = (_merged(empty, some, found) for empty, *some in parts)
        return cast(S, type(none)(*merged))

    def _dispatch(self, types: Tensor, run: Any) -> list[tuple[Any, Tensor]]:
        """Run something on the rows of each type that occurs."""
        rows_of = ((types == t).nonzero().flatten() for t in range(len(self.cells)))
        return [(run(t, rows), rows) for t, rows in enumerate(rows_of) if len(rows)]

    def _cell(self, number: int) -> Cell[S]:
        return cast("Cell[S]", self.cells[number])


def _merged(empty: Tensor, parts: Sequence[Tensor], found: Sequence[Any]) -> Tensor:
    """Put the rows of all types into their order."""
    if not parts:
        return empty
    place = torch.cat([rows for _, rows in found]).argsort()
    return torch.cat(list(parts))[place]


def _width(cell: Cell[Any]) -> int:
    like = next(cell.parameters(), torch.zeros(0))
    return cell.project(like.new_zeros(0, cell.input_size)).shape[1]


def _state_of(cell: Cell[Any]) -> tuple[type, list[tuple[int, ...]]]:
    zeros = cell.zeros(0, torch.zeros(0))
    return type(zeros), [tuple(f.shape) for f in zeros]
