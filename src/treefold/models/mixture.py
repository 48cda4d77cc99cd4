"""What else tells the next symbol: a cache of what was read, and mixtures of models."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float = NDArray[np.float64]
ROUNDS = 100  # of EM, which is over long before
AT_ONCE = 256  # steps that look back together


@torch.no_grad()
def cache_log_probability(
    h: Tensor, target: Tensor, *, size: int, flatness: float
) -> Tensor:
    r"""Log-probability of each target by a cache (Grave et al., 2017, Eqs. 2-3).

    .. math::
        p(w \mid t) \propto \sum_{t - \text{size} \le i < t}
            [w_{i+1} = w] \exp(\theta\, h_t \cdot h_i)

    What followed a state like the present one will follow again: words come back in
    the text where they have come once. Nothing is learned.

    Args:
        h: (T, H), the state before each target, in the order of the text.
        target: (T,) the symbols.
        size: how many of the last states are remembered.
        flatness: θ; 0 makes it the frequency of a symbol among the last ones.

    Returns:
        (T,) float64, minus infinity where the target is not in the cache.
    """
    T = len(target)
    found = torch.full((T,), -torch.inf, dtype=torch.float64)
    for start in range(1, T, AT_ONCE):
        end, begin = min(start + AT_ONCE, T), max(start - size, 0)
        t = torch.arange(start, end)[:, None]
        i = torch.arange(begin, end - 1)
        inside = (i < t) & (i >= t - size)
        score = flatness * (h[start:end] @ h[begin : end - 1].T).double()
        score.masked_fill_(~inside, -torch.inf)
        same = target[begin : end - 1] == target[start:end, None]
        match = score.masked_fill(~same, -torch.inf)
        found[start:end] = match.logsumexp(dim=1) - score.logsumexp(dim=1)
    return found


def mixed(log_p: Float, weights: Float) -> Float:
    """Return the log-probabilities (T,) of a mixture of M models' (M, T)."""
    return np.logaddexp.reduce(log_p + np.log(weights)[:, None], axis=0)


def best_weights(log_p: Float) -> Float:
    """Return the weights (M,) under which a mixture is the most likely, by EM.

    Args:
        log_p: (M, T), what each model gives each symbol; they are held-out, or the
            model that knows them by heart gets all the weight.
    """
    weights = np.full(len(log_p), 1 / len(log_p))
    for _ in range(ROUNDS):
        share = np.exp(log_p + np.log(weights)[:, None] - mixed(log_p, weights))
        weights = share.mean(axis=1).clip(1e-12)
        weights /= weights.sum()
    return weights
