"""Memory of a walk: what it multiplies, keeps for the way back, and returns."""

from __future__ import annotations

import numpy as np

from treefold.folding.fused.product import packed_size


class Buffers:
    """Makes arrays of one dtype, unfilled."""

    def __init__(self, like: np.ndarray):
        self.dtype = like.dtype

    def __call__(self, *shape: int) -> np.ndarray:
        return np.empty(shape, self.dtype)

    def packed(self, depth: int, width: int) -> np.ndarray:
        """Room for a packed matrix of (depth, width)."""
        return self(packed_size(depth, width, self.dtype.itemsize))
