"""Watching folds: the gradient of every state, in whatever model does the folding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor

from treefold.cells import Cell, Probe
from treefold.forest import Forest


class Watched(NamedTuple):
    """A fold that was watched.

    Attributes:
        forest: what was folded.
        e: (V, H) zeros that were added to the states; their gradient is dL/dh.
    """

    forest: Forest
    e: Tensor


_folds: ContextVar[list[Watched] | None] = ContextVar("folds", default=None)


@contextmanager
def watching() -> Iterator[list[Watched]]:
    """Watch the folds that are run below, and list them in their order.

    Each is run with its cell in a `Probe`, level by level, which gives the same states
    and takes longer.
    """
    folds = list[Watched]()
    token = _folds.set(folds)
    try:
        yield folds
    finally:
        _folds.reset(token)


def probed(
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None,
    rows: Tensor | None,
) -> tuple[Cell[Any], Tensor] | None:
    """Give cell and input of the same fold with a probe, where somebody watches."""
    folds = _folds.get()
    if folds is None or isinstance(cell, Probe):
        return None
    if rows is not None:
        x = x[rows]
    if nodes is not None:
        x = x.new_zeros(forest.num_nodes, *x.shape[1:]).index_copy(0, nodes, x)
    e = x.new_zeros(forest.num_nodes, cell.hidden_size, requires_grad=True)
    folds.append(Watched(forest, e))
    return Probe(cell), torch.cat([x, e], dim=1)
