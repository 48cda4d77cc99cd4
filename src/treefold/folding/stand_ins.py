"""Run a cell while other tensors stand for its parameters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from threading import RLock
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from treefold.cells import Cell

_turn = RLock()


def taking_turns() -> AbstractContextManager[Any]:
    """Let one thread at a time fold with gradients: a cell's parameters are swapped."""
    return _turn if torch.is_grad_enabled() else nullcontext()


class _With(nn.Module):
    """Call a function of a cell, as a module whose parameters can be replaced."""

    def __init__(self, cell: Cell[Any], function: Callable[..., Any]):
        super().__init__()
        self.cell = cell
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(self.cell, *args)


def call_with(
    parameters: dict[str, Tensor],
    cell: Cell[Any],
    function: Callable[..., Any],
    *args: Any,
) -> Any:
    """Call ``function(cell, *args)`` while the cell has other parameters."""
    swapped = {f"cell.{name}": p for name, p in parameters.items()}
    return functional_call(_With(cell, function), swapped, args)
