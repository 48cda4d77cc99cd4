"""Files and folders of documents, each with what is to be told of it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

from tqdm import tqdm

from treefold.data.documents import Document, Goal
from treefold.data.errors import DataError
from treefold.data.file_labels import Told, labels_of
from treefold.data.parallel import parse_files
from treefold.data.places import did_you_mean, neighbours
from treefold.data.readers.formats import (
    FORMATS,
    format_named,
    format_of,
    guessed,
    is_table,
)
from treefold.data.readers.json_records import Record, as_document
from treefold.data.readers.rows import cell, rows_of, typed
from treefold.data.targets import lift, take

MOST_BYTES = 1 << 30  # of a file, or of what a packed one holds
GZIPPED = b"\x1f\x8b"


class Found(NamedTuple):
    """A document with its target, and the group that it belongs to."""

    document: Document
    group: Any = None


@final
@dataclass(frozen=True)
class Way:
    """How files are read.

    Attributes:
        target: the field to be told, with dots; of a table, the column.
        goal: see `treefold.data.document_sets.load_documents`, as for the rest.
        format: how documents are written; auto goes by the files' names.
        column: of a table, the column that holds the documents.
        group: the field, or column, of what belongs together.
        ordered: whether the order of children matters; None leaves it to the format.
        labelled: whether documents without a target are errors.
    """

    target: str | None = None
    goal: Goal | Literal["auto"] = "auto"
    format: str = "auto"
    column: str | None = None
    group: str | None = None
    ordered: bool | None = None
    labelled: bool = True

    def __post_init__(self) -> None:
        if self.format != "auto":
            format_named(self.format)  # an unknown one is told before anything is read

    def read(self, path: Path, progress: bool = False) -> Iterator[Found | DataError]:
        """Read a file or a folder.

        Raises:
            DataError: there is none, or nothing in it is a document.
        """
        if path.is_dir():
            yield from self._folder(path, progress)
            return
        content = file_content(path)
        bar: Callable[..., Any] = partial(
            tqdm, desc="reading", unit="document", leave=False
        )
        found = self.read_content(content, str(path))
        yield from bar(found, disable=None if progress else True)

    def read_content(self, content: bytes, place: str) -> Iterator[Found | DataError]:
        """Read what a file holds: a table, one document or many."""
        try:
            content = unpacked(content, place)
            rows = rows_of(content, place) if is_table(place) else None
        except DataError as error:
            yield error
            return
        if rows is not None:
            yield from self._rows(rows, place)
            return
        found = read_content(content, place, format=self.format, ordered=self.ordered)
        yield from (self.told(each) for each in found)

    def told(self, document: Document | DataError) -> Found | DataError:
        """Take the target and the group out of a document."""
        if isinstance(document, DataError):
            return document
        group: Any = None
        try:
            if self.group is not None:
                group = self._taken(document, self.group)
            if self.target is not None and self.goal == "nodes":
                self._tolerant(lift, document, self.target)
            elif self.target is not None:
                document.target = self._taken(document, self.target)
        except DataError as error:
            return error
        return Found(document, group)

    def _taken(self, document: Document, path: str) -> Any:
        return self._tolerant(take, document, path)

    def _tolerant(self, take: Callable[..., Any], *given: Any) -> Any:
        """Do without what is not there, where documents need no target."""
        try:
            return take(*given)
        except DataError:
            if self.labelled:
                raise
            return None

    # ------------------------------------------------------------------ tables

    def _rows(
        self, rows: Iterator[Record | DataError], place: str
    ) -> Iterator[Found | DataError]:
        format = self.format
        try:
            for record in rows:
                if isinstance(record, DataError):
                    yield record
                    continue
                row = record.value
                if self.column is None:
                    values = {key: typed(cell) for key, cell in row.items()}
                    yield self.told(
                        as_document(record._replace(value=values), self.ordered)
                    )
                    continue
                for name in filter(None, (self.column, self.group)):
                    cell(row, name, record.place)
                text = row[self.column].encode("utf-8", "surrogatepass")
                if format == "auto":
                    format = guessed(text) or ""
                if not format:
                    raise DataError(
                        f"{record.place}: what the column {self.column!r} holds is not "
                        "plain; say --format json, sql, xml, python or another"
                    )
                yield self._ofcell(text, record, format)
        except DataError as error:
            yield error

    def _ofcell(self, text: bytes, record: Record, format: str) -> Found | DataError:
        row = record.value
        document = next(
            _read(text, record.place, format, alone=True, ordered=self.ordered),
            DataError(f"{record.place}: the column {self.column!r} is empty"),
        )
        if isinstance(document, DataError):
            return document
        if self.target is not None and self.target in row:
            document.target = typed(row[self.target])
            if document.target is None and self.labelled:
                return DataError(f"{record.place}: {self.target!r} is empty")
        elif self.target is not None:
            return self.told(document)  # it may lie inside
        return Found(document, row[self.group] if self.group else None)

    # ------------------------------------------------------------------ folders

    def _folder(self, folder: Path, progress: bool) -> Iterator[Found | DataError]:
        told = labels_of(folder, self.target, self.group)
        if told is None:
            paths = self._files(folder)
            if self.target is None and self.goal != "nodes":
                within = {path: path.relative_to(folder).parts for path in paths}
                told = {p: Told(at[0]) for p, at in within.items() if len(at) > 1}
        else:
            paths = list(told)
        if not paths:
            raise DataError(
                f"{folder}: there is no document in it; expected labels.csv with the "
                "columns path and label, a folder for each class, or files with "
                "--target FIELD"
            )
        read = partial(
            read_content, format=self.format, alone=True, ordered=self.ordered
        )
        for path, found in parse_files(paths, read, progress=progress):
            for document in found:
                if told is None or isinstance(document, DataError):
                    yield self.told(document)
                elif path in told:
                    document.target = told[path].target
                    yield Found(document, told[path].group)

    def _files(self, folder: Path) -> list[Path]:
        """Return the files of a folder that are documents, in order."""
        paths = sorted(
            path
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith((".", "_"))
        )
        known = [path for path in paths if format_of(path) is not None]
        if self.format == "auto":
            return known
        mine = [p for p in known if format_of(p) == self.format.lower()]
        return mine or paths  # programs in .txt


# ------------------------------------------------------------------ one file


def read_content(
    content: bytes,
    place: str,
    *,
    format: str = "auto",
    alone: bool = False,
    ordered: bool | None = None,
) -> Iterator[Document | DataError]:
    """Read what a file holds, packed or not, as documents.

    Args:
        content: of the file.
        place: its name.
        format: one of `treefold.data.readers.formats.FORMATS`; auto goes by the name,
            then by how the content begins.
        alone: whether the file is one document.
        ordered: see `Way`.
    """
    try:
        content = unpacked(content, place)
        if format == "auto":
            format = format_of(place) or guessed(content) or ""
        if not format:
            raise DataError(
                f"{place}: neither its name nor how it begins tells its format; say "
                f"--format, with one of {', '.join(FORMATS)}"
            )
        yield from _read(content, place, format, alone, ordered)
    except DataError as error:
        yield error


def _read(
    content: bytes, place: str, name: str, alone: bool, ordered: bool | None
) -> Iterator[Document | DataError]:
    known = format_named(name)
    options = {**known.options, **(known.alone if alone else {})}
    return known.read(content, place, ordered=ordered, **options)


def file_content(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        DataError: it is missing, cannot be read, or is larger than 1 GiB.
    """
    try:
        with path.open("rb") as file:  # which may have no size, and no end: /dev/zero
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        hint = did_you_mean(str(path), neighbours(path))
        raise DataError(f"{path}: no such file{hint}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {why}") from None
    if len(content) > MOST_BYTES:
        raise DataError(f"{path}: it has more than the 1 GiB of a file; split it")
    return content


def beginning(path: Path, size: int = 1000) -> bytes:
    """Return how a file begins, unpacked; nothing of one that cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(size)
            if not content.startswith(GZIPPED):
                return content
            file.seek(0)
            with gzip.GzipFile(fileobj=file) as inside:
                return inside.read(size)
    except (OSError, ValueError, EOFError, zlib.error):
        return b""


def unpacked(content: bytes, place: str) -> bytes:
    """Return what was packed by gzip, and all else as it is.

    Raises:
        DataError: it is damaged, or holds more than 1 GiB.
    """
    if not content.startswith(GZIPPED):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            inside = file.read(MOST_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{place}: the gzip file is damaged ({error})") from None
    if len(inside) > MOST_BYTES:
        raise DataError(
            f"{place}: {len(content):,} bytes unpack to more than 1 GiB; split the file"
        )
    return inside
