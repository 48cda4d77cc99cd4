"""The definition of a fold: one node at a time, children before parents.

Every faster path must agree with this one in values and in every gradient. It is
slow, and meant to be read.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor

from treefold.cells import Cell, Children
from treefold.forest import Forest

S = TypeVar("S", bound=tuple)


def fold_recursive(
    cell: Cell[S],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None = None,
    initial: S | None = None,
    rows: Tensor | None = None,
) -> S:
    r"""Fold one node at a time: :math:`h_v = f(x_v, [h_k : k \in C(v)])`.

    Takes and returns what `treefold.fold` does.
    """
    x = x if rows is None else x[rows]
    child, offset = forest.child.tolist(), forest.offset.tolist()
    slot, tree = forest.slot.tolist(), forest.tree.tolist()
    listed = range(forest.num_nodes) if nodes is None else nodes.tolist()
    row_of = {v: row for row, v in enumerate(listed)}
    no_input = torch.zeros_like(cell.project(x[:0]).new_empty(1, *_row_shape(cell, x)))
    zeros = cell.zeros(0, no_input)

    states: dict[int, S] = {}
    for v in _children_first(child, offset):
        row = row_of.get(v)
        x_v = no_input if row is None else cell.project(x[row : row + 1])
        edges = range(offset[v], offset[v + 1])
        if edges:
            below = _stack([states[child[e]] for e in edges])
            slots = [slot[e] for e in edges]
        elif initial is not None:  # fills slot 0 of a node without children
            below = type(initial)(*(f[tree[v] % len(f)][None] for f in initial))
            slots = [0]
        else:
            below, slots = zeros, []
        slots = torch.tensor(slots, dtype=torch.int64, device=x.device)
        states[v] = cell(x_v, Children(below, torch.zeros_like(slots), slots, 1))
    if not states:
        return zeros
    return _stack([states[v] for v in range(forest.num_nodes)])


def _row_shape(cell: Cell[Any], x: Tensor) -> torch.Size:
    return cell.project(x[:0]).shape[1:]


def _stack(states: list[S]) -> S:
    return type(states[0])(*map(torch.cat, zip(*states, strict=True)))


def _children_first(child: list[int], offset: list[int]) -> list[int]:
    """Order the nodes so that children precede parents; a stack, not recursion."""
    done = [False] * (len(offset) - 1)
    order: list[int] = []
    for start in range(len(done)):
        stack = [start]
        while stack:
            v = stack[-1]
            waiting = [c for c in child[offset[v] : offset[v + 1]] if not done[c]]
            if waiting and not done[v]:
                stack.extend(waiting)
                continue
            stack.pop()
            if not done[v]:
                done[v] = True
                order.append(v)
    return order
