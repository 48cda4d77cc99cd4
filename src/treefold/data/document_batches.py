"""Documents as numbers for a model, and their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.batching import Batch, plan_batches
from treefold.data.documents import Documents
from treefold.data.schema import Features, Schema
from treefold.forest import Forest

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class DocumentBatch:
    """B documents as one forest of V nodes with U distinct contents.

    Attributes:
        batch: the trees; ``batch.rows`` tells which content each node carries.
        offset: (U,) int64, where the features of each content begin.
        index: (N,) int64, features.
        weight: (N,) their values.
        target: (B, O) of what is to be told of each: classes, int64, -1 where it is
            not known, or numbers. Classes of nodes are ``batch.label``.
        importance: (B,) weight of each in the loss; None: 1 each.
    """

    batch: Batch
    offset: Tensor
    index: Tensor
    weight: Tensor
    target: Tensor
    importance: Tensor | None = None

    def __len__(self) -> int:
        """Return B."""
        return len(self.batch)

    @property
    def forest(self) -> Forest:
        """The trees, in level order."""
        return self.batch.forest

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return the batch on a device."""
        batch = self.batch.to(device, non_blocking)
        return self._carried(batch, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """Return a copy in page-locked memory, for transfer to a GPU without a wait."""
        return self._carried(self.batch.pin_memory(), lambda t: t.pin_memory())

    def _carried(self, batch: Batch, move: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(
            batch,
            move(self.offset),
            move(self.index),
            move(self.weight),
            move(self.target),
            None if self.importance is None else move(self.importance),
        )


@final
@dataclass(frozen=True, eq=False)
class CodedDocuments:
    """B documents with their features and targets as numbers.

    Attributes:
        documents: the documents; labels are numbered by the classes.
        features: of their distinct contents.
        target: (B, O); see `DocumentBatch`.
        importance: (B,) float32, or None.
    """

    documents: Documents
    features: Features
    target: NDArray[Any]
    importance: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        documents: Documents,
        schema: Schema,
        target: NDArray[Any] | None = None,
        *,
        classes: Sequence[str] = (),
        importance: NDArray[np.float32] | None = None,
    ) -> Self:
        """Encode documents.

        Args:
            documents: B of them.
            schema: says how.
            target: (B,) or (B, O); None where there is nothing to learn.
            classes: the names of the nodes' classes, where nodes have labels.
            importance: (B,) weights.
        """
        B = len(documents)
        values = np.zeros((B, 0)) if target is None else np.asarray(target)
        corpus = documents.corpus
        if classes:
            corpus = corpus.recode(classes=classes)
        return cls(
            replace(documents, corpus=corpus),
            schema.encode(documents.contents),
            values.reshape(B, -1),
            importance,
        )

    def __len__(self) -> int:
        """Return B."""
        return len(self.documents)

    def batch(self, numbers: Int64 | Sequence[int] | slice) -> DocumentBatch:
        """Collate the documents chosen."""
        chosen = np.arange(len(self))[numbers]
        batch = self.documents.corpus.batch(chosen)
        features = self.features.take(batch.words.numpy())
        weight = self.importance
        return DocumentBatch(
            batch,
            torch.from_numpy(features.offset[:-1]),
            torch.from_numpy(features.index),
            torch.from_numpy(features.weight),
            torch.from_numpy(self.target[chosen]),
            None if weight is None else torch.from_numpy(weight[chosen]),
        )

    def epoch(self, batch_size: int, seed: int | None = None, epoch: int = 0) -> Epoch:
        """Share the documents out to batches, shuffled where there is a seed."""
        plan = plan_batches(
            self.documents.corpus, batch_size=batch_size, seed=seed, epoch=epoch
        )
        return Epoch(self, plan)

    def in_order(self, max_nodes: int = 50_000) -> Epoch:
        """Share the documents out in their order, by the number of their nodes."""
        corpus = self.documents.corpus
        return Epoch(self, plan_batches(corpus, max_nodes=max_nodes))


@final
class Epoch:
    """Batches, each collated when it is its turn."""

    def __init__(self, coded: CodedDocuments, numbers: list[Int64]):
        self.coded, self.numbers = coded, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[DocumentBatch]:
        return (self.coded.batch(numbers) for numbers in self.numbers)
