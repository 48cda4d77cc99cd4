"""n-grams of integers with interpolated smoothing: the rival of recurrent nets.

Modified Kneser-Ney and Witten-Bell smoothing as Chen & Goodman (1999, "An Empirical
Study of Smoothing Techniques for Language Modeling") interpolate them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Smoothing = Literal["kneser-ney", "witten-bell"]


class _Order(NamedTuple):
    """The k-grams of one k: what is known after contexts of k - 1 symbols.

    Attributes:
        context: (X,) sorted keys of the contexts, each the number of the context that
            lacks its oldest symbol, times C + 1, plus that symbol.
        gram: (G,) sorted keys, the context's number times C plus the symbol after it.
        share: (G,) what a gram has of its context's probability by itself.
        rest: (X,) what a context leaves to the shorter one.
    """

    context: Int64
    gram: Int64
    share: Float
    rest: Float


@final
class NGram:
    r"""The probability of a symbol after the n - 1 before it, smoothed by shorter ones.

    With c the count of a context u followed by w, u' the context without its oldest
    symbol, and 1 / C below the shortest:

    .. math::
        p(w \mid u) = \frac{\max(c(u w) - D, 0)}{\sum_v c(u v)} + \gamma(u) p(w \mid u')

    Kneser-Ney: the longest context counts occurrences; a shorter one counts in how
    many longer ones it stands, but occurrences where it reaches back to the beginning.
    D depends on c = 1, 2 or more, estimated from how many grams occur once to four
    times. Witten-Bell: occurrences everywhere, D = 0 and the denominator has the
    number of distinct symbols after u added, which is the share of the shorter context.

    Each sequence begins with n - 1 symbols that stand nowhere else; its end is known
    where each sequence ends in a symbol that means so.

    Args:
        order: n, the longest gram.
        num_symbols: C; symbols are 0 to C - 1.
        smoothing: how counts become probabilities.

    Example:
        >>> model = NGram(2, 3).fit(np.array([0, 1, 2, 0, 1, 2]), np.array([0, 3, 6]))
        >>> probability = np.exp(model.log_probability(np.array([0, 1]), [0, 2]))
        >>> bool((probability > 0.8).all())
        True
    """

    def __init__(
        self, order: int, num_symbols: int, smoothing: Smoothing = "kneser-ney"
    ):
        if order < 1 or num_symbols < 1:
            raise ValueError(
                f"order and num_symbols must be at least 1, got {order} and "
                f"{num_symbols}."
            )
        self.order = order
        self.num_symbols = num_symbols
        self.smoothing: Smoothing = smoothing
        self._orders: list[_Order] = []

    def fit(self, symbols: NDArray, offset: NDArray | list[int]) -> Self:
        """Count the grams of B sequences.

        Args:
            symbols: (T,) symbols of all sequences, one after another.
            offset: (B + 1,) where each begins in `symbols`, and T.

        Raises:
            ValueError: symbols out of range, or none.
        """
        symbols, C = self._checked(symbols), self.num_symbols
        if len(symbols) == 0:
            raise ValueError("there must be symbols to count, got none.")
        at = np.zeros(len(symbols), np.int64)  # the context of each symbol, so far
        contexts, parents, fresh = [at[:1]], [at[:1]], [np.zeros(1, bool)]
        grams, counts = [], []
        for k in range(1, self.order + 1):
            if k > 1:
                before = self._before(symbols, offset, k - 1)
                keys, at = np.unique(at * (C + 1) + before, return_inverse=True)
                contexts.append(keys)
                parents.append(keys // (C + 1))
                fresh.append(keys % (C + 1) == C)  # reaches back to the beginning
            gram, count = np.unique(at * C + symbols, return_counts=True)
            grams.append(gram)
            counts.append(count)
        if self.smoothing == "kneser-ney":
            for k in range(self.order - 1):  # in how many longer ones a gram stands
                longer = parents[k + 1][grams[k + 1] // C] * C + grams[k + 1] % C
                place = np.searchsorted(grams[k], longer)
                stands = np.bincount(place, minlength=len(grams[k]))
                counts[k] = np.where(fresh[k][grams[k] // C], counts[k], stands)
        self._orders = [
            self._smooth(context, gram, count)
            for context, gram, count in zip(contexts, grams, counts, strict=True)
        ]
        return self

    def log_probability(self, symbols: NDArray, offset: NDArray | list[int]) -> Float:
        """Return ln p of each symbol after those before it in its sequence, (T,)."""
        symbols, C = self._checked(symbols), self.num_symbols
        p = np.full(len(symbols), 1 / C)
        at = np.zeros(len(symbols), np.int64)
        known = np.ones(len(symbols), bool)
        for k, (context, gram, share, rest) in enumerate(self._orders):
            if k:
                keys = at * (C + 1) + self._before(symbols, offset, k)
                at, found = _find(context, keys)
                known &= found
            place, found = _find(gram, at * C + symbols)
            p = np.where(known, np.where(found, share[place], 0) + rest[at] * p, p)
        return np.log(p)

    def _checked(self, symbols: NDArray) -> Int64:
        symbols = np.asarray(symbols, np.int64)
        if len(symbols) and not 0 <= symbols.min() <= symbols.max() < self.num_symbols:
            raise ValueError(
                f"symbols must be in 0..{self.num_symbols - 1}, got "
                f"{symbols.min()} to {symbols.max()}."
            )
        return symbols

    def _before(self, symbols: Int64, offset: NDArray | list[int], k: int) -> Int64:
        """Return the symbol k places before each, C where the sequence begins."""
        begin = np.repeat(np.asarray(offset)[:-1], np.diff(offset))
        place = np.arange(len(symbols)) - k
        inside = place >= begin
        return np.where(inside, symbols[np.where(inside, place, 0)], self.num_symbols)

    def _smooth(self, context: Int64, gram: Int64, count: Int64) -> _Order:
        of, X = gram // self.num_symbols, len(context)
        total = np.bincount(of, count, X)
        if self.smoothing == "witten-bell":
            distinct = np.bincount(of, minlength=X)
            share = count / (total + distinct)[of]
            return _Order(context, gram, share, distinct / (total + distinct))
        taken = np.minimum(_discounts(count)[np.minimum(count, 3)], count)
        share = (count - taken) / total[of]
        return _Order(context, gram, share, np.bincount(of, taken, X) / total)


def _discounts(count: Int64) -> Float:
    """Return what is taken from a count of 0, 1, 2, 3 and more (Chen & Goodman).

    Where few data make an estimate impossible, or give nothing or all of a count away,
    Ney's single discount, or a half, takes its place: no symbol may have p = 0.
    """
    n = np.bincount(np.minimum(count, 5), minlength=6)[:6].astype(float)
    y = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0.5
    c = np.arange(1, 4)
    d = c - (c + 1) * y * n[c + 1] / np.maximum(n[c], 1)
    return np.concatenate([[0], np.where((d > 0) & (d < c), d, y)])


def _find(keys: Int64, wanted: Int64) -> tuple[Int64, NDArray[np.bool_]]:
    """Return the place of each wanted key in sorted keys, and whether it is there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted
