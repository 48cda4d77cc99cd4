"""torch.nn's recurrent layers and our cells of the same weights, to be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from treefold import cells
from treefold.cells import Cell

INPUT = 300
LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU}
CELLS: dict[str, Callable[[int], Cell[Any]]] = {
    "lstm": lambda H: cells.NaryTreeLSTMCell(INPUT, H, arity=1),
    "gru": lambda H: cells.NaryTreeGRUCell(INPUT, H, arity=1),
    "lstm_sum": lambda H: cells.ChildSumTreeLSTMCell(INPUT, H),
    "gru_sum": lambda H: cells.ChildSumTreeGRUCell(INPUT, H),
}
TOLERANCE = 1e-4  # relative, of float32 states and gradients over 64 to 400 steps


def pair(kind: str, hidden: int) -> tuple[nn.RNNBase, Cell[Any]]:
    """Return torch's layer and our cell, of the same weights."""
    torch.manual_seed(0)
    layer = LAYERS[kind.partition("_")[0]](INPUT, hidden)
    cell = CELLS[kind](hidden)
    with torch.no_grad():
        given = {name: p.detach() for name, p in layer.named_parameters()}
        for name, value in as_ours(kind, given).items():
            getattr(cell, name).copy_(value)
    return layer, cell


def as_ours(kind: str, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrange torch's parameters, or gradients of its weights, as our cell has them."""
    found = {name: theirs[f"{name}_l0"] for name in ("weight_ih", "weight_hh")}
    biases = [theirs[n] for n in ("bias_ih_l0", "bias_hh_l0") if n in theirs]
    if kind.startswith("lstm"):
        if biases:
            found["bias"] = biases[0] + biases[1]
        return {name: _i_u_o_f(value) for name, value in found.items()}
    two = len(found["weight_hh"]) // 3 * 2
    if biases:
        gates, candidate = biases[1][:two], biases[1][two:]
        found["bias"] = biases[0] + torch.cat([gates, torch.zeros_like(candidate)])
        found["bias_hn"] = candidate
    if kind == "gru":
        weight = found["weight_hh"]
        found |= {"weight_hh": weight[:two], "weight_hn": weight[two:][None]}
    return found


def _i_u_o_f(rows: Tensor) -> Tensor:
    """Rows of the gates i | f | g | o, as torch has them, in our order."""
    i, f, g, o = rows.chunk(4)
    return torch.cat([i, g, o, f])


def difference(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference, relative to the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())


def check_gradients(kind: str, layer: nn.RNNBase, cell: Cell[Any], what: str) -> None:
    """Compare the gradients of the weights after a backward on each side.

    Raises:
        SystemExit: they differ, so that times would compare different things.
    """
    named = layer.named_parameters()
    theirs = {n: p.grad for n, p in named if "weight" in n and p.grad is not None}
    for name, expected in as_ours(kind, theirs).items():
        check(getattr(cell, name).grad, expected, f"{what}: gradient of {name}")


def check(found: Tensor, expected: Tensor, what: str) -> None:
    """Compare tensors.

    Raises:
        SystemExit: they differ.
    """
    off = difference(found, expected)
    if not off < TOLERANCE:
        raise SystemExit(f"{what} differs from torch's by {off:.1e}; nothing is timed")
