"""Where data sets lie on this machine."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

from treefold.data.errors import DataError

SPLITS = ("train", "dev", "test")


def cache_folder() -> Path:
    """Return the user's folder for what treefold downloads or computes."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "treefold"


def folders(name: str) -> list[Path]:
    """Return where a data set may lie: in TREEFOLD_DATA, then in the user's cache."""
    given = os.environ.get("TREEFOLD_DATA")
    return [Path(base) / name for base in (given, cache_folder()) if base]


def split_file(folder: Path, split: str) -> Path | None:
    """Return a split's file, ``train.txt`` or ``train.txt.gz``, if there is one."""
    for suffix in (".txt", ".txt.gz"):
        if (path := folder / f"{split}{suffix}").is_file():
            return path
    return None


def neighbours(path: Path) -> list[str]:
    """Return the paths of the files beside one, written as it is, [] if it has none."""
    try:
        return [str(path.with_name(entry.name)) for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return []


def did_you_mean(name: str, others: Iterable[str]) -> str:
    """Return ``; did you mean 'train.txt'?`` for the name most like it, or nothing."""
    close = difflib.get_close_matches(name, others, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def locate(name: str) -> Path:
    """Return the folder of a data set, with its train, dev and test files.

    Looks in ``$TREEFOLD_DATA/NAME``, then in the user's cache, which is
    ``$XDG_CACHE_HOME/treefold`` or ``~/.cache/treefold``.

    Raises:
        DataError: if it lies in neither, or a folder there lacks a file; the message
            has the command that brings it.
    """
    looked = []
    for folder in folders(name):
        missing = [split for split in SPLITS if split_file(folder, split) is None]
        if not missing:
            return folder
        lacks = f" (lacks {', '.join(f'{split}.txt' for split in missing)})"
        looked.append(f"{folder}{lacks if folder.is_dir() else ''}")
    raise DataError(
        f"{name} is not on this machine; looked in {' and '.join(looked)}. "
        f"Bring it with `treefold download {name}`, or let TREEFOLD_DATA name the "
        f"folder that has `{name}` in it."
    )
