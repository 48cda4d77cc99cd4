"""Random numbers that depend on a node's place in its structure, on nothing else.

A generator that hands out numbers one after another would give a structure other
numbers when its neighbours in the batch change, or when nodes are visited in another
order. Here a key is hashed along the path from the root: the seed and the number of
the structure make the root's key, a node's key and a slot make the child's. A node's
numbers are a hash of its key and a counter (counter-based generators: Salmon et al.,
2011, "Parallel random numbers: as easy as 1, 2, 3"; the hash is SplitMix64's: Steele
et al., 2014).
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

# Odd 64-bit constants of SplitMix64 as signed integers; products wrap around.
GOLDEN = 0x9E3779B97F4A7C15 - 2**64
FIRST = 0xBF58476D1CE4E5B9 - 2**64
SECOND = 0x94D049BB133111EB - 2**64
BELOW = 0x2545F4914F6CDD1D  # leads to children's keys, away from a node's own numbers


@final
class Draws:
    """Random numbers of N nodes; each node draws from a stream of its own.

    Args:
        keys: (N,) int64, what the nodes' streams begin with.

    Example:
        >>> draws = Draws(root_keys(seed=7, num_trees=2, device="cpu"))
        >>> draws.uniform(3).shape
        torch.Size([2, 3])
    """

    def __init__(self, keys: Tensor):
        self.keys = keys
        self._used = 0

    def uniform(self, count: int) -> Tensor:
        """Draw (N, count) numbers, float64, even in [0, 1)."""
        first = self._used + 1
        self._used += count
        counter = torch.arange(first, first + count, device=self.keys.device)
        bits = _mix(self.keys[:, None] + counter * GOLDEN)
        return _shift(bits, 12).double() * 2.0**-52

    def normal(self, count: int) -> Tensor:
        """Draw (N, count) standard normal numbers, float64."""
        # 0 would lead to minus infinity; half a step beside it does not.
        return torch.special.ndtri(self.uniform(count) + 2.0**-53)

    def child_keys(self, num_slots: int) -> Tensor:
        """(N, K) keys of the nodes' children."""
        slot = torch.arange(1, num_slots + 1, device=self.keys.device)
        return _mix((self.keys[:, None] ^ BELOW) + slot * GOLDEN)


def root_keys(seed: int, num_trees: int, device: torch.device | str) -> Tensor:
    """(B,) keys of the roots of B structures."""
    return _mix(seed + torch.arange(1, num_trees + 1, device=device) * GOLDEN)


def new_seed(generator: torch.Generator | None) -> int:
    """Take one number of torch's global generator, or of one given."""
    device = "cpu" if generator is None else generator.device
    return int(torch.randint(2**62, (), generator=generator, device=device))


def _shift(x: Tensor, by: int) -> Tensor:
    """Shift right and fill with zeros; torch's shift repeats the sign."""
    return (x >> by) & ((1 << (64 - by)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * FIRST
    x = (x ^ _shift(x, 27)) * SECOND
    return x ^ _shift(x, 31)
