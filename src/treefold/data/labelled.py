"""Labelled trees to measure a trained model on, whose classes are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from treefold.data import listops
from treefold.data.corpus import Corpus
from treefold.data.datasets import (
    FIVE_CLASSES,
    NAMED,
    POLARITY,
    TWO_CLASSES,
    WHOLE_NUMBER,
    load_dataset,
)
from treefold.data.errors import DataError
from treefold.data.places import SPLITS, did_you_mean, locate, neighbours, split_file
from treefold.data.readers.brackets import read_brackets


def read_labelled(
    data: str | Path,
    classes: Sequence[str],
    *,
    split: str = "test",
    seed: int = 0,
    skip_bad: bool = False,
    progress: bool = False,
    run_data: str = "",
) -> Corpus:
    """Read trees whose labels are among the classes of a model.

    Where the classes are negative and positive and the labels 0 to 4, they are read as
    ``sst-binary`` reads them: 0 and 1 are negative, 3 and 4 positive, trees with a
    neutral root are left out, and other neutral nodes have no label.

    Args:
        data: a data set's name, a file of bracket trees, or a folder with a file for
            each split.
        classes: the model's.
        split: which split of a data set or folder: train, dev or test.
        seed: of the data sets that are made.
        skip_bad: leave out trees that cannot be read.
        progress: show progress on standard error, where it takes long.
        run_data: the data that the model was trained on: a file for one of ListOps is
            read as expressions.

    Raises:
        DataError: no such data; a bad tree; a label that is not among the classes,
            with its file and tree; no tree that is left.
    """
    if split not in SPLITS:
        raise DataError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    name = str(data)
    expressions = listops.read_as(run_data, name)
    if expressions is not None:
        _check(expressions, classes)
        return expressions
    if name in NAMED and not name.startswith("sst"):
        made = getattr(load_dataset(name, seed=seed, progress=progress), split)
        _check(made, classes)
        return made
    path = _path(name, split)
    corpus = _numbers(read_brackets(path, skip_bad=skip_bad))
    polar = tuple(classes) == TWO_CLASSES and set(corpus.labels) <= set(FIVE_CLASSES)
    if name == "sst-binary" and not polar:
        raise DataError(
            f"the labels of sst-binary are {' and '.join(TWO_CLASSES)}, the model's "
            f"classes {', '.join(classes)}; measure it on sst, or on a file"
        )
    if not polar:
        _check(corpus, classes)
        return corpus
    names = np.array([POLARITY.get(label, "") for label in corpus.labels] + [""])
    kept = names[corpus.label[corpus.roots]] != ""
    if not kept.any():
        raise DataError(f"{path}: no tree is left: all have a neutral root, label 2")
    chosen = replace(corpus[kept], skipped=corpus.skipped)
    return chosen.recode(classes=TWO_CLASSES, rename=POLARITY)


def _path(name: str, split: str) -> Path:
    """Return the file that holds a split."""
    folder = locate("sst") if name in NAMED else Path(name)
    if not folder.is_dir():
        if not folder.exists() and name != "-":
            hint = did_you_mean(name, [*NAMED, *neighbours(folder)])
            raise DataError(f"no data set and no file is called {name!r}{hint}")
        return folder
    path = split_file(folder, split)
    if path is None:
        raise DataError(f"{name}: expected {split}.txt or {split}.txt.gz in the folder")
    return path


def _numbers(corpus: Corpus) -> Corpus:
    """Return the corpus with whole numbers as labels written alike: 02 is 2."""
    plain = {
        label: str(int(label)) if WHOLE_NUMBER.fullmatch(label) else label
        for label in corpus.labels
    }
    return corpus.recode(classes=tuple(dict.fromkeys(plain.values())), rename=plain)


def _check(corpus: Corpus, classes: Sequence[str]) -> None:
    """Refuse labels that are not among the classes, and trees without any label."""
    known = np.array([label in classes for label in corpus.labels] + [True], bool)
    strange = np.flatnonzero(~known[corpus.label])
    if len(strange):
        tree = int(np.searchsorted(corpus.tree_offset, strange[0], side="right")) - 1
        label = corpus.labels[corpus.label[strange[0]]]
        raise DataError(
            f"{corpus.where(tree)}: the label {label!r} is not among the model's "
            f"classes, {', '.join(classes)}"
        )
    bare = np.flatnonzero(corpus.label[corpus.roots] < 0)
    if len(bare):
        raise DataError(
            f"{corpus.where(int(bare[0]))}: the root has no label to compare with; "
            "write the tree as (LABEL ...)"
        )
