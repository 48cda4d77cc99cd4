"""What needs no recurrent net to say where a pen goes: rivals of `Strokes`.

All give a density of each point of a drawing, (dx, dy) and whether the pen is lifted
there or the drawing ends, in the same units, and know whether the pen was in the air
before the point.
"""

from __future__ import annotations

from typing import Protocol, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from treefold.data.sequences import Sequences

Float = NDArray[np.float64]
MOST = 50_000  # points that what is fitted step by step learns from
RIDGE = 1e-6  # of the covariances, so that points on a line have a density


class Rival(Protocol):
    """A density of points that is fitted."""

    def fit(self, points: Sequences) -> Self: ...

    def nats(self, points: Sequences) -> Float: ...


def in_air(points: Sequences) -> NDArray[np.bool_]:
    """Return whether the pen was in the air before each point, (T,)."""
    air = np.roll(points.step[:, 2], 1) == 1
    air[points.offset[:-1]] = True
    return air


def endings(points: Sequences) -> NDArray[np.int64]:
    """Return 0 where a stroke goes on, 1 where it ends, 2 where the drawing does."""
    pen = points.step[:, 2].astype(np.int64)
    pen[points.offset[1:] - 1] = 2
    return pen


@final
class Memoryless:
    """A mixture of Gaussians and shares of endings, whatever was drawn before.

    Args:
        num_components: of the mixture; 1 is one full Gaussian.
        by_pen: one mixture, and shares, for a pen in the air and one for a pen down.
    """

    def __init__(self, num_components: int = 1, *, by_pen: bool = False):
        self.num_components = num_components
        self.by_pen = by_pen

    def fit(self, points: Sequences) -> Self:
        of, ends = self._of(points), endings(points)
        self.mixtures, self.shares = [], []
        for state in range(1 + self.by_pen):
            x = points.step[of == state, :2].astype(np.float64)
            mixture = GaussianMixture(
                max(1, min(self.num_components, len(x) // 10)),
                reg_covar=RIDGE,
                random_state=0,
            )
            self.mixtures.append(mixture.fit(x[:MOST] if len(x) > 1 else np.eye(2)))
            count = np.bincount(ends[of == state], minlength=3) + 0.5
            self.shares.append(count / count.sum())
        return self

    def nats(self, points: Sequences) -> Float:
        of, ends = self._of(points), endings(points)
        nats = np.zeros(len(of))
        for state, (mixture, share) in enumerate(
            zip(self.mixtures, self.shares, strict=True)
        ):
            here = of == state
            if here.any():
                density = mixture.score_samples(points.step[here, :2])
                nats[here] = -density - np.log(share[ends[here]])
        return nats

    def _of(self, points: Sequences) -> NDArray[np.int64]:
        air = in_air(points).astype(np.int64)
        return air if self.by_pen else np.zeros_like(air)


@final
class Autoregression:
    """A linear regression on the last points, with Gaussian residuals.

    One regression and one full covariance for a pen in the air, one for a pen down;
    the endings by logistic regression on the same points.

    Args:
        order: number of points looked back on.
    """

    def __init__(self, order: int):
        self.order = order

    def fit(self, points: Sequences) -> Self:
        features, air, ends = self._features(points), in_air(points), endings(points)
        self.weights, self.covariances, self.pens = [], [], []
        for state in (False, True):
            x, y = features[air == state], points.step[air == state, :2].astype(float)
            weight = np.linalg.lstsq(x, y, rcond=None)[0]
            rest = y - x @ weight
            self.weights.append(weight)
            cov = rest.T @ rest / max(len(rest), 1)
            self.covariances.append(cov + RIDGE * np.eye(2))
            pen, which = ends[air == state][:MOST], x[:MOST]
            # Every ending once more, at no point at all: none is impossible.
            which = np.concatenate([which, np.zeros((3, which.shape[1]))])
            pen = np.append(pen, np.arange(3))
            self.pens.append(LogisticRegression(max_iter=500).fit(which, pen))
        return self

    def nats(self, points: Sequences) -> Float:
        features, air, ends = self._features(points), in_air(points), endings(points)
        nats = np.zeros(len(air))
        for state in (0, 1):
            here = air == state
            if not here.any():
                continue
            rest = points.step[here, :2] - features[here] @ self.weights[state]
            density = multivariate_normal(cov=self.covariances[state]).logpdf(rest)
            pen = self.pens[state].predict_log_proba(features[here])
            nats[here] = -density - pen[np.arange(len(pen)), ends[here]]
        return nats

    def _features(self, points: Sequences) -> Float:
        """Return 1 and the last points before each, (T, 1 + 3n); zeros before all."""
        T, begin = len(points.step), np.repeat(points.offset[:-1], points.lengths)
        features = np.ones((T, 1 + 3 * self.order))
        for k in range(self.order):
            before = np.arange(T) - k - 1
            inside = (before >= begin)[:, None]
            found = np.where(inside, points.step[np.maximum(before, 0)], 0)
            features[:, 1 + 3 * k : 4 + 3 * k] = found
        return features
