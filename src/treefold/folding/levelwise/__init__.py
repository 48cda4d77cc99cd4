"""The fused fold on a device: a product and one pointwise kernel for each level.

Where a level is wide enough to fill the device, what is left to save is launches: here
a level takes two or three on the way up and as many on the way down, and the weights'
gradients one for the whole forest. `walk` makes the products, `rules` knows the cells,
`kernels` and `gru_kernels` are their pointwise steps in Triton and `launch` runs them,
`aten` has the same in torch's operations, to hold them to, and `function` is what
autograd sees.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from shutil import which
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from treefold import cells
from treefold.cells import Cell
from treefold.folding.fused import is_altered, is_plain
from treefold.folding.inputs import in_level_order
from treefold.folding.levelwise.function import FusedLevels, Run
from treefold.folding.levelwise.rules import GRURule, LSTMRule, RecursiveRule
from treefold.folding.plain import fold_plain
from treefold.folding.stand_ins import call_with, taking_turns
from treefold.forest import Forest

_RULES = {
    cells.ChildSumTreeLSTMCell: LSTMRule,
    cells.NaryTreeLSTMCell: LSTMRule,
    cells.RecursiveCell: RecursiveRule,
    cells.ChildSumTreeGRUCell: GRURule,
    cells.NaryTreeGRUCell: GRURule,
}


def fold_levelwise(
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None,
    initial: Any,
    rows: Tensor | None,
    points: ModuleType | None = None,
) -> Any:
    """Fold; states come back in level order, or None where this way will not do.

    It serves the Tree-LSTMs, the plain recursive cell and the Tree-GRUs, as they were
    written, in float32 and float64. Other cells, hooks, autocast, tensors of torch.func
    and devices without Triton are left to the batched fold.

    Arguments are those of `treefold.fold`, and `points` the module of pointwise steps;
    None takes the kernels.
    """
    rule, device = _RULES.get(type(cell)), x.device
    points = points or _kernels(device)
    if rule is None or points is None or not forest.num_nodes:
        return None
    states = tuple(initial or ())
    tensors = (x, *states, *cell.parameters())
    if is_altered(cell, device.type) or not all(
        is_plain(t, device.type) for t in tensors
    ):
        return None
    if rule is GRURule:
        if cell.max_arity is not None and _shares_slots(forest, cell.max_arity):
            return None
        states = states or tuple(cell.zeros(1, x))  # as it is defined for leaves
    inputs = in_level_order(forest, cell.project(x), nodes, rows)

    def again(rows: Tensor, *rest: Tensor) -> Any:
        """Fold by plain autograd, for gradients that need a graph of their own."""
        start = type(like)(*rest[: len(states)]) if states else None
        swapped = rule.parameters(cell, *rest[len(states) :])

        def fold(cell: Cell[Any]) -> Any:
            return fold_plain(cell, forest, inputs._replace(rows=rows), start)

        with taking_turns():
            return call_with(swapped, cell, fold)

    like = cell.zeros(0, x)
    given = (inputs.rows, *states, *rule.weights(cell))
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    run = Run(cell, rule, points, forest, inputs, len(states), again)
    return type(like)(*FusedLevels.apply(run, keep, *given))


def _shares_slots(forest: Forest, slots: int) -> bool:
    """Say whether two children of a node stand in one slot: only a sum joins them."""
    if all(level.arity is not None for level in forest.levels):
        return False
    arities = forest.offset.diff()
    parent = torch.arange(forest.num_nodes, device=forest.device)
    place = parent.repeat_interleave(arities) * slots + forest.slot
    return len(place.unique()) < len(place)


@cache
def _kernels(device: torch.device) -> ModuleType | None:
    """Import Triton's kernels where they can be had.

    Triton comes with torch built for CUDA. It asks for a C compiler, to launch its
    kernels, and for a GPU of compute capability 7.0, as torch.compile does. The same
    steps in torch's operations take more launches than the batched fold.
    """
    if (
        device.type != "cuda"
        or find_spec("triton") is None
        or not (os.environ.get("CC") or which("gcc") or which("clang"))
        or torch.cuda.get_device_capability(device) < (7, 0)
    ):
        return None
    return import_module("treefold.folding.levelwise.launch")
