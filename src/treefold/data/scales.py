"""Numbers as features: standardised, as logarithms, and piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError

MOST_KNOTS = 32


@final
@dataclass(frozen=True)
class Scale:
    """How the numbers of a field become features.

    Attributes:
        mean: subtracted from a number,
        deviation: which is then divided by this.
        log_mean: the same for the number's signed logarithm, sign(x) log(1 + abs x).
        log_deviation: the same.
        knots: quantiles, ascending. A number has a feature for each gap between two of
            them: the share of the gap that lies below it (Gorishniy, Rubachev &
            Babenko, 2022, arXiv:2203.05556).
    """

    mean: float = 0.0
    deviation: float = 1.0
    log_mean: float = 0.0
    log_deviation: float = 1.0
    knots: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: NDArray[np.float64], most_knots: int = MOST_KNOTS) -> Self:
        """Learn from finite numbers (n,), of which there may be none."""
        values = values[np.isfinite(values)].clip(-1e300, 1e300)
        if not len(values):
            return cls()
        logs = _log(values)
        knots = np.unique(values)
        if len(knots) > most_knots:
            shares = np.linspace(0, 1, most_knots)
            knots = np.unique(np.quantile(values, shares, method="nearest"))
        middle = float(np.median(values))
        return cls(
            middle,
            # Numbers of wild tails are measured by their bulk.
            _spread(np.quantile(values, [0.05, 0.95]) / 3.3, values - middle),
            float(logs.mean()),
            float(logs.std()) or 1.0,
            tuple(knots.tolist()),
        )

    def features(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, F): missing, +inf, -inf, standardised, its log, and the gaps."""
        finite = np.isfinite(values)
        x = np.where(finite, values, self.mean).clip(-1e300, 1e300)
        missing, infinite = np.isnan(values), np.isinf(values)
        # Where knots nearly meet, a share is infinite before it is cut to 1.
        with np.errstate(over="ignore"):
            plain = [
                missing,
                infinite & (values > 0),
                infinite & (values < 0),
                np.clip((x - self.mean) / self.deviation, -4, 4),
                np.clip((_log(x) - self.log_mean) / self.log_deviation, -4, 4),
            ]
            low, high = np.array(self.knots[:-1]), np.array(self.knots[1:])
            gaps = ((x[:, None] - low) / (high - low)).clip(0, 1)
        return np.column_stack([*plain, gaps * finite[:, None]])

    @property
    def size(self) -> int:
        """F, the number of features."""
        return 5 + max(len(self.knots) - 1, 0)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Make a scale of plain values, which people may have edited.

        Raises:
            DataError: a deviation is not above 0, or knots do not ascend.
        """
        knots = tuple(map(float, content["knots"]))
        found = {name: float(content[name]) for name in content if name != "knots"}
        if not np.isfinite([*found.values(), *knots]).all():
            raise DataError("a scale's numbers are finite")
        for name in ("deviation", "log_deviation"):
            if found.get(name, 1.0) <= 0:
                raise DataError(f"a scale's {name} is above 0, not {found[name]:g}")
        if any(a >= b for a, b in pairwise(knots)):
            raise DataError("a scale's knots ascend, no two of them equal")
        return cls(**found, knots=knots)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sign(values) * np.log1p(np.abs(values))


def _spread(quantiles: NDArray[np.float64], centred: NDArray[np.float64]) -> float:
    """Return a deviation: of the bulk, else of all, else 1."""
    bulk = float(quantiles[1] - quantiles[0])
    whole = float(np.sqrt(np.mean((centred / 1e150) ** 2)) * 1e150)
    return bulk or whole or 1.0
