"""Steps of sequences as numbers that a network can read: words and frames."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.sequences import Sequences
from treefold.data.vocabulary import UNKNOWN, Vocabulary

AFFIX = 4  # letters of the longest beginning and end of a word
SPELLING = 2 * AFFIX + 1  # numbers that tell how a word is spelt

_SHAPE = [(re.compile(r"[A-Z]+"), "X"), (re.compile(r"[a-z]+"), "x")]
_DIGITS = re.compile(r"[0-9]+")


@final
@dataclass(frozen=True)
class WordCoding:
    """A word and its further columns as numbers.

    How a word is spelt is told by its first and last one to four letters and its shape
    (Dow-Jones is Xx-Xx), each hashed to one of `buckets` numbers.

    Attributes:
        words: the words known.
        columns: the entries known of each further column.
        buckets: how many numbers there are for all that is hashed.
    """

    words: Vocabulary
    columns: tuple[Vocabulary, ...]
    buckets: int

    @classmethod
    def build(
        cls, step: NDArray[np.object_], *, min_count: int, lower: bool, buckets: int
    ) -> Self:
        """Number what occurs in words and their columns, (V, K) strings.

        Args:
            step: to learn from.
            min_count: words that occur less often are unknown.
            lower: lower-case the words.
            buckets: how many numbers there are for all that is hashed.
        """
        word, *columns = step.T
        return cls(
            _vocabulary(word, min_count, lower),
            tuple(_vocabulary(column, 1, False) for column in columns),
            buckets,
        )

    def encode(self, step: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return (V, K + SPELLING) numbers: word, columns, spelling."""
        distinct = {word: row for row, word in enumerate(dict.fromkeys(step[:, 0]))}
        spelt = np.array([self._spelling(w) for w in distinct], np.int64)
        rows = np.array([distinct[word] for word in step[:, 0]], np.int64)
        known = zip((self.words, *self.columns), step.T, strict=True)
        numbers = [vocabulary.encode(column) for vocabulary, column in known]
        return np.column_stack([*numbers, spelt.reshape(-1, SPELLING)[rows]])

    def _spelling(self, word: str) -> list[int]:
        low = word.lower()
        parts = [f"<{low[:n]}" for n in range(1, AFFIX + 1)]
        parts += [f"{low[-n:]}>" for n in range(1, AFFIX + 1)]
        parts.append(f"={shape(word)}")
        return [zlib.crc32(part.encode()) % self.buckets for part in parts]

    def to_assets(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "words": list(self.words.words),
            "lower": self.words.lower,
            "columns": [list(column.words) for column in self.columns],
            "buckets": self.buckets,
        }

    @classmethod
    def of_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Make the coding of what `to_assets` returned."""
        columns = tuple(Vocabulary(tuple(column)) for column in assets["columns"])
        words = Vocabulary(tuple(assets["words"]), assets["lower"])
        return cls(words, columns, assets["buckets"])


@final
@dataclass(frozen=True)
class FrameCoding:
    r"""Frames as standardised features, with how fast they change.

    For each displacement d a feature is joined by its centred difference
    :math:`x_{t+d} - x_{t-d}`, the ends of a sequence repeated.

    Attributes:
        columns: the names of the F features.
        displacements: d of the differences, in frames; none: the features alone.
        by: whose mean and deviation features are measured by: the training data's, or
            those of each sequence, which then must be there as a whole.
        mean: of the training data, for each feature and difference.
        deviation: the same.
    """

    columns: tuple[str, ...]
    displacements: tuple[int, ...]
    by: Literal["training", "sequence"]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def build(
        cls,
        x: Sequences,
        columns: Sequence[str],
        displacements: Iterable[int] = (),
        by: Literal["training", "sequence"] = "training",
    ) -> Self:
        """Measure the mean and deviation of features of training data."""
        displacements = tuple(displacements)
        wide = _with_differences(x, displacements).astype(np.float64)
        deviation = _no_zeros(wide.std(0))
        return cls(
            tuple(columns),
            displacements,
            by,
            tuple(wide.mean(0).tolist()),
            tuple(deviation.tolist()),
        )

    @property
    def size(self) -> int:
        """The number of features of an encoded frame."""
        return len(self.mean)

    def encode(self, x: Sequences) -> NDArray[np.float32]:
        """Return (V, F') features of the frames of sequences."""
        wide = _with_differences(x, self.displacements)
        if self.by == "training":
            scaled = (wide - np.array(self.mean)) / np.array(self.deviation)
            return scaled.astype(np.float32)
        for b in range(len(x)):
            part = wide[x.offset[b] : x.offset[b + 1]]
            if len(part):
                part[:] = (part - part.mean(0)) / _no_zeros(part.std(0))
        return wide.astype(np.float32)

    def to_assets(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "columns": list(self.columns),
            "displacements": list(self.displacements),
            "by": self.by,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    @classmethod
    def of_assets(cls, assets: Mapping[str, Any]) -> Self:
        """Make the coding of what `to_assets` returned."""
        lists = ("columns", "displacements", "mean", "deviation")
        columns, displacements, mean, deviation = (tuple(assets[k]) for k in lists)
        return cls(columns, displacements, assets["by"], mean, deviation)


def shape(word: str) -> str:
    """Return what kinds of characters a word has: McDonald's is XxXx'x."""
    for pattern, kind in _SHAPE:
        word = pattern.sub(kind, word)
    return _DIGITS.sub("0", word)


def _vocabulary(words: Iterable[str], min_count: int, lower: bool) -> Vocabulary:
    counts = Counter(word.lower() if lower else word for word in words)
    counts.pop(UNKNOWN, None)
    kept = sorted(word for word, n in counts.items() if n >= min_count)
    kept.sort(key=counts.__getitem__, reverse=True)  # keeps the order of equals
    return Vocabulary((UNKNOWN, *kept), lower)


def _with_differences(
    x: Sequences, displacements: Sequence[int]
) -> NDArray[np.floating]:
    """Join centred differences to the features."""
    step = np.arange(len(x.step))
    first = np.repeat(x.offset[:-1], x.lengths)
    last = np.repeat(x.offset[1:] - 1, x.lengths)
    parts = [x.step]
    for d in displacements:
        after, before = np.minimum(step + d, last), np.maximum(step - d, first)
        parts.append(x.step[after] - x.step[before])
    return np.concatenate(parts, axis=1)


def _no_zeros(deviation: NDArray[np.floating]) -> NDArray[np.floating]:
    """A feature that never changes is left as it is."""
    return np.where(deviation > 0, deviation, 1)
