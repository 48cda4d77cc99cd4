"""What the estimators share: parameters, reading, learning, answering."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from treefold.data.document_batches import CodedDocuments, DocumentBatch
from treefold.data.documents import Documents
from treefold.data.schema import Schema
from treefold.estimators import inputs, targets
from treefold.estimators.holding import hold_out
from treefold.estimators.learner import Learner
from treefold.estimators.settings import Plan, new_model, plan
from treefold.models.document import DocumentModel

Float = NDArray[np.float64]
Auto = Literal["auto"]


class TreeEstimator(BaseEstimator, ABC):
    """Learns from documents in memory; `TreeClassifier` explains the parameters."""

    schema_: Schema
    _told: targets.Told
    _learner: Learner
    form_: inputs.Form
    n_iter_: int
    history_: list[dict[str, float]]

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
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        verbose: bool = False,
    ):
        self.format = format
        self.ordered = ordered
        self.schema = schema
        self.cell = cell
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.time_limit = time_limit
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    # -------------------------------------------------------------- what is told

    @abstractmethod
    def _find(self, y: NDArray[Any], weight: Float | None) -> targets.Told:
        """Return what is to be told, from what there is to learn from."""

    def _weigh(self, y: NDArray[Any], weight: Float | None) -> Float | None:
        """Return the weights of the trees, with those of their classes."""
        return weight

    # -------------------------------------------------------------- learning

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        begun = time.perf_counter()
        anew = not (self.warm_start and hasattr(self, "_learner"))
        nothing = y is None  # to be learned
        documents, y, weight = self._given(X, y, sample_weight, anew)
        chosen = plan(self, len(documents), self._told.goal, drawn=nothing)
        coded, held = self._coded(documents, y, weight, chosen.held, anew)
        before = None if anew else self._learner.model
        self._learner = self._new_learner(chosen, before)
        if nothing:
            return self._learned(lambda learner: None)
        limit = math.inf if chosen.seconds is None else chosen.seconds
        left = max(limit - (time.perf_counter() - begun), 1e-6)
        return self._learned(
            lambda learner: learner.fit(
                coded,
                held,
                patience=chosen.patience,
                seconds=left,
                progress=bool(self.verbose),
            )
        )

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, told: targets.Told | None = None
    ) -> Self:
        anew = not hasattr(self, "_learner")
        documents, y, weight = self._given(X, y, sample_weight, anew)
        if anew and told is not None:
            self._told = told
        coded, _ = self._coded(documents, y, weight, 0.0, anew)
        if anew:
            self._learner = self._new_learner(
                plan(self, len(documents), self._told.goal), None
            )
        return self._learned(lambda learner: learner.once(coded))

    def _given(
        self, X: Any, y: Any, sample_weight: Any, anew: bool
    ) -> tuple[Documents, NDArray[Any], Float | None]:
        """Read and check what is learned from."""
        documents = self._read(X, anew)
        if y is None and not self.__sklearn_tags__().target_tags.required:
            y = np.zeros(len(documents))  # and nothing is learned of it
        y = targets.checked(self, y, len(documents))
        weight = targets.weights(self, sample_weight, len(documents))
        if anew:
            seen = y if weight is None else y[weight > 0]
            self._told = self._find(
                seen, None if weight is None else weight[weight > 0]
            )
        if weight is not None:  # what is left out may be of a class that is not known
            y = y.copy()
            y[weight == 0] = y[weight > 0][0]
        return documents, y, weight

    def _read(self, X: Any, anew: bool = False) -> Documents:
        documents, form = inputs.read(
            self,
            X,
            None if anew else self.form_,
            format=self.format,
            ordered=self.ordered,
        )
        if anew:
            self.form_ = form
        return documents

    def _coded(
        self,
        documents: Documents,
        y: NDArray[Any],
        weight: Float | None,
        held: float,
        anew: bool,
    ) -> tuple[CodedDocuments, CodedDocuments | None]:
        """Turn trees into numbers, and hold a share of them out."""
        target, weight = self._told.code(y), self._weigh(y, weight)
        chosen = np.arange(len(documents))
        importance = None
        if weight is not None:
            # Of mean 1, so that weights change what counts, and not how fast to learn.
            importance = (weight / weight[weight > 0].mean()).astype(np.float32)
            chosen = np.flatnonzero(importance)
        strata = target[:, 0] if self._told.goal == "classify" else None
        learn, spare = hold_out(chosen, held, self._seed(), strata)
        if anew:
            self.schema_ = self.schema or Schema.learn(documents[learn])
        features = self.schema_.encode(documents.contents)

        def part(rows: NDArray[np.int64]) -> CodedDocuments:
            weight = None if importance is None else importance[rows]
            return CodedDocuments(documents[rows], features, target[rows], weight)

        return part(learn), part(spare) if len(spare) else None

    def _seed(self) -> int:
        # A generator that was given is drawn from once, whatever asks for the seed.
        if not hasattr(self, "_drawn"):
            top = np.iinfo(np.int32).max
            self._drawn = int(check_random_state(self.random_state).randint(top))
        return self._drawn

    def _new_learner(self, chosen: Plan, model: DocumentModel | None) -> Learner:
        """Return a learner of a new model, or of one that goes on."""
        with self._random():
            torch.manual_seed(self._seed())
            if model is None:
                model = new_model(self.schema_, chosen.config, self._told)
            return Learner(model.float(), chosen.config, self._seed())

    def _learned(self, learn: Callable[[Learner], None]) -> Self:
        """Learn, in 32 bits, and be ready to answer, in 64."""
        self._learner.model.float()
        try:
            with self._random():
                learn(self._learner)
        finally:
            # In 64 bits an answer does not depend on what else is asked beside it.
            self._learner.model.double().eval()
        self.history_ = [passed._asdict() for passed in self._learner.history]
        self.n_iter_ = len(self.history_)
        return self

    def _random(self) -> AbstractContextManager[None]:
        """Leave torch's random numbers to others as they were."""
        device = torch.device(self.device)
        return torch.random.fork_rng([device] if device.type == "cuda" else [])

    # -------------------------------------------------------------- answering

    def _said(self, X: Any, say: Callable[[DocumentBatch], Tensor]) -> Float:
        """Return what a model says of each batch, one below the other."""
        check_is_fitted(self)
        coded = CodedDocuments.of(self._read(X), self.schema_)
        with torch.no_grad():
            parts = [say(batch.to(self.device)).cpu() for batch in coded.in_order()]
        return torch.cat(parts).double().numpy()

    @property
    def model_(self) -> DocumentModel:
        """The trained model; see `treefold.models.DocumentModel`."""
        check_is_fitted(self)
        return self._learner.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learner")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.dict = True
        tags.target_tags.multi_output = True
        return tags

    # -------------------------------------------------------------- to and from disk

    def save(self, folder: str | Path) -> None:
        """Write the estimator as a folder: JSON and safetensors; `load` reads it."""
        from treefold.estimators.storage import save

        check_is_fitted(self)
        save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read an estimator that `save` wrote.

        Raises:
            RunError: the folder holds none, another kind, or is damaged.
        """
        from treefold.estimators.storage import load

        return load(folder, cls)
