"""Data sets ready for training: three corpora, a vocabulary and the classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.places import (
    SPLITS,
    did_you_mean,
    locate,
    neighbours,
    split_file,
)
from treefold.data.readers.brackets import read_brackets
from treefold.data.splits import held_out
from treefold.data.vocabulary import Vocabulary

FIVE_CLASSES = ("0", "1", "2", "3", "4")
TWO_CLASSES = ("negative", "positive")
# Neutral nodes, label 2, are in neither class.
POLARITY = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")


@final
@dataclass(frozen=True)
class Dataset:
    """Trees to train, tune and test on, numbered alike.

    Attributes:
        name: what reports call it.
        train: trees to learn from.
        dev: trees to choose by.
        test: trees to measure on.
        vocabulary: the words of the training trees.
        classes: the names of the labels.
        note: what a report should say of it: where it came from, what was left out.
        skipped: how many bad trees the readers left out.
        groups: kinds of test trees to measure apart, by name; (B,) bool masks.
    """

    name: str
    train: Corpus
    dev: Corpus
    test: Corpus
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    note: str = ""
    skipped: int = 0
    groups: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


def load_dataset(
    data: str | Path,
    *,
    train: str | Path | None = None,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    lower: bool = False,
    min_count: int = 1,
    seed: int = 0,
    skip_bad: bool = False,
    progress: bool = False,
) -> Dataset:
    """Load a data set by name, or from files of bracket trees.

    Args:
        data: ``"sst"``, ``"sst-binary"``, ``"python-swaps"``, ``"listops"`` or
            ``"listops-arity"``; or the path of a file of bracket trees, or of a folder
            with ``train.txt``, ``dev.txt`` and ``test.txt`` (each may be gzipped).
            Labels are whole numbers, and every root has one.
        train: the file to train on, by default `data`.
        dev: the file to choose by, by default one training tree in ten.
        test: the file to measure on, by default one training tree in ten.
        lower: lower-case the words.
        min_count: words that occur less often in training are unknown.
        seed: decides which trees are held out where `dev` or `test` is not given,
            and which trees ``python-swaps`` makes.
        skip_bad: leave out trees that cannot be read, and count them.
        progress: show progress on standard error, where it takes long.

    Raises:
        DataError: if there is no such data, a file is bad, a label is not a number or
            not a class of the task, or no tree is left.
    """
    name = str(data)
    files = {
        split: path
        for split, path in zip(SPLITS, (train, dev, test), strict=True)
        if path is not None
    }
    if name in NAMED:
        if files:
            raise DataError(
                f"{name} has its own split; {', '.join(files)} cannot be given with it"
            )
        return NAMED[name](
            lower=lower,
            min_count=min_count,
            seed=seed,
            skip_bad=skip_bad,
            progress=progress,
        )
    return _from_files(
        name, files, lower=lower, min_count=min_count, seed=seed, skip_bad=skip_bad
    )


def _sst(*, lower: bool, min_count: int, skip_bad: bool, **_: object) -> Dataset:
    return _dataset(
        "sst",
        _read_sst(skip_bad),
        FIVE_CLASSES,
        lower=lower,
        min_count=min_count,
        note="Stanford Sentiment Treebank, five classes at every node.",
    )


def _sst_binary(*, lower: bool, min_count: int, skip_bad: bool, **_: object) -> Dataset:
    kept, dropped = [], []
    for corpus in _read_sst(skip_bad):
        neutral = np.array([name == "2" for name in corpus.labels])
        polar = ~neutral[corpus.label[corpus.roots]]
        if not polar.any():
            raise DataError(
                f"{corpus.sources[0]}: no tree is left: all {len(corpus)} have a "
                "neutral root, label 2, which sst-binary leaves out"
            )
        kept.append(replace(corpus[polar], skipped=corpus.skipped))
        dropped.append(str(len(corpus) - len(kept[-1])))
    return _dataset(
        "sst-binary",
        kept,
        TWO_CLASSES,
        lower=lower,
        min_count=min_count,
        rename=POLARITY,
        note="Stanford Sentiment Treebank, positive or negative; "
        f"{'/'.join(dropped)} trees with a neutral root are left out, and neutral "
        "nodes bear no loss.",
    )


def _python_swaps(*, seed: int, progress: bool, **_: object) -> Dataset:
    # Imported here: it is the one data set that is made, not read.
    from treefold.data.generators import python_swaps

    return python_swaps.load(seed=seed, progress=progress)


def _listops(name: str) -> Callable[..., Dataset]:
    def load(*, lower: bool, min_count: int, **_: object) -> Dataset:
        from treefold.data.listops import load_listops

        return load_listops(name, lower=lower, min_count=min_count)

    return load


NAMED: dict[str, Callable[..., Dataset]] = {
    "sst": _sst,
    "sst-binary": _sst_binary,
    "python-swaps": _python_swaps,
    "listops": _listops("listops"),
    "listops-arity": _listops("listops-arity"),
}


def _read_sst(skip_bad: bool) -> list[Corpus]:
    """Read train, dev and test, and check the labels."""
    folder = locate("sst")
    corpora = []
    for split in SPLITS:
        path = split_file(folder, split)
        assert path is not None  # `locate` returns complete folders only
        corpora.append(read_brackets(path, skip_bad=skip_bad))
        _check_labels(corpora[-1], FIVE_CLASSES, "the classes of sst are 0 to 4")
    return corpora


def _from_files(
    name: str,
    files: dict[str, str | Path],
    *,
    lower: bool,
    min_count: int,
    seed: int,
    skip_bad: bool,
) -> Dataset:
    """Load bracket files; see `load_dataset`."""
    path = Path(name)
    if path.is_dir():
        files = {split: _inside(path, file) for split, file in files.items()}
        for split in SPLITS:
            if split not in files and (found := split_file(path, split)) is not None:
                files[split] = found
        if "train" not in files:
            raise DataError(f"{name}: expected train.txt or train.txt.gz in the folder")
    elif "train" not in files:
        if not path.exists():
            hint = did_you_mean(name, [*NAMED, *neighbours(path)]) or "."
            raise DataError(
                f"no data set and no file is called {name!r}{hint} The data sets are "
                f"{', '.join(NAMED)}; anything else is the path of a file of bracket "
                "trees."
            )
        files = {"train": path, **files}

    read = {split: read_brackets(f, skip_bad=skip_bad) for split, f in files.items()}
    train = read["train"]
    shares, note = held_out(train.sources[0], len(train), read, seed, what="trees")
    read |= {split: train[some] for split, some in shares.items()}
    read["train"] = replace(read["train"], skipped=train.skipped)
    corpora = [_with_numbers(read[split]) for split in SPLITS]
    train = corpora[0]
    present = np.unique(train.label[train.label >= 0])
    classes = tuple(sorted((train.labels[k] for k in present), key=int))
    for corpus in corpora:
        _check_labels(
            corpus, classes, f"the labels of the training trees are {_list(classes)}"
        )
    return _dataset(
        path.name.removesuffix(".gz").removesuffix(".txt") or name,
        corpora,
        classes,
        lower=lower,
        min_count=min_count,
        note=note,
    )


def _inside(folder: Path, file: str | Path) -> Path:
    """Return a file as it was named or, where there is none, the one in the folder."""
    path = Path(file)
    return folder / path if not path.exists() and (folder / path).exists() else path


def _with_numbers(corpus: Corpus) -> Corpus:
    """Return the corpus with each label written as the whole number it must be."""
    odd = [not WHOLE_NUMBER.fullmatch(name) for name in corpus.labels]
    _refuse(corpus, odd, "expected a whole number as label, found {label}")
    plain = {name: str(int(name)) for name in corpus.labels if name}
    names = tuple(dict.fromkeys(plain.values()))
    return corpus.recode(classes=names, rename=plain)


def _check_labels(corpus: Corpus, classes: Sequence[str], known: str) -> None:
    """Refuse labels that are not among the classes, and roots without a label."""
    odd = [name not in classes for name in corpus.labels]
    _refuse(corpus, odd, "the label {label} is not a class: " + known)
    bare = np.flatnonzero(corpus.label[corpus.roots] < 0)
    if len(bare):
        raise DataError(
            f"{corpus.where(int(bare[0]))}: the root has no label, and the task is to "
            "tell it; write the tree as (LABEL ...)"
        )


def _refuse(corpus: Corpus, odd: list[bool], message: str) -> None:
    """Raise at the first tree that has one of the labels marked."""
    at_fault = np.append(np.array(odd, bool), False)[corpus.label]
    if at_fault.any():
        node = int(np.argmax(at_fault))
        tree = int(np.searchsorted(corpus.tree_offset, node, side="right")) - 1
        label = repr(corpus.labels[corpus.label[node]])
        raise DataError(f"{corpus.where(tree)}: {message.format(label=label)}")


def _dataset(
    name: str,
    corpora: Sequence[Corpus],
    classes: tuple[str, ...],
    *,
    lower: bool,
    min_count: int,
    note: str,
    rename: dict[str, str] | None = None,
) -> Dataset:
    """Number words by the training trees, and labels by the classes."""
    vocabulary = Vocabulary.build(corpora[0], min_count=min_count, lower=lower)
    train, dev, test = (
        corpus.recode(vocabulary, classes, rename=rename) for corpus in corpora
    )
    skipped = sum(len(corpus.skipped) for corpus in corpora)
    return Dataset(name, train, dev, test, vocabulary, classes, note, skipped)


def _list(names: Sequence[str]) -> str:
    """Write names as a list: ``0, 1 and 2``; a long one is cut."""
    if len(names) > 12:
        names = [*names[:10], "...", names[-1]]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
