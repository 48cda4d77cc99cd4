"""Which tags a word may have: counts, and classes for words seen seldom or never."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

SUFFIXES = ("ing", "ion", "ity", "est", "ed", "ly", "er", "al", "s", "y")
RARE = 3  # words seen at most so often tell what unknown words are like
UNLIKELY = 1e-3  # a tag so much rarer than a word's likeliest is not tried
_NUMBER = re.compile(r"[-+.,:/\\0-9]*[0-9][-+.,:/\\0-9]*")


def unknown_class(word: str, first: bool) -> str:
    """Return the class of a word by its looks: capitals, digits, hyphens, suffix.

    Args:
        word: as written.
        first: whether it begins the sentence, where a capital says less.

    Example:
        >>> unknown_class("Vincennes", False), unknown_class("forty-three", False)
        ('Cap-s', 'low-hyphen')
    """
    if _NUMBER.fullmatch(word):
        return "number"
    if any(letter.isdigit() for letter in word):
        return "digit" + ("-hyphen" if "-" in word else "")
    if word.isupper() and len(word) > 1:
        return "CAPS"
    kind = "low"
    if word[:1].isupper():
        kind = "First" if first else "Cap"
    elif not word[:1].isalpha():
        kind = "sign"
    if "-" in word:
        return f"{kind}-hyphen"
    low = word.lower()
    ends = (e for e in SUFFIXES if low.endswith(e) and len(word) > len(e) + 2)
    return f"{kind}-{next(ends, '')}"


@final
class Lexicon:
    r"""The log-odds of a tag's word, ln p(w | t) up to what is the same for all t.

    .. math::
        p(t \mid w) = \frac{c(w, t) + \alpha\, p(t \mid \text{class of } w)}
                           {c(w) + \alpha},
        \qquad \ln \frac{p(w \mid t)}{p(w)} = \ln \frac{p(t \mid w)}{p(t)}

    The chances of a class come from words seen at most `RARE` times, smoothed alike by
    those of all such words.

    Args:
        tags: the T tag symbols.
        counts: how often each (word, tag) occurs,
        rare: and each (class, tag) of rare words.
        classes: whether unknown words have classes; else they are all one.
        smoothing: α.
    """

    def __init__(
        self,
        tags: list[str],
        counts: Counter[tuple[str, str]],
        rare: Counter[tuple[str, str]],
        *,
        classes: bool,
        smoothing: float = 1.0,
    ):
        self.tags, self.counts, self.rare = tags, counts, rare
        self.classes, self.smoothing = classes, smoothing
        number = {tag: k for k, tag in enumerate(tags)}
        self._of_word = _table(counts, number)
        self._of_class = _table(rare, number)
        T = len(tags)
        total = sum(self._of_word.values(), np.zeros(T))
        seldom = sum(self._of_class.values(), np.zeros(T))
        # A closed class of words, which no rare word has, stays possible, but hardly.
        seldom = (seldom + 1e-3 * total / max(total.sum(), 1)) + 1e-9
        self._seldom = seldom / seldom.sum()
        self._tag = total / max(total.sum(), 1)

    @classmethod
    def of(
        cls,
        found: Iterable[tuple[str, str, bool]],
        tags: list[str],
        *,
        classes: bool,
        smoothing: float = 1.0,
    ) -> Self:
        """Count (word, tag, whether it begins a sentence)."""
        found = list(found)
        often = Counter(word for word, _, _ in found)
        counts = Counter((word, tag) for word, tag, _ in found)
        rare = Counter(
            (unknown_class(word, first) if classes else "", tag)
            for word, tag, first in found
            if often[word] <= RARE
        )
        return cls(tags, counts, rare, classes=classes, smoothing=smoothing)

    def __call__(self, word: str, first: bool) -> NDArray[np.float64]:
        """Return ln p(t | w) / p(t) of every tag, (T,), -inf for one impossible."""
        smooth = self._seldom
        name = unknown_class(word, first) if self.classes else ""
        if (seen := self._of_class.get(name)) is not None:
            smooth = (seen + self._seldom) / (seen.sum() + 1)
        known = self._of_word.get(word)
        if known is None and first and word != word.lower():
            known = self._of_word.get(word.lower())
        if known is None:
            known = np.zeros(len(self.tags))
        p = (known + self.smoothing * smooth) / (known.sum() + self.smoothing)
        p[p < UNLIKELY * p.max()] = 0
        with np.errstate(divide="ignore"):
            return np.log(p) - np.log(self._tag)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {
            "counts": [[*key, n] for key, n in self.counts.items()],
            "rare": [[*key, n] for key, n in self.rare.items()],
            "classes": self.classes,
            "smoothing": self.smoothing,
        }

    @classmethod
    def of_json(cls, value: dict[str, Any], tags: list[str]) -> Self:
        """Make a lexicon of what `to_json` returned."""
        counts, rare = (
            Counter({(word, tag): n for word, tag, n in value[part]})
            for part in ("counts", "rare")
        )
        return cls(
            tags,
            counts,
            rare,
            classes=value["classes"],
            smoothing=value["smoothing"],
        )


def _table(
    counts: Counter[tuple[str, str]], number: dict[str, int]
) -> dict[str, NDArray[np.float64]]:
    """Return the counts of each word, or class, by tag."""
    table: dict[str, NDArray[np.float64]] = {}
    for (word, tag), n in counts.items():
        if word not in table:
            table[word] = np.zeros(len(number))
        table[word][number[tag]] += n
    return table
