r"""Hidden Markov models of labelled sequences: the chain's classical cousins.

.. math:: p(x, y) = p(y_1) \prod_{t > 1} p(y_t \mid y_{t-1}) \prod_t p(x_t \mid y_t)

Labels are known in training, so that all is counted, and nothing is iterated
(Rabiner, 1989; Brants, 2000). The best labels are found by Viterbi's recursion.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.coding import shape
from treefold.data.sequences import Sequences
from treefold.models.crf import viterbi

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]


class HiddenMarkov(ABC):
    """What both models share: chances of a first label, of the next, and of the last.

    Args:
        num_classes: C.
        smoothing: added to every count of a pair of labels.
        scale: how much what is seen weighs beside the pairs of labels. Frames that
            follow each other say nearly the same, so that weights below 1 do better.

    Attributes:
        transition: (C, C), log p(column | row).
        first: (C,), log p of a sequence's first label.
        last: (C,), log p that a sequence ends after a label.
    """

    def __init__(self, num_classes: int, *, smoothing: float = 0.1, scale: float = 1.0):
        self.num_classes = num_classes
        self.smoothing = smoothing
        self.scale = scale

    def fit(self, x: Sequences, label: Int64) -> Self:
        """Count, in sequences with labels (V,)."""
        C, smoothing = self.num_classes, self.smoothing
        first, last = x.offset[:-1], x.offset[1:] - 1
        # Row C is the beginning, column C the end.
        pairs = np.full((C + 1, C + 1), smoothing)
        inner = np.ones(len(label), bool)
        inner[first] = False
        second = np.flatnonzero(inner)
        np.add.at(pairs, (label[second - 1], label[second]), 1)
        pairs[C, :C] += np.bincount(label[first], minlength=C)
        pairs[:C, C] += np.bincount(label[last], minlength=C)
        chances = np.log(pairs / pairs.sum(1, keepdims=True))
        self.transition = np.ascontiguousarray(chances[:C, :C])
        self.first, self.last = chances[C, :C].copy(), chances[:C, C].copy()
        self._fit_emissions(x, label)
        return self

    def predict(self, x: Sequences) -> Int64:
        """Return the most probable labels, (V,)."""
        emission = np.ascontiguousarray(self.scale * self.emissions(x))
        found = viterbi(emission, self.transition, self.first, self.last, x.offset)
        return found[0]

    @abstractmethod
    def _fit_emissions(self, x: Sequences, label: Int64) -> None:
        """Count what is seen under each label."""

    @abstractmethod
    def emissions(self, x: Sequences) -> Float:
        """Return log p(x_t | y) for every step and label, (V, C)."""


@final
class WordHMM(HiddenMarkov):
    """Hidden Markov tagger of words and their further columns.

    What is seen is the word with its columns. Words that are rare in training are seen
    as their columns alone, and with these all words that training lacks; without
    further columns they are seen as how they end and what characters they have.

    Args:
        num_classes: C.
        smoothing: added to every count of a pair of labels.
        scale: see `HiddenMarkov`.
        rare: words that occur at most so often are rare.
        missing: added to the count of each thing seen under each label.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        smoothing: float = 0.1,
        scale: float = 1.0,
        rare: int = 2,
        missing: float = 0.01,
    ):
        super().__init__(num_classes, smoothing=smoothing, scale=scale)
        self.rare = rare
        self.missing = missing

    def _fit_emissions(self, x: Sequences, label: Int64) -> None:
        whole = [tuple(row) for row in x.step]
        count = Counter(whole)
        self.known = {row for row, n in count.items() if n > self.rare}
        seen = [row if row in self.known else _class_of(row) for row in whole]
        # Every word also counts once for its class, as the rare ones do, so that no
        # class is empty that a new word may be of.
        seen += [_class_of(row) for row in count]
        one_each = dict(zip(whole, label, strict=True))
        label = np.concatenate([label, [one_each[row] for row in count]])
        self.number = {each: k for k, each in enumerate(dict.fromkeys(seen))}
        C, M = self.num_classes, len(self.number)
        counts = np.full((M + 1, C), self.missing)  # row M is what was never seen
        np.add.at(counts, (np.array([self.number[each] for each in seen]), label), 1)
        self.log_p = np.log(counts / counts.sum(0))

    def emissions(self, x: Sequences) -> Float:
        rows = []
        for row in map(tuple, x.step):
            seen = row if row in self.known else _class_of(row)
            rows.append(self.number.get(seen, len(self.number)))
        return self.log_p[rows]


def _class_of(row: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a rare word is seen as."""
    word, *columns = row
    return ("", *columns) if columns else ("", shape(word)[:4], word[-2:].lower())


@final
class GaussianHMM(HiddenMarkov):
    """Hidden Markov model of real vectors: a Gaussian for each label.

    Args:
        num_classes: C.
        smoothing: added to every count of a pair of labels.
        scale: see `HiddenMarkov`.
        shrinkage: share of every covariance that is taken from that of all vectors.

    Attributes:
        mean: (C, F).
        precision: (C, F, F), the inverse of the covariances.
        log_volume: (C,), half of the log of their determinants.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        smoothing: float = 0.1,
        scale: float = 1.0,
        shrinkage: float = 0.1,
    ):
        super().__init__(num_classes, smoothing=smoothing, scale=scale)
        self.shrinkage = shrinkage

    def _fit_emissions(self, x: Sequences, label: Int64) -> None:
        step = x.step.astype(np.float64)
        F = step.shape[1]
        # A feature that never changes would leave no inverse.
        shared = np.cov(step.T, bias=True).reshape(F, F) + 1e-6 * np.eye(F)
        mean, precision, volume = [], [], []
        for k in range(self.num_classes):
            mine = step[label == k]
            centre = mine.mean(0) if len(mine) else step.mean(0)
            own = (mine - centre).T @ (mine - centre) / max(len(mine), 1)
            covariance = (1 - self.shrinkage) * own + self.shrinkage * shared
            mean.append(centre)
            precision.append(np.linalg.inv(covariance))
            volume.append(np.linalg.slogdet(covariance)[1] / 2)
        self.mean, self.precision = np.array(mean), np.array(precision)
        self.log_volume = np.array(volume)

    def emissions(self, x: Sequences) -> Float:
        step = x.step.astype(np.float64)
        distance = np.empty((len(step), self.num_classes))
        for k in range(self.num_classes):  # a product each: no (V, C, F, F) is held
            from_mean = step - self.mean[k]
            distance[:, k] = (from_mean @ self.precision[k] * from_mean).sum(1)
        constant = self.log_volume + self.mean.shape[1] * np.log(2 * np.pi) / 2
        return -distance / 2 - constant
