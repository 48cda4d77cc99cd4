"""Labelled sequences as numbers: batches, windows, and how right labels are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from treefold.data.chunks import are_chunked, chunk_score
from treefold.data.sequences import Sequences, chains
from treefold.data.tagging_sets import Tagged
from treefold.models.tagger import TagBatch
from treefold.training.errors import RunError

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Coded:
    """Sequences as numbers, and their labels, -1 where a label is not known."""

    x: Sequences
    label: NDArray[np.int64]

    def batch(self, numbers: NDArray[np.int64]) -> TagBatch:
        """Make a batch of the sequences of these numbers."""
        forest, order, steps = chains(self.x, numbers)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order))
        label = self.label[self.x.steps(numbers)]
        offset = np.zeros(len(numbers) + 1, np.int64)
        offset[1:] = np.cumsum(self.x.lengths[numbers])
        return TagBatch(forest, steps, place, torch.from_numpy(label), offset)


@final
class CodedBatches:
    """An epoch of batches."""

    def __init__(self, coded: Coded, plan: list[NDArray[np.int64]]):
        self.coded, self.plan = coded, plan

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[TagBatch]:
        return (self.coded.batch(numbers) for numbers in self.plan)


def windows(offset: Int64, window: int, seed: int, epoch: int) -> tuple[Int64, Int64]:
    """Cut sequences into windows that share half of their steps with the next.

    The cuts stand elsewhere in every epoch, so that no step is always at an end.

    Args:
        offset: (B + 1,) where each sequence begins, and V.
        window: the most steps of a window, at least 2.
        seed: of the cuts, and
        epoch: of the cuts.

    Returns:
        The steps of the windows, one after another, and where each window begins.
    """
    random = np.random.default_rng([seed, epoch, 0])
    half = window // 2
    parts = []
    for begin, end in pairwise(offset):
        first = begin - random.integers(half)
        starts = np.arange(first, max(end - half, first + 1), half)
        parts += [
            np.arange(max(start, begin), min(start + window, end)) for start in starts
        ]
    return np.concatenate(parts), np.cumsum([0, *map(len, parts)])


def scores(
    tagged: Tagged, said: NDArray[np.object_], classes: list[str]
) -> dict[str, float]:
    """Compare labels with the truth."""
    truth = tagged.label
    if truth is None:
        raise RunError("there are no labels to compare with.")
    found = {"accuracy": float((truth == said).mean())}
    if are_chunked(classes):
        return {"f1": chunk_score(truth, said, tagged.x.offset).f1, **found}
    macro = f1_score(
        truth.astype(str),
        said.astype(str),
        average="macro",
        zero_division=0,  # type: ignore[arg-type]
    )
    return {**found, "macro_f1": float(macro)}
