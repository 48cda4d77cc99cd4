"""Chunks of labelled words: phrases, written as B-NP, I-NP, O.

A label is O, outside of any chunk, or B-TYPE or I-TYPE, at the beginning of a chunk or
inside it. What counts as a chunk follows conlleval, the script of the shared tasks: I
after O, or after a chunk of another type, begins a chunk too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.sequences import Sequences


@final
class Chunk(NamedTuple):
    """A chunk of a sentence: words begin, ..., end - 1."""

    begin: int
    end: int
    type: str


@final
class ChunkScore(NamedTuple):
    """How many chunks there are, were found, and were found rightly."""

    wanted: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the found that are right; 0 where none is found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the wanted that are found; 0 where none is wanted."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.right / max(self.found + self.wanted, 1)


def chunks(labels: Iterable[str]) -> list[Chunk]:
    """Return the chunks of a sentence, in order.

    Example:
        >>> chunks(["B-NP", "I-NP", "B-NP", "O", "I-VP"])
        [Chunk(begin=0, end=2, type='NP'), Chunk(begin=2, end=3, type='NP'), \
Chunk(begin=4, end=5, type='VP')]
    """
    found: list[Chunk] = []
    begin, of = 0, ""
    end = 0
    for place, label in enumerate(labels):
        mark, _, kind = label.partition("-")
        goes_on = mark == "I" and kind == of
        if of and not goes_on:
            found.append(Chunk(begin, place, of))
        if mark == "O":
            of = ""
        elif not goes_on:
            begin, of = place, kind
        end = place + 1
    if of:
        found.append(Chunk(begin, end, of))
    return found


def chunk_score(
    truth: NDArray[np.object_], said: NDArray[np.object_], offset: NDArray[np.int64]
) -> ChunkScore:
    """Compare chunks: right is what has the same begin, end and type.

    Args:
        truth: (V,) labels of B sentences, one after another.
        said: (V,) those to judge.
        offset: (B + 1,) where each sentence begins, and V.
    """
    wanted = found = right = 0
    said_by = Sequences(said, offset)
    for b, labels in enumerate(Sequences(truth, offset)):
        ours, theirs = set(chunks(said_by[b])), set(chunks(labels))
        wanted += len(theirs)
        found += len(ours)
        right += len(ours & theirs)
    return ChunkScore(wanted, found, right)


def are_chunked(classes: Iterable[str]) -> bool:
    """Whether labels are those of chunks: O, B-TYPE and I-TYPE."""
    classes = set(classes) - {"O"}
    return bool(classes) and all(
        name[:2] in ("B-", "I-") and len(name) > 2 for name in classes
    )


def rules(
    classes: Sequence[str], label: NDArray[np.int64], offset: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return what must not be: I-TYPE after anything but B-TYPE and I-TYPE.

    Args:
        classes: the C names.
        label: (V,) labels to learn from, by number.
        offset: (B + 1,) where each sentence begins.

    Returns:
        (C, C), whether the column must not follow the row, and (C,), whether a
        sentence must not begin with it; None where the labels are not of chunks, or
        break the rule themselves.
    """
    if not are_chunked(classes):
        return None
    inside = np.array([name.startswith("I-") for name in classes])
    kind = np.array([name[2:] for name in classes], dtype=object)
    forbidden = inside[None, :] & (kind[:, None] != kind[None, :])
    inner = np.ones(len(label), bool)
    inner[offset[:-1]] = False
    second = np.flatnonzero(inner)
    broken = forbidden[label[second - 1], label[second]].any()
    if broken or inside[label[offset[:-1]]].any():
        return None
    return forbidden, inside
