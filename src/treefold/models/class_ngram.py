"""n-grams that depend on a class: each class's own, mixed with those of all."""

from __future__ import annotations

from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.sequences import Sequences
from treefold.models.ngram import Float, NGram, Smoothing

ROUNDS = 500  # of expectation and maximisation, which comes slowly to its end


@final
class ClassNGram:
    r"""The probability of a symbol given a class k and the n - 1 symbols before it.

    .. math::
        p(w \mid u, k) = \lambda_k p_k(w \mid u) + (1 - \lambda_k) p(w \mid u)

    A small class takes from all what it cannot count by itself. :math:`\lambda_k` is
    the maximum of the likelihood of held-out sequences (Jelinek & Mercer, 1980).

    Args:
        order: n.
        num_symbols: C.
        smoothing: of the n-grams, see `NGram`.
    """

    def __init__(self, order: int, num_symbols: int, smoothing: Smoothing):
        self.options = (order, num_symbols, smoothing)
        self.smoothing = smoothing

    def fit(
        self,
        sequences: Sequences,
        kind: NDArray[np.int64],
        held_out: Sequences,
        held_out_kind: NDArray[np.int64],
    ) -> Self:
        """Count sequences of (B,) classes, then weigh them by sequences held out."""
        K = int(max(kind.max(), held_out_kind.max(initial=0))) + 1
        self.all = NGram(*self.options).fit(sequences.step, sequences.offset)
        self.own: list[NGram | None] = []
        for k in range(K):
            some = sequences[kind == k]
            own = (
                NGram(*self.options).fit(some.step, some.offset) if len(some) else None
            )
            self.own.append(own)
        self.weight = np.array([0.5 if own else 0.0 for own in self.own])
        p_all, p_own, of = self._both(held_out, held_out_kind)
        steps = np.bincount(of, minlength=K)
        for _ in range(ROUNDS):
            part = self.weight[of] * p_own
            share = np.bincount(of, part / (part + (1 - self.weight[of]) * p_all), K)
            self.weight = np.where(steps, share / np.maximum(steps, 1), self.weight)
        return self

    def log_probability(self, sequences: Sequences, kind: NDArray[np.int64]) -> Float:
        """Return ln p of each symbol of the sequences, (T,)."""
        p_all, p_own, of = self._both(sequences, kind)
        return np.log(self.weight[of] * p_own + (1 - self.weight[of]) * p_all)

    def _both(
        self, sequences: Sequences, kind: NDArray[np.int64]
    ) -> tuple[Float, Float, NDArray[np.int64]]:
        """Return p by all classes' n-gram, by the own class's, and the class, (T,)."""
        of = np.repeat(kind, sequences.lengths)
        p_all = np.exp(self.all.log_probability(sequences.step, sequences.offset))
        p_own = np.zeros_like(p_all)
        for k, own in enumerate(self.own):
            if own is not None and (kind == k).any():
                some = sequences[kind == k]
                p_own[of == k] = np.exp(own.log_probability(some.step, some.offset))
        return p_all, p_own, of
