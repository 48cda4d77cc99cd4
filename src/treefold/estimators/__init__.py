"""Estimators with scikit-learn's contract, for trees of any kind."""

from typing import TYPE_CHECKING

from treefold._lazy import attach

if TYPE_CHECKING:
    from treefold.estimators.classifier import TreeClassifier
    from treefold.estimators.regressor import TreeRegressor
    from treefold.estimators.storage import load
    from treefold.estimators.vectorizer import TreeVectorizer

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "TreeClassifier": "classifier",
        "TreeRegressor": "regressor",
        "TreeVectorizer": "vectorizer",
        "load": "storage",
    },
)
