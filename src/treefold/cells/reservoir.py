"""Echo-state reservoirs: recurrent weights that are drawn once and never learned."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor

from treefold.cells.base import Cell
from treefold.cells.initial import fill_blocks

C = TypeVar("C", bound=Cell[Any])


@torch.no_grad()
def reservoir_(
    cell: C, radius: float = 0.9, *, input_scale: float = 1.0, density: float = 1.0
) -> C:
    r"""Draw a cell's weights, scale them to fade, and freeze them all.

    Jaeger (2001): of a random recurrent net, whose spectral radius below 1 lets old
    inputs fade, only the readout is trained, by linear regression on the states. For
    trees see Gallicchio & Micheli (2013), where the K children of a node share the
    radius: each slot's block gets :math:`\rho / K`, for with equal children their
    effects add up.

    Args:
        cell: with weights called ``weight_hh``; a `RecursiveCell` is the classical
            choice, alone or in `Leaky`.
        radius: spectral radius of the blocks of all slots together, in (0, 1).
        input_scale: ``weight_ih`` is drawn uniformly in ± this.
        density: share of the recurrent weights that are not zero.

    Returns:
        The cell, with no parameter that learns.

    Raises:
        ValueError: radius outside (0, 1), density outside (0, 1], or a cell whose
            recurrent weights are not known.
    """
    if not 0 < radius < 1:
        raise ValueError(f"radius must be above 0 and below 1, got {radius}.")
    if not 0 < density <= 1:
        raise ValueError(f"density must be above 0 and at most 1, got {density}.")

    def fill(block: Tensor, K: int) -> Tensor:
        block.uniform_(-1, 1).mul_(torch.rand_like(block) < density)
        largest = spectral_radius(block)
        return block.mul_(radius / (K * largest)) if largest > 0 else block

    fill_blocks(cell, fill)
    for name, parameter in cell.named_parameters():
        if name.rpartition(".")[2] == "weight_ih":
            parameter.uniform_(-input_scale, input_scale)
        elif name.rpartition(".")[2].startswith("bias"):
            parameter.uniform_(-0.1 * input_scale, 0.1 * input_scale)
    return cell.requires_grad_(False)


def spectral_radius(weight: Tensor) -> float:
    """Return the largest absolute value of the eigenvalues of (H, H)."""
    return float(torch.linalg.eigvals(weight).abs().max())
