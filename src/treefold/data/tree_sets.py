"""Trees to encode and decode: two sets by name, and files of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.generators import pollack
from treefold.data.generators.random_trees import random_trees
from treefold.data.order import reading_order
from treefold.data.readers.brackets import parse_brackets, read_brackets
from treefold.data.readers.lines import STDIN, open_lines

HEIGHT = 6  # of Pollack's sentences
LEAVES = (2, 16)  # of the random trees
HELD_OUT = {"dev": 50, "test": 200}  # random trees of each size
SPLITS = ("train", "dev", "test")


@final
@dataclass(frozen=True)
class TreeSet:
    """Trees for each split, no tree in two of them.

    Attributes:
        splits: the trees.
        fresh: makes so many further trees for training, from a seed and the number of
            an epoch, none of them held out; None where there are only those.
        note: what they are, in a sentence.
    """

    splits: dict[str, Corpus]
    fresh: Callable[[int, int, int], Corpus] | None = None
    note: str = ""


def load_trees(
    data: str, files: Mapping[str, str | None], seed: int = 0, *, skip_bad: bool = False
) -> TreeSet:
    """Load ``"pollack"``, ``"random-trees"``, or files of bracket trees.

    Args:
        data: a name, or the path of a file, or of a folder with ``train.txt`` and
            perhaps ``dev.txt`` and ``test.txt``.
        files: a file for each split, where there is one.
        seed: what it holds out where no file is given: a tenth of the distinct trees
            for each split that has none.
        skip_bad: leave out trees that cannot be read.

    Raises:
        DataError: no such data, or a file is bad or too small.
    """
    if data in NAMED:
        if any(files.values()):
            raise DataError(f"{data} has its own split; give no files with it")
        return NAMED[data]()
    path = Path(data)
    given = {split: Path(file) for split, file in files.items() if file}
    if path.is_dir():
        found = {split: path / f"{split}.txt" for split in SPLITS}
        given = {s: p for s, p in found.items() if p.exists()} | given
        if "train" not in given:
            raise DataError(f"{data}: expected a file train.txt of bracket trees in it")
    given.setdefault("train", path)
    read = {s: read_brackets(p, skip_bad=skip_bad) for s, p in given.items()}
    return TreeSet(hold_out(read, seed))


def hold_out(read: dict[str, Corpus], seed: int) -> dict[str, Corpus]:
    """Give a tenth of the distinct training trees to each split that has none.

    Raises:
        DataError: there are too few trees.
    """
    missing = [split for split in SPLITS if split not in read]
    train = read["train"]
    if not missing:
        return read
    name = keys(train)
    distinct = sorted(set(name))
    each = max(1, len(distinct) // 10)
    if len(distinct) <= each * len(missing):
        raise DataError(
            f"{train.sources[0]}: {len(distinct)} distinct trees are too few to hold "
            f"some out for {' and '.join(missing)}; give files of their own for these"
        )
    order = np.random.default_rng(seed).permutation(len(distinct))
    part = {
        distinct[k]: missing[i // each]
        for i, k in enumerate(order[: each * len(missing)])
    }
    where = np.array([part.get(key, "train") for key in name])
    return {s: read.get(s, train[where == s]) for s in SPLITS} | {
        "train": train[where == "train"]
    }


def read_trees(file: str) -> Iterator[Corpus]:
    """Read trees, one a line, from a file or ``-``, as they come.

    Raises:
        DataError: a line that is no tree, with its number.
    """
    name = STDIN if file == "-" else file
    before = 0
    for number, line in open_lines(file):
        if not line.strip():
            continue
        try:
            corpus = parse_brackets(line, name=name)
        except DataError:
            # Once more behind as many lines as came before, for the right number.
            corpus = parse_brackets("\n" * (number - 1) + line, name=name)
        B = len(corpus)
        counted = before + np.arange(1, B + 1)
        yield replace(corpus, number=counted, line=np.full(B, number))
        before += B


def keys(corpus: Corpus) -> list[bytes]:
    """Return bytes for each tree, which equal trees of one corpus share."""
    order = reading_order(corpus).order + np.repeat(
        corpus.tree_offset[:-1], corpus.sizes
    )
    arity = np.diff(corpus.child_offset)
    rows = np.stack([corpus.token, corpus.label, arity], axis=1)[order]
    cuts = corpus.tree_offset.tolist()
    return [rows[s:e].tobytes() for s, e in pairwise(cuts)]


def _pollack() -> TreeSet:
    """Half of the sentences to train, with the paper's seven, and a tenth to choose."""
    seven = [pollack.brackets(tree) for tree in pollack.SEVEN]
    rest = [pollack.brackets(tree) for tree in pollack.sentences(HEIGHT)]
    rest = [text for text in rest if text not in seven]
    order = np.random.default_rng(0).permutation(len(rest))
    half, tenth = len(rest) // 2, len(rest) // 10
    parts = np.split(order, [half, half + tenth])
    texts = [[rest[i] for i in part] for part in parts]
    corpora = [
        parse_brackets("\n".join(lines), name="pollack")
        for lines in ([*seven, *texts[0]], *texts[1:])
    ]
    return TreeSet(
        dict(zip(SPLITS, corpora, strict=True)),
        note=f"All sentences of Pollack's grammar up to a height of {HEIGHT}: half to "
        "train, with the seven trees of the paper, four in ten to test.",
    )


def _random() -> TreeSet:
    """As many held-out trees of each size; training makes its own as it goes on."""
    held = {
        split: _by_size(count, k) for k, (split, count) in enumerate(HELD_OUT.items())
    }
    taken = set(keys(held["test"]))
    held["dev"] = held["dev"][[key not in taken for key in keys(held["dev"])]]
    taken |= set(keys(held["dev"]))

    def fresh(count: int, seed: int, epoch: int) -> Corpus:
        # Half of them of any size, half of the larger ones, which are harder.
        large = (LEAVES[1] // 2 + 1, LEAVES[1])
        parts = [
            random_trees(n, leaves=bounds, seed=(k, seed, epoch))
            for k, (bounds, n) in enumerate(
                ((LEAVES, count - count // 2), (large, count // 2)), 1
            )
        ]
        trees = Corpus.cat(parts)
        return trees[np.array([key not in taken for key in keys(trees)])]

    return TreeSet(
        {"train": fresh(20_000, 0, 0), **held},
        fresh,
        note=f"Random binary trees of {LEAVES[0]} to {LEAVES[1]} leaves over 10 "
        "symbols, every shape of a size equally likely; training makes new ones for "
        "every epoch, and none that is held out.",
    )


def _by_size(count: int, seed: int) -> Corpus:
    """Draw distinct trees, as many of each size, of two leaves a tenth of all."""

    def draw() -> Iterator[Corpus]:
        for size in range(LEAVES[0], LEAVES[1] + 1):
            most = min(count, 10 if size == 2 else count)
            trees = random_trees(4 * most, leaves=(size, size), seed=(0, seed, size))
            first = {key: i for i, key in reversed(list(enumerate(keys(trees))))}
            yield trees[sorted(first.values())[:most]]

    return Corpus.cat(list(draw()))


NAMED: dict[str, Callable[[], TreeSet]] = {
    "pollack": _pollack,
    "random-trees": _random,
}
