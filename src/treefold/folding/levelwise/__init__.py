"""The fused fold on a device: a product and one pointwise kernel for each level.

Where a level is wide enough to fill the device, what is left to save is launches: here
a level takes two or three on the way up and as many on the way down, and the weights'
gradients one for the whole forest. `walk` makes the products, `rules` knows the cells,
their pointwise steps are in `aten` in torch's operations and in `kernels` in Triton,
and `function` is what autograd sees.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from treefold import cells
from treefold.cells import Cell
from treefold.folding.fused import is_altered, is_plain
from treefold.folding.inputs import in_level_order
from treefold.folding.levelwise import aten
from treefold.folding.levelwise.function import FusedLevels, Run
from treefold.folding.levelwise.rules import LSTMRule, RecursiveRule
from treefold.folding.plain import fold_plain
from treefold.folding.stand_ins import call_with, taking_turns
from treefold.forest import Forest

_RULES = {
    cells.ChildSumTreeLSTMCell: LSTMRule,
    cells.NaryTreeLSTMCell: LSTMRule,
    cells.RecursiveCell: RecursiveRule,
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

    It serves the Tree-LSTMs and the plain recursive cell, as they were written, in
    float32 and float64, on any forest. Other cells, hooks, autocast and tensors of
    torch.func are left to the batched fold.

    Arguments are those of `treefold.fold`, and `points` the module of pointwise steps:
    None takes Triton's kernels if Triton is installed.
    """
    rule = _RULES.get(type(cell))
    if rule is None or not forest.num_nodes or is_altered(cell, x.device.type):
        return None
    states = tuple(initial or ())
    given = (x, *states, *cell.parameters())
    if not all(is_plain(t, x.device.type) for t in given):
        return None
    inputs = in_level_order(forest, cell.project(x), nodes, rows)

    def again(rows: Tensor, *rest: Tensor) -> Any:
        """Fold by plain autograd, for gradients that need a graph of their own."""
        start = type(initial)(*rest[: len(states)]) if states else None
        bias, u = rest[len(states) :]

        def fold(cell: Cell[Any]) -> Any:
            return fold_plain(cell, forest, inputs._replace(rows=rows), start)

        with taking_turns():
            return call_with({"bias": bias, "weight_hh": u}, cell, fold)

    given = (inputs.rows, *states, cell.bias, cell.weight_hh)
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    steps = points or _steps()
    run = Run(cell, rule, steps, forest, inputs, len(states), again)
    return type(cell.zeros(0, x))(*FusedLevels.apply(run, keep, *given))


def _steps() -> ModuleType:
    """Triton's kernels where they are to be had; it comes with torch built for CUDA."""
    if find_spec("triton") is None:
        return aten
    return import_module("treefold.folding.levelwise.kernels")
