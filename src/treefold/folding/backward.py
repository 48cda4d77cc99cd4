"""Backward of the batched fold: down the levels, with one gradient buffer for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge
from torch.autograd.variable import Variable

from treefold.cells import Cell
from treefold.folding.inputs import Inputs
from treefold.folding.noise import Noise
from treefold.folding.plain import fold_plain
from treefold.folding.products import Sums, Uses
from treefold.folding.stand_ins import call_with, taking_turns
from treefold.forest import Forest


class Step(NamedTuple):
    """One level's graph: from its rows of input and the states below to its states.

    Attributes:
        rows: None where no node of the level has input.
        products: autograd's nodes of the products by ``uses.factors``.
        uses: how the graph uses the parameters.
    """

    rows: Tensor | None
    below: tuple[Tensor, ...]
    state: tuple[Tensor, ...]
    products: tuple[Any, ...]
    uses: Uses


class Walk(NamedTuple):
    """A fold that was run, with all that its backward needs.

    Attributes:
        inner: by name, what stood for each parameter in the graphs on the tape.
    """

    cell: Cell[Any]
    forest: Forest
    inputs: Inputs
    initial: Any
    inner: dict[str, Tensor]
    tape: list[Step]
    noise: Noise


class WalkDown(torch.autograd.Function):
    """Hand out the states of a walk up; backward walks down the levels."""

    @staticmethod
    def forward(
        ctx: Any, walk: Walk, state: tuple[Tensor, ...], *given: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(f for f in state if not is_smooth(f)))
        ctx.save_for_backward(*given)
        ctx.walk = walk
        return state

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        given, needed = ctx.saved_tensors, ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # create_graph: the gradient gets a graph itself
            found = _differentiable_gradients(ctx.walk, given, needed, grads)
        else:
            found = _gradients(ctx.walk, given, needed, grads)
        return None, None, *found


def is_smooth(field: Tensor) -> bool:
    """Say whether a field of the state can have a gradient; a counter has none."""
    return field.is_floating_point() or field.is_complex()


def _gradients(
    walk: Walk,
    given: Sequence[Tensor],
    needed: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of the rows, the initial states and the parameters."""
    num_initial = len(walk.initial or ())
    to_rows = torch.zeros_like(given[0]) if needed[0] else None
    to_initial: Sequence[Tensor | None] = [None] * num_initial
    parameters = list(walk.inner.values())
    to_parameters = [
        torch.zeros_like(p) if need else None
        for p, need in zip(parameters, needed[1 + num_initial :], strict=True)
    ]
    put_off = Sums(to_parameters)

    V = walk.forest.num_nodes
    to_state = (
        [  # the one gradient buffer, of (V, ...) for each field
            f.new_zeros(V, *f.shape[1:]) if g is None else g.clone()
            for f, g in zip(walk.tape[0].state, grads, strict=True)
        ]
        if walk.tape
        else []
    )

    levels, place, row = (
        walk.forest.levels,
        walk.forest.levels.offset,
        walk.inputs.offset,
    )
    for number in reversed(range(len(walk.tape))):
        step = walk.tape[number]
        ends = [f for f in step.state if f.requires_grad]
        arriving = [
            g[place[number] : place[number + 1]].to(f.dtype)
            for f, g in zip(step.state, to_state, strict=True)
            if f.requires_grad
        ]
        rows = [] if step.rows is None or to_rows is None else [step.rows]
        below = [f for f in step.below if f.requires_grad]
        products = [
            (factor, node)
            for factor, node in zip(step.uses.factors, step.products, strict=True)
            if to_parameters[factor.parameter] is not None
        ]
        direct = [i for i in step.uses.direct if to_parameters[i] is not None]
        begins: list[Tensor | GradientEdge] = [*rows, *below]
        begins += [GradientEdge(node, 0) for _, node in products]
        begins += [parameters[i] for i in direct]
        if not ends or not begins:
            continue
        got = iter(_gradients_of(ends, begins, arriving))
        if to_rows is not None and rows and (g := next(got)) is not None:
            to_rows[row[number] : row[number + 1]] = g
        to_below = [next(got) if f.requires_grad else None for f in step.below]
        for factor, node in products:
            if (g := next(got)) is not None:
                put_off.add(factor, node, g)
        for i in direct:
            total, g = to_parameters[i], next(got)
            if total is not None and g is not None:
                total += g
        if number > 0:
            child = levels.child(number)
            for total, g in zip(to_state, to_below, strict=True):
                if g is not None:
                    total.index_add_(0, child, g.to(total.dtype))
        elif num_initial:
            to_initial = _to_initial(walk, to_below)
    put_off.finish()
    return [to_rows, *to_initial, *to_parameters]


def _gradients_of(
    ends: list[Tensor],
    begins: list[Tensor | GradientEdge],
    arriving: list[Tensor],
) -> tuple[Tensor | None, ...]:
    """``torch.autograd.grad`` of a graph that is kept, None where it does not lead."""
    # Asked directly, torch's engine is a fifth faster on the graph of a narrow level:
    # what `grad` checks first, in Python, holds here for every level.
    keep_graph, create_graph, allow_unused = True, False, True
    return Variable._execution_engine.run_backward(
        tuple(ends),
        tuple(arriving),
        keep_graph,
        create_graph,
        tuple(begins),
        allow_unused,
        accumulate_grad=False,
    )


def _to_initial(walk: Walk, to_below: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Add up, for each structure, what its leaves send to their initial state."""
    forest, order = walk.forest, walk.forest.levels.order
    leaf = slice(0, forest.levels.offset[1])
    tree = forest.tree[leaf if order is None else order[leaf]]
    return [
        None
        if g is None
        else torch.zeros_like(f).index_add(0, tree % len(f), g.to(f.dtype))
        for f, g in zip(walk.initial, to_below, strict=True)
    ]


def _differentiable_gradients(
    walk: Walk,
    given: Sequence[Tensor],
    needed: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients with a graph of their own: fold again by plain autograd."""
    # Stand-ins here too, but such that a graph leads on from them.
    rows, *rest = [t.view_as(t) for t in given]
    num_initial = len(walk.initial or ())
    initial = type(walk.initial)(*rest[:num_initial]) if num_initial else None
    parameters = dict(zip(walk.inner, rest[num_initial:], strict=True))
    inputs = walk.inputs._replace(rows=rows)
    with taking_turns(), walk.noise.again():
        state = call_with(
            parameters, walk.cell, fold_plain, walk.forest, inputs, initial
        )
    _check_same(walk, state)
    ends = [
        (f, g)
        for f, g in zip(state, grads, strict=True)
        if g is not None and f.requires_grad
    ]
    begins = [t for t, need in zip([rows, *rest], needed, strict=True) if need]
    if not ends:
        return [
            torch.zeros_like(t) if need else None
            for t, need in zip(given, needed, strict=True)
        ]
    got = iter(
        torch.autograd.grad(
            [f for f, _ in ends],
            begins,
            [g for _, g in ends],
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
    )
    return [next(got) if need else None for need in needed]


def _check_same(walk: Walk, again: Sequence[Tensor]) -> None:
    """Raise if the cell computes other states now than it did when folded."""
    for number, field in enumerate(again):
        if not walk.tape or not is_smooth(field) or not field.numel():
            continue
        first = torch.cat([step.state[number] for step in walk.tape]).detach()
        largest = first.abs().max()
        if bool(((field.detach() - first).abs() > 0.02 * largest).any()):
            raise RuntimeError(
                "a gradient with create_graph=True folds again, but the cell computes "
                "other states now: its mode or an attribute has changed since the "
                "fold. Change it after backward, or give what changes in x."
            )
