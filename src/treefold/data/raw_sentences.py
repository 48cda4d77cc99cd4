"""Sentences without structure to learn from, and trees to measure what was found by.

Names that are known here:

- ``ptb-windows``: the Wall Street Journal with 10,000 words (Mikolov's split) to learn
  from, and the trees of the sample of the Penn Treebank that comes with NLTK: files
  0001-0159 train, 0160-0179 dev, 0180-0199 test. Both have the same beginning, so the
  text's first sentences, which are those of the sample, are not learned from.
- ``sst-windows``: the sentences of the Stanford Sentiment Treebank, its binary trees,
  and the class 0-4 of each sentence.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.order import reading_order
from treefold.data.order import words as leaf_words
from treefold.data.places import SPLITS, folders, locate, split_file
from treefold.data.readers.brackets import parse_brackets, read_brackets
from treefold.data.text_sets import load_text_set

NAMED = ("ptb-windows", "sst-windows")
FILES = {"train": range(1, 160), "dev": range(160, 180), "test": range(180, 200)}
SAMPLE_LINES = 3_911  # of Mikolov's training text: the sentences of the sample
SILENT = frozenset({"-NONE-", ",", ".", ":", "``", "''", "-LRB-", "-RRB-"})
NUMBER = re.compile(r"[\d.,:/\\-]*\d[\d.,:/\\-]*|%")

Span = tuple[int, int]


@final
@dataclass(frozen=True)
class Treebank:
    """Sentences whose phrases are known.

    Attributes:
        words: of each sentence.
        spans: the phrases of each, (first word, one past the last), of two words or
            more and less than the sentence, without repetition.
        label: the class of each sentence; None where they have none.
    """

    words: list[list[str]]
    spans: list[list[Span]]
    label: list[str] | None = None

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self.words)


@final
@dataclass(frozen=True)
class SentenceSet:
    """Sentences to learn from, choose by, and measure on.

    Attributes:
        name: what reports call it.
        text: the words of sentences, by split; windows are cut from them.
        trees: sentences with trees, by split; empty where there are none.
        note: what a report should say of it.
    """

    name: str
    text: Mapping[str, list[list[str]]]
    trees: Mapping[str, Treebank]
    note: str = ""


def load_sentences(
    data: str, files: Mapping[str, str | None] | None = None
) -> SentenceSet:
    """Load a data set by name, or from files with a sentence a line.

    Where dev or test has no file, the end of the training text is taken for it, 5 %
    each; see `treefold.data.text_sets.load_text_set`.

    Raises:
        DataError: there is no such data, or it is no text.
    """
    given = {split: file for split, file in (files or {}).items() if file is not None}
    if data in NAMED:
        if given:
            raise DataError(
                f"{data} has its own split; {', '.join(given)} cannot be given with it"
            )
        return _ptb() if data == "ptb-windows" else _sst()
    found = load_text_set(data, given)
    text = {split: sentences(part) for split, part in found.splits.items()}
    return SentenceSet(found.name, text, {}, found.note)


def sentences(text: str) -> list[list[str]]:
    """Return the words of each line that has some."""
    return [words for line in text.split("\n") if (words := line.split())]


def phrases(corpus: Corpus, keep: NDArray[np.bool_] | None = None) -> list[list[Span]]:
    """Return the phrases of each tree: spans of leaves, without repetition.

    Args:
        corpus: the trees.
        keep: (V,), which leaves count; the others are taken out of the sentence. None
            keeps all.

    Returns:
        For each tree the spans of at least two leaves and less than all, sorted: by
        where they begin, the longer first.
    """
    reading, offset = reading_order(corpus), corpus.tree_offset
    leaf = np.diff(corpus.child_offset) == 0
    kept = leaf if keep is None else leaf & keep
    found = []
    for s, e in zip(offset[:-1].tolist(), offset[1:].tolist(), strict=True):
        here = slice(s, e)
        start, end = reading.start[here], reading.end[here]
        stays = np.zeros(int(leaf[here].sum()), np.int64)
        stays[start[leaf[here]]] = kept[here][leaf[here]]
        place = np.append(0, np.cumsum(stays))
        T = place[-1]
        spans = zip(place[start].tolist(), place[end].tolist(), strict=True)
        some = {(i, j) for i, j in spans if 2 <= j - i < T}
        found.append(sorted(some, key=lambda span: (span[0], -span[1])))
    return found


def plain(words: Iterable[str], tags: Iterable[str]) -> list[str]:
    """Write words of the Penn Treebank as Mikolov's text has them.

    Lower-cased, numbers as N; what has no sound, by its tag, is left out.
    """
    kept = (w for w, tag in zip(words, tags, strict=True) if tag not in SILENT)
    low = (word.replace("\\/", "/").lower() for word in kept)
    return ["N" if NUMBER.fullmatch(word) else word for word in low]


def _ptb() -> SentenceSet:
    text = {
        split: sentences(part) for split, part in load_text_set("ptb").splits.items()
    }
    text["train"] = text["train"][SAMPLE_LINES:]
    trees = {split: _sample(numbers) for split, numbers in FILES.items()}
    # What a test sentence says is not learned from, wherever else it stands.
    known = {word for words in text["train"] for word in words}
    asked = {
        tuple(word if word in known else "<unk>" for word in words)
        for split in ("dev", "test")
        for words in trees[split].words
    }
    text["train"] = [words for words in text["train"] if tuple(words) not in asked]
    note = (
        "Text: Mikolov's Penn Treebank, without the sentences of the sample. Trees: "
        "the sample of the Penn Treebank, without punctuation (by tag) and traces, "
        "words lower-cased, numbers N."
    )
    return SentenceSet("ptb-windows", text, trees, note)


def _sample(numbers: Iterable[int]) -> Treebank:
    """Read trees of the sample of the Penn Treebank, without what has no sound."""
    corpus = Corpus.cat([_file(number) for number in numbers])
    leaf = np.diff(corpus.child_offset) == 0
    silent = np.array([*(tag in SILENT for tag in corpus.labels), False])
    keep = ~silent[corpus.label]
    spans = phrases(corpus, keep)
    words, tags = leaf_words(corpus), _tags(corpus)
    cut = np.cumsum(np.add.reduceat(leaf, corpus.tree_offset[:-1]))[:-1].tolist()
    each = zip(_cut(words, cut), _cut(tags, cut), strict=True)
    said = [plain(w, t) for w, t in each]
    real = [b for b, words in enumerate(said) if words]
    return Treebank([said[b] for b in real], [spans[b] for b in real])


def _tags(corpus: Corpus) -> list[str]:
    """Return the labels of the leaves of all trees, from left to right."""
    node = (
        np.repeat(corpus.tree_offset[:-1], corpus.sizes) + reading_order(corpus).order
    )
    leaves = node[np.diff(corpus.child_offset)[node] == 0]
    return [corpus.labels[k] if k >= 0 else "" for k in corpus.label[leaves].tolist()]


def _cut(items: list[str], at: list[int]) -> list[list[str]]:
    edges = zip([0, *at], [*at, len(items)], strict=True)
    return [items[i:j] for i, j in edges]


def _file(number: int) -> Corpus:
    """Read a file of the sample, from the archive or unpacked."""
    name = f"treebank/combined/wsj_{number:04d}.mrg"
    looked = folders("ptb_sample")
    for folder in looked:
        if (folder / name).is_file():
            return read_brackets(folder / name)
        archive = folder / "treebank.zip"
        if archive.is_file():
            try:
                with zipfile.ZipFile(archive) as opened:
                    return parse_brackets(opened.read(name), name=f"{archive}:{name}")
            except (zipfile.BadZipFile, KeyError, zlib.error) as error:
                raise DataError(f"{archive}: cannot be read: {error}") from None
    raise DataError(
        f"ptb_sample is not on this machine; looked in {_listed(looked)}. Let "
        "TREEFOLD_DATA name the folder that has `ptb_sample` in it, with NLTK's "
        "`treebank.zip`."
    )


def _listed(places: list[Path]) -> str:
    return " and ".join(map(str, places))


def _sst() -> SentenceSet:
    folder = locate("sst")
    trees = {}
    for split in SPLITS:
        path = split_file(folder, split)
        assert path is not None  # `locate` returns complete folders only
        corpus = read_brackets(path)
        leaf = np.diff(corpus.child_offset) == 0
        cut = np.cumsum(np.add.reduceat(leaf, corpus.tree_offset[:-1]))[:-1].tolist()
        words = [[w.lower() for w in s] for s in _cut(leaf_words(corpus), cut)]
        label = [corpus.labels[k] for k in corpus.label[corpus.roots].tolist()]
        trees[split] = Treebank(words, phrases(corpus), label)
    text = {split: bank.words for split, bank in trees.items()}
    note = "Stanford Sentiment Treebank, words lower-cased; its trees are binary."
    return SentenceSet("sst-windows", text, trees, note)
