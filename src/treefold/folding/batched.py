"""The fold of any cell, level by level, with one gradient buffer for the whole forest.

Forward writes each level's states into a preallocated buffer of V rows. Left to plain
autograd, backward would then make a gradient of all V rows for every level, O(V·L): on
a chain, quadratic. Here each level keeps a small graph of its own, cut from the others,
and backward walks the levels from the top. As no graph spans levels, none is deep, and
a chain of 100,000 nodes is freed without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from treefold.cells import Cell, Children
from treefold.folding.backward import Step, Walk, WalkDown, is_smooth
from treefold.folding.inputs import Inputs
from treefold.folding.noise import Noise
from treefold.folding.plain import below_leaves, fold_plain, gather, visit
from treefold.folding.products import Grounds
from treefold.folding.stand_ins import call_with, taking_turns
from treefold.forest import Forest
from treefold.levels import Level

__all__ = ["fold_batched", "taking_turns"]

S = TypeVar("S", bound=tuple)


def fold_batched(cell: Cell[S], forest: Forest, inputs: Inputs, initial: S | None) -> S:
    """Fold level by level; states come back in level order."""
    if not torch.is_grad_enabled():
        return _walk_up(cell, forest, inputs, initial)

    named = dict(cell.named_parameters())
    given = (inputs.rows, *(initial or ()), *named.values())
    # Stand-ins: what leads from one given tensor to another, and the hooks on them,
    # lie outside the fold. The levels' graphs end in these.
    inner = {
        name: p.detach().requires_grad_(p.requires_grad) for name, p in named.items()
    }
    noise = Noise.now(forest.device)
    tape = _Tape(tuple(inner.values()), any(t.requires_grad for t in given))
    try:
        state = call_with(inner, cell, _walk_up, forest, inputs, initial, tape)
    except _BeyondError:
        noise.restore()
        return fold_plain(cell, forest, inputs, initial)
    if not tape.learning:
        return state
    walk = Walk(cell, forest, inputs, initial, inner, tape.steps, noise)
    return type(state)(*WalkDown.apply(walk, tuple(state), *given))


def _walk_up(
    cell: Cell[S],
    forest: Forest,
    inputs: Inputs,
    initial: S | None,
    tape: _Tape | None = None,
) -> S:
    """Run the cell on each level, and record each level's graph on the tape."""
    state = cell.zeros(0, inputs.rows)
    if tape is not None:
        rows_learn = inputs.rows.requires_grad
        inputs = inputs._replace(rows=inputs.rows.detach())
    for number, level in enumerate(forest.levels):
        rows = inputs.level(number)
        if number == 0:
            children = below_leaves(cell, forest, inputs.rows, initial)
        else:
            children = gather(state, level)
        if tape is not None:
            rows.requires_grad_(rows_learn and len(rows) > 0)
            children = tape.cut(children)
        new = visit(cell, inputs.of(number, level, rows), children)
        if tape is not None:
            tape.record(rows, children.state, new)
        if number == 0:
            V = forest.num_nodes
            state = type(new)(*[f.new_empty(V, *f.shape[1:]) for f in new])
        state = type(new)(
            *[_write(f, v, level) for f, v in zip(state, new, strict=True)]
        )
    return state


def _write(field: Tensor, value: Tensor, level: Level) -> Tensor:
    """Write a level's rows, and return the buffer: a wider one where they need it."""
    if value.shape[1:] != field.shape[1:]:
        raise ValueError(
            f"a cell's states must have one shape at all nodes, but the leaves have "
            f"{tuple(field.shape[1:])} and nodes above {tuple(value.shape[1:])}."
        )
    if value.dtype != field.dtype:
        field = field.to(torch.promote_types(field.dtype, value.dtype))
    field[level.start : level.stop] = value.detach()
    return field


class _BeyondError(Exception):
    """A level's graph ends in a tensor that was not given to the fold."""


class _Tape:
    """The levels' graphs as they are made.

    Args:
        parameters: what stands for the cell's parameters.
        learning: whether anything given to the fold has a gradient.
    """

    def __init__(self, parameters: Sequence[Tensor], learning: bool):
        self.learning = learning
        self.steps = list[Step]()
        self._grounds = Grounds(parameters)

    def cut(self, children: Children[S]) -> Children[S]:
        """Let a new graph begin at the children's states."""
        below = [
            f.detach().requires_grad_(self.learning and len(f) > 0 and is_smooth(f))
            for f in children.state
        ]
        children.state = type(children.state)(*below)
        return children

    def record(self, rows: Tensor, below: Any, state: Any) -> None:
        """Add a level's graph, if it ends in what was given to the fold."""
        found = self._grounds.look(state, (rows, *below))
        if found is None:
            raise _BeyondError
        learning = rows if rows.requires_grad else None
        self.steps.append(Step(learning, below, state, *found))
