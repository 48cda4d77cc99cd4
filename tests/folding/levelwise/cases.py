"""What the tests of the fused fold by levels share."""

from types import ModuleType
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from tests.core_cases import CELLS, FORESTS, WITH_INITIAL, forests, total
from treefold import Cell, Forest
from treefold.folding.levelwise import fold_levelwise

SERVED = [name for name in CELLS if name.startswith(("lstm", "recursive", "gru"))]
SERVED_WITH_INITIAL = [name for name in SERVED if name in WITH_INITIAL]

FOREST = Forest.cat(
    [Forest(FORESTS[name]) for name in ("mixed arity", "shared nodes", "double edge")]
)
# A node with two children in one slot, slots left empty, a node with three parents.
SHARED_SLOTS = Forest([[], [0, 0], [1, 0], [2, 1], [0]]).transpose()


def served_forests(name: str, **options: Any) -> st.SearchStrategy[Forest]:
    """Random forests for a cell: not empty, and for N-ary GRUs one child in a slot."""
    some = forests(CELLS[name]().max_arity or 3, **options)
    return some.filter(lambda f: f.num_nodes > 0 and is_served(name, f))


def is_served(name: str, forest: Forest) -> bool:
    """Say whether a fold by levels will do."""
    parent = [v for v, n in enumerate(forest.arities.tolist()) for _ in range(n)]
    places = list(zip(parent, forest.slot.tolist(), strict=True))
    return name != "gru-nary" or len(set(places)) == len(places)


def fold_by_levels(
    points: ModuleType,
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None = None,
    initial: Any = None,
    rows: Tensor | None = None,
) -> Any:
    """Fold by that path alone; states in the forest's numbering."""
    state = fold_levelwise(cell, forest, x, nodes, initial, rows, points)
    assert state is not None, "this way will not do"
    place = forest.levels.place
    if place is None:
        return state
    return type(state)(*(f.index_select(0, place) for f in state))


def states_and_gradients(
    state: Any, *given: Tensor
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """States, and the gradients of what was given for a number made of all of them."""
    ends = [t for t in given if t.requires_grad]
    return list(state), torch.autograd.grad(
        total(state), ends, allow_unused=True, materialize_grads=True
    )
