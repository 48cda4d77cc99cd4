"""The labels of a folder's files, in a file beside them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from treefold.data.errors import DataError
from treefold.data.readers.json_records import Record, records
from treefold.data.readers.rows import cell, rows_of, typed
from treefold.data.targets import name_of

LABELS = tuple(f"labels{ending}" for ending in (".csv", ".tsv", ".jsonl"))
PATHS = ("path", "file", "filename", "name", "id")  # what the columns are called
TARGETS = ("label", "class", "target", "value", "y")


class Told(NamedTuple):
    """What is told of a file: its target, and the group that it belongs to."""

    target: Any
    group: Any = None


def labels_of(
    folder: Path, target: str | None = None, group: str | None = None
) -> dict[Path, Told] | None:
    """Read the labels of a folder's files, None where it has no file of them.

    Args:
        folder: which may have labels.csv, labels.tsv or labels.jsonl.
        target: the column of labels; None takes one that is called so, else the first
            beside the paths.
        group: the column of groups, if any.

    Raises:
        DataError: a column is missing, a path leads out of the folder.
    """
    file = next((folder / name for name in LABELS if (folder / name).is_file()), None)
    if file is None:
        return None
    content = file.read_bytes()
    rows: Iterable[Record | DataError] = (
        records(content, str(file), lines=True)
        if file.suffix == ".jsonl"
        else rows_of(content, str(file))
    )
    told: dict[Path, Told] = {}
    names: tuple[str, str] | None = None
    for row in rows:
        if isinstance(row, DataError):
            raise row
        if not isinstance(row.value, dict):
            raise DataError(f'{row.place}: expected {{"path": ..., "label": ...}}')
        names = names or _columns(row, target)
        path = Path(str(cell(row.value, names[0], row.place)))
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{row.place}: {str(path)!r} leads out of the folder")
        value = cell(row.value, names[1], row.place)
        if value is None or value == "":
            raise DataError(f"{row.place}: {names[1]!r} is empty")
        value = typed(value) if isinstance(value, str) else value
        together = cell(row.value, group, row.place) if group else None
        told[folder / path] = Told(value, together)
    if names and names[1].lower() in ("label", "class"):
        whole = (isinstance(v, float) and v.is_integer() for v, _ in told.values())
        if all(whole):  # numbers of classes, however many
            told = {p: Told(name_of(t.target), t.group) for p, t in told.items()}
    return told


def _columns(row: Record, target: str | None) -> tuple[str, str]:
    """Return the columns of paths and of labels."""
    names = list(row.value)
    path = next((n for n in names if n.lower() in PATHS), names[0] if names else "")
    others = [n for n in names if n != path]
    if target is None:
        by_name = (n for n in others if n.lower() in TARGETS)
        target = next(chain(by_name, others), None)
    if target is None or target not in others:
        raise DataError(
            f"{row.place}: expected the columns path and {target or 'label'}, found "
            f"{', '.join(names)}"
        )
    return path, target
