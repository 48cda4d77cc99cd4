"""Text cut into words or pieces of words, so that it can be put together again."""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.vocabulary import UNKNOWN, Vocabulary

END = "<end>"  # the last token of every text, number 1
SPACE = "▁"  # stands for the space before a word
WORD = re.compile(rf"{SPACE}?(?:[^\W_]+|[^\w{SPACE}]|_)")

Pair = tuple[str, str]


def cut(text: str) -> list[str]:
    """Cut a text into words and marks; each carries the space that stood before it.

    Example:
        >>> cut("Two dogs, running.")
        ['▁Two', '▁dogs', ',', '▁running', '.']
    """
    return WORD.findall("".join(SPACE + word for word in text.split()))


def join(pieces: Iterable[str]) -> str:
    """Put together what `cut` or `Subwords.encode` cut, with single spaces.

    Example:
        >>> join(['▁Two', '▁do', 'gs', ',', '▁running', '.'])
        'Two dogs, running.'
    """
    return "".join(pieces).replace(SPACE, " ").strip()


@final
@dataclass(frozen=True)
class Subwords:
    """Byte-pair encoding: words as pieces of words (Sennrich et al., 2016).

    A word begins as its letters, the first with its space; then those two neighbours
    that `merges` has first become one piece, and so on until it has none of them. The
    arXiv number of the paper is 1508.07909. Here a word's space marks its beginning,
    where the paper marks its end, so that joined pieces are the text again.

    Args:
        merges: pairs of pieces, the first learned first. Without any the pieces are
            letters; None leaves words whole.

    Example:
        >>> Subwords.learn(["low lower lowest"], 3).encode("slow lowlands")
        ['▁s', 'l', 'ow', '▁low', 'l', 'a', 'n', 'd', 's']
    """

    merges: tuple[Pair, ...] | None
    _rank: dict[Pair, int] = field(init=False, repr=False, compare=False)
    _known: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rank = {pair: number for number, pair in enumerate(self.merges or ())}
        object.__setattr__(self, "_rank", rank)
        object.__setattr__(self, "_known", {})

    @classmethod
    def learn(
        cls, texts: Iterable[str], num_merges: int, *, min_count: int = 2
    ) -> Subwords:
        """Learn the most frequent pairs of neighbours, one after the other.

        Args:
            texts: to learn from.
            num_merges: how many pairs at most; 0 leaves words whole.
            min_count: a pair that occurs less often is not learned.
        """
        if num_merges == 0:
            return cls(None)
        counts = Counter(word for text in texts for word in cut(text))
        return cls(tuple(_learn(counts, num_merges, min_count)))

    def encode(self, text: str) -> list[str]:
        """Cut a text into pieces."""
        if self.merges is None:
            return cut(text)
        known, pieces = self._known, []
        for word in cut(text):
            if word not in known:
                if len(known) > 100_000:  # a stream may never end
                    known.clear()
                known[word] = self._split(word)
            pieces += known[word]
        return pieces

    def _split(self, word: str) -> list[str]:
        pieces, rank = _letters(word), self._rank
        while len(pieces) > 1:
            pairs = pairwise(pieces)
            first = min(pairs, key=lambda pair: rank.get(pair, len(rank)))
            if first not in rank:
                break
            pieces = _merged(pieces, first)
        return pieces


@final
@dataclass(frozen=True)
class Tokenizer:
    """Texts to the numbers of their pieces and back; each ends with number 1.

    Args:
        subwords: cuts texts.
        vocabulary: numbers the pieces; 0 stands for one that is not known.
    """

    subwords: Subwords
    vocabulary: Vocabulary

    @classmethod
    def learn(
        cls, texts: Iterable[str], num_merges: int, *, min_count: int = 1
    ) -> Tokenizer:
        """Learn pieces, and number them, the most frequent first.

        Args:
            texts: to learn from.
            num_merges: how many pairs at most become one piece; 0 leaves words whole.
            min_count: a piece that occurs less often is not known.
        """
        texts = list(texts)
        subwords = Subwords.learn(texts, num_merges)
        counts = Counter(piece for text in texts for piece in subwords.encode(text))
        pieces = sorted(piece for piece, n in counts.items() if n >= min_count)
        pieces.sort(key=counts.__getitem__, reverse=True)  # keeps the order of equals
        return cls(subwords, Vocabulary((UNKNOWN, END, *pieces)))

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.vocabulary)

    def encode(self, text: str, most: int | None = None) -> NDArray[np.int64]:
        """Return the numbers of a text's pieces, of `most` at most, and of the end."""
        return self.vocabulary.encode([*self.subwords.encode(text)[:most], END])

    def pieces(self, numbers: Iterable[int]) -> list[str]:
        """Return the pieces of these numbers."""
        return [self.vocabulary.words[number] for number in numbers]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of numbers; its end is left out."""
        return join(piece for piece in self.pieces(numbers) if piece != END)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, which `from_dict` reads."""
        merges = self.subwords.merges
        written = None if merges is None else [" ".join(pair) for pair in merges]
        return {"merges": written, "words": list(self.vocabulary.words)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Make what `to_dict` wrote.

        Raises:
            DataError: it is something else.
        """
        try:
            merges, words = values["merges"], tuple(values["words"])
            if merges is not None:
                merges = tuple((a, b) for a, b in (line.split(" ") for line in merges))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"expected merges and words, got {error!r}") from None
        return cls(Subwords(merges), Vocabulary(words))


def _letters(word: str) -> list[str]:
    """Return a word's letters; its space goes with the first."""
    start = 1 + word.startswith(SPACE)
    return [word[:start], *word[start:]]


def _merged(pieces: list[str], pair: Pair) -> list[str]:
    """Make one piece of every occurrence of a pair, from left to right."""
    merged, at = [], 0
    while at < len(pieces):
        if pieces[at] == pair[0] and pieces[at + 1 : at + 2] == [pair[1]]:
            merged.append(pair[0] + pair[1])
            at += 2
        else:
            merged.append(pieces[at])
            at += 1
    return merged


def _learn(counts: Counter[str], num_merges: int, min_count: int) -> list[Pair]:
    """Merge again and again the most frequent pair, of equals the first in ABC order.

    A merge changes only the words that have the pair; they are kept by pair, and the
    pairs in a heap, where a count that has changed since is put right when it comes up.
    """
    words = sorted(counts)
    pieces = [_letters(word) for word in words]
    total: Counter[Pair] = Counter()
    having: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(pieces[number]):
            total[pair] += counts[word]
            having[pair].add(number)
    heap = [(-count, pair) for pair, count in total.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < num_merges:
        count, pair = heapq.heappop(heap)
        if -count != total[pair]:
            if total[pair] >= min_count:
                heapq.heappush(heap, (-total[pair], pair))
            continue
        if -count < min_count:
            break
        merges.append(pair)
        grown: set[Pair] = set()
        for number in having.pop(pair):
            before, weight = pieces[number], counts[words[number]]
            after = pieces[number] = _merged(before, pair)
            for gone in pairwise(before):
                total[gone] -= weight
            for come in pairwise(after):
                total[come] += weight
                having[come].add(number)
                grown.add(come)
        for come in grown:
            heapq.heappush(heap, (-total[come], come))
    return merges
