"""Numbers of trees, by scikit-learn's contract."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from treefold.estimators.base import TreeEstimator
from treefold.estimators.targets import Numbers

Float = NDArray[np.float64]


@final
class TreeRegressor(RegressorMixin, TreeEstimator):
    """Tell a number of a tree, or several.

    The loss is the squared error, on a scale where the targets of training have mean 0
    and variance 1.

    Args: as those of `TreeClassifier`, which says what trees may be; there are no
        weights of classes.

    Attributes:
        schema_: what is seen in the nodes; its `table` can be printed.
        model_: the trained `DocumentModel`.
        history_: for each epoch its `loss`, and that on the trees `held` out.
        n_iter_: how many epochs there were.
        n_features_in_: of a table, how many columns it had,
        feature_names_in_: and their names, where they had any.

    Example:
        >>> from treefold import TreeRegressor
        >>> trees = [{"prices": list(range(n))} for n in range(1, 9)] * 4
        >>> sums = [sum(tree["prices"]) for tree in trees]
        >>> model = TreeRegressor(max_epochs=50, random_state=0).fit(trees, sums)
        >>> round(model.score(trees, sums), 1)
        1.0
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from trees, their numbers (n,) or (n, O), and weights (n,)."""
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go through some more trees once; the first learn schema and scale."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Float:
        """Return the number of each tree, (n,) or (n, O)."""
        said = self._said(X, lambda batch: self.model_.predict(batch))
        assert isinstance(self._told, Numbers)
        return self._told.decode(said)

    def _find(self, y: NDArray[Any], weight: Float | None) -> Numbers:
        return Numbers.of(y, weight)
