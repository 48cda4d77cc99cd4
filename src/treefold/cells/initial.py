"""How recurrent weights may begin, so that gradients last: orthogonal, identity, gates.

Each function changes a cell in place and returns it, as those of ``torch.nn.init`` do
with tensors, and reaches the cells within cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from treefold.cells.base import Cell
from treefold.cells.extended import ExtendedTreeGRUCell, ExtendedTreeLSTMCell
from treefold.cells.tree_gru import ChildSumTreeGRUCell, NaryTreeGRUCell
from treefold.cells.tree_lstm import ChildSumTreeLSTMCell, NaryTreeLSTMCell

C = TypeVar("C", bound=Cell[Any])

_LSTM = (ChildSumTreeLSTMCell, NaryTreeLSTMCell, ExtendedTreeLSTMCell)
_GRU = (ChildSumTreeGRUCell, NaryTreeGRUCell, ExtendedTreeGRUCell)


@torch.no_grad()
def orthogonal_(cell: C, gain: float = 1.0) -> C:
    r"""Let every block that meets a child's h be orthogonal, over :math:`\sqrt K`.

    An orthogonal matrix changes no norm, of a state on the way up or of a gradient on
    the way down (Saxe, McClelland & Ganguli, 2014, arXiv:1312.6120). With K slots the
    blocks of a gate, side by side, have orthonormal rows.

    Args:
        cell: with weights called ``weight_hh`` (and ``weight_hn``, ``weight_skip``).
        gain: factor of all of them.

    Raises:
        ValueError: a cell without such weights.
    """
    return fill_blocks(
        cell, lambda block, K: nn.init.orthogonal_(block).mul_(gain / K**0.5)
    )


@torch.no_grad()
def identity_(cell: C, scale: float = 1.0) -> C:
    r"""Let every block that meets a child's h be the identity over K, biases zero.

    With rectified linear units this is the IRNN of Le, Jaitly & Hinton (2015,
    arXiv:1504.00941): a chain begins by copying its state from step to step, and a
    tree with K slots by taking the mean of the children.

    Args:
        cell: with weights called ``weight_hh`` (and ``weight_hn``, ``weight_skip``).
            In gated cells each gate's block is set, and every bias.
        scale: factor of the identity; the paper takes 0.01 where long memory is not
            wanted.

    Raises:
        ValueError: a cell without such weights.
    """
    fill_blocks(cell, lambda block, K: nn.init.eye_(block).mul_(scale / K))
    for module in _cells(cell):
        for name, parameter in module.named_parameters(recurse=False):
            if name.startswith("bias"):
                parameter.zero_()
    return cell


@torch.no_grad()
def forget_bias_(cell: C, bias: float = 1.0) -> C:
    """Let gates begin open for what is below: the forget gates' bias set to 1.

    Gers, Schmidhuber & Cummins (2000); Jozefowicz, Zaremba & Sutskever (2015). In a
    GRU the update gate z keeps the state, and gets the bias.

    Args:
        cell: a Tree-LSTM or Tree-GRU, or a cell around one.
        bias: of all those gates; an LSTM then keeps σ(1) = 0.73 of its memory a step
            to begin with, where inputs and states are small.

    Raises:
        ValueError: a cell without gates.
    """
    found = False
    for module in _cells(cell):
        if isinstance(module, _LSTM):
            H = len(module.bias) // 4  # i | u | o | f
            module.bias[3 * H :] = bias
            found = True
        elif isinstance(module, _GRU):
            H = len(module.bias) // 3  # r | z | n
            module.bias[H : 2 * H] = bias
            found = True
    if not found:
        raise ValueError(
            f"{type(cell).__name__} has no forget gate: take a Tree-LSTM or a Tree-GRU."
        )
    return cell


def fill_blocks(cell: C, fill: Callable[[Tensor, int], Tensor]) -> C:
    """Fill each block of (features, H) with what is made of a block and K."""
    found = False
    for weight, rows, columns in _recurrent(cell):
        found = True
        slots = weight.shape[-1] // columns
        if weight.dim() == 3:  # (K, H, H)
            slots = len(weight)
        for part in weight if weight.dim() == 3 else [weight]:
            for top in range(0, part.shape[0], rows):
                for left in range(0, part.shape[1], columns):
                    # A tensor of its own: torch's initialisers want it contiguous.
                    block = torch.empty_like(part[:rows, :columns])
                    part[top : top + rows, left : left + columns] = fill(block, slots)
    if not found:
        raise ValueError(
            f"{type(cell).__name__} has no weight_hh: its recurrent weights are not "
            "known. Set them with torch.nn.init."
        )
    return cell


def _recurrent(cell: Cell[Any]) -> Iterator[tuple[Tensor, int, int]]:
    """Give each weight that meets a child's h, and the sizes of its blocks."""
    for module in _cells(cell):
        H = module.hidden_size
        rows = getattr(module, "memory_size", H)
        for name, parameter in module.named_parameters(recurse=False):
            if name in ("weight_hh", "weight_hn"):
                yield parameter, rows, H
            elif name == "weight_skip":
                yield parameter, min(H, len(parameter)), H


def _cells(cell: Cell[Any]) -> Iterator[Any]:
    return (module for module in cell.modules() if isinstance(module, Cell))
