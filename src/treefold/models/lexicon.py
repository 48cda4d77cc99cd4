"""Which word stands for which: IBM Model 1 (Brown et al., 1993), word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

Words = Sequence[str]


@final
class Lexicon:
    r"""The most probable translation of each word, learned from pairs of sentences.

    Every target word is taken to come from one word of the source, any with the same
    chance, or from nothing. Expectation and maximisation in turn give t(f | e), the
    probability that e is translated as f:

    .. math::
        c(f, e) &= \sum_\text{pairs} \sum_{f, e}
            \frac{t(f \mid e)}{\sum_{e'} t(f \mid e')} \\
        t(f \mid e) &= c(f, e) / \textstyle\sum_{f'} c(f', e)

    A model without order or grammar, it is the trivial translator that still knows the
    words.

    Args:
        sources: sentences as lists of words.
        targets: their translations.
        iterations: of expectation and maximisation.

    Attributes:
        best: the likeliest translation of each source word that was seen.
    """

    def __init__(
        self, sources: Sequence[Words], targets: Sequence[Words], iterations: int = 8
    ):
        source_index: dict[str, int] = {"": 0}  # nothing, which may give any word
        target_index: dict[str, int] = {}
        e, f, group = [], [], []  # who may stand for whom, and for which occurrence
        occurrence = 0
        for source, target in zip(sources, targets, strict=True):
            row = [source_index.setdefault(w, len(source_index)) for w in source]
            for word in target:
                number = target_index.setdefault(word, len(target_index))
                e += [0, *row]
                f += [number] * (len(row) + 1)
                group += [occurrence] * (len(row) + 1)
                occurrence += 1
        pair = np.array(e, np.int64) * len(target_index) + np.array(f, np.int64)
        distinct, which = np.unique(pair, return_inverse=True)
        of_source = distinct // max(len(target_index), 1)
        in_group = np.array(group, np.int64)
        t = np.ones(len(distinct))
        for _ in range(iterations):
            share = t[which]
            share /= np.bincount(in_group, share, occurrence)[in_group]
            t = np.bincount(which, share, len(distinct))
            t /= np.bincount(of_source, t, len(source_index))[of_source]
        words = list(target_index)
        by_source = list(source_index)
        self.best: dict[str, str] = {}
        for k in np.lexsort((-t, of_source))[::-1]:  # the likeliest of each comes last
            target = words[distinct[k] % len(words)]
            self.best[by_source[of_source[k]]] = target

    def translate(self, words: Words) -> list[str]:
        """Put for every word its translation; one that was never seen stays."""
        return [self.best.get(word, word) for word in words]
