"""Vectors of trees, by scikit-learn's contract."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import type_of_target
from torch import Tensor

from treefold.data.document_batches import DocumentBatch
from treefold.data.schema import Schema
from treefold.estimators.base import Auto, TreeEstimator
from treefold.estimators.targets import Classes, Numbers, Told

Float = NDArray[np.float64]


@final
class TreeVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TreeEstimator):
    r"""Turn a tree into a vector: its root's state, and the mean and maximum of all.

    With `y`, as a `Pipeline` hands it on, the states are those of a model that has
    learned to tell y, classes or numbers, from the trees. Without, they are those of an
    untrained one: the weights are drawn once, by the seed, and only the schema, what is
    seen in the nodes and on which scale, is learned (a reservoir; Gallicchio & Micheli,
    2013, "Tree echo state networks"). Such states know what the trees are made of and
    little of how it hangs together; "auto" takes 256 features of a state, as none of
    them was chosen.

    Args: as those of `TreeClassifier`, which says what trees may be; further,
        supervised: False draws the weights though there is a y; "auto" goes by y.

    Attributes:
        schema_: what is seen in the nodes; its `table` can be printed.
        model_: the `DocumentModel`.
        history_: for each epoch its `loss`, and that on the trees `held` out.
        n_iter_: how many epochs there were; 0 without y.
        n_features_in_: of a table, how many columns it had,
        feature_names_in_: and their names, where they had any.

    Example:
        >>> from treefold import TreeVectorizer
        >>> trees = [{"name": "ash", "heights": [3, 4]}, {"name": "fir", "heights": []}]
        >>> TreeVectorizer(hidden_size=16, random_state=0).fit_transform(trees).shape
        (2, 48)
    """

    def __init__(
        self,
        *,
        supervised: bool | Auto = "auto",
        format: str | None = None,
        ordered: bool | None = None,
        schema: Schema | None = None,
        cell: str = "auto",
        hidden_size: int | Auto = "auto",
        dropout: float | Auto = "auto",
        learning_rate: float | Auto = "auto",
        batch_size: int | Auto = "auto",
        max_epochs: int | Auto = "auto",
        early_stopping: bool | Auto = "auto",
        validation_fraction: float | Auto = "auto",
        patience: int | Auto | None = "auto",
        time_limit: float | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        verbose: bool = False,
    ):
        super().__init__(
            format=format,
            ordered=ordered,
            schema=schema,
            cell=cell,
            hidden_size=hidden_size,
            dropout=dropout,
            learning_rate=learning_rate,
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            time_limit=time_limit,
            warm_start=warm_start,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.supervised = supervised

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from trees, and from y (n,) or (n, O), if it is there."""
        if y is None and self.supervised is True:
            raise ValueError(
                "supervised=True needs y, got None; without it the weights are drawn."
            )
        return self._fit(X, None if self.supervised is False else y, sample_weight)

    def transform(self, X: Any) -> Float:
        """Return the vector of each tree, (n, 3H)."""

        def read(batch: DocumentBatch) -> Tensor:
            return self.model_.summary(batch.forest, self.model_.states(batch))

        return self._said(X, read)

    @property
    def _n_features_out(self) -> int:
        return self.model_.inner.in_features

    def _find(self, y: NDArray[Any], weight: Float | None) -> Told:
        kind = type_of_target(y, input_name="y")
        return Numbers.of(y, weight) if "continuous" in kind else Classes.of(y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
