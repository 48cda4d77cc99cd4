"""Triples (head, relation, tail): sets by name, or from files of one's own.

A line is ``head<TAB>relation<TAB>tail``, in files to tune and test on with a fourth
column, 1 where the triple holds and -1 where it does not. Blank lines are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.splits import files_of, held_out

NAMED = {"wn11": "Wordnet", "fb13": "Freebase"}
LABELS = {"1": 1, "-1": -1}

Int = NDArray[np.int64]


class Row(NamedTuple):
    """A line: a triple by names, its label (0 where it has none), and its place."""

    head: str
    relation: str
    tail: str
    label: int
    where: str


@final
@dataclass(frozen=True)
class Triples:
    """N triples by numbers.

    Attributes:
        head: (N,) entities.
        relation: (N,) relations.
        tail: (N,) entities.
        label: (N,) 1 where the triple holds, -1 where it does not.
    """

    head: Int
    relation: Int
    tail: Int
    label: Int

    def __len__(self) -> int:
        """Return N."""
        return len(self.head)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Go through the triples as (head, relation, tail)."""
        ends = (self.head.tolist(), self.relation.tolist(), self.tail.tolist())
        return zip(*ends, strict=True)

    def select(self, where: NDArray) -> Triples:
        """Return the triples of these numbers, or where a mask is true."""
        return Triples(*(each[where] for each in vars(self).values()))

    @classmethod
    def of(
        cls, rows: Sequence[Row], entities: Sequence[str], relations: Sequence[str]
    ) -> Self:
        """Number the names of rows, all of which are known."""
        entity = {name: i for i, name in enumerate(entities)}
        relation = {name: i for i, name in enumerate(relations)}
        columns = [
            [entity[row.head] for row in rows],
            [relation[row.relation] for row in rows],
            [entity[row.tail] for row in rows],
            [row.label or 1 for row in rows],
        ]
        return cls(*(np.array(each, np.int64) for each in columns))

    def holding(self) -> Triples:
        """Return those that hold."""
        return self.select(self.label > 0)


@final
@dataclass(frozen=True)
class RelationSet:
    """Triples to train, tune and test on.

    Attributes:
        name: what reports call the set.
        entities: their names; triples have their numbers.
        relations: their names.
        splits: triples by the name of the split: those of train hold, of dev and test
            some do and some do not.
        note: what a report should say of it.
    """

    name: str
    entities: tuple[str, ...]
    relations: tuple[str, ...]
    splits: dict[str, Triples]
    note: str = ""


def words_of(entity: str) -> list[str]:
    """Return the words of an entity's name, at least one.

    Underscores and blanks part words; the number of a sense, as WordNet's names end in,
    is none: ``__bengal_tiger_1`` is *bengal* and *tiger*.
    """
    bare = re.sub(r"_\d+$", "", entity) if entity.startswith("__") else entity
    return [w for w in re.split(r"[_\s]+", bare.lower()) if w] or [entity]


def read_triples(
    file: str | Path, *, labelled: bool | None = None, skip_bad: bool = False
) -> Iterator[Row]:
    """Read the triples of a file as they come.

    Args:
        file: its path, or ``"-"`` for standard input.
        labelled: whether each line must have a label, or (False) none but 1; None: a
            label is read where there is one.
        skip_bad: leave out lines that are no triple.

    Raises:
        DataError: ``file:line: expected ..., found ...``; no such file; no triple.
    """
    name = STDIN if str(file) == "-" else str(file)
    some = False
    for number, line in open_lines(file):
        if not line.strip():
            continue
        try:
            row = _row(f"{name}:{number}", line, labelled)
        except DataError:
            if not skip_bad:
                raise
            continue
        some = True
        yield row
    if not some:
        raise DataError(
            f"{name}: expected lines head<TAB>relation<TAB>tail, found none; is the "
            "file empty?"
        )


def load_relations(
    data: str | Path,
    *,
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    seed: int = 0,
    skip_bad: bool = False,
) -> RelationSet:
    """Load triples by name, or from files.

    Where the triples of dev or test have no labels, all of them hold, and beside each
    stands one that does not: its tail replaced by an entity that is drawn, by `seed`,
    from the tails of its relation, and that makes no triple that is known.

    Args:
        data: ``wn11`` or ``fb13``; or a file, or a folder that has ``train.tsv``, and
            may have ``dev.tsv`` and ``test.tsv`` (each may be gzipped).
        train: the file to learn from, by default `data`.
        dev: the file to tune on, by default one training triple in ten.
        test: the file to measure on, by default one training triple in ten.
        seed: decides what is held out and how it is corrupted.
        skip_bad: leave out lines that are no triple.

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
        return _socher(name)
    path = Path(name)
    files = files_of(
        name,
        files,
        (".tsv",),
        named=NAMED,
        otherwise=f"The data sets are {', '.join(NAMED)}; anything else is the path of "
        "a file of lines head<TAB>relation<TAB>tail.",
    )
    rows = {
        split: list(
            read_triples(
                file, labelled=False if split == "train" else None, skip_bad=skip_bad
            )
        )
        for split, file in files.items()
    }
    stem = path.name.removesuffix(".gz").removesuffix(".tsv") or name
    return _prepared(stem, rows, seed)


def load_more(
    files: dict[str, str],
    entities: Sequence[str],
    relations: Sequence[str],
    facts: Triples | None = None,
    *,
    seed: int = 0,
    skip_bad: bool = False,
) -> RelationSet:
    """Load triples of relations that are known, from a file for each split.

    Entities that are not known are numbered after those that are. A file without false
    triples gets some, as `load_relations` has it.

    Args:
        files: by the name of the split.
        entities: those known.
        relations: those known.
        facts: triples known to hold, which are not made as false ones.
        seed: decides how triples are corrupted.
        skip_bad: leave out lines that are no triple.

    Raises:
        DataError: a bad line, a relation that is not known; no such file.
    """
    rows = {s: list(read_triples(f, skip_bad=skip_bad)) for s, f in files.items()}
    every = [row for split in rows.values() for row in split]
    _check_relations(every, relations)
    known = _names([*entities, *(e for row in every for e in (row.head, row.tail))])
    splits = {s: Triples.of(each, known, relations) for s, each in rows.items()}
    true = [each.holding() for each in splits.values()]
    if facts is not None:
        true.append(facts)
    random, notes = np.random.default_rng(seed), []
    for split, each in splits.items():
        if (each.label > 0).all():
            splits[split] = _corrupted(files[split], each, joined(true), random)
            notes.append(f"{split}: half its triples are false, with tails at random.")
    name = Path(next(iter(files.values()))).name
    return RelationSet(name, known, tuple(relations), splits, " ".join(notes))


def joined(parts: Sequence[Triples]) -> Triples:
    """Return the triples of several, one after the other."""
    columns = zip(*(vars(each).values() for each in parts), strict=True)
    return Triples(*(np.concatenate(each) for each in columns))


def tails_at_random(
    triples: Triples, known: Triples, random: np.random.Generator
) -> Triples:
    """Put beside each triple one with another tail, of those its relation has.

    Triples that have no other tail are left out; of pairs the true one comes first.
    """
    true = set(known)
    slots: dict[int, Int] = {}
    for r in np.unique(known.relation).tolist():
        slots[r] = np.unique(known.tail[known.relation == r])
    found: list[tuple[int, int, int, int]] = []
    for h, r, t in triples:
        others = [e for e in slots[r].tolist() if (h, r, e) not in true]
        if others:
            drawn = others[int(random.integers(len(others)))]
            found += [(h, r, t, 1), (h, r, drawn, -1)]
    return Triples(*np.array(found, np.int64).reshape(-1, 4).T)


def _row(where: str, line: str, labelled: bool | None) -> Row:
    parts = [part.strip() for part in line.split("\t")]
    if len(parts) not in (3, 4):
        raise DataError(
            f"{where}: expected head<TAB>relation<TAB>tail, and a label or none, found "
            f"{len(parts) - 1} tabs"
        )
    for part, text in zip(("head", "relation", "tail"), parts, strict=False):
        if not text:
            raise DataError(f"{where}: expected a name as {part}, found none")
    label = LABELS.get(parts[3]) if len(parts) == 4 else 0
    if label is None:
        raise DataError(f"{where}: expected 1 or -1 as label, found {parts[3]!r}")
    if labelled and not label:
        raise DataError(f"{where}: expected a label, 1 or -1, after a third tab")
    if labelled is False and label < 0:
        raise DataError(
            f"{where}: expected a triple that holds, found one with the label -1; "
            "training makes its own false triples"
        )
    return Row(parts[0], parts[1], parts[2], label, where)


def _socher(name: str) -> RelationSet:
    """WN11 and FB13 (Socher et al., 2013)."""
    looked = [folder / NAMED[name] for folder in folders("ntn")]
    for folder in looked:
        files = {}
        for split in SPLITS:
            for suffix in (".txt", ".txt.gz"):
                if (path := folder / f"{split}{suffix}").is_file():
                    files.setdefault(split, path)
        if len(files) == len(SPLITS) and (folder / "entities.txt").is_file():
            break
    else:
        raise DataError(
            f"{name} is not on this machine; looked in "
            f"{' and '.join(map(str, looked))}. Let TREEFOLD_DATA name the folder that "
            f"has `ntn/{NAMED[name]}` in it, with entities.txt, relations.txt, and "
            "train.txt, dev.txt and test.txt, plain or gzipped, of the data that "
            "Socher et al. (2013) published."
        )
    rows = {
        split: list(read_triples(file, labelled=split != "train"))
        for split, file in files.items()
    }
    entities, relations = (
        tuple(line.strip() for _, line in open_lines(folder / f"{each}.txt") if line)
        for each in ("entities", "relations")
    )
    splits = {s: Triples.of(each, entities, relations) for s, each in rows.items()}
    return RelationSet(name, entities, relations, splits, "Socher et al. (2013).")


def _prepared(name: str, rows: dict[str, list[Row]], seed: int) -> RelationSet:
    """Number the names, hold out what is missing, corrupt what has no labels."""
    random = np.random.default_rng(seed)
    train = rows["train"]
    shares, note = held_out(
        name, len(train), rows, seed, what="triples", least=2, random=random
    )
    rows |= {split: [train[n] for n in numbers] for split, numbers in shares.items()}
    notes = [note] if note else []
    relations = _names(row.relation for row in rows["train"])
    every = [row for split in rows.values() for row in split]
    _check_relations(every, relations)
    entities = _names(e for row in every for e in (row.head, row.tail))
    splits = {s: Triples.of(each, entities, relations) for s, each in rows.items()}
    known = joined([each.holding() for each in splits.values()])
    for split in ("dev", "test"):
        if (splits[split].label > 0).all():
            splits[split] = _corrupted(f"{name}: {split}", splits[split], known, random)
            notes.append(f"{split}: half its triples are false, with tails at random.")
    return RelationSet(name, entities, relations, splits, " ".join(notes))


def _check_relations(rows: Sequence[Row], relations: Sequence[str]) -> None:
    for row in rows:
        if row.relation not in relations:
            raise DataError(
                f"{row.where}: the relation {row.relation!r} is not in the training "
                "triples; nothing can be learned of it. The relations are "
                f"{', '.join(relations)}"
            )


def _corrupted(
    where: str, triples: Triples, known: Triples, random: np.random.Generator
) -> Triples:
    found = tails_at_random(triples, known, random)
    if not len(found):
        raise DataError(
            f"{where} has no false triples, and none can be made: every relation has "
            "but one tail. Label some triples with -1"
        )
    return found


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
