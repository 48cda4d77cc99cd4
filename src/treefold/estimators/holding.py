"""Which trees are held out to choose by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def hold_out(
    chosen: Int64, share: float, seed: int, strata: NDArray[np.int64] | None = None
) -> tuple[Int64, Int64]:
    """Share numbers out to those that are learned from and those held out.

    Args:
        chosen: the numbers.
        share: of those to hold out; 0 holds out none.
        seed: fixes the draw.
        strata: the class of every number there is; each gives its share, and none is
            held out whole. None where there are no classes.

    Returns:
        Both, ascending.
    """
    every = round(1 / share) if share else 0  # out of so many one is held out
    if not every or len(chosen) < 2:
        return chosen, chosen[:0]
    order = np.random.default_rng([seed, len(chosen)]).permutation(chosen)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    spare = np.arange(len(order)) % every == every - 1
    if strata is not None:
        spare[np.unique(strata[order], return_index=True)[1]] = False
    return np.sort(order[~spare]), np.sort(order[spare])
