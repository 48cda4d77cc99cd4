"""The fold of any cell under ordinary autograd, and what both batched folds share."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from treefold.cells import Cell, Children
from treefold.folding.inputs import Inputs
from treefold.forest import Forest
from treefold.levels import Level

S = TypeVar("S", bound=tuple)


def fold_plain(
    cell: Cell[S],
    forest: Forest,
    inputs: Inputs,
    initial: S | None,
) -> S:
    """Fold level by level under ordinary autograd, differentiable any number of times.

    The state grows by concatenation: simple, and O(V·L).
    """
    state = cell.zeros(0, inputs.rows)
    for number, level in enumerate(forest.levels):
        if number == 0:
            children = below_leaves(cell, forest, inputs.rows, initial)
        else:
            children = gather(state, level)
        new = visit(cell, inputs.of(number, level, inputs.level(number)), children)
        if number == 0:
            state = new
        else:
            state = type(new)(*map(torch.cat, zip(state, new, strict=True)))
    return state


def gather(state: S, level: Level) -> Children[S]:
    """Look up the states of a level's children by their places."""
    return Children(
        type(state)(*[field.index_select(0, level.child) for field in state]),
        level.parent,
        level.slot,
        level.stop - level.start,
        level.arity,
    )


def below_leaves(
    cell: Cell[S], forest: Forest, like: Tensor, initial: S | None
) -> Children[S]:
    """What stands below the leaves: nothing, or `initial` in slot 0 of each."""
    levels = forest.levels
    N = levels.offset[1]
    if initial is None:
        none = forest.child[:0]
        return Children(cell.zeros(0, like), none, none, N)
    leaf = torch.arange(N, device=forest.device)
    tree = forest.tree[leaf if levels.order is None else levels.order[leaf]]
    below = type(initial)(
        *(f[tree] if len(f) > 1 else f.expand(N, *f.shape[1:]) for f in initial)
    )
    return Children(below, leaf, torch.zeros_like(leaf), N, 1)


def visit(cell: Cell[S], x: Tensor, children: Children[S]) -> S:
    """Run a cell on the nodes of a level, and check that it returned their state."""
    state, N = cell(x, children), children.num_nodes
    if not isinstance(state, tuple) or type(state) is tuple:
        raise TypeError(
            f"{type(cell).__name__}.forward must return a NamedTuple of tensors, such "
            f"as treefold.State(h), got {type(state).__name__}."
        )
    for name, field in zip(cast(Any, state)._fields, state, strict=True):
        if len(field) != N:
            raise ValueError(
                f"{type(cell).__name__}.forward must return a row for each of the {N} "
                f"nodes, got {name} of shape {tuple(field.shape)}. The nodes at hand "
                "are the rows of x; expand what is the same for all."
            )
    return cast(S, state)
