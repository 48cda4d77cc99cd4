"""The fused fold: a whole forest, up or down, in one compiled call.

For the cells that ship. `served` says whether a fold can be run this way, and
`fold_fused` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from treefold import cells
from treefold.cells import Cell
from treefold.folding.fused import gru, lstm, recursive
from treefold.folding.fused.function import Fold, Fused
from treefold.folding.fused.plan import make_input, make_plan
from treefold.forest import Forest

_WALKS = {
    cells.RecursiveCell: recursive,
    cells.RNTNCell: recursive,
    cells.ChildSumTreeLSTMCell: lstm,
    cells.NaryTreeLSTMCell: lstm,
    cells.ChildSumTreeGRUCell: gru,
    cells.NaryTreeGRUCell: gru,
}


def fold_fused(
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None,
    initial: Any,
    rows: Tensor | None,
    again: Callable[..., Any],
) -> Any:
    """Fold; states come back in level order, or None where this way will not do."""
    if type(cell) not in _WALKS or not _plain(cell, x) or not forest.num_nodes:
        return None
    walk = _WALKS[type(cell)]
    parameters = {
        name: p
        for name in walk.PARAMETERS
        if (p := getattr(cell, name, None)) is not None
    }
    levels, below = forest.levels, None
    if initial is not None:
        leaf = slice(0, levels.offset[1])
        tree = forest.tree[leaf if levels.order is None else levels.order[leaf]]
        below = (tree % len(initial[0])).numpy()
    plan = make_plan(levels, cell.max_arity or 0, below)
    if plan is None:
        return None
    reads = make_input(levels, len(x), nodes, rows, below)
    states = tuple(initial or ())
    fold = Fold(cell, walk, plan, reads, len(states), tuple(parameters), again)
    given = (x, *states, *parameters.values())
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    return type(cell.zeros(0, x))(*Fused.apply(fold, keep, *given))


def _plain(cell: Cell[Any], x: Tensor) -> bool:
    """Say whether a cell is called as it was written, on plain CPU tensors."""
    tensors = [x, *cell.parameters()]
    return (
        all(
            t.device.type == "cpu"
            and t.dtype == x.dtype
            and t.layout == torch.strided
            and type(t) in (Tensor, torch.nn.Parameter)
            for t in tensors
        )
        and x.dtype in (torch.float32, torch.float64)
        and x.dim() == 2
        and not torch.is_autocast_enabled("cpu")
        and not _has_hooks(cell)
        and not {"forward", "project", "zeros"} & vars(cell).keys()
    )


def _has_hooks(cell: Cell[Any]) -> bool:
    module = torch.nn.modules.module
    return any(
        (
            cell._forward_hooks,
            cell._forward_pre_hooks,
            cell._backward_hooks,
            cell._backward_pre_hooks,
            module._global_forward_hooks,
            module._global_forward_pre_hooks,
            module._global_backward_hooks,
            module._global_backward_pre_hooks,
        )
    )
