"""What needs no recurrent network: simple rivals at telling a sequence's class.

- *majority*: the most frequent class.
- *bag of words*, *n-grams*: logistic regression on which words occur, or on words one
  and two at a time, weighted by tf-idf; of characters, up to four at a time.
- *mean and deviation*: logistic regression on those of each feature over the steps: all
  that can be known without the order.
- *nearest neighbour*: the class of the training sequence that is nearest when both are
  stretched to one length.
- *nearest by DTW*: the same where dynamic time warping (Sakoe & Chiba, 1978) stretches
  them so that they fit best, which recognised words before there were networks.
- *MLP*: scikit-learn's, on sequences stretched to one length; of single steps, on them.

What there is to choose (the regularisation) is chosen on dev.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from treefold.data.sequences import Sequences

Int64 = NDArray[np.int64]
Said = tuple[Int64, Int64]  # the classes told of dev and of test

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # C to choose from, the first best wins
DECAYS = (1e-4, 1e-2, 1.0)  # alpha to choose from
LONGEST = 20  # steps that sequences are stretched to, at most


def majority(label: Int64, dev: int, test: int) -> Said:
    """Tell the most frequent of the training labels, of so many sequences."""
    most = int(np.bincount(label).argmax())
    return np.full(dev, most), np.full(test, most)


def n_grams(
    texts: Sequence[Sequence[list[str]]], label: Int64, dev_label: Int64, longest: int
) -> Said:
    """Tell by logistic regression on runs of up to `longest` words, by tf-idf.

    Args:
        texts: the words of each sequence of train, dev and test.
        label: of train.
        dev_label: of dev, to choose the regularisation by.
        longest: 1 takes a bag of words.
    """

    def runs(words: list[str]) -> list[str]:
        return [
            " ".join(words[at : at + n])
            for n in range(1, longest + 1)
            for at in range(len(words) - n + 1)
        ]

    # Sequences are words already: the vectorizer is to take no text apart.
    analyzer: Any = runs
    vectorizer = TfidfVectorizer(analyzer=analyzer, sublinear_tf=True)
    train = vectorizer.fit_transform(texts[0])
    dev, test = vectorizer.transform(texts[1]), vectorizer.transform(texts[2])

    def new(C: float) -> Any:
        # Each class from all others: about as good as together, and much quicker.
        return OneVsRestClassifier(LogisticRegression(C=C, solver="liblinear"))

    return _chosen(new, STRENGTHS, (train, dev, test), label, dev_label)


def mean_and_deviation(
    parts: Sequence[Sequences], label: Int64, dev_label: Int64
) -> Said:
    """Tell by logistic regression on each feature's mean and deviation over steps."""

    def summary(sequences: Sequences) -> NDArray[np.float64]:
        return np.stack([np.r_[x.mean(axis=0), x.std(axis=0)] for x in sequences])

    def new(C: float) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=300))

    return _chosen(new, STRENGTHS, [summary(p) for p in parts], label, dev_label)


def nearest(parts: Sequence[Sequences], label: Int64) -> Said:
    """Tell the class of the nearest training sequence, stretched to one length."""
    train, dev, test = stretched(parts)
    model = KNeighborsClassifier(1).fit(train, label)
    return model.predict(dev), model.predict(test)


def nearest_by_warping(parts: Sequence[Sequences], label: Int64) -> Said:
    """Tell the class of the training sequence nearest by dynamic time warping."""
    train, dev, test = parts

    def told(sequences: Sequences) -> Int64:
        return label[
            nearest_warped(sequences.step, sequences.offset, train.step, train.offset)
        ]

    return told(dev), told(test)


def mlp(
    parts: Sequence[Sequences],
    label: Int64,
    dev_label: Int64,
    hidden: Sequence[int],
    seed: int = 0,
) -> Said:
    """Tell by a multi-layer perceptron on sequences stretched to one length.

    Args:
        parts: train, dev and test.
        label: of train.
        dev_label: of dev, to choose the weight decay by.
        hidden: the sizes of its hidden layers.
        seed: of its weights and its batches.
    """

    def new(alpha: float) -> Any:
        return MLPClassifier(
            tuple(hidden),
            activation="tanh",
            alpha=alpha,
            max_iter=300,
            random_state=seed,
        )

    return _chosen(new, DECAYS, stretched(parts), label, dev_label)


def stretched(parts: Sequence[Sequences]) -> list[NDArray[np.float32]]:
    """Return sequences as vectors of one size, their steps stretched linearly.

    All get the median number of steps of the first part.
    """
    steps = min(int(np.median(parts[0].lengths)), LONGEST)

    def one(x: NDArray[Any]) -> NDArray[np.float64]:
        place = np.linspace(0, len(x) - 1, steps)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, len(x) - 1)
        share = (place - low)[:, None]
        return ((1 - share) * x[low] + share * x[high]).ravel()

    return [np.stack([one(x) for x in part]).astype(np.float32) for part in parts]


def warping_cost(parts: Sequence[Sequences]) -> int:
    """Return how many numbers `nearest_by_warping` would compare."""
    train, dev, test = (len(part.step) for part in parts)
    return train * (dev + test) * parts[0].step.shape[1]


@njit(cache=True, fastmath=True)
def nearest_warped(step, offset, known, known_offset):
    """Return for each sequence the number of the nearest among those known.

    The distance is that of the path through both, from the first steps to the last,
    each of whose moves goes on in one of them or in both, with the least sum of squared
    distances of steps, divided by the steps of both.
    """
    found = np.empty(len(offset) - 1, np.int64)
    longest = np.diff(known_offset).max() + 1
    for b in range(len(offset) - 1):
        x = step[offset[b] : offset[b + 1]]
        least, at = np.inf, 0
        row, before = np.empty(longest), np.empty(longest)
        for k in range(len(known_offset) - 1):
            y = known[known_offset[k] : known_offset[k + 1]]
            S, T = len(x), len(y)
            bound = least * (S + T)
            before[: T + 1] = np.inf
            before[0] = 0
            for i in range(S):
                row[0] = np.inf
                best = np.inf
                for j in range(T):
                    distance = 0.0
                    for f in range(x.shape[1]):
                        change = x[i, f] - y[j, f]
                        distance += change * change
                    cost = distance + min(before[j], before[j + 1], row[j])
                    row[j + 1] = cost
                    best = min(best, cost)
                row, before = before, row
                if best >= bound:  # no path can be nearer
                    break
            else:
                if before[T] < bound:
                    least, at = before[T] / (S + T), k
        found[b] = at
    return found


def _chosen(
    new: Callable[[float], Any],
    values: Sequence[float],
    parts: Sequence[Any],
    label: Int64,
    dev_label: Int64,
) -> Said:
    """Fit a model for each value; tell what that which is best on dev says."""
    train, dev, test = parts
    best, said = -1.0, None
    for value in values:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = new(value).fit(train, label)
        told = model.predict(dev)
        right = float((told == dev_label).mean())
        if right > best:
            best, said = right, (told, model.predict(test))
    assert said is not None
    return said
