"""Reading strips of digits without a recurrent net: classifiers of square windows."""

from __future__ import annotations

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from treefold.data.digit_strips import (
    FEWEST,
    MOST,
    SIDE,
    WIDEST_GAP,
    WORDS,
    Digits,
)
from treefold.data.sequences import Sequences

NOTHING = len(WORDS)  # the class of a window that no digit fills
Captions = list[tuple[str, ...]]


@final
class CellReader:
    """Cuts a strip into cells of 8 columns and names the digit of each.

    That reads strips without gaps; where there are gaps, cells lie across digits.
    """

    def fit(self, digits: Digits) -> Self:
        self.model = LogisticRegression(max_iter=2000)
        self.model.fit(_flat(digits.image.transpose(0, 2, 1)), digits.label)
        return self

    def read(self, strips: Sequences) -> Captions:
        captions: Captions = []
        for strip in strips:
            whole = len(strip) - len(strip) % SIDE
            cells = strip[:whole].reshape(-1, SIDE, SIDE)
            captions.append(tuple(WORDS[k] for k in self.model.predict(_flat(cells))))
        return captions


@final
class SegmentingReader:
    """Tries every way to place digits in a strip, and takes the most probable.

    It is told how strips are made: 3 to 6 digits of 8 columns each, before each and
    after the last a gap of 0 to 3 columns that are blank. A classifier says for every
    window of 8 columns how probable each digit is there, and how probable none is; the
    best sequence of windows is found by dynamic programming.

    Args:
        kernel: classify by a radial kernel (an approximation by 600 landmarks) instead
            of linearly.
    """

    def __init__(self, *, kernel: bool):
        logistic = LogisticRegression(max_iter=2000, C=30.0 if kernel else 1.0)
        spread = Nystroem(gamma=0.06, n_components=600, random_state=0)
        self.model: Any = make_pipeline(spread, logistic) if kernel else logistic

    def fit(self, digits: Digits) -> Self:
        """Learn what digits look like, and what lies across two of them."""
        columns = digits.image.transpose(0, 2, 1)
        across = _windows_across(columns)
        x = _flat(np.concatenate([columns, across]))
        y = np.concatenate([digits.label, np.full(len(across), NOTHING)])
        self.model.fit(x, y)
        return self

    def read(self, strips: Sequences) -> Captions:
        return [self._read(strip) for strip in strips]

    def _read(self, strip: NDArray[np.float32]) -> tuple[str, ...]:
        T = len(strip)
        log_p = self.model.predict_log_proba(_flat(_windows(strip)))
        digit = log_p[:, :NOTHING].argmax(axis=1)
        gain = log_p[:, :NOTHING].max(axis=1) - log_p[:, NOTHING]
        blank = (strip == 0).all(axis=1)
        # best[n, t]: n digits, the last of which ends before column t.
        best = np.full((MOST + 1, T + 1), -np.inf)
        best[0, 0] = 0.0
        came = np.zeros((MOST + 1, T + 1), np.int64)
        for t in range(SIDE, T + 1):
            start = t - SIDE
            for gap in range(WIDEST_GAP + 1):
                end = start - gap
                if end < 0 or not blank[end:start].all():
                    break
                found = best[:-1, end] + gain[start]
                better = found > best[1:, t]
                best[1:, t] = np.where(better, found, best[1:, t])
                came[1:, t] = np.where(better, end, came[1:, t])
        ends = [
            (best[n, T - gap], n, T - gap)
            for n in range(FEWEST, MOST + 1)
            for gap in range(WIDEST_GAP + 1)
            if blank[T - gap :].all()
        ]
        score, n, t = max(ends)
        if not np.isfinite(score):
            return ()
        words = []
        while n:
            words.append(WORDS[digit[t - SIDE]])
            n, t = n - 1, int(came[n, t])
        return tuple(reversed(words))


def _windows(strip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return every window of 8 columns, (T - 7, 8, 8), columns first."""
    seen = np.lib.stride_tricks.sliding_window_view(strip, SIDE, axis=0)
    return np.ascontiguousarray(seen.transpose(0, 2, 1))


def _windows_across(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return windows that no digit fills, two columns or more beside every digit.

    Args:
        columns: (N, 8, 8) digits, columns first, of which pairs are made.
    """
    random, found = np.random.default_rng(0), []
    for gap in range(WIDEST_GAP + 1):
        left, right = (columns[random.permutation(len(columns))] for _ in "lr")
        blank = np.zeros((len(columns), WIDEST_GAP, SIDE), np.float32)
        pairs = np.concatenate([blank, left, blank[:, :gap], right, blank], axis=1)
        first, second = WIDEST_GAP, WIDEST_GAP + SIDE + gap  # where digits begin
        for start in range(pairs.shape[1] - SIDE + 1):
            if min(abs(start - first), abs(start - second)) >= 2:
                found.append(pairs[:, start : start + SIDE])
    every = np.concatenate(found)
    return every[random.permutation(len(every))[: 4 * len(columns)]]


def _flat(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    return windows.reshape(len(windows), -1)
