"""Data sets of pairs of texts, by name or from files of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders
from treefold.data.readers.pairs import TextPairs, read_pairs, read_parallel
from treefold.data.splits import files_of, held_out

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
    if "," not in name:
        files = files_of(
            name,
            files,
            (".tsv",),
            named=NAMED,
            otherwise=f"The data sets are {', '.join(NAMED)}; anything else is the "
            "path of a file of lines source<TAB>target, or of two parallel ones, "
            "SOURCES,TARGETS.",
        )
    read = {s: _read(f, skip_bad) for s, f in ({"train": name} | files).items()}
    whole = read["train"]
    shares, note = held_out(name, len(whole), read, seed, what="pairs")
    read |= {split: whole.select(some.tolist()) for split, some in shares.items()}
    read["train"] = replace(read["train"], skipped=whole.skipped)
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


def _read(file: str, skip_bad: bool) -> TextPairs:
    if Path(file).exists() or "," not in file:
        return read_pairs(file, skip_bad=skip_bad)
    parts = file.split(",")
    if len(parts) != 2:
        raise DataError(
            f"{file}: expected two parallel files, SOURCES,TARGETS, got {len(parts)}"
        )
    return read_parallel(*parts, skip_bad=skip_bad)
