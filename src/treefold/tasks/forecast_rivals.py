"""What a forecaster must beat.

- *persistence*: all stays as it is.
- *linear autoregression*: every future value is a linear function of the last p values
  of all features, by ridge regression; p and the penalty are chosen on dev.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from treefold.data.sequences import Sequences
from treefold.models.forecaster import following

if TYPE_CHECKING:
    from treefold.tasks.forecast import ForecastTask

LAGS = (1, 3, 5, 10)
PENALTIES = (1.0, 10.0, 100.0, 1000.0)

Float = NDArray[np.floating]


def measure(task: ForecastTask) -> dict[str, Any]:
    """Train and measure all rivals."""
    found = {}
    for name, make in (
        ("persistence", persistence),
        ("linear autoregression", autoregression),
    ):
        begun = time.perf_counter()
        said = make(task)
        measured = {split: task.compare(split, said[split]) for split in said}
        found[name] = {**measured, "seconds": round(time.perf_counter() - begun, 1)}
    return found


def persistence(task: ForecastTask) -> dict[str, Float]:
    """All stays as it is: what is said of dev and test, (V, H, F)."""
    H = task.config.horizon
    return {
        split: np.repeat(task.coded(split).step[:, None], H, axis=1)
        for split in ("dev", "test")
    }


def autoregression(task: ForecastTask) -> dict[str, Float]:
    """Linear autoregression: what is said of dev and test, (V, H, F)."""
    H, train = task.config.horizon, task.coded("train")
    # Learned from steps that have all H values after them.
    left = np.repeat(train.offset[1:], train.lengths) - np.arange(len(train.step)) - 1
    at = np.flatnonzero(left >= H)
    if not len(at):
        return persistence(task)
    changes = np.concatenate(
        [train.step[at + k] - train.step[at] for k in range(1, H + 1)], axis=1
    )
    best, found = np.inf, {}
    for lags in LAGS:
        x = {split: lagged(task.coded(split), lags) for split in ("dev", "test")}
        learned = lagged(train, lags)[at]
        for penalty in PENALTIES:
            ridge = Ridge(penalty).fit(learned, changes)
            said = {}
            for split, features in x.items():
                now = task.coded(split).step
                change = ridge.predict(features).reshape(len(now), H, -1)
                said[split] = now[:, None] + change
            rmse = task.compare("dev", said["dev"])["rmse"]
            if rmse < best:
                best, found = rmse, said
    return found


def lagged(x: Sequences, lags: int) -> Float:
    """Join to every step how far it is from those before it; (V, (lags + 1) · F).

    Before its first step a series counts as having stood still.
    """
    step = np.arange(len(x.step))
    first = np.repeat(x.offset[:-1], x.lengths)
    parts = [x.step]
    for k in range(1, lags + 1):
        parts.append(x.step - x.step[np.maximum(step - k, first)])
    return np.concatenate(parts, axis=1)


def by_number(task: ForecastTask, said: Float, split: str) -> NDArray[np.float64]:
    """Return the RMSE of forecasts by how many steps ahead they are, (H,)."""
    x, H = task.coded(split), task.config.horizon
    step, ahead = following(x.offset, H)
    error = (said[step, ahead - 1] - x.step[step + ahead]).astype(np.float64) ** 2
    mean = error.mean(1)
    total = np.bincount(ahead, mean, minlength=H + 1)[1:]
    return np.sqrt(total / np.maximum(np.bincount(ahead, minlength=H + 1)[1:], 1))
