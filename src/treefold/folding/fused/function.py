"""One autograd function for a whole forest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from treefold.folding.fused import team
from treefold.folding.fused.plan import Input, Plan


class Run(NamedTuple):
    """A fold to be run fused.

    Attributes:
        cell: the node function; for what is no tensor of it.
        walk: the module with its `walk_up` and `walk_down`.
        plan: the forest.
        reads: where its input goes.
        num_initial: fields of the initial state, 0 without one.
        names: of the parameters.
        again: folds under plain autograd, from x, initial states and parameters.
    """

    cell: Any
    walk: Any
    plan: Plan
    reads: Input
    num_initial: int
    names: tuple[str, ...]
    again: Callable[..., tuple[Tensor, ...]]

    @property
    def first(self) -> int:
        """Where in the buffers the forest's own states begin."""
        return self.plan.num_below if self.num_initial else 0

    @property
    def stop(self) -> int:
        """Where they end."""
        return self.plan.num_below + len(self.reads.row)


class Fused(torch.autograd.Function):
    """The states of a forest; backward walks down it once."""

    @staticmethod
    def forward(ctx: Any, run: Run, keep: bool, x: Tensor, *given: Tensor) -> Any:
        first, *rest = [t.detach().contiguous().numpy() for t in (x, *given)]
        initial, parameters = rest[: run.num_initial], rest[run.num_initial :]
        buffers, kept = run.walk.walk_up(
            *(run.cell, run.plan, run.reads, first, initial),
            *(dict(zip(run.names, parameters, strict=True)), team.size(), keep),
        )
        ctx.set_materialize_grads(False)
        # Cut before torch sees them: a view could not be written to by its owner.
        states = tuple(torch.from_numpy(b[run.first : run.stop]) for b in buffers)
        if keep:
            # Autograd notices if one of the first is overwritten, and lets all go as
            # soon as backward has used them.
            arrays = [torch.from_numpy(a) for a in kept if isinstance(a, np.ndarray)]
            ctx.save_for_backward(x, *given, *states, *arrays)
            ctx.run, ctx.before = run, 1 + len(given) + len(states)
            ctx.kept = [None if isinstance(a, np.ndarray) else a for a in kept]
            ctx.kind = type(kept)
        return states

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        run, needed = ctx.run, ctx.needs_input_grad[2:]
        given, arrays = (
            ctx.saved_tensors[: len(needed)],
            ctx.saved_tensors[ctx.before :],
        )
        if torch.is_grad_enabled():  # create_graph: the gradient gets a graph itself
            return None, None, *differentiable(run.again, given, needed, grads)
        rest = iter(arrays)
        kept = ctx.kind(*(next(rest).numpy() if a is None else a for a in ctx.kept))
        above = (_outside(g, run, kept.h) for g in grads[1:])
        outside = (_outside(grads[0], run, kept.h, always=True), *above)
        to_x, to_initial, by_name = run.walk.walk_down(
            kept, outside, needed[0], team.size()
        )
        found = (to_x, *to_initial, *(by_name[name] for name in run.names))
        return (
            None,
            None,
            *(
                torch.from_numpy(g) if need else None
                for g, need in zip(found, needed, strict=True)
            ),
        )


def _outside(
    grad: Tensor | None, run: Run, state: np.ndarray, always: bool = False
) -> np.ndarray | None:
    """Lay out the gradient of a field as the buffers are laid out."""
    if grad is None:
        return np.zeros_like(state) if always else None
    if run.first == 0:
        return grad.contiguous().numpy()
    wide = np.zeros_like(state)
    wide[run.first : run.stop] = grad.numpy()
    return wide


def differentiable(
    again: Callable[..., tuple[Tensor, ...]],
    given: Sequence[Tensor],
    needed: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients with a graph of their own."""
    inner = [t.view_as(t) for t in given]
    ends = [
        (f, g)
        for f, g in zip(again(*inner), grads, strict=True)
        if g is not None and f.requires_grad
    ]
    got = iter(
        torch.autograd.grad(
            [f for f, _ in ends],
            [t for t, need in zip(inner, needed, strict=True) if need],
            [g for _, g in ends],
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
    )
    return [next(got) if need else None for need in needed]
