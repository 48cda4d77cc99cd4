"""Drawings as strokes of a pen: files of numpy arrays, and what a model reads."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders
from treefold.data.readers.json_text import loads
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Sequences

# name of a set: file in the folder sketch_strokes
SETS = {
    "strokes-sheep": "aaron_sheep_aaron_sheep.npz",
    "strokes-kanji": "kanji_short_kanji.npz",
    "strokes-omniglot": "omniglot_omniglot.npz",
}
FOLDER = "sketch_strokes"
SPELLINGS = {"train": ("train",), "dev": ("dev", "valid"), "test": ("test",)}
Arrays = Mapping[str, NDArray[Any]]


@final
@dataclass(frozen=True)
class Drawings:
    """B drawings: the points of each in the order of drawing.

    Attributes:
        points: steps (dx, dy, up), float32: how far the pen moved to a point, and
            whether it was lifted there (1), which it is at the last point of a drawing.
        kinds: the drawings' classes; "" where there are none.
    """

    points: Sequences
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, numbers: NDArray[np.int64]) -> Drawings:
        return Drawings(self.points[numbers], tuple(self.kinds[i] for i in numbers))

    @classmethod
    def of(cls, points: Sequences, kinds: Any, where: str) -> Self:
        """Check drawings.

        Raises:
            DataError: not three numbers a point, no number, or a drawing of no points.
        """
        step = np.asarray(points.step, np.float32)
        if step.ndim != 2 or step.shape[1] != 3:
            raise DataError(
                f"{where}: expected points (dx, dy, up), three numbers each, found an "
                f"array of shape {step.shape}."
            )
        good = np.isfinite(step).all(axis=1) & np.isin(step[:, 2], (0, 1))
        if not good.all():
            row = int(np.argmin(good))
            raise DataError(
                f"{where}: expected finite dx and dy, and up = 0 or 1, found "
                f"{step[row].tolist()} at point {row}."
            )
        if len(points) and not points.lengths.all():
            raise DataError(
                f"{where}: drawing {int(np.argmin(points.lengths))} has no points."
            )
        kinds = [""] * len(points) if kinds is None else [str(kind) for kind in kinds]
        if len(kinds) != len(points):
            raise DataError(
                f"{where}: {len(kinds)} classes for {len(points)} drawings."
            )
        return cls(Sequences(step, points.offset), tuple(kinds))


def load_drawings(
    data: str, files: Mapping[str, str | None], seed: int
) -> dict[str, Drawings]:
    """Load the drawings of each split.

    Args:
        data: one of `SETS`, or an ``.npz`` file of ``train_strokes``,
            ``train_offsets``, and if wanted ``train_classes``; the same for ``dev`` (or
            ``valid``) and ``test``. Without splits, ``strokes`` and ``offsets`` are
            shared out, a tenth each to dev and test.
        files: for "train", "dev" and "test" a file that is this split, or None.
        seed: of the share-out.

    Raises:
        DataError: they cannot be had, or are not what they must be.
    """
    given = {split: read_drawings(f, split) for split, f in files.items() if f}
    if len(given) == len(SPLITS):
        return given
    path = find_drawings(data)
    arrays = read_arrays(path)
    found = {
        split: each
        for split in SPLITS
        if (each := _drawings(arrays, split, str(path))) is not None
    }
    if not found:
        whole = read_drawings(str(path), "")
        order = np.random.default_rng(seed).permutation(len(whole))
        cuts = [len(whole) // 10, 2 * (len(whole) // 10)]
        parts = zip(("dev", "test", "train"), np.split(order, cuts), strict=True)
        found = {split: whole[part] for split, part in parts}
    found |= given
    missing = [split for split in SPLITS if split not in found]
    if missing:
        raise DataError(f"{path}: expected {missing[0]}_strokes, found {list(arrays)}.")
    return found


def find_drawings(data: str) -> Path:
    """Return the file of a set, by name or path.

    Raises:
        DataError: it is not there.
    """
    if data not in SETS:
        return Path(data)
    places = [folder / SETS[data] for folder in folders(FOLDER)]
    for path in places:
        if path.is_file():
            return path
    raise DataError(
        f"{data} is not on this machine; looked for {' and '.join(map(str, places))}. "
        f"Let TREEFOLD_DATA name the folder that has `{FOLDER}` in it."
    )


def read_drawings(file: str, split: str = "") -> Drawings:
    """Read a file's drawings of a split; of the whole file if it has no splits.

    Raises:
        DataError: it cannot be read, or has none.
    """
    arrays = read_arrays(Path(file))
    found = _drawings(arrays, split, file) if split else None
    found = found or _drawings(arrays, "", file)
    if found is None:
        names = f"{split}_strokes or strokes" if split else "strokes"
        raise DataError(f"{file}: expected the array {names}, found {list(arrays)}.")
    return found


def stream_drawings(file: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Read beginnings of drawings line by line: the class and the points of each.

    A line is JSON: a list of points ``[dx, dy, up]``, which may be empty, or an object
    ``{"class": ..., "points": [...]}``.

    Raises:
        DataError: a line that is something else.
    """
    for number, line in open_lines(file):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            found = loads(line)
        except ValueError as error:
            raise DataError(
                f"{where}: expected JSON, such as [[0, 5, 0], [5, 0, 1]]: {error}"
            ) from None
        kind, points = "", found
        if isinstance(found, dict):
            kind, points = str(found.get("class", "")), found.get("points", [])
        try:
            step = np.array(points, np.float32).reshape(
                len(points), -1 if points else 3
            )
        except (TypeError, ValueError):
            raise DataError(
                f"{where}: expected a list of points [dx, dy, up], found {line[:40]!r}."
            ) from None
        offset = np.array([0, len(step)], np.int64)
        if len(step):
            Drawings.of(Sequences(step, offset), None, where)
        yield kind, step


def _drawings(arrays: Arrays, split: str, where: str) -> Drawings | None:
    """Take a split's drawings out of a file's arrays, if they are there."""
    for spelling in SPELLINGS[split] if split else ("",):
        begin = f"{spelling}_" if spelling else ""
        if f"{begin}strokes" in arrays:
            if f"{begin}offsets" not in arrays:
                raise DataError(f"{where}: {begin}strokes has no {begin}offsets.")
            try:
                points = Sequences(
                    arrays[f"{begin}strokes"],
                    arrays[f"{begin}offsets"].astype(np.int64),
                )
            except DataError as error:
                raise DataError(f"{where}: {begin}offsets: {error}") from None
            kinds = arrays.get(f"{begin}classes")
            return Drawings.of(points, kinds, f"{where}: {begin}strokes")
    return None


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read an ``.npz`` file; arrays of Python objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: expected an .npz file of plain numpy arrays: {error}"
        ) from None
