"""Sequences of real vectors, such as the frames of a video or a measured series.

A CSV file has a line a frame, in order, and names its columns in the first line, or has
numbers only, whose columns are then called 1, 2, ... Lines of one sequence stand
together: where a column is called ``sequence``, it says which sequence a frame is of;
else the file is one sequence. Labels stand in the column called ``label``, or in the
only one that is not of numbers::

    sequence,x,y,label
    a,0.1,2.5,Rest
    a,0.3,2.4,Stroke
    b,0.2,2.2,Rest

An npz file holds `x` (V, F), and may hold `label` (V,), `sequence` (V,) and `columns`
(F,).
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Sequences

LABEL, SEQUENCE = "label", "sequence"


@final
@dataclass(frozen=True)
class Frames:
    """B sequences of V frames in all.

    Attributes:
        x: the sequences, with steps (V, F) float32.
        columns: the names of the F features.
        names: the names of the B sequences.
        label: (V,) strings, None where frames have none.
    """

    x: Sequences
    columns: tuple[str, ...]
    names: tuple[str, ...]
    label: NDArray[np.object_] | None = None


def read_frames(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> Frames:
    """Read sequences of frames from a CSV file, plain or gzipped, or an npz file.

    Args:
        path: the file.
        columns: the features wanted, in this order; None: all that there are.
        ignore: columns that are no features, such as the time.

    Raises:
        DataError: with line and column: what is not a finite number; a line that is too
            long or short; a column that is not there; no file, no frame.
    """
    path = Path(path)
    if path.suffix == ".npz":
        return _read_npz(path, columns)
    return parse_frames(
        (text for _, text in open_lines(path)),
        str(path),
        columns=columns,
        ignore=ignore,
    )


def parse_frames(
    lines: Iterable[str],
    name: str,
    *,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> Frames:
    """Read the lines of a CSV text; see `read_frames`."""
    reader = csv.reader(lines)
    header, rows = next(reader, []), []
    header = [each.strip() for each in header]
    if not header:
        raise DataError(f"{name}: expected a line of column names, found none")
    if all(map(_is_number, header)):
        rows, header = [(1, header)], [str(k + 1) for k in range(len(header))]
    twice = next((c for c in header if header.count(c) > 1), None)
    if twice is not None:
        raise DataError(f"{name}:1: the column {twice!r} stands there twice")
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{name}:{reader.line_num}: expected {len(header)} columns between "
                f"commas, found {len(row)}"
            )
        rows.append((reader.line_num, row))
    if not rows:
        raise DataError(f"{name}: expected a line for each frame, found none")
    label = _label_column(header, rows[0][1])
    others = {label, SEQUENCE, *ignore}
    features = [c for c in header if c not in others]
    wanted = _wanted(name, features, columns)
    place = [header.index(c) for c in wanted]
    x = np.empty((len(rows), len(place)), np.float32)
    for k, (line, row) in enumerate(rows):
        try:
            x[k] = [float(row[p]) for p in place]
        except ValueError:
            x[k] = np.nan
        if not np.isfinite(x[k]).all():
            p = next(p for p in place if not _is_number(row[p]))
            raise DataError(
                f"{name}:{line}: expected a finite number in the column "
                f"{header[p]!r}, found {row[p]!r}"
            )

    def column(called: str | None) -> NDArray[np.object_] | None:
        if called not in header:
            return None
        p = header.index(called)
        return np.array([row[p].strip() for _, row in rows], dtype=object)

    return _frames(name, x, wanted, column(label), column(SEQUENCE))


def _label_column(header: list[str], row: list[str]) -> str | None:
    """Return the name of the column of labels, None where there is none."""
    if LABEL in header:
        return LABEL
    words = [
        c
        for c, value in zip(header, row, strict=True)
        if value.strip() and not _is_number(value) and c != SEQUENCE
    ]
    return words[0] if len(words) == 1 else None


def _wanted(
    name: str, features: Sequence[str], columns: Sequence[str] | None
) -> tuple[str, ...]:
    wanted = features if columns is None else columns
    missing = [c for c in wanted if c not in features]
    if missing or not wanted:
        asked = f"the column {missing[0]!r}" if missing else "columns of numbers"
        raise DataError(
            f"{name}: expected {asked}, found {', '.join(features) or 'none'}"
        )
    return tuple(wanted)


def _read_npz(path: Path, columns: Sequence[str] | None) -> Frames:
    try:
        with np.load(path, allow_pickle=False) as file:
            found: dict[str, NDArray[Any]] = {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as npz: {error}") from None
    x = found.get("x")
    if x is None or x.ndim != 2 or x.dtype.kind not in "fiu" or not x.size:
        has = ", ".join(f"{k} {v.shape} {v.dtype}" for k, v in found.items())
        raise DataError(f"{path}: expected numbers x (V, F), found {has or 'nothing'}")
    if not np.isfinite(x).all():
        v, f = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{path}: x[{v}, {f}] is {x[v, f]}; expected finite numbers only"
        )
    for key in (LABEL, SEQUENCE):
        if key in found and found[key].shape != (len(x),):
            raise DataError(
                f"{path}: expected {key} of shape ({len(x)},), found {found[key].shape}"
            )
    given = found["columns"] if "columns" in found else np.arange(x.shape[1]) + 1
    names = tuple(map(str, given))
    if len(names) != x.shape[1]:
        raise DataError(
            f"{path}: expected {x.shape[1]} names in columns, found {len(names)}"
        )
    wanted = _wanted(str(path), names, columns)
    x = x[:, [names.index(c) for c in wanted]].astype(np.float32)

    def strings(key: str) -> NDArray[np.object_] | None:
        return found[key].astype(str).astype(object) if key in found else None

    return _frames(str(path), x, wanted, strings(LABEL), strings(SEQUENCE))


def _frames(
    name: str,
    x: NDArray[np.float32],
    columns: tuple[str, ...],
    label: NDArray[np.object_] | None,
    sequence: NDArray[np.object_] | None,
) -> Frames:
    """Cut frames into sequences where the name of the sequence changes."""
    if sequence is None:
        offset, names = np.array([0, len(x)]), [Path(name).name.split(".")[0]]
    else:
        cuts = np.flatnonzero(sequence[1:] != sequence[:-1]) + 1
        offset = np.concatenate([[0], cuts, [len(x)]])
        names = [str(s) for s in sequence[offset[:-1]]]
        if len(set(names)) < len(names):
            again = next(s for s in names if names.count(s) > 1)
            raise DataError(
                f"{name}: the frames of the sequence {again!r} do not stand together"
            )
    return Frames(Sequences(x, offset.astype(np.int64)), columns, tuple(names), label)


def _is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
