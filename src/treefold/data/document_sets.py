"""Sets of documents ready for training: by name, or from files and folders."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from treefold.data.document_files import Found, Way
from treefold.data.document_parts import (
    Part,
    hold_out_of,
    read_part,
    settle,
)
from treefold.data.documents import Document, Documents, DocumentSet, Goal
from treefold.data.errors import DataError
from treefold.data.file_labels import LABELS
from treefold.data.places import SPLITS, did_you_mean, neighbours
from treefold.data.readers.formats import format_of, is_documents, is_table
from treefold.data.readers.json_records import Record, as_document, record_of
from treefold.data.readers.lines import STDIN

SPLIT_NAMES = {  # what the files and folders of splits are called
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test", "testing"),
}
MOST_SHOWN = 10  # classes, in a note
Loader = Callable[[int, bool], DocumentSet]


def _records(name: str) -> Loader:
    def load(seed: int, progress: bool) -> DocumentSet:
        # Imported here: these are made, not read.
        from treefold.data.generators.nested import load_records

        return load_records(name, seed)

    return load


def _plans(out: str) -> Loader:
    def load(seed: int, progress: bool) -> DocumentSet:
        from treefold.data import plan_tables

        return plan_tables.load(out)

    return load


def _expressions(kind: str) -> Loader:
    def load(seed: int, progress: bool) -> DocumentSet:
        from treefold.data.generators import formulas

        return formulas.load(f"expressions-{kind}", seed)

    return load


def _treebank(name: str) -> Loader:
    def load(seed: int, progress: bool) -> DocumentSet:
        from treefold.data.dependency_sets import load_ud_ewt

        return load_ud_ewt(name)

    return load


def _programs(seed: int, progress: bool) -> DocumentSet:
    from treefold.data import programs

    return programs.load(seed, progress)


def _cloze(seed: int, progress: bool) -> DocumentSet:
    from treefold.data.generators import python_cloze

    return python_cloze.load(seed=seed, progress=progress)


TREEBANKS = ("ud-ewt-pos", "ud-ewt-pos-bare", "ud-ewt-pos-chain")
RECORDS = ("largest", "equal", "count", "sum", "flat")
# Name -> a function of a seed, and of whether to show progress.
NAMED: dict[str, Loader] = {
    name: _records(name)
    for rule in RECORDS
    for name in (f"records-{rule}{size}" for size in ("", "-2000", "-500"))
} | {name: _treebank(name) for name in TREEBANKS}
NAMED |= {f"expressions-{kind}": _expressions(kind) for kind in ("arithmetic", "logic")}
NAMED |= {"poj104": _programs, "python-cloze": _cloze}
# The template left out; see `treefold.data.plan_tables`.
TEMPLATES = (*range(1, 15), 16, 18, 19, 21, 22)
NAMED |= {f"tpch-plans-Q{k}": _plans(f"Q{k}") for k in TEMPLATES}


def load_documents(
    data: str | Path,
    files: Mapping[str, str] | None = None,
    *,
    target: str | None = None,
    goal: Goal | Literal["auto"] = "auto",
    format: str = "auto",
    column: str | None = None,
    group: str | None = None,
    ordered: bool | None = None,
    strict: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> DocumentSet:
    """Load documents to train, choose and measure on.

    Args:
        data: the name of a data set; or a file of many documents; a table (CSV, TSV); a
            folder with ``labels.csv`` (path, label), with a folder for each class, or
            with files that hold their target; or a folder of such files or folders
            called train, dev and test.
        files: the files or folders of some splits; train is otherwise `data`, and dev
            and test are held out of it.
        target: the field to be told, which is removed from the documents; dots lead to
            fields inside. Of a table, the column.
        goal: what targets are: names of classes, numbers, or classes of nodes; auto
            goes by what they look like, as `treefold.data.targets.goal_of` says, and
            without a target by whether nodes have labels.
        format: see `treefold.data.readers.formats`; auto goes by the files' names.
        column: of a table, the column that holds the documents; None takes the row as
            a record.
        group: the field or column whose equal values stay together when documents are
            held out; it is removed from the documents.
        ordered: whether the order of children matters; None leaves it to the format.
        strict: whether what cannot be read is an error, and not left out.
        seed: decides which documents are held out.
        progress: show progress on standard error.

    Raises:
        DataError: there are no such data, or more than half of them cannot be read,
            have no target, or have one that is not what the goal needs.
    """
    name = str(data)
    if name in NAMED:
        if files:
            raise DataError(
                f"{name} has its own split; {', '.join(files)} cannot be given with it"
            )
        return NAMED[name](seed, progress)
    way = Way(target, goal, format, column, group, ordered)
    places = _places(name, files or {})
    train = places["train"]
    if column is not None and train.is_file() and not is_table(train):
        raise DataError(
            f"{train}: only a table (CSV, TSV) has columns; leave --column out"
        )
    parts = {
        split: read_part(path, way, strict, progress) for split, path in places.items()
    }
    settled = settle(parts, way)
    notes = [_read(places["train"], way)]
    if goal == "auto":
        notes.append(_inferred(parts["train"], settled, target))
    notes += [
        f"Of {split} {len(part.skipped):,} were left out, the first: {part.skipped[0]}."
        for split, part in parts.items()
        if part.skipped
    ]
    missing = [split for split in SPLITS if split not in parts]
    if missing:
        notes.append(hold_out_of(parts, missing, group is not None, seed))
    if settled == "classify":
        notes += _warnings(parts)
    return DocumentSet(
        _plain(name),
        parts["train"].documents(),
        parts["dev"].documents(),
        parts["test"].documents(),
        settled,
        " ".join(notes),
        tuple(message for part in parts.values() for message in part.skipped),
        format if format != "auto" else _format_of(parts["train"]),
    )


def load_more(
    files: Mapping[str, str], way: Way, strict: bool = False, progress: bool = False
) -> dict[str, Documents]:
    """Load other documents to measure a model on, by split; see `load_documents`.

    Raises:
        DataError: as `load_documents` does.
    """
    parts = {
        split: read_part(Path(file), way, strict, progress)
        for split, file in files.items()
    }
    settle(parts, way)
    return {split: part.documents() for split, part in parts.items()}


def load_unlabelled(
    data: str | Path, *, strict: bool = False, progress: bool = False, **options: Any
) -> tuple[Documents, tuple[str, ...]]:
    """Load documents of which nothing is to be told; see `load_documents`.

    Returns:
        The documents, and messages on what was left out.

    Raises:
        DataError: as `load_documents` does.
    """
    part = read_part(Path(data), Way(**options, labelled=False), strict, progress)
    return part.documents(), tuple(part.skipped)


def read_documents(
    file: str, way: Way, strict: bool = False
) -> Iterator[Document | DataError]:
    """Read documents to predict, from a file, a folder, or ``-`` as they come.

    The target and the group are taken out of a record where they are there; the target
    stays known, as the document's. In place of what cannot be read stands the error
    that says why.

    Args:
        file: what to read. Standard input is JSON lines, unless `way` has a format.
        way: how the run's own data were read.
        strict: whether what cannot be read is an error.

    Raises:
        DataError: nothing can be read.
    """
    way = replace(way, labelled=False)
    found = _standard_input(way) if file == "-" else way.read(Path(file))
    first: DataError | None = None
    some = False
    for each in found:
        if isinstance(each, DataError):
            if strict:
                raise each
            first = first or each
            yield each
            continue
        some = True
        yield each.document
    if first is not None and not some:
        raise first


def _standard_input(way: Way) -> Iterator[Found | DataError]:
    """Read standard input: lines of JSON as they come, or a whole of another format."""
    if way.format not in ("auto", "json", "jsonl"):
        yield from way.read_content(sys.stdin.buffer.read(), STDIN)
        return
    lines = iter(sys.stdin.buffer.readline, b"")
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        for record in record_of(line, STDIN, number):
            if isinstance(record, Record):
                yield way.told(as_document(record, way.ordered))
            else:
                yield record


# ------------------------------------------------------------------ saying


def _read(path: Path, way: Way) -> str:
    """Say how the data were read."""
    format = way.format if way.format != "auto" else format_of(path)
    if is_table(path):
        held = f", its column {way.column!r} the documents" if way.column else ""
        return f"Read as a table{held}."
    if path.is_dir():
        return f"Read as a folder of documents{f' in {format}' if format else ''}."
    return f"Read as {format}." if format else "Read as its beginning tells."


def _format_of(part: Part) -> str:
    """Return the format of all files, auto where they are JSON or of several.

    Of JSON there are two, told apart by the files' names.
    """
    files = {found.document.place.partition(":")[0] for found in part.found}
    formats = {format_of(file) for file in files}
    known = (formats.pop() if len(formats) == 1 else None) or "auto"
    return "auto" if known in ("json", "jsonl") else known


def _inferred(train: Part, goal: Goal, target: str | None) -> str:
    """Say what the targets were taken for."""
    if goal == "nodes":
        return "Nodes have labels: their classes are learned (--goal nodes)."
    field = f"{target!r} " if target else ""
    if goal == "regress":
        values = train.targets
        span = f"from {min(values):g} to {max(values):g}"
        return (
            f"The target {field}is a number {span}: it is regressed (--goal regress)."
        )
    count = Counter(train.targets)
    names = sorted(name for name, _ in count.most_common(MOST_SHOWN))
    shown = ", ".join([*names, *["..."] * (len(count) > MOST_SHOWN)])
    return (
        f"The target {field}is one of {len(count):,} classes, {shown}: it is "
        "classified (--goal classify)."
    )


def _warnings(parts: Mapping[str, Part]) -> list[str]:
    """Say of which classes there is too little to learn from."""
    count = Counter(parts["train"].targets)
    said = list[str]()
    single = [name for name, n in count.items() if n == 1]
    if single:
        shown = ", ".join(single[:MOST_SHOWN])
        said.append(
            f"Of {len(single):,} of {len(count):,} classes training has one example "
            f"only: {shown}{', ...' if len(single) > MOST_SHOWN else ''}."
        )
    for split in SPLITS[1:]:
        unseen = Counter(t for t in parts[split].targets if t not in count)
        if unseen:
            name, _ = unseen.most_common(1)[0]
            said.append(
                f"{unseen.total():,} documents of {split} are of classes that training "
                f"lacks, such as {name!r}; they are left out of its figures."
            )
    return said


# ------------------------------------------------------------------ places


def _places(name: str, files: Mapping[str, str]) -> dict[str, Path]:
    """Return the file or folder of each split that has one."""
    path = Path(name)
    places = {split: Path(file) for split, file in files.items()}
    if path.is_dir():
        places = {
            split: path / at if not at.exists() and (path / at).exists() else at
            for split, at in places.items()
        }
        inside = _splits_in(path)
        places = {**inside, **places}
    if "train" not in places:
        if not path.exists():
            hint = did_you_mean(name, [*NAMED, *neighbours(path)]) or "."
            raise DataError(f"no data set and no file is called {name!r}{hint}")
        places["train"] = path
    return {split: places[split] for split in SPLITS if split in places}


def _splits_in(folder: Path) -> dict[str, Path]:
    """Return the files or folders inside a folder that are called as splits are."""
    found: dict[str, Path] = {}
    entries = sorted(folder.iterdir())
    for split, names in SPLIT_NAMES.items():
        for path in entries:
            stem = path.name.lower().split(".")[0]
            if stem in names and (path.is_dir() or is_documents(path)):
                found.setdefault(split, path)
    return found if "train" in found else {}


def holds_documents(folder: Path) -> bool:
    """Whether a folder has documents in it, as `load_documents` looks for them."""
    if any((folder / name).is_file() for name in LABELS):
        return True
    return any(is_documents(path) for path in folder.rglob("*") if path.is_file())


def _plain(name: str) -> str:
    """Return what reports call the data."""
    return Path(name).name.removesuffix(".gz").split(".")[0] or name
