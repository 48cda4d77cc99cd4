"""What a level costs in launches, counted without launching any."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.core_cases import CELLS
from treefold import Forest
from treefold.folding.levelwise import fold_levelwise

STEPS = [
    f"{cell}_{way}" for cell in ("lstm", "recursive", "gru") for way in ("up", "down")
]


class Launches(TorchDispatchMode):
    """Counts the operations that would run on a device, and kernels in their stead."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.points: Any = SimpleNamespace(**dict.fromkeys(STEPS, self._launch))

    def _launch(self, *args: Any) -> None:
        self.number += 1

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not func.is_view and "empty" not in func.__name__:
            self.number += 1
        return func(*args, **(kwargs or {}))


def launches(name: str, levels: int) -> tuple[int, int]:
    """Count those of the way up and of the way down."""
    cell = CELLS[name]()
    slots = cell.max_arity or 2
    children = [[] for _ in range(slots)]
    for level in range(1, levels):
        below = range((level - 1) * slots, level * slots)
        children += [list(below) for _ in range(slots)]
    forest = Forest(children)
    x = torch.randn(slots, cell.input_size, requires_grad=True)
    with Launches() as up:
        state = fold_levelwise(cell, forest, x, forest.leaves, None, None, up.points)
    assert state is not None
    before = up.number
    with up:
        torch.autograd.backward(state, [torch.ones_like(f) for f in state])
    return before, up.number - before


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("recursive", 3),
        ("lstm-nary", 3),
        ("gru-nary", 3),
        ("recursive-affine-child-sum", 2),
        ("lstm-child-sum", 2),
        ("gru-child-sum", 2),
    ],
)
def test_each_further_level_takes_two_launches_or_three(name, most):
    few, many = launches(name, 4), launches(name, 9)
    assert [b - a for a, b in zip(few, many, strict=True)] == [5 * most, 5 * most]
