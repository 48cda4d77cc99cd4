"""Words and their numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError

if TYPE_CHECKING:
    from treefold.data.corpus import Corpus

UNKNOWN = "<unk>"


@final
@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows, numbered; number 0 stands for every other word.

    Args:
        words: the words in the order of their numbers; ``words[0]`` is ``"<unk>"``.
        lower: whether words are lower-cased before they are looked up.

    Attributes:
        index: the number of each word.
    """

    words: tuple[str, ...]
    lower: bool = False
    index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.words or self.words[0] != UNKNOWN:
            raise DataError(
                f"words must begin with {UNKNOWN!r}, which stands for words unknown; "
                f"got {list(self.words[:1])}"
            )
        index = {word: i for i, word in enumerate(self.words)}
        if len(index) != len(self.words):
            twice = next(w for i, w in enumerate(self.words) if index[w] != i)
            raise DataError(f"words must differ, got {twice!r} twice")
        object.__setattr__(self, "index", index)

    @classmethod
    def build(
        cls, corpus: Corpus, *, min_count: int = 1, lower: bool = False
    ) -> Vocabulary:
        """Number the words of a corpus, the most frequent first, ties in ABC order.

        Args:
            corpus: the trees whose words to count, usually those of training.
            min_count: leave out words that occur less often.
            lower: lower-case the words.
        """
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1, got {min_count}")
        used = corpus.token[corpus.token >= 0]
        counts = np.bincount(used, minlength=len(corpus.tokens)).tolist()
        total = dict(zip(corpus.tokens, counts, strict=True))
        if lower:
            total = {}
            for word, count in zip(map(str.lower, corpus.tokens), counts, strict=True):
                total[word] = total.get(word, 0) + count
        total.pop(UNKNOWN, None)
        kept = sorted(word for word, n in total.items() if n >= min_count)
        kept.sort(key=total.__getitem__, reverse=True)  # keeps the order of equals
        return cls((UNKNOWN, *kept), lower)

    def __len__(self) -> int:
        """Return the number of words, the unknown word among them."""
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        if self.lower and isinstance(word, str):
            word = word.lower()
        return word in self.index

    def encode(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the words' numbers, (N,) int64, 0 for a word that is not known."""
        get = self.index.get
        if self.lower:
            return np.array([get(word.lower(), 0) for word in words], np.int64)
        return np.array([get(word, 0) for word in words], np.int64)

    def to_json(self) -> str:
        """Return the vocabulary as a JSON text, which `from_json` reads."""
        document = {"lower": self.lower, "words": self.words}
        return json.dumps(document, ensure_ascii=False, indent=0)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Read what `to_json` wrote.

        Raises:
            DataError: if the text is something else.
        """
        try:
            document = json.loads(text)
            lower, words = document["lower"], document["words"]
            good = isinstance(lower, bool) and all(isinstance(w, str) for w in words)
        except (ValueError, TypeError, KeyError):
            good = False
        if not good:
            raise DataError(
                "expected a vocabulary as JSON, an object of 'lower' and a list of "
                f"'words', got {text[:40]!r}"
            )
        return cls(tuple(words), lower)
