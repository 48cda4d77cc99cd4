"""Optimizer steps on those rows of a table that a batch touches, and on no others.

On the CPU a compiled loop reads and writes each row once, without a temporary; on other
devices the rows are gathered, changed and put back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import numpy as np
import torch
from numba import njit
from torch import Tensor


def distinct(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows (U,), ascending, and the values (U, I) of a sparse gradient."""
    rows, values = gradient._indices()[0], gradient._values()
    # One backward through a batch's distinct words needs no merging; several do.
    if not bool((rows[1:] > rows[:-1]).all()):
        gradient = gradient.coalesce()
        rows, values = gradient._indices()[0], gradient._values()
    return rows, values.contiguous()


class RowOptimizer(ABC):
    """An optimizer of a table (W, I) whose gradient has few rows.

    Args:
        table: the weights, changed in place.

    Attributes:
        memory: what the steps remember, by name: tensors like the table, or counts.
    """

    def __init__(self, table: Tensor):
        self.table = table
        self.memory: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, rows: Tensor, gradient: Tensor, rate: float) -> None:
        """Change the table's `rows` (U,), distinct, by `gradient` (U, I)."""
        self._step(self.table.detach(), rows, gradient, rate)

    @abstractmethod
    def _step(self, table: Tensor, rows: Tensor, gradient: Tensor, rate: float): ...


@final
class RowSGD(RowOptimizer):
    """Plain gradient descent: the same as a dense step."""

    def _step(self, table: Tensor, rows: Tensor, gradient: Tensor, rate: float):
        if compiled(table):
            _sgd(*_arrays(table, rows, gradient), *_scalars(table, rate))
            return
        table.index_add_(0, rows, gradient, alpha=-rate)


@final
class RowAdagrad(RowOptimizer):
    """Adagrad (Duchi et al., 2011): the same as a dense step.

    A row without gradient neither moves nor adds to its sum of squares.
    """

    epsilon = 1e-10

    def __init__(self, table: Tensor):
        super().__init__(table)
        self.memory["sum"] = torch.zeros_like(table)

    def _step(self, table: Tensor, rows: Tensor, gradient: Tensor, rate: float):
        total = self.memory["sum"]
        if compiled(table):
            scalars = _scalars(table, rate, self.epsilon)
            _adagrad(*_arrays(table, total, rows, gradient), *scalars)
            return
        new = total.index_select(0, rows).addcmul_(gradient, gradient)
        total.index_copy_(0, rows, new)
        change = gradient / new.sqrt_().add_(self.epsilon)
        table.index_add_(0, rows, change, alpha=-rate)


@final
class RowAdam(RowOptimizer):
    """Adam (Kingma and Ba, 2015), lazily: not the same as a dense step.

    A dense step moves every row by its fading moments; here a row's moments rest until
    a batch touches it again. Steps are counted for the whole table.
    """

    beta1, beta2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, table: Tensor):
        super().__init__(table)
        self.memory["mean"] = torch.zeros_like(table)
        self.memory["square"] = torch.zeros_like(table)
        self.memory["steps"] = torch.zeros((), dtype=torch.int64)

    def _step(self, table: Tensor, rows: Tensor, gradient: Tensor, rate: float):
        mean, square = self.memory["mean"], self.memory["square"]
        steps = int(self.memory["steps"].add_(1))
        rate /= 1 - self.beta1**steps
        spread = (1 - self.beta2**steps) ** 0.5
        if compiled(table):
            scalars = (1 - self.beta1, 1 - self.beta2, rate, spread, self.epsilon)
            arrays = _arrays(table, mean, square, rows, gradient)
            _adam(*arrays, *_scalars(table, *scalars))
            return
        m = mean.index_select(0, rows).lerp_(gradient, 1 - self.beta1)
        v = square.index_select(0, rows).mul_(self.beta2)
        v.addcmul_(gradient, gradient, value=1 - self.beta2)
        mean.index_copy_(0, rows, m)
        square.index_copy_(0, rows, v)
        change = m.div_(v.sqrt_().div_(spread).add_(self.epsilon))
        table.index_add_(0, rows, change, alpha=-rate)


def compiled(table: Tensor) -> bool:
    """Whether the compiled loops can work on a table."""
    return table.device.type == "cpu" and table.dtype in (torch.float32, torch.float64)


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    """Look at tensors as arrays, without a copy."""
    return [tensor.numpy() for tensor in tensors]


def _scalars(table: Tensor, *values: float) -> list[np.floating]:
    """Give numbers the table's precision, lest the loops compute in a higher one."""
    dtype = table[:0].numpy().dtype.type
    return [dtype(value) for value in values]


# Dividing by zero as numpy does, without a check, is what lets the loops be vectorized.
@njit(cache=True, error_model="numpy")
def _sgd(table, rows, gradient, rate):
    for i in range(len(rows)):
        w, g = table[rows[i]], gradient[i]
        for j in range(len(g)):
            w[j] -= rate * g[j]


@njit(cache=True, error_model="numpy")
def _adagrad(table, total, rows, gradient, rate, epsilon):
    for i in range(len(rows)):
        w, s, g = table[rows[i]], total[rows[i]], gradient[i]
        for j in range(len(g)):
            s[j] += g[j] * g[j]
            w[j] -= rate * g[j] / (np.sqrt(s[j]) + epsilon)


@njit(cache=True, error_model="numpy")
def _adam(table, mean, square, rows, gradient, share1, share2, rate, spread, epsilon):
    for i in range(len(rows)):
        w, m, v, g = table[rows[i]], mean[rows[i]], square[rows[i]], gradient[i]
        for j in range(len(g)):
            m[j] += share1 * (g[j] - m[j])
            v[j] += share2 * (g[j] * g[j] - v[j])
            w[j] -= rate * m[j] / (np.sqrt(v[j]) / spread + epsilon)
