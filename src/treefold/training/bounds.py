"""Gradients kept in bounds: clipping by norm and by value, and noise."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def norm_of(gradients: Iterable[Tensor]) -> float:
    """Return the common norm of gradients; 0 where there is none."""
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    return torch.linalg.vector_norm(torch.stack(norms)).item() if norms else 0.0


def clip_norm_(gradients: Iterable[Tensor], largest: float) -> float:
    r"""Scale gradients so that their common norm is at most `largest`.

    Pascanu, Mikolov & Bengio (2013): :math:`g \leftarrow g \min(1, \theta / \|g\|)`.
    The direction stays. Returns the norm before.
    """
    held = list(gradients)
    norm = norm_of(held)
    if norm > largest:
        for gradient in held:
            gradient.mul_(largest / (norm + 1e-6))
    return norm


def clip_value_(gradients: Iterable[Tensor], largest: float) -> None:
    """Cut each entry to ± `largest`, which turns the direction (Mikolov, 2012)."""
    for gradient in gradients:
        gradient.clamp_(-largest, largest)


def add_noise_(
    gradients: Iterable[Tensor], step: int, *, eta: float = 0.01, gamma: float = 0.55
) -> None:
    r"""Add Gaussian noise that fades (Neelakantan et al., 2015, arXiv:1511.06807).

    .. math:: g \leftarrow g + \mathcal N(0, \eta / (1 + t)^\gamma)

    Args:
        gradients: changed in place.
        step: t, 0 at the beginning.
        eta: variance at t = 0; the paper takes 0.01, 0.3 or 1.
        gamma: how soon it fades.
    """
    deviation = (eta / (1 + step) ** gamma) ** 0.5
    for gradient in gradients:
        gradient.add_(torch.randn_like(gradient), alpha=deviation)
