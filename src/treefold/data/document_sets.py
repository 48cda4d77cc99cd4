"""Sets of documents ready for training: by name, or from files and folders."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, final

from treefold.data.document_files import Found, Way
from treefold.data.documents import Document, Documents, DocumentSet, Goal
from treefold.data.errors import DataError
from treefold.data.file_labels import LABELS
from treefold.data.places import SPLITS, did_you_mean, neighbours
from treefold.data.readers.formats import format_of, is_documents, is_table
from treefold.data.readers.json_records import Record, as_document, record_of
from treefold.data.readers.lines import STDIN
from treefold.data.targets import fields_of, goal_of, hold_out, name_of, number_of

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


class NoTarget(DataError):
    """Documents of which nothing is to be told, as far as is known."""


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
    parts = {
        split: read_part(path, way, strict, progress)
        for split, path in _places(name, files or {}).items()
    }
    way = replace(way, goal=settle(parts, way))
    notes = [_read(_places(name, files or {})["train"], way)]
    notes += [] if goal == way.goal else [_inferred(parts["train"], way)]
    notes += [f"{split}: {part.left_out()}" for split, part in parts.items()]
    missing = [split for split in SPLITS if split not in parts]
    if missing:
        notes.append(_hold_out(parts, missing, group is not None, seed))
    if way.goal == "classify":
        notes += _warnings(parts)
    return DocumentSet(
        _plain(name),
        **{split: parts[split].documents() for split in SPLITS},
        goal=way.goal,
        note=" ".join(note for note in notes if not note.endswith(": ")),
        skipped=tuple(m for part in parts.values() for m in part.skipped),
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


# ------------------------------------------------------------------ parts


@final
@dataclass
class Part:
    """What was read of one split.

    Attributes:
        found: the documents that can be used.
        skipped: what is wrong with the others.
    """

    found: list[Found]
    skipped: list[str]

    @property
    def targets(self) -> list[Any]:
        """What is to be told of each document."""
        return [found.document.target for found in self.found]

    def documents(self) -> Documents:
        """Pack the documents."""
        return Documents.of(found.document for found in self.found)

    def take(self, numbers: Iterable[int]) -> Part:
        """Return some of the documents."""
        return Part([self.found[k] for k in numbers], [])

    def left_out(self) -> str:
        """Say what was left out, "" for nothing."""
        if not self.skipped:
            return ""
        return f"left out {len(self.skipped):,}, the first: {self.skipped[0]}."


def read_part(path: Path, way: Way, strict: bool, progress: bool) -> Part:
    """Read the documents of a split.

    Raises:
        DataError: at the first that cannot be used if `strict`; more than half cannot.
    """
    part = Part([], [])
    for found in way.read(path, progress):
        if not isinstance(found, DataError):
            part.found.append(found)
        elif strict:
            raise found
        else:
            part.skipped.append(str(found))
    _refuse_most(path, part)
    return part


def _refuse_most(path: Path | str, part: Part) -> None:
    good, bad = len(part.found), len(part.skipped)
    if bad > good:
        raise DataError(
            f"{part.skipped[0]} ({path}: so it is with {bad:,} of {good + bad:,} "
            "documents)"
            if good + bad > 1
            else part.skipped[0]
        )
    if not good:
        raise DataError(f"{path}: it is empty; expected documents")


def settle(parts: Mapping[str, Part], way: Way) -> Goal:
    """Make all targets what the goal needs, names or numbers, and return the goal.

    Raises:
        DataError: there are none, or most are of another kind.
    """
    goal = way.goal
    first = next(iter(parts.values()))
    targets = first.targets
    if goal == "auto":
        goal = "nodes" if _labelled(first.found) else goal_of(targets)
    if goal == "nodes":
        return goal
    if all(target is None for target in targets):
        document = first.found[0].document
        fields = fields_of(document)
        have = f" Its fields are {fields}." if fields else ""
        raise NoTarget(
            f"{document.place}: what is to be told of it? Name the field with --target "
            f"FIELD.{have}"
        )
    for split, part in parts.items():
        kept = list[Found]()
        for found in part.found:
            document = found.document
            try:
                document.target = _settled(document, goal)
            except DataError as error:
                part.skipped.append(str(error))
            else:
                kept.append(found)
        part.found = kept
        _refuse_most(split, part)
    if goal == "regress" and len(set(first.targets)) == 1:
        raise DataError(
            f"all {len(targets):,} documents have the target {targets[0]}; there is "
            "nothing to tell"
        )
    return goal


def _settled(document: Document, goal: Goal) -> str | float:
    if document.target is None:
        raise DataError(f"{document.place}: it has no target")
    if goal == "classify":
        return name_of(document.target)
    return number_of(document.target, document.place)


def _labelled(found: Sequence[Found]) -> bool:
    """Whether nodes have labels, and documents nothing to be told of them."""
    documents = [each.document for each in found]
    return all(document.target is None for document in documents) and any(
        label is not None for document in documents for label in document.label
    )


def _hold_out(
    parts: dict[str, Part], missing: Sequence[str], grouped: bool, seed: int
) -> str:
    """Move training documents to the splits that have none, and say so."""
    train = parts["train"]
    groups = [str(found.group) for found in train.found] if grouped else None
    shares = hold_out(train.targets, groups, len(missing), seed)
    for split, share in zip(missing, shares[1:], strict=True):
        parts[split] = train.take(share)
    parts["train"] = replace(train.take(shares[0]), skipped=train.skipped)
    sizes = " and ".join(f"{len(parts[split].found):,} to {split}" for split in missing)
    whole = ", whole groups" if grouped else ""
    return f"Held out of training by seed {seed}{whole}: {sizes}."


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


def _inferred(train: Part, way: Way) -> str:
    """Say what the targets were taken for."""
    if way.goal == "nodes":
        return "Nodes have labels: their classes are learned (--goal nodes)."
    field = f"{way.target!r} " if way.target else ""
    if way.goal == "regress":
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
