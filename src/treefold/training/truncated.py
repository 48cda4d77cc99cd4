"""Truncated backpropagation through time (Williams & Peng, 1990)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from treefold.cells import Cell
from treefold.folding import fold
from treefold.forest import Forest


class Truncated(NamedTuple):
    """What `truncated_bptt` returns.

    Attributes:
        loss: the sum of the windows' losses, without a graph.
        state: the cell's state after the last step, fields of (B, ...), without a
            graph: the `initial` of what follows.
    """

    loss: Tensor
    state: Any


def truncated_bptt(
    cell: Cell[Any],
    x: Tensor,
    loss: Callable[[Tensor, int], Tensor | None],
    k1: int,
    k2: int,
    initial: Any = None,
    *,
    after: Callable[[], object] | None = None,
) -> Truncated:
    r"""Run chains, and every k1 steps go backward through the last k2: BPTT(k2; k1).

    At :math:`t = k_1, 2 k_1, \dots` (and at the end) the losses of the steps since the
    last time are taken, and their gradients, which go back k2 steps and there end, are
    added to the ``grad`` of the parameters and of whatever else they reach. Memory is
    that of k2 steps, however long the chain; time grows with k2/k1, as steps that a
    gradient passes again are run again. With k2 >= T the gradient is exact; k1 = k2 is
    the usual training of language models in blocks.

    Args:
        cell: of one slot, or child-sum.
        x: (T, B, I), the inputs of B chains of T steps.
        loss: called with the states h of (t, B, H) of the last t <= k1 steps and the
            number of the first of them; returns what they cost, or None.
        k1: steps between two ways back.
        k2: steps of a way back, at least k1.
        initial: the state before the first step, fields of (1, ...) or (B, ...);
            gradients reach it from the windows that begin there.
        after: called after each way back, for a step of the optimizer, say. States
            are not run anew with the new weights, as is usual.

    Raises:
        ValueError: k1 below 1, k2 below k1, or x of another shape.
    """
    if not 1 <= k1 <= k2:
        raise ValueError(
            f"k1 must be at least 1 and k2 at least k1, got k1 = {k1}, k2 = {k2}."
        )
    if x.dim() != 3 or not x.numel():
        raise ValueError(
            f"x must have shape (steps, chains, features), got {tuple(x.shape)}."
        )
    T, B, _ = x.shape
    total = x.new_zeros(())
    known, first = initial, -1  # states of the last window without a graph, and where
    for end in (*range(k1, T, k1), T):
        begin, new = max(0, end - k2), (end - 1) // k1 * k1
        start = _at(known, begin - 1 - first) if begin else initial
        window = x[begin:end]
        forest = Forest.from_lengths([len(window)] * B).sort()[0]
        state = fold(cell, forest, window.reshape(-1, x.shape[2]), None, start)
        # Level by level is step by step: (t·B, ...) is (t, B, ...).
        state = type(state)(*(f.unflatten(0, (-1, B)) for f in state))
        known, first = type(state)(*(f.detach() for f in state)), begin
        cost = loss(state[0][new - begin :], new)
        if cost is None:
            continue
        total = total + cost.detach()
        cost.backward()
        if after is not None:
            after()
    return Truncated(total, _at(known, -1))


def _at(state: Any, step: int) -> Any:
    """Take one step of fields of (t, B, ...)."""
    return type(state)(*(field[step] for field in state))
