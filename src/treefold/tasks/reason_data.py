"""Sentences as numbers, and the windows and taught sentences of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.bracketing import Span, branching, of_phrases
from treefold.data.raw_sentences import Treebank
from treefold.data.sequences import Sequences
from treefold.data.vocabulary import UNKNOWN, Vocabulary
from treefold.models.reasoner import Reading, Taught, Windows
from treefold.tasks.reason_config import ReasonConfig

Int64 = NDArray[np.int64]


def vocabulary(sentences: Iterable[list[str]], config: ReasonConfig) -> Vocabulary:
    """Number the words of sentences, the most frequent first, ties in ABC order."""
    lower = config.lower
    counts = Counter(w.lower() if lower else w for words in sentences for w in words)
    counts.pop(UNKNOWN, None)
    kept = [word for word, count in counts.items() if count >= config.min_count]
    kept.sort(key=lambda word: (-counts[word], word))
    most = None if config.most_words is None else config.most_words - 1
    return Vocabulary((UNKNOWN, *kept[:most]), lower)


def encode(sentences: list[list[str]], known: Vocabulary) -> Sequences:
    """Return sentences as the numbers of their words."""
    lengths = [len(words) for words in sentences]
    step = known.encode(word for words in sentences for word in words)
    return Sequences(step, np.append(0, np.cumsum(lengths, dtype=np.int64)))


def windows(
    text: Sequences,
    centre: Int64,
    config: ReasonConfig,
    source: Int64,
    random: np.random.Generator,
) -> Windows:
    """Cut windows around words, and replace these.

    Args:
        text: sentences; a window does not reach beyond its own. Windows of a single
            word are left out.
        centre: (B,) places in the text.
        config: says how far windows reach, and their structure.
        source: (M,) words to draw the replacements from, as often as they stand in it.
        random: draws them.
    """
    x, offset = text.step, text.offset
    sentence = np.searchsorted(offset, centre, side="right") - 1
    begin = np.maximum(offset[sentence], centre - config.reach)
    end = np.minimum(offset[sentence + 1], centre + config.reach + 1)
    wide = end - begin >= 2
    begin, end, centre = begin[wide], end[wide], centre[wide]
    lengths = end - begin
    start = np.cumsum(lengths) - lengths
    word = x[np.arange(lengths.sum()) + np.repeat(begin - start, lengths)]
    place = start + centre - begin

    other, new = word.copy(), source[random.integers(len(source), size=len(place))]
    for _ in range(8):  # a text of one word has no other to draw
        same = np.flatnonzero(new == word[place])
        if not len(same):
            break
        new[same] = source[random.integers(len(source), size=len(same))]
    other[place] = new
    forest = None
    if config.structure != "found":
        seed = int(random.integers(2**31))
        forest = branching(lengths, config.structure, seed)
    return Windows(
        torch.from_numpy(word), torch.from_numpy(other), lengths, place, forest
    )


@final
@dataclass(frozen=True)
class Sentences:
    """Sentences as numbers, with what is known of them.

    Attributes:
        words: of each sentence, as written.
        text: their numbers.
        phrases: of each; None where none are known.
        label: (B,) numbers of classes, -1 where they are not known; None: of none.
    """

    words: list[list[str]]
    text: Sequences
    phrases: list[list[Span]] | None = None
    label: Int64 | None = None

    @classmethod
    def of(
        cls, bank: Treebank, known: Vocabulary, classes: tuple[str, ...]
    ) -> Sentences:
        """Encode sentences with trees."""
        label = None
        if bank.label is not None:
            number = {name: k for k, name in enumerate(classes)}
            label = np.array([number.get(name, -1) for name in bank.label], np.int64)
        return cls(bank.words, encode(bank.words, known), bank.spans, label)

    def __len__(self) -> int:
        """Return B."""
        return len(self.words)

    def taught(self, numbers: Int64, config: ReasonConfig, seed: int = 0) -> Taught:
        """Return some of the sentences for the model to learn from, or to be told of.

        Args:
            numbers: (B,) which.
            config: says by what structure they are read.
            seed: of random structures.
        """
        some = self.text[numbers]
        lengths, kind = some.lengths, config.sentence_structure
        phrases = None if self.phrases is None else [self.phrases[b] for b in numbers]
        gold = None if phrases is None else of_phrases(lengths, phrases)
        forest = None
        if kind == "given":
            forest = gold
        elif kind != "found":
            forest = branching(lengths, kind, seed)
        label = None if self.label is None else torch.from_numpy(self.label[numbers])
        word = torch.from_numpy(some.step)
        return Taught(word, lengths, phrases, label, forest, gold)


@final
class Epoch:
    """Batches of one epoch: windows around every word, and sentences to be taught.

    Where windows are learned from, an epoch goes through all words, and through the
    taught sentences as often as there is room; else it goes through the sentences.
    """

    def __init__(
        self,
        text: Sequences,
        taught: Sentences | None,
        config: ReasonConfig,
        seed: int,
        epoch: int,
    ):
        self._text, self._taught, self._config = text, taught, config
        self._random = np.random.default_rng([seed, epoch])
        windows = config.ranking or config.dissociation
        self._order = self._random.permutation(len(text.step) if windows else 0)
        many = len(self._order) / config.batch_size
        if not windows and taught is not None:
            many = len(taught) / config.taught
        self._many = -int(-many // 1)

    def __len__(self) -> int:
        return self._many

    def __iter__(self) -> Iterator[Reading]:
        config, random, source = self._config, self._random, self._text.step
        waiting = np.empty(0, np.int64)
        for number in range(self._many):
            cut, learned = None, None
            if len(self._order):
                begin = number * config.batch_size
                centre = self._order[begin : begin + config.batch_size]
                cut = windows(self._text, centre, config, source, random)
            if self._taught is not None:
                if len(waiting) < config.taught:
                    more = random.permutation(len(self._taught))
                    waiting = np.append(waiting, more)
                some, waiting = np.split(waiting, [config.taught])
                learned = self._taught.taught(some, config, int(random.integers(2**31)))
            yield Reading(cut if cut is None or len(cut) else None, learned)
