"""A fold's inputs, checked once and brought into level order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from treefold.cells import Cell
from treefold.forest import Forest
from treefold.levels import Level


class Inputs(NamedTuple):
    """Rows of input in level order.

    Attributes:
        rows: (R, ...), a row per node that has input.
        place: (R,) int64, the level-order place of each row's node, ascending; None
            where every node has a row.
        offset: L + 1 ints, where each level's rows begin.
        none: (1, ...) zeros, what a node without input gets.
    """

    rows: Tensor
    place: Tensor | None
    offset: list[int]
    none: Tensor

    def level(self, number: int) -> Tensor:
        """The rows of a level."""
        return self.rows[self.offset[number] : self.offset[number + 1]]

    def of(self, number: int, level: Level, rows: Tensor) -> Tensor:
        """Spread a level's `rows` over its N nodes, zeros where there is no input."""
        N = level.stop - level.start
        if len(rows) == N:
            return rows
        if len(rows) == 0:
            return self.none.expand(N, *rows.shape[1:])
        assert self.place is not None  # else every node has a row
        within = self.place[self.offset[number] : self.offset[number + 1]] - level.start
        return rows.new_zeros(N, *rows.shape[1:]).index_copy(0, within, rows)


def in_level_order(
    forest: Forest, projected: Tensor, nodes: Tensor | None, rows: Tensor | None
) -> Inputs:
    """Give each of `nodes` its projected row, sorted by the places of the nodes."""
    levels = forest.levels
    if nodes is None:
        order, place, offset = levels.order, None, levels.offset
    else:
        place = nodes if levels.place is None else levels.place[nodes]
        order = None
        if bool((place[1:] <= place[:-1]).any()):
            place, order = place.sort(stable=True)
        starts = torch.tensor(levels.offset, device=place.device)
        offset = torch.searchsorted(place, starts).tolist()
    if rows is not None:
        order = rows if order is None else rows[order]
    ordered = projected if order is None else projected.index_select(0, order)
    none = ordered.new_zeros(1, *ordered.shape[1:])
    return Inputs(ordered, place, offset, none)


def check(
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None,
    initial: Any,
    rows: Tensor | None,
) -> None:
    """Raise the clear error for whatever does not fit together, once, at the door."""
    if not isinstance(cell, Cell):
        raise TypeError(
            f"cell must be a treefold.Cell, got {type(cell).__name__}. Derive your "
            "module from treefold.Cell: it is an nn.Module with `project` and `zeros`."
        )
    if not isinstance(forest, Forest):
        raise TypeError(
            f"forest must be a treefold.Forest, got {type(forest).__name__}. Make one "
            "of nested trees with Forest.from_trees."
        )
    for name, value in (("x", x), ("nodes", nodes), ("rows", rows)):
        if not (isinstance(value, Tensor) or (name != "x" and value is None)):
            raise TypeError(f"{name} must be a tensor, got {type(value).__name__}.")
    if x.device != forest.device:
        raise ValueError(
            f"x is on {x.device}, but the forest is on {forest.device}. Move one: "
            f"forest.to({str(x.device)!r})."
        )
    _check_dtype(cell, x)
    if x.dim() < 2 or x.shape[-1] != cell.input_size:
        raise ValueError(
            f"x must have rows of input_size = {cell.input_size} features, got shape "
            f"{tuple(x.shape)}."
        )
    if nodes is not None:
        _check_nodes(forest, nodes)
    _check_rows(forest, x, nodes, rows)
    if cell.max_arity is not None and forest.max_arity > cell.max_arity:
        node = _first_parent_beyond(forest, cell.max_arity)
        raise ValueError(
            f"node {node} uses slot {forest.max_arity - 1}, but the cell has "
            f"{cell.max_arity} slots (0 to {cell.max_arity - 1}). Give the cell "
            f"arity={forest.max_arity}, or use a child-sum cell."
        )
    if cell.leaf_is_input:
        _check_leaf_is_input(forest, nodes, initial)


def _check_dtype(cell: Cell[Any], x: Tensor) -> None:
    parameter = next(cell.parameters(), None)
    if parameter is None:
        return
    if parameter.device != x.device:
        raise ValueError(
            f"x is on {x.device}, but the cell is on {parameter.device}. Move one: "
            f"cell.to({str(x.device)!r})."
        )
    autocast = torch.is_autocast_enabled(x.device.type)
    if not x.is_floating_point() or (x.dtype != parameter.dtype and not autocast):
        raise ValueError(
            f"x is {x.dtype}, but the cell's parameters are {parameter.dtype}. "
            f"Convert one: x.to({parameter.dtype})."
        )


def _check_nodes(forest: Forest, nodes: Tensor) -> None:
    _check_numbers("nodes", nodes, forest.num_nodes, "the forest's nodes", forest)
    listed = nodes.cpu().numpy()
    if len(listed) > 1 and not (listed[1:] > listed[:-1]).all():
        times = np.bincount(listed)
        if times.max() > 1:
            raise ValueError(
                f"nodes lists node {times.argmax()} {times.max()} times; a node has "
                "one row of input. Add the rows up first."
            )


def _check_rows(
    forest: Forest, x: Tensor, nodes: Tensor | None, rows: Tensor | None
) -> None:
    """Check that there is one row for each node that has input."""
    if rows is not None:
        _check_numbers("rows", rows, len(x), "the rows of x", forest)
        wanted = forest.num_nodes if nodes is None else len(nodes)
        if len(rows) != wanted:
            of = "of the forest" if nodes is None else "listed in `nodes`"
            raise ValueError(
                f"rows must say for each of the {wanted} nodes {of} which row of x it "
                f"reads, got {len(rows)} numbers."
            )
    elif nodes is None and len(x) != forest.num_nodes:
        raise ValueError(
            f"x must have a row for each of the {forest.num_nodes} nodes, got "
            f"shape {tuple(x.shape)}. Without `nodes` every node needs a row; "
            "list the nodes that have input in `nodes` to give only theirs."
        )
    elif nodes is not None and len(nodes) != len(x):
        raise ValueError(
            f"x has {len(x)} rows for the {len(nodes)} nodes listed in `nodes`; each "
            "listed node needs one row, or say with `rows` which one it reads."
        )


def _check_numbers(
    name: str, listed: Tensor, limit: int, of: str, forest: Forest
) -> None:
    """Check that a list of numbers is one, and that they lie in 0..limit-1."""
    if (
        listed.dim() != 1
        or listed.dtype != torch.int64
        or listed.device != forest.device
    ):
        raise ValueError(
            f"{name} must be a list of numbers, int64 of shape (R,) on "
            f"{forest.device}, got {listed.dtype} of shape {tuple(listed.shape)} on "
            f"{listed.device}."
        )
    if not len(listed):
        return
    smallest, largest = (int(number) for number in listed.aminmax())
    if smallest < 0 or largest >= limit:
        first = int(listed[(listed < 0) | (listed >= limit)][0])
        raise ValueError(f"{name} lists {first}, but {of} are 0 to {limit - 1}.")


def _check_leaf_is_input(forest: Forest, nodes: Tensor | None, initial: Any) -> None:
    if initial is not None:
        raise ValueError(
            "this cell takes a leaf's input as its state, so `initial` has no place. "
            'Leave it out, or build the cell with input="affine".'
        )
    having_input = forest.arities if nodes is None else forest.arities[nodes]
    if forest.num_edges and bool((having_input > 0).any()):
        row = int((having_input > 0).nonzero()[0])
        node = row if nodes is None else int(nodes[row])
        raise ValueError(
            f"node {node} has both children and input, but this cell takes a leaf's "
            "input as its state and gives inner nodes none. Give rows for the leaves "
            'only, with nodes=forest.leaves, or build the cell with input="affine".'
        )


def _first_parent_beyond(forest: Forest, num_slots: int) -> int:
    edge = int((forest.slot >= num_slots).nonzero()[0])
    return int(torch.searchsorted(forest.offset, edge, right=True)) - 1
