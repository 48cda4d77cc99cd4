"""What `X` may be: trees of any kind, a table, or an array whose rows are vectors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import Any, Literal, NoReturn

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from treefold.data.documents import Document, Documents
from treefold.data.readers.objects import documents

Form = Literal["vectors", "records", "trees"]
OBJECTS = "objects"  # a format: what is not a string, as it is
VECTOR = "vector"  # the kind of a row's one node


def read(
    estimator: BaseEstimator,
    X: Any,
    form: Form | None = None,
    *,
    format: str | None = None,
    ordered: bool | None = None,
) -> tuple[Documents, Form]:
    """Turn `X` into documents.

    Args:
        estimator: is told how many features there are and their names, or, where `form`
            is given, is asked what they were.
        X: trees, in a list, a one-dimensional array of objects or a series; a table; or
            a two-dimensional array.
        form: what `X` was when the estimator was fitted; None while it is.
        format: what strings are written in; None: a string is a text.
        ordered: whether the order of children matters; None: as the reader has it.

    Returns:
        The documents, and the form of `X`: an array of numbers or a table of numbers is
        ``vectors``, another table ``records``, all else ``trees``.

    Raises:
        ValueError: nothing, or not what the estimator was fitted with.
        TypeError: a sparse matrix, a single tree, or what is no tree at all.
    """
    if not issparse(X) and isinstance(X, (str, bytes, dict, Document)):
        raise TypeError(
            f"X must be a list of trees, got one {type(X).__name__}; put it in a list."
        )
    if isinstance(X, Iterator):
        raise TypeError(
            f"X must be a list of trees, got a {type(X).__name__}, which could be read "
            "but once; make it a list."
        )
    if isinstance(X, (list, tuple)) and not X:
        raise ValueError("X holds no tree, while a minimum of 1 is required.")
    here = form_of(X, format)
    if form == "trees" and isinstance(X, (list, tuple)):
        here = "trees"  # what alone looks like rows of numbers
    if form is not None and (form == "trees") != (here == "trees"):
        _refuse(estimator, form)
    reset, form = form is None, form or here
    given: Any = X  # scikit-learn's own hints call it a text
    if form == "vectors":
        table: Any = validate_data(
            estimator,
            given,
            reset=reset,
            dtype=np.float64,
            ensure_all_finite=False,
        )
        return Documents.of(_vectors(table)), form
    if form == "records":
        validate_data(estimator, given, reset=reset, skip_check_array=True)
        return Documents.of(_records(estimator, X, ordered)), form
    if reset:  # what an earlier fit to a table has left
        vars(estimator).pop("n_features_in_", None)
        vars(estimator).pop("feature_names_in_", None)
    return Documents.of(_trees(X, format, ordered)), form


def form_of(X: Any, format: str | None = None) -> Form:
    """Say what `X` is: vectors, records or trees."""
    if is_frame(X):
        plain = all(dtype.kind in "biuf" for dtype in X.dtypes)
        return "vectors" if plain else "records"
    if isinstance(X, Documents):
        return "trees"
    if isinstance(X, (list, tuple)):
        return "trees" if format or not _are_rows(X) else "vectors"
    array = np.empty(0) if issparse(X) else np.asarray(X)  # where it is refused
    if array.dtype.kind not in "OUS":
        return "vectors"
    if array.ndim == 1:
        return "trees"
    return "vectors" if all(map(_is_number, array.flat)) else "records"


def is_frame(X: Any) -> bool:
    """Say whether `X` is a table of pandas, without importing it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, pandas.DataFrame)


def _are_rows(X: Sequence[Any]) -> bool:
    """Say whether a list holds numbers, or rows of as many numbers each."""
    if not len(X) or all(map(_is_number, X)):
        return True
    rows = all(isinstance(row, (list, tuple, np.ndarray)) for row in X)
    return (
        rows
        and len({len(row) for row in X}) == 1
        and all(_is_number(value) for row in X for value in row)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


def _refuse(estimator: BaseEstimator, form: Form) -> NoReturn:
    name = type(estimator).__name__
    if form == "trees":
        raise ValueError(
            f"{name} was fitted with a list of trees, X is a table of columns; give "
            "trees like those that it was fitted with."
        )
    raise ValueError(
        f"{name} was fitted with a table of columns, X is a list of trees; give rows "
        "like those that it was fitted with. Reshape your data: a table has two "
        "dimensions."
    )


def _vectors(table: np.ndarray) -> Iterator[Document]:
    for row in table.tolist():
        document = Document()
        document.add(-1, VECTOR, vector=row)
        yield document


def _records(estimator: BaseEstimator, X: Any, ordered: bool | None) -> list[Document]:
    """Make an object of each row, whose members are named as the columns are."""
    names = getattr(estimator, "feature_names_in_", None)
    if is_frame(X):
        names = [str(name) for name in X.columns] if names is None else names
        columns = [_column(X.iloc[:, k]) for k in range(X.shape[1])]
    else:
        table = np.asarray(X, dtype=object)
        names = [f"x{k}" for k in range(table.shape[1])] if names is None else names
        columns = list(table.T)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return documents(rows, ordered=ordered)


def _column(series: Any) -> list[Any]:
    """Return the values of a column, None where one that is no number is missing."""
    if series.dtype.kind in "biuf":
        return series.tolist()
    return series.astype(object).where(series.notna(), None).tolist()


def _trees(X: Any, format: str | None, ordered: bool | None) -> Iterable[Document]:
    if isinstance(X, Documents):
        return X
    named = None if format == OBJECTS else format
    found = documents(X, format=named, ordered=ordered)
    if not found:
        raise ValueError("X holds no tree, while a minimum of 1 is required.")
    return found
