"""Classes of trees, by scikit-learn's contract."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from treefold.data.schema import Schema
from treefold.estimators.base import Auto, TreeEstimator
from treefold.estimators.targets import Classes

Float = NDArray[np.float64]


def _one_output(self: TreeClassifier) -> bool:
    return not hasattr(self, "_told") or len(self._told.sizes) == 1


@final
class TreeClassifier(ClassifierMixin, TreeEstimator):
    """Tell the class of a tree.

    A tree is whatever `treefold` reads: a dict or a nested list as JSON has it, a
    parsed text, a `treefold.data.documents.Document`; with `format`, a string. A
    two-dimensional array is taken as trees of one node, which carries a row, and a
    table of other than numbers as records. Contents of nodes become features by a
    `Schema` that is learned, and a cell is folded over the trees; see
    `treefold.models.DocumentModel`.

    Sizes, rates and epochs that are "auto" are chosen by the number of trees; see
    `treefold.training.document_defaults`.

    Args:
        format: what strings are written in, ``"json"``, ``"xml"``, ``"sql"`` or another
            of `treefold`'s formats; ``"objects"`` takes lists of numbers for trees, and
            not for rows; None: strings are texts.
        ordered: whether the order of children matters; None leaves that to the format.
        schema: a `Schema` to encode nodes by, in place of one that is learned.
        cell: the node function, a name as ``treefold train --model`` takes it.
        hidden_size: H, features of a node's state.
        dropout: share of what is read of the states that is dropped in training.
        learning_rate: at the start; it falls in a straight line.
        batch_size: trees in a batch.
        max_epochs: how often the training data are gone through, at most.
        early_stopping: hold trees out, and keep the weights that are best on them;
            "auto" does where there are 100 or more.
        validation_fraction: the share to hold out; "auto": a fifth of fewer than 1,000
            trees, a tenth of more.
        patience: epochs without a better one after which learning ends; "auto": a
            quarter of `max_epochs`, and no fewer than 15; None: never.
        time_limit: seconds for all of `fit`; the rate then falls with the time.
        warm_start: `fit` goes on with the weights, the schema and the classes it has.
        class_weight: weights of classes, ``"balanced"`` for each to count alike, or a
            list of them where there are several outputs.
        random_state: a seed: the same gives the same predictions.
        device: cpu, cuda or cuda:N.
        verbose: show a bar on standard error.

    Attributes:
        classes_: (C,) the classes, in order; a list of arrays for several outputs.
        schema_: what is seen in the nodes; its `table` can be printed.
        model_: the trained `DocumentModel`.
        history_: for each epoch its `loss`, and that on the trees `held` out.
        n_iter_: how many epochs there were.
        n_features_in_: of a table, how many columns it had,
        feature_names_in_: and their names, where they had any.

    Example:
        >>> from treefold import TreeClassifier
        >>> trees = [{"shape": shape, "parts": [1, 2]} for shape in ("ring", "rod")] * 8
        >>> model = TreeClassifier(max_epochs=20, random_state=0)
        >>> model = model.fit(trees, ["round", "long"] * 8)
        >>> model.predict([{"shape": "rod", "parts": [3]}]).tolist()
        ['long']
    """

    def __init__(
        self,
        *,
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
        class_weight: Any = None,
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
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from trees, their classes (n,) or (n, O), and weights (n,)."""
        return self._fit(X, y, sample_weight)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Self:
        """Go through some more trees once.

        The first call learns the schema. `classes`, all there are, must be given with
        it; of several outputs, a list of them.
        """
        if classes is None and not hasattr(self, "_learner"):
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all the "
                "classes there are, for these trees may not show each."
            )
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit, which does "
                "not see all trees; give the weights of the classes."
            )
        told = None
        if classes is not None:
            several = np.ndim(y) == 2 and np.shape(y)[1] > 1
            told = Classes([np.unique(c) for c in (classes if several else [classes])])
        return self._partial_fit(X, y, sample_weight, told)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each tree, (n,) or (n, O)."""
        said = [
            known[p.argmax(axis=1)]
            for known, p in zip(self._known, self._probabilities(X), strict=True)
        ]
        return said[0] if len(said) == 1 else np.column_stack(said)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, (n, C), or a list for the outputs."""
        found = self._probabilities(X)
        return found[0] if len(found) == 1 else found

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of `predict_proba`."""
        found = [np.log(p) for p in self._probabilities(X)]
        return found[0] if len(found) == 1 else found

    @available_if(_one_output)
    def decision_function(self, X: Any) -> Float:
        """Return logits (n, C); of two classes (n,), above 0 for the second."""
        logits = self._said(X, lambda batch: self.model_(batch))
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    @property
    def classes_(self) -> Any:
        """The classes, in order; a list of arrays for several outputs."""
        known = self._known
        return known[0] if len(known) == 1 else known

    @property
    def _known(self) -> list[NDArray[Any]]:
        check_is_fitted(self)
        assert isinstance(self._told, Classes)
        return self._told.known

    def _probabilities(self, X: Any) -> list[Float]:
        known = self._known
        found = self._said(X, lambda batch: self.model_.predict(batch))
        return np.split(found, np.cumsum([len(k) for k in known])[:-1], axis=1)

    # -------------------------------------------------------------- what is told

    def _find(self, y: NDArray[Any], weight: Float | None) -> Classes:
        return Classes.of(y)

    def _weigh(self, y: NDArray[Any], weight: Float | None) -> Float | None:
        if self.class_weight is None:
            return weight
        if weight is None:
            return compute_sample_weight(self.class_weight, y)
        used, found = weight > 0, weight.copy()  # what is left out balances nothing
        found[used] *= compute_sample_weight(self.class_weight, y[used])
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
