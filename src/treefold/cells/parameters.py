"""How the cells' parameters begin."""

import math

import torch
from torch import nn


def uniform(*shape: int, fan: int) -> nn.Parameter:
    """Uniform in ±1/√fan, as ``torch.nn``'s recurrent layers begin."""
    bound = 1 / math.sqrt(fan) if fan else 0.0
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))
