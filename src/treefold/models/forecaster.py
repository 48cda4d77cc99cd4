"""The next values of real-valued series: a recurrent layer that tells the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.forest import Forest
from treefold.layers import GRU, LSTM, RNN
from treefold.models.base import Model

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


@final
@dataclass(frozen=True)
class SeriesBatch:
    """B series of V steps in all, as a forest of chains.

    Attributes:
        forest: the chains, in level order.
        x: (V, F) the values, in the forest's numbering.
        place: (V,) int64, the node of every step, series by series.
        offset: (B + 1,) int64 numpy array, where each series begins, and V.
    """

    forest: Forest
    x: Tensor
    place: Tensor
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        """Return B."""
        return len(self.offset) - 1

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SeriesBatch:
        """Return the batch on a device."""
        forest = self.forest.to(device, non_blocking)
        return self._carried(forest, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SeriesBatch:
        """Return a copy in page-locked memory."""
        return self._carried(self.forest.pin_memory(), lambda t: t.pin_memory())

    def _carried(self, forest: Forest, move: Callable[[Tensor], Tensor]) -> SeriesBatch:
        return replace(self, forest=forest, x=move(self.x), place=move(self.place))


@final
class Forecaster(Model):
    r"""Tell the next H values of a series after every step.

    .. math::
        h &= \text{layer}([x_t, x_t - x_{t-1}]) \\
        \hat x_{t+k} &= x_t + s_k \odot \bigl(W_k h_t + b_k
            + \textstyle\sum_{l=1}^{p} V_{kl} (x_t - x_{t-l})\bigr), \quad
            k = 1 \dots H

    The last sum is a linear autoregression beside the layer, its highway (Lai et al.,
    2018, arXiv:1703.07015): what is linear need not be learned by gates. W, V and b
    begin as zeros, so that training begins with persistence: all stays as it is. Every
    step of a series is learned from at once (synchronous), and the last is what a
    forecast is read from (many-to-one). The loss is the mean of the squared error in
    units of s.

    Args:
        num_features: F.
        horizon: H.
        scale: (H, F), s above: how much the series change in so many steps.
        cell: "lstm", "gru" or "rnn".
        hidden_size: features of the state.
        num_layers: of the recurrent layer.
        dropout: probability to drop a feature of a state.
        lags: p; 0 is a layer alone.

    Attributes:
        layer: the recurrent layer.
        output: the linear layer to H · F changes.
        highway: V, as a linear layer from p · F to H · F; None without lags.
    """

    scale: Tensor

    def __init__(
        self,
        num_features: int,
        horizon: int,
        scale: Tensor,
        *,
        cell: str = "lstm",
        hidden_size: int = 100,
        num_layers: int = 1,
        dropout: float = 0.0,
        lags: int = 0,
    ):
        super().__init__()
        if scale.shape != (horizon, num_features):
            raise ValueError(
                f"scale must have shape (horizon, num_features) = "
                f"{horizon, num_features}, got {tuple(scale.shape)}."
            )
        self.horizon = horizon
        self.layer = LAYERS[cell](
            2 * num_features, hidden_size, num_layers, dropout=dropout
        )
        self.output = nn.Linear(hidden_size, horizon * num_features)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.highway = None
        if lags:
            size = horizon * num_features
            self.highway = nn.Linear(lags * num_features, size, bias=False)
            nn.init.zeros_(self.highway.weight)
        self.lags = lags
        self.dropout = dropout
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, batch: SeriesBatch) -> Tensor:
        """Return the values after every step, (V, H, F), series by series."""
        x = batch.x[batch.place]
        return x[:, None] + self.scale * self.changes(batch)

    def changes(self, batch: SeriesBatch) -> Tensor:
        """Return the changes after every step, (V, H, F), in units of the scale."""
        x = batch.x[batch.place]
        lengths = np.diff(batch.offset)
        step = np.arange(len(x))
        first = np.repeat(batch.offset[:-1], lengths)

        def since(lag: int) -> Tensor:
            # Before its first step a series counts as having stood still.
            before = torch.from_numpy(np.maximum(step - lag, first))
            return x - x[before.to(x.device)]

        both = torch.empty(len(x), 2 * x.shape[1], dtype=x.dtype, device=x.device)
        # The forest reads in level order.
        both[batch.place] = torch.cat([x, since(1)], 1)
        h, _ = self.layer(batch.forest, both)
        h = F.dropout(h, self.dropout, self.training)
        change = self.output(h.index_select(0, batch.place))
        if self.highway is not None:
            lags = [since(lag) for lag in range(1, self.lags + 1)]
            change = change + self.highway(torch.cat(lags, 1))
        return change.unflatten(1, (self.horizon, -1))

    def loss(self, batch: SeriesBatch) -> Tensor:
        """Return the mean squared error, in units of the scale."""
        x = batch.x[batch.place]
        step, ahead = following(batch.offset, self.horizon)
        if not len(step):
            raise ValueError("every series has a single step: nothing follows it.")
        at, to = (torch.from_numpy(each).to(x.device) for each in (step, ahead))
        wanted = (x[at + to] - x[at]) / self.scale[to - 1]
        return F.mse_loss(self.changes(batch)[at, to - 1], wanted)


def following(
    offset: NDArray[np.int64], horizon: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of a step t and a number k for which t + k is in the series.

    Args:
        offset: (B + 1,) where each series begins, and V.
        horizon: H, the largest k; the smallest is 1.

    Returns:
        (M,) steps and (M,) numbers.
    """
    lengths = np.diff(offset)
    left = np.repeat(offset[1:], lengths) - np.arange(offset[-1]) - 1
    ahead = np.arange(1, horizon + 1)
    step, k = np.nonzero(ahead <= left[:, None])
    return step, ahead[k]
