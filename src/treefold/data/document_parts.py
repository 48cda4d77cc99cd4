"""What was read of each split of documents, and what is to be told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from treefold.data.document_files import Found, Way
from treefold.data.documents import Document, Documents, Goal
from treefold.data.errors import DataError
from treefold.data.targets import fields_of, goal_of, hold_out, name_of, number_of


class NoTarget(DataError):
    """Documents of which nothing is to be told, as far as is known."""


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


def hold_out_of(
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
