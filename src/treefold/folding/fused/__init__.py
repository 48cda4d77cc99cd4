"""The fused fold: a whole forest, up or down, in one compiled call.

Python makes one call for the way up and one for the way down; both run on the threads
that torch computes on. `tile` is the innermost product, `product` multiplies by
weights, `walk` has the steps of every cell, the modules named after the cells their
equations, and `function` is what autograd sees.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor

from treefold import cells
from treefold.cells import Cell
from treefold.folding.fused import gru, lstm, recursive
from treefold.folding.fused.function import Fused, Run
from treefold.folding.fused.plan import make_input, make_plan
from treefold.folding.inputs import in_level_order
from treefold.folding.plain import fold_plain
from treefold.folding.stand_ins import call_with, taking_turns
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
) -> Any:
    """Fold; states come back in level order, or None where this way will not do.

    It serves the cells that ship, as they were written, on float32 and float64 CPU
    tensors. Hooks, autocast, tensors of torch.func, and DAGs with two children in one
    slot are left to the batched fold.
    """
    if type(cell) not in _WALKS or not forest.num_nodes:
        return None
    walk = _WALKS[type(cell)]
    with taking_turns():  # another thread may have put its own parameters in
        shapes = walk.shapes(cell)
        parameters = {name: getattr(cell, name) for name in shapes}
    states = cast("tuple[Tensor, ...]", tuple(initial or ()))
    given = (x, *states, *parameters.values())
    if not all(map(is_plain, given)) or is_altered(cell):
        return None
    if x.dim() != 2 or any(t.dtype != x.dtype for t in given):
        return None
    if any(parameters[name].shape != shape for name, shape in shapes.items()):
        return None
    levels, below = forest.levels, None
    if initial is not None:
        leaf = slice(0, levels.offset[1])
        tree = forest.tree[leaf if levels.order is None else levels.order[leaf]]
        below = (tree % len(states[0])).numpy()
    num_initial = len(states[0]) if states else 0
    plan = make_plan(levels, cell.max_arity or 0, below, num_initial)
    if plan is None:
        return None
    reads = make_input(levels, len(x), nodes, rows, num_initial)

    def again(x: Tensor, *rest: Tensor) -> Any:
        """Fold by plain autograd, for gradients that need a graph of their own."""
        start = type(initial)(*rest[: len(states)]) if states else None
        swapped = dict(zip(parameters, rest[len(states) :], strict=True))

        def fold(cell: Cell[Any]) -> Any:
            inputs = in_level_order(forest, cell.project(x), nodes, rows)
            return fold_plain(cell, forest, inputs, start)

        with taking_turns():
            return call_with(swapped, cell, fold)

    run = Run(cell, walk, plan, reads, len(states), tuple(parameters), again)
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    return type(cell.zeros(0, x))(*Fused.apply(run, keep, *given))


def is_plain(tensor: Tensor, device: str = "cpu") -> bool:
    """Say whether a tensor holds numbers in memory of that kind, and no more."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.dtype in (torch.float32, torch.float64)
        and tensor.layout == torch.strided
        and tensor.device.type == device
        and not is_functorch_wrapped_tensor(tensor)
    )


def is_altered(cell: Cell[Any], device: str = "cpu") -> bool:
    """Say whether calling the cell would do more, or other, than its class says."""
    everywhere = nn.modules.module
    return (
        not vars(cell).keys().isdisjoint(("forward", "project", "zeros"))
        or torch.is_autocast_enabled(device)
        or torch.compiler.is_compiling()
        or any(
            (
                cell._forward_hooks,
                cell._forward_pre_hooks,
                cell._backward_hooks,
                cell._backward_pre_hooks,
                everywhere._global_forward_hooks,
                everywhere._global_forward_pre_hooks,
                everywhere._global_backward_hooks,
                everywhere._global_backward_pre_hooks,
            )
        )
    )
