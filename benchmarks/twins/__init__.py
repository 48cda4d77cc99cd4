"""Models over structures and the node-by-node code that they save people from writing.

Each module has a function ``twin``; ``python benchmarks/structures.py`` times them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

__all__ = ["Twin"]


class Twin(NamedTuple):
    """The same work on the same weights, done in two ways.

    Attributes:
        name: of the model.
        work: what is done, in a few words: "training step, 25 trees of 40 nodes".
        batched: does it with treefold.
        single: does it one node at a time, in plain PyTorch.

    Both return the same tensor, to rounding: a loss, gradients, or outputs.
    """

    name: str
    work: str
    batched: Callable[[], Tensor]
    single: Callable[[], Tensor]
