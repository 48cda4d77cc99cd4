"""What `y` may be: classes or numbers, one column or several; and weights."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets

from treefold.data.documents import Goal

Float = NDArray[np.float64]


def checked(estimator: BaseEstimator, y: Any, length: int) -> NDArray[Any]:
    """Return y as an array (n,) or (n, O).

    Raises:
        ValueError: none, as many as there are not trees, or missing ones.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but "
            "the target y is None."
        )
    if isinstance(y, (list, tuple)) and any(each is None for each in y):
        raise ValueError("Input y contains None; what is to be learned must be known.")
    # None and types are fine, whatever scikit-learn's own hints say.
    anything: Any = None
    y = check_array(
        y, ensure_2d=False, dtype=anything, input_name="y", estimator=estimator
    )
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change "
            "the shape of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=4,
        )
        y = y.ravel()
    if len(y) != length:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X holds "
            f"{length}, y {len(y)}."
        )
    return y


def weights(estimator: BaseEstimator, given: Any, length: int) -> Float | None:
    """Return the weights of the trees (n,), or None where none are given.

    Raises:
        ValueError: not one for each tree, a negative one, or nothing but zeros.
    """
    if given is None:
        return None
    if np.isscalar(given):
        given = np.full(length, given, np.float64)
    exact: Any = np.float64
    found = check_array(
        given,
        ensure_2d=False,
        dtype=exact,
        input_name="sample_weight",
        estimator=estimator,
    )
    if found.shape != (length,):
        raise ValueError(
            f"sample_weight must have a weight for each of {length} trees, got shape "
            f"{found.shape}."
        )
    if (found < 0).any() or not found.any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number and none below "
            "zero: a tree of weight 0 is left out, one of weight 2 counts twice."
        )
    return found


class Told(ABC):
    """What is told of a tree: classes or numbers, one or several."""

    goal: ClassVar[Goal]

    @property
    @abstractmethod
    def sizes(self) -> list[int]:
        """The classes of each output, or 1 for each number."""

    @abstractmethod
    def code(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return y as a model has it, (n, O).

        Raises:
            ValueError: a class that is not known, or another number of columns.
        """


@final
@dataclass(frozen=True, eq=False)
class Classes(Told):
    """The classes of each output, in order."""

    known: list[NDArray[Any]]
    goal: ClassVar[Goal] = "classify"

    @classmethod
    def of(cls, y: NDArray[Any]) -> Self:
        """Find the classes in y.

        Raises:
            ValueError: y holds numbers, and not classes.
        """
        check_classification_targets(y)
        return cls([np.unique(column) for column in columns(y)])

    @property
    def sizes(self) -> list[int]:
        return [len(classes) for classes in self.known]

    def code(self, y: NDArray[Any]) -> NDArray[np.int64]:
        found = []
        for column, classes in zip(_like(y, self.known), self.known, strict=True):
            number = np.searchsorted(classes, column).clip(max=len(classes) - 1)
            odd = classes[number] != column
            if odd.any():
                first, *_ = column[odd].tolist()
                raise ValueError(
                    f"y holds the class {first!r}, which is not among those that are "
                    f"known: {', '.join(map(repr, classes[:10].tolist()))}."
                )
            found.append(number)
        return np.column_stack(found).astype(np.int64)


@final
@dataclass(frozen=True, eq=False)
class Numbers(Told):
    """Numbers, told on a scale where those of training have mean 0 and variance 1.

    The scale is kept here, in 64 bits, and not in the model, which would make 1e9 of
    1e9 + 1.
    """

    mean: Float
    scale: Float
    single: bool
    goal: ClassVar[Goal] = "regress"

    @classmethod
    def of(cls, y: NDArray[Any], weight: Float | None = None) -> Self:
        """Find the scale of y."""
        table = np.column_stack(columns(y)).astype(np.float64)
        mean = np.average(table, axis=0, weights=weight)
        spread = np.average((table - mean) ** 2, axis=0, weights=weight) ** 0.5
        return cls(mean, np.where(spread > 0, spread, 1.0), y.ndim == 1)

    @property
    def sizes(self) -> list[int]:
        return [1] * len(self.mean)

    def code(self, y: NDArray[Any]) -> NDArray[np.float32]:
        table = np.column_stack(_like(y, self.mean)).astype(np.float64)
        return ((table - self.mean) / self.scale).astype(np.float32)

    def decode(self, said: Float) -> Float:
        """Return numbers (n,) or (n, O) as they were given."""
        found = said * self.scale + self.mean
        return found[:, 0] if self.single else found


def columns(y: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the columns of y (n,) or (n, O)."""
    return list(y.T) if y.ndim == 2 else [y]


def _like(y: NDArray[Any], outputs: Sized) -> list[NDArray[Any]]:
    found = columns(y)
    if len(found) != len(outputs):
        raise ValueError(
            f"y has {len(found)} outputs, those that were learned are {len(outputs)}."
        )
    return found
