"""What a corpus looks like, in figures and in plain words."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from treefold.data.corpus import Corpus
from treefold.data.datasets import Dataset
from treefold.data.errors import DataError
from treefold.data.places import SPLITS
from treefold.data.readers.brackets import read_brackets

SHARE_UNKNOWN = 0.1  # of the words; beyond this a verdict warns
RARE = 0.05  # a class with a smaller share of the roots is told
CHAIN = 0.35  # trees whose balance is below are told to be nearly chains


@final
@dataclass(frozen=True)
class Statistics:
    """Figures of one corpus.

    Attributes:
        trees: B.
        nodes: V.
        leaves: how many of them have no children.
        depth_mean: mean over the trees of the longest path from root to leaf, in edges.
        depth_max: the longest of all.
        arity_mean: mean number of children of the nodes that have any.
        arity_max: the largest.
        balance: mean over the trees with two leaves or more of log2(leaves) / depth, at
            most 1: near 1 for bushy trees, near 0 for chains.
        unknown: share of the words that the vocabulary lacks.
        roots: how many roots have each class.
        labelled: how many nodes have each class.
        bare: how many nodes have no class.
    """

    trees: int
    nodes: int
    leaves: int
    depth_mean: float
    depth_max: int
    arity_mean: float
    arity_max: int
    balance: float
    unknown: float
    roots: Mapping[str, int]
    labelled: Mapping[str, int]
    bare: int


def describe(corpus: Corpus) -> Statistics:
    """Measure a corpus whose words were numbered by a vocabulary."""
    arity = np.diff(corpus.child_offset)
    depth = corpus.height[corpus.roots].astype(np.float64)
    is_leaf = arity == 0
    below = np.concatenate([[0], np.cumsum(is_leaf)])
    leaves = np.diff(below[corpus.tree_offset])
    several = leaves > 1
    balance = np.log2(leaves[several]) / np.maximum(depth[several], 1)
    token = corpus.token[corpus.token >= 0]
    return Statistics(
        len(corpus),
        corpus.num_nodes,
        int(is_leaf.sum()),
        float(depth.mean()) if len(depth) else 0.0,
        int(depth.max(initial=0)),
        float(arity[~is_leaf].mean()) if (~is_leaf).any() else 0.0,
        int(arity.max(initial=0)),
        float(np.minimum(balance, 1).mean()) if several.any() else 1.0,
        float((token == 0).mean()) if len(token) else 0.0,
        _counts(corpus.label[corpus.roots], corpus.labels),
        _counts(corpus.label, corpus.labels),
        int((corpus.label < 0).sum()),
    )


def duplicates(dataset: Dataset) -> dict[tuple[str, str], NDArray[np.int64]]:
    """Find trees that occur in several splits, or twice in one, whatever their labels.

    Equal are trees of the same structure and the same words.

    Returns:
        (split, other) -> the numbers of the trees of `split` that are in `other` too;
        of (split, split), those that repeat an earlier tree of that split.
    """
    prints = {split: _prints(getattr(dataset, split)) for split in SPLITS}
    found = {}
    for at, split in enumerate(SPLITS):
        mine = prints[split]
        _, first = np.unique(mine, return_index=True)
        again = np.ones(len(mine), bool)
        again[first] = False
        found[split, split] = np.flatnonzero(again)
        for other in SPLITS[:at]:
            found[split, other] = np.flatnonzero(np.isin(mine, prints[other]))
    return found


def verdicts(
    dataset: Dataset,
    figures: Mapping[str, Statistics],
    twins: Mapping[tuple[str, str], NDArray[np.int64]],
) -> list[str]:
    """Say in plain words what to know before training on a data set."""
    said = []
    for split in SPLITS[1:]:
        share = figures[split].unknown
        if share > SHARE_UNKNOWN:
            said.append(
                f"{split}: {100 * share:.1f} % of the words do not occur in train; the "
                "model sees them all as one. Consider lower-casing (--lower), "
                "pretrained vectors (--vectors) or a larger training set."
            )
    said += _of_classes(dataset, figures)
    for split, one in figures.items():
        if one.trees and one.balance < CHAIN:
            said.append(
                f"{split}: the trees are nearly chains (balance {one.balance:.2f}): a "
                f"batch takes up to {one.depth_max + 1} steps, one after the other; a "
                "sequence model may do as well."
            )
    for (split, other), trees in twins.items():
        corpus: Corpus = getattr(dataset, split)
        if not len(trees):
            continue
        share = f"{100 * len(trees) / len(corpus):.1f} %"
        repeats, are = ("repeats", "is") if len(trees) == 1 else ("repeat", "are")
        shown = ", ".join(corpus.where(int(tree)) for tree in trees[:3])
        more = " and others" if len(trees) > 3 else ""
        if split == other:
            said.append(
                f"{split}: {_trees(trees)} ({share}) {repeats} an earlier one: "
                f"{shown}{more}"
            )
        else:
            said.append(
                f"{split} has {_trees(trees)} ({share}) that {are} also in {other}: "
                f"{shown}{more}. Figures on {split} flatter a model that remembers."
            )
    if dataset.skipped:
        said.append(f"{dataset.skipped:,} bad trees were left out.")
    return said or ["Nothing stands out: the splits look alike and share no tree."]


def _of_classes(dataset: Dataset, figures: Mapping[str, Statistics]) -> list[str]:
    said = []
    train = figures["train"].roots
    total = max(sum(train.values()), 1)
    common = max(train, key=lambda name: train[name])
    if train[common] > 2 * total / max(len(train), 1):
        said.append(
            f"train: {100 * train[common] / total:.1f} % of the roots are "
            f"{common!r}; always saying so is right as often. Look at more than "
            "accuracy, or try --class-weights balanced."
        )
    rare = [name for name, count in train.items() if count < RARE * total]
    if rare:
        said.append(
            f"train: few roots ({100 * RARE:.0f} % or less each) are of "
            f"{', '.join(repr(name) for name in rare)}."
        )
    for split in SPLITS[1:]:
        missing = [n for n, count in figures[split].roots.items() if not count]
        if missing and figures[split].trees:
            said.append(f"{split}: no root is of {', '.join(map(repr, missing))}.")
    return said


def _trees(trees: NDArray) -> str:
    return f"{len(trees):,} tree{'s' if len(trees) > 1 else ''}"


def _counts(label: NDArray, names: tuple[str, ...]) -> dict[str, int]:
    count = np.bincount(label[label >= 0], minlength=len(names)).tolist()
    return dict(zip(names, count, strict=True))


def _prints(corpus: Corpus) -> NDArray[np.uint64]:
    """Return a 64-bit fingerprint of each tree's structure and words."""
    corpus = _as_written(corpus)
    code = [_fingerprint(word) for word in corpus.tokens]
    return _hash_trees(
        corpus.tree_offset,
        corpus.child_offset,
        corpus.child,
        corpus.token,
        np.array([*code, 1], np.uint64),  # token -1 reads the last entry
    )


def _fingerprint(word: str) -> int:
    text = word.encode("utf-8", "surrogatepass")
    return zlib.crc32(text) << 32 | zlib.crc32(text[::-1], 0x9E3779B9)


def _as_written(corpus: Corpus) -> Corpus:
    """Return the trees with all their words, also those that no vocabulary knows.

    A vocabulary makes one of all the words it lacks, and so of different trees; the
    files they came from still tell them apart.
    """
    parts, places = [], []
    for at, source in enumerate(corpus.sources):
        mine = np.flatnonzero(corpus.source == at)
        if not len(mine):
            continue
        try:
            whole = read_brackets(source, skip_bad=True)
        except DataError:  # it was made, not read, or is no longer there
            return corpus
        found = np.searchsorted(whole.number, corpus.number[mine])
        parts.append(whole[np.minimum(found, len(whole) - 1)])
        places.append(mine)
    return Corpus.cat(parts)[np.argsort(np.concatenate(places))] if parts else corpus


@njit(cache=True)
def _hash_trees(tree_offset, child_offset, child, token, code):
    prints = np.empty(len(tree_offset) - 1, np.uint64)
    prime = np.uint64(0x9E3779B97F4A7C15)
    shift = np.uint64(29)
    for b in range(len(prints)):
        value = np.uint64(0xCBF29CE484222325)
        for v in range(tree_offset[b], tree_offset[b + 1]):
            value = (value ^ code[token[v]]) * prime
            value ^= value >> shift
            arity = child_offset[v + 1] - child_offset[v]
            value = (value ^ np.uint64(arity)) * prime
            value ^= value >> shift
            for k in range(child_offset[v], child_offset[v + 1]):
                value = (value ^ np.uint64(child[k])) * prime
                value ^= value >> shift
        prints[b] = value
    return prints
