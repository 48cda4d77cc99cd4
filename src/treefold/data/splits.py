"""Train, dev and test of files of one's own: where they are, and what is held out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, did_you_mean, neighbours

HELD_OUT = 0.1  # of what there is goes to dev, and as much to test, where neither is


def files_of(
    data: str,
    given: dict[str, str],
    suffixes: Sequence[str],
    *,
    named: Iterable[str],
    otherwise: str,
) -> dict[str, str]:
    """Return the file of each split that has one.

    Args:
        data: a file to train on, or a folder with a file for each split.
        given: the files of some splits, which go before those in the folder.
        suffixes: of the files in a folder, ``train`` and so on before them, the first
            choice first; each may be gzipped.
        named: the names of data sets, for a message.
        otherwise: what a message says that `data` may be.

    Raises:
        DataError: there is no such file, or none to train on in the folder.
    """
    path = Path(data)
    if path.is_dir():
        files = in_folder(path, suffixes) | given
        if "train" not in files:
            names = " or ".join(f"train{suffix}" for suffix in suffixes)
            raise DataError(f"{data}: expected {names} in the folder")
        return files
    if "train" in given:
        return given
    if not path.exists():
        hint = did_you_mean(data, [*named, *neighbours(path)]) or "."
        raise DataError(f"no data set and no file is called {data!r}{hint} {otherwise}")
    return {"train": data} | given


def in_folder(folder: Path, suffixes: Sequence[str]) -> dict[str, str]:
    """Return the files of splits that lie in a folder; see `files_of`."""
    files: dict[str, str] = {}
    for split in SPLITS:
        for suffix in (s for plain in suffixes for s in (plain, f"{plain}.gz")):
            if (path := folder / f"{split}{suffix}").is_file():
                files.setdefault(split, str(path))
    return files


def held_out(
    name: str,
    number: int,
    known: Collection[str],
    seed: int,
    *,
    what: str,
    least: int = 1,
    random: np.random.Generator | None = None,
) -> tuple[dict[str, NDArray[np.int64]], str]:
    """Share training data out to the splits that have none.

    Args:
        name: what messages call the data.
        number: how many there are to train on.
        known: the splits that have data of their own.
        seed: decides which are held out.
        what: what messages call them.
        least: there must be more than so many for each that is held out.
        random: draws them, if `seed` has begun to draw before.

    Returns:
        The numbers of those in each split that has none and, where there is such a
        split, of those left in ``train``, ascending; and a sentence that says so.

    Raises:
        DataError: there are too few.
    """
    missing = [split for split in SPLITS if split not in known]
    if not missing:
        return {}, ""
    size = max(1, round(HELD_OUT * number))
    if number <= least * size * len(missing):
        raise DataError(
            f"{name}: {number} {what} are too few to hold some out for "
            f"{' and '.join(missing)}; give files of their own for these"
        )
    order = (random or np.random.default_rng(seed)).permutation(number)
    parts = {s: order[k * size : (k + 1) * size] for k, s in enumerate(missing)}
    parts["train"] = order[size * len(missing) :]
    names = " and ".join(missing)
    note = f"{names}: {size} {what} each, held out of training by seed {seed}."
    return {split: np.sort(part) for split, part in parts.items()}, note
