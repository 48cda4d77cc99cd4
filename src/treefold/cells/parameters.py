"""How the cells' parameters begin."""

import math

import torch
from torch import nn


def uniform(*shape: int, fan: int, scale: float = 1.0) -> nn.Parameter:
    """Uniform in ±scale/√fan; scale 1 is how ``torch.nn``'s recurrent layers begin."""
    bound = scale / math.sqrt(fan) if fan else 0.0
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))


def near_mean(hidden_size: int, num_slots: int) -> nn.Parameter:
    """Begin near the mean of K children: [I/K, …, I/K] and a tenth of `uniform`.

    Leaves and inner nodes share one space here, and a parent that begins near the mean
    of its children keeps their features in place on the way up.
    """
    W = uniform(hidden_size, num_slots * hidden_size, fan=hidden_size, scale=0.1)
    mean = torch.eye(hidden_size).repeat(1, num_slots) / max(num_slots, 1)
    with torch.no_grad():
        W.add_(mean.to(W))
    return W


def zeros(*shape: int) -> nn.Parameter:
    """Zeros, for biases."""
    return nn.Parameter(torch.zeros(*shape))
