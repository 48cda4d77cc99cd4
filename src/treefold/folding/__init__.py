"""Fold a cell over a forest: the one verb from children to parents."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from torch import Tensor

from treefold.cells import Cell
from treefold.folding.batched import fold_batched, taking_turns
from treefold.folding.fused import fold_fused
from treefold.folding.inputs import check, in_level_order
from treefold.folding.levelwise import fold_levelwise
from treefold.folding.recursive import fold_recursive
from treefold.folding.watching import probed
from treefold.forest import Forest

__all__ = ["fold", "fold_recursive"]

S = TypeVar("S", bound=tuple)


def fold(
    cell: Cell[S],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None = None,
    initial: S | Tensor | None = None,
    *,
    rows: Tensor | None = None,
    algorithm: Literal["fused", "batched", "recursive"] | None = None,
) -> S:
    r"""Run a cell over every node, children before parents.

    .. math:: h_v = f\bigl(x_v, [h_k : k \in C(v)]\bigr)

    All nodes of one height are run at once, across the whole forest. Gradients reach
    x, `initial` and every parameter, of any order.

    Args:
        cell: the node function f.
        forest: the structures; nodes in any numbering.
        x: (V, I) input of every node, or (R, I) input of those listed in `nodes`; or
            (U, I) distinct inputs, of which `rows` says who reads which.
        nodes: (R,) int64, distinct nodes that have input; the others have none and
            cost nothing. None: every node has a row.
        initial: state of (1, ...) for all structures or (num_trees, ...) for each,
            which fills slot 0 of the nodes without children, as torch's ``hx`` does.
            None is the same as zeros. A tensor will do where the state is h alone.
        rows: (R,) int64, the row of x that each node reads, in the order of `nodes`,
            or (V,) without `nodes`. ``fold(cell, forest, x, nodes, rows=rows)`` is
            ``fold(cell, forest, x[rows], nodes)``, but x is projected once however
            often its rows are read. None: row r is that of the r-th node.
        algorithm: None chooses the fastest that will do. "fused" runs the whole forest
            in one compiled call, for the cells that ship on CPU tensors; on a GPU, with
            one product and one kernel a level, for those without a tensor or matrices;
            "batched" runs any cell, level by level; "recursive" is the definition, one
            node at a time. All give the same states and gradients, to rounding.

    Returns:
        The states, of the cell's own NamedTuple, with a row for each of the V nodes
        in the forest's numbering; ``state.h[forest.roots]`` are those of the roots.

    Raises:
        ValueError: x, nodes, rows, initial, cell and forest do not fit each other in
            shape, dtype, device or number of slots.
        TypeError: not a cell or not a forest.

    Example:
        >>> import torch
        >>> from treefold import Forest, fold
        >>> from treefold.cells import RecursiveCell
        >>> forest = Forest.from_trees([("not", ("very", "good")), "fine"])
        >>> cell = RecursiveCell(8, 8)
        >>> state = fold(cell, forest, torch.randn(4, 8), nodes=forest.leaves)
        >>> state.h[forest.roots].shape
        torch.Size([2, 8])
    """
    check(cell, forest, x, nodes, initial, rows)
    initial = _as_state(cell, forest, x, initial)
    watched = probed(cell, forest, x, nodes, rows)
    if watched is not None:
        return fold(watched[0], forest, watched[1], None, initial)
    if algorithm == "recursive":
        return fold_recursive(cell, forest, x, nodes, initial, rows)
    if algorithm not in (None, "fused", "batched"):
        raise ValueError(
            'algorithm must be None, "fused", "batched" or "recursive", got '
            f"{algorithm!r}."
        )
    state = None
    if algorithm != "batched":
        fused = fold_levelwise if x.is_cuda else fold_fused
        state = fused(cell, forest, x, nodes, initial, rows)
    if state is None and algorithm == "fused":
        raise ValueError(
            f"this fold of {type(cell).__name__} cannot be run fused: that takes a "
            "cell of treefold.cells without hooks, float32 or float64 tensors, no "
            "autocast, one child in a slot, and on a GPU Triton. Leave algorithm out."
        )
    if state is None:
        with taking_turns():
            inputs = in_level_order(forest, cell.project(x), nodes, rows)
            state = fold_batched(cell, forest, inputs, initial)
    place = forest.levels.place
    if place is None:
        return state
    return type(state)(*(f.index_select(0, place) for f in state))


def _as_state(cell: Cell[S], forest: Forest, x: Tensor, initial: Any) -> S | None:
    """Check `initial` against the cell's own state and give it the cell's type."""
    if initial is None:
        return None
    like = cell.zeros(1, cell.project(x[:0]))
    fields = (initial,) if isinstance(initial, Tensor) else tuple(initial)
    shapes = [tuple(f.shape) for f in fields]
    good = len(fields) == len(like) and all(
        f.shape[1:] == z.shape[1:]
        and len(f) in (1, forest.num_trees)
        and f.dtype == z.dtype
        and f.device == z.device
        for f, z in zip(fields, like, strict=True)
    )
    if not good:
        wanted = [("1 or num_trees", *z.shape[1:]) for z in like]
        raise ValueError(
            f"initial must be a {type(like).__name__} of shapes {wanted} with "
            f"num_trees = {forest.num_trees}, {x.dtype} on {x.device}, got shapes "
            f"{shapes}."
        )
    return type(like)(*fields)
