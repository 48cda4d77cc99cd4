"""The hyperbolic tangent, without the slow one."""

from __future__ import annotations

import torch
from torch import Tensor

MANY = 8192  # numbers; for fewer, two more steps of backward cost more than is gained


def tanh(x: Tensor) -> Tensor:
    r"""Compute :math:`\tanh x = 2 \sigma(2x) - 1`, to an absolute error of 2e-7.

    ``torch.tanh`` hands float32 on a CPU to a library that, as measured on a Zen 4
    processor, takes 5 to 19 times as long: the most on two threads, and where x is a
    part of wider rows, as the gates of an LSTM are.
    """
    if x.dtype != torch.float32 or x.device.type != "cpu" or x.numel() < MANY:
        return torch.tanh(x)
    return torch.add(x.new_full((), -1.0), torch.sigmoid(x + x), alpha=2)
