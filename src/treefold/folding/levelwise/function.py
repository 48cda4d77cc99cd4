"""One autograd function for a whole forest on a device."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from treefold.folding.fused.function import differentiable
from treefold.folding.inputs import Inputs
from treefold.folding.levelwise.rules import Rule
from treefold.folding.levelwise.span import spans_of
from treefold.folding.levelwise.walk import Walk
from treefold.forest import Forest


class Run(NamedTuple):
    """A fold to be run.

    Attributes:
        cell: the node function; for what is no tensor of it.
        rule: makes its buffers and steps.
        points: the module of its pointwise steps.
        forest: the structures.
        inputs: projected; for where its rows lie.
        num_initial: fields of the initial state, 0 without one.
        again: folds under plain autograd, from rows, initial states, bias and matrix.
    """

    cell: Any
    rule: type[Rule]
    points: ModuleType
    forest: Forest
    inputs: Inputs
    num_initial: int
    again: Callable[..., tuple[Tensor, ...]]


class FusedLevels(torch.autograd.Function):
    """The states of a forest; backward walks down it once."""

    @staticmethod
    def forward(ctx: Any, run: Run, keep: bool, rows: Tensor, *given: Tensor) -> Any:
        *initial, bias, u = [t.contiguous() for t in given]
        cell, num_rows = run.cell, len(initial[0]) if initial else 0
        spans = list(spans_of(run.forest, num_rows))
        V, edges = run.forest.num_nodes, [s.num_edges for s in spans]
        state = [f.new_empty(V + num_rows, f.shape[1]) for f in cell.zeros(0, rows)]
        for field, below in zip(state, initial, strict=False):
            field[V:] = below
        widest = max(s.num_nodes for s in spans), max(edges)
        room = (V, sum(edges)) if keep else widest
        rule = run.rule(cell, run.points, bias, state, room, keep)
        walk = Walk(rule, spans, cell.max_arity or 0, keep)
        none = rows.new_zeros(1, *rows.shape[1:])
        walk.up(run.inputs._replace(rows=rows.contiguous(), none=none), u)
        ctx.set_materialize_grads(False)
        states = tuple(_cut(f, V) for f in state)
        if keep:
            ctx.again, ctx.place, ctx.walk = run.again, run.inputs.place, walk
            # Of the states backward has its own, but notices if they are overwritten.
            ctx.save_for_backward(rows, *given, *states)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        needed, walk = ctx.needs_input_grad[2:], ctx.walk
        given = ctx.saved_tensors[: len(needed)]
        if torch.is_grad_enabled():  # create_graph: the gradient gets a graph itself
            return None, None, *differentiable(ctx.again, given, needed, grads)
        to_state = [_outside(g, f) for g, f in zip(grads, walk.rule.state, strict=True)]
        to_x, to_u = walk.down(to_state, given[-1].contiguous())
        # A leaf that is its input meets no bias.
        biased = walk.first if walk.rule.leaf_is_input else 0
        to_rows = to_x[:, : given[0].shape[1]]  # a bias may be wider than the input
        if ctx.place is not None:
            to_rows = to_rows.index_select(0, ctx.place)
        to_initial = (f[walk.V :] for f in to_state[: len(given) - 3])
        found = (to_rows, *to_initial, to_x[biased:].sum(0), to_u)
        return (
            None,
            None,
            *(g if need else None for g, need in zip(found, needed, strict=True)),
        )


def _cut(field: Tensor, rows: int) -> Tensor:
    """Return the first rows as a tensor that owns itself.

    The walk holds on to the buffer: were it the very tensor that is returned, the graph
    would hold itself, and were that a view, its owner could not write to it.
    """
    size = (rows, *field.shape[1:])
    return field.new_empty(0).set_(field.untyped_storage(), 0, size, field.stride())


def _outside(grad: Tensor | None, state: Tensor) -> Tensor:
    """Lay out the gradient of a field as the buffers are laid out, to be added to."""
    wide = torch.zeros_like(state)
    if grad is not None:
        wide[: len(grad)] = grad
    return wide
