"""Data sets of pairs of trees, by name or from files of one's own.

Names that are known here:

- ``sick-relatedness``, ``sick-entailment``: SICK (Marelli et al., 2014), 9,927 pairs of
  sentences about everyday scenes with a score of relatedness from 1 to 5 and one of
  three relations; the official split. Each sentence has a dependency tree and a binary
  constituency tree.
- ``logic``: propositional formulas and the relation of their truth sets (Bowman, Potts
  & Manning, 2015). Trained on formulas of at most 6 operators, tested on pairs whose
  longer formula has 7 to 12; dev is what the authors hold out of at most 6.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders
from treefold.data.readers.tree_pairs import check_heads, read_side, read_tree_pairs
from treefold.data.splits import files_of, held_out
from treefold.data.tree_pairs import Pair, Side

SICK = ("sick-relatedness", "sick-entailment")
LOGIC = "logic"
NAMED = (*SICK, LOGIC)
OPERATORS = {"train": range(7), "dev": range(7), "test": range(7, 13)}
RELATIONS = {  # of two formulas' sets of models
    "^": "negation",
    "|": "alternation",
    "=": "equivalence",
    "<": "forward entailment",
    ">": "reverse entailment",
    "v": "cover",
    "#": "independence",
}


@final
@dataclass(frozen=True)
class TreePairSet:
    """Pairs of trees to train, tune and test on.

    Attributes:
        name: what reports call it.
        splits: ``train``, ``dev``, ``test``, or some of them.
        note: what a report should say of it.
        long_names: what some relations are called at length.
    """

    name: str
    splits: Mapping[str, list[Pair]]
    note: str = ""
    long_names: Mapping[str, str] = field(default_factory=dict)


def load_tree_pairs(
    data: str,
    files: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
    skip_bad: bool = False,
) -> TreePairSet:
    """Load pairs of trees by name, or from files as `read_tree_pairs` reads them.

    Args:
        data: a name in `NAMED`; a file; or a folder that has ``train.tsv`` or
            ``train.jsonl``, and may have the same of ``dev`` and ``test``.
        files: the file of each split. Where any but ``train`` is given, and `data`
            names one of them, nothing else is read.
        seed: decides which pairs are held out where dev or test has no file.
        skip_bad: leave out lines that are no pair.

    Raises:
        DataError: there is no such data, a line is bad, or too few are left.
    """
    files = dict(files or {})
    if data in NAMED:
        if files:
            raise DataError(
                f"{data} has its own split; {', '.join(files)} cannot be given with it"
            )
        return _logic() if data == LOGIC else _sick(data)
    path = Path(data)
    alone = data in files.values()  # to be measured as it is, not to be split
    if not alone:
        files = files_of(
            data,
            files,
            (".tsv", ".jsonl"),
            named=NAMED,
            otherwise=f"The data sets are {', '.join(NAMED)}; anything else is the "
            "path of a file of lines left<TAB>right<TAB>score or relation.",
        )
    splits = {
        split: list(read_tree_pairs(file, skip_bad=skip_bad))
        for split, file in files.items()
    }
    note = ""
    if not alone:
        train = splits["train"]
        shares, note = held_out(data, len(train), splits, seed, what="pairs")
        splits |= {split: [train[k] for k in some] for split, some in shares.items()}
    stem = path.name.removesuffix(".gz").removesuffix(".tsv").removesuffix(".jsonl")
    return TreePairSet(stem or data, splits, note)


def _sick(name: str) -> TreePairSet:
    path = _find("sick", "sick_all.jsonl.gz")
    splits: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    scored = name == SICK[0]
    for number, line in enumerate(_lines(path), 1):
        place = f"{path}:{number}"
        try:
            row = json.loads(line)
            left, right = (
                Side(
                    tuple(side["toks"]),
                    read_side(side["const"], place).brackets,
                    check_heads(place, side["toks"], side["parents"]),
                    place,
                )
                for side in (row["a"], row["b"])
            )
            target = float(row["score"]) if scored else str(row["label"]).lower()
            splits[row["split"]].append(Pair(left, right, target, f"pair {row['id']}"))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{place}: expected a pair of SICK: {error!r}") from None
    return TreePairSet(name, splits, "SICK's official split.")


def _logic() -> TreePairSet:
    path = _find("proplogic", "proplogic.tgz")
    splits: dict[str, list[Pair]] = {}
    sides: dict[str, Side] = {}
    try:
        with tarfile.open(path) as archive:
            for split, counts in OPERATORS.items():
                stem = "test" if split == "dev" else split
                splits[split] = []
                for count in counts:
                    file = archive.extractfile(f"{stem}{count}")
                    text = b"" if file is None else file.read()
                    place = f"{path}: {stem}{count}"
                    splits[split] += _formulas(text.decode(), place, str(count), sides)
    except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    return TreePairSet(
        LOGIC,
        splits,
        "Trained on formulas of at most 6 operators, tested on 7 to 12.",
        RELATIONS,
    )


def _formulas(
    text: str, place: str, group: str, sides: dict[str, Side]
) -> Iterator[Pair]:
    """Go through lines of relation, formula and formula."""

    def side(formula: str, where: str) -> Side:
        found = sides.get(formula)  # each stands in many pairs
        if found is None:
            found = sides[formula] = read_side(formula, where)
        return found

    for number, line in enumerate(text.splitlines(), 1):
        where = f"{place}:{number}"
        columns = line.split("\t")
        if len(columns) != 3 or columns[0] not in RELATIONS:
            raise DataError(f"{where}: expected a relation and two formulas")
        relation, left, right = columns
        yield Pair(side(left, where), side(right, where), relation, where, group)


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from None


def _find(name: str, file: str) -> Path:
    looked = folders(name)
    for folder in looked:
        if (folder / file).is_file():
            return folder / file
    raise DataError(
        f"{name} is not on this machine; looked in {' and '.join(map(str, looked))}. "
        f"Let TREEFOLD_DATA name the folder that has `{name}` in it, with {file}."
    )
