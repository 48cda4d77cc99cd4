"""Data sets of pairs of texts, by name or from files of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, did_you_mean, folders, neighbours
from treefold.data.readers.pairs import TextPairs, read_pairs, read_parallel

HELD_OUT = 0.1  # of the pairs go to dev, and as many to test, where neither is given
MULTI30K = {"train": "train", "dev": "val", "test": "test_2016_flickr"}
NAMED = {
    "multi30k-en-de": ("en", "de"),
    "multi30k-en-fr": ("en", "fr"),
    "multi30k-de-en": ("de", "en"),
}


@final
@dataclass(frozen=True)
class PairSet:
    """Pairs of texts to train, tune and test on.

    Attributes:
        name: what reports call it.
        train: to learn from.
        dev: to choose by.
        test: to measure on.
        note: what a report should say of it.
    """

    name: str
    train: TextPairs
    dev: TextPairs
    test: TextPairs
    note: str = ""


def load_pairs(
    data: str | Path,
    *,
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    seed: int = 0,
    skip_bad: bool = False,
) -> PairSet:
    """Load pairs of texts by name, or from files.

    A file is lines of ``source<TAB>target``; ``FILE,FILE`` names two parallel ones,
    sources and targets.

    Args:
        data: a name in `NAMED`; or a file, or a folder that has ``train.tsv``, and may
            have ``dev.tsv`` and ``test.tsv`` (each may be gzipped).
        train: the file to learn from, by default `data`.
        dev: the file to choose by, by default one training pair in ten.
        test: the file to measure on, by default one training pair in ten.
        seed: decides which pairs are held out where `dev` or `test` is not given.
        skip_bad: leave out lines that are no pair.

    Raises:
        DataError: there is no such data, a line is bad, or too few are left.
    """
    given = zip(SPLITS, (train, dev, test), strict=True)
    files: dict[str, str] = {split: file for split, file in given if file is not None}
    name = str(data)
    if name in NAMED:
        if files:
            raise DataError(
                f"{name} has its own split; {', '.join(files)} cannot be given with it"
            )
        return _multi30k(name, skip_bad)
    path = Path(name)
    if path.is_dir():
        files = _in_folder(path) | files
    elif "train" not in files:
        if not path.exists() and "," not in name:
            hint = did_you_mean(name, [*NAMED, *neighbours(path)]) or "."
            raise DataError(
                f"no data set and no file is called {name!r}{hint} The data sets are "
                f"{', '.join(NAMED)}; anything else is the path of a file of lines "
                "source<TAB>target, or of two parallel ones, SOURCES,TARGETS."
            )
        files = {"train": name} | files
    read = {split: _read(file, skip_bad) for split, file in files.items()}
    note = _hold_out(name, read, seed)
    stem = path.name.removesuffix(".gz").removesuffix(".tsv") or name
    return PairSet(stem, read["train"], read["dev"], read["test"], note)


def _multi30k(name: str, skip_bad: bool) -> PairSet:
    """Multi30k (Elliott et al., 2016): captions in English and their translations."""
    source, target = NAMED[name]
    looked = folders("multi30k")
    for folder in looked:
        files = [
            tuple(folder / f"{stem}.{language}.gz" for language in (source, target))
            for stem in MULTI30K.values()
        ]
        if all(file.is_file() for both in files for file in both):
            break
    else:
        raise DataError(
            f"multi30k is not on this machine; looked in "
            f"{' and '.join(map(str, looked))}. Let TREEFOLD_DATA name the folder that "
            f"has `multi30k` in it, with train.{source}.gz, train.{target}.gz, and the "
            "same of val and of test_2016_flickr, from data/task1/raw of the Multi30k "
            "data set."
        )
    read = [read_parallel(*both, skip_bad=skip_bad) for both in files]
    return PairSet(name, *read, note="Multi30k, task 1; test is test_2016_flickr.")


def _in_folder(folder: Path) -> dict[str, str]:
    files = {}
    for split in SPLITS:
        for suffix in (".tsv", ".tsv.gz"):
            if (path := folder / f"{split}{suffix}").is_file():
                files.setdefault(split, str(path))
    if "train" not in files:
        raise DataError(f"{folder}: expected train.tsv or train.tsv.gz in the folder")
    return files


def _read(file: str, skip_bad: bool) -> TextPairs:
    if Path(file).exists() or "," not in file:
        return read_pairs(file, skip_bad=skip_bad)
    parts = file.split(",")
    if len(parts) != 2:
        raise DataError(
            f"{file}: expected two parallel files, SOURCES,TARGETS, got {len(parts)}"
        )
    return read_parallel(*parts, skip_bad=skip_bad)


def _hold_out(name: str, read: dict[str, TextPairs], seed: int) -> str:
    """Move training pairs to the splits that have none, and say so."""
    missing = [split for split in SPLITS if split not in read]
    if not missing:
        return ""
    train = read["train"]
    size = max(1, round(HELD_OUT * len(train)))
    if len(train) <= size * len(missing):
        raise DataError(
            f"{name}: {len(train)} pairs are too few to hold some out for "
            f"{' and '.join(missing)}; give files of their own for these"
        )
    order = np.random.default_rng(seed).permutation(len(train))
    for k, split in enumerate(missing):
        read[split] = train.select(sorted(order[k * size : (k + 1) * size].tolist()))
    rest = train.select(sorted(order[size * len(missing) :].tolist()))
    read["train"] = TextPairs(rest.sources, rest.targets, train.skipped)
    return (
        f"{' and '.join(missing)}: {size} pairs each, held out of training by seed "
        f"{seed}."
    )
