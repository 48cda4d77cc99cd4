"""Labelled sequences before they are numbers for a model: texts, vectors, sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from treefold.data.errors import DataError

HELD_OUT = 0.1  # of the sequences go to dev, and as many to test, where none is given


class Sound(NamedTuple):
    """A recording: samples (N,) float32 in [-1, 1], and how many a second."""

    samples: NDArray[np.float32]
    rate: int


class Example(NamedTuple):
    """A sequence and its class.

    Attributes:
        value: words, or vectors (T, F) float32, or a sound.
        label: the name of the class; None where it is not known.
        place: where it stands, for messages.
        group: who spoke or wrote it: where examples are held out, those of a group
            stay together. Empty where nobody is named.
    """

    value: list[str] | NDArray[np.float32] | Sound
    label: str | None
    place: str
    group: str = ""


@final
@dataclass(frozen=True)
class Examples:
    """Sequences to train, choose and measure on.

    Attributes:
        name: what reports call it.
        train: to learn from.
        dev: to choose by.
        test: to measure on.
        classes: the names of the labels of the training examples, in order.
        note: what a report should say of it: where it came from, who is in which part.
    """

    name: str
    train: Sequence[Example]
    dev: Sequence[Example]
    test: Sequence[Example]
    classes: tuple[str, ...]
    note: str = ""


def kind_of(example: Example) -> str:
    """Say what an example is: "words", "vectors" or "sound"."""
    if isinstance(example.value, Sound):
        return "sound"
    return "words" if isinstance(example.value, list) else "vectors"


def classes_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the classes that occur, numbers in their order, else by the alphabet.

    Raises:
        DataError: an example has no label.
    """
    found = set()
    for example in examples:
        if example.label is None:
            raise DataError(f"{example.place}: expected a label, found none")
        found.add(example.label)
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))


def check_alike(train: Sequence[Example], others: Sequence[Example]) -> None:
    """Refuse examples of another kind, or with vectors of another size, than training.

    Raises:
        DataError: with the place of the first that differs.
    """
    if not train:
        return
    kind, size = kind_of(train[0]), _size(train[0])
    for example in (*train, *others):
        if kind_of(example) != kind or _size(example) != size:
            raise DataError(
                f"{example.place}: expected {_named(kind, size)} as in "
                f"{train[0].place}, found {_named(kind_of(example), _size(example))}"
            )


def check_labels(examples: Sequence[Example], classes: Sequence[str]) -> None:
    """Refuse labels that are not among the classes.

    Raises:
        DataError: with the place of the first, and the classes.
    """
    known = set(classes)
    for example in examples:
        if example.label not in known:
            shown = ", ".join(list(classes)[:12]) + ", ..." * (len(classes) > 12)
            raise DataError(
                f"{example.place}: the label {example.label!r} is not a class of the "
                f"training examples; they have {shown}"
            )


def hold_out(
    examples: Sequence[Example], parts: int, seed: int, share: float = HELD_OUT
) -> list[list[Example]]:
    """Take parts of about equal size away from examples.

    Where examples have groups, whole groups are taken. Elsewhere every class gives its
    share. What is left and what is taken stay in order.

    Args:
        examples: what to take from.
        parts: how many parts to take.
        seed: decides which.
        share: of the examples in each part.

    Returns:
        What is left, then each part.

    Raises:
        DataError: too few examples or groups.
    """
    random = np.random.default_rng(seed)
    groups = {example.group for example in examples}
    size = max(1, round(share * len(examples)))
    part_of = np.zeros(len(examples), np.int64)
    if len(groups) > 1:
        if len(groups) <= parts:
            raise DataError(
                f"{len(groups)} speakers or writers are too few to hold {parts} parts "
                "out for dev and test; give files of their own for these"
            )
        waiting = [sorted(groups)[i] for i in random.permutation(len(groups))]
        for part in range(1, parts + 1):
            taken = 0
            while taken < size and len(waiting) > parts - part + 1:
                group = waiting.pop()
                inside = np.array([example.group == group for example in examples])
                part_of[inside] = part
                taken += int(inside.sum())
    else:
        if len(examples) <= size * parts:
            raise DataError(
                f"{len(examples)} sequences are too few to hold some out for dev and "
                "test; give files of their own for these"
            )
        # Shuffled, then stably sorted by class: every so-manieth gives each class its
        # share, however small the class.
        names = np.array([example.label or "" for example in examples])
        order = random.permutation(len(examples))
        order = order[np.argsort(names[order], kind="stable")]
        for part in range(1, parts + 1):
            places = np.linspace(part - 1, len(order) - parts + part - 1, size)
            part_of[order[places.astype(np.int64)]] = part
    return [
        [example for example, p in zip(examples, part_of, strict=True) if p == part]
        for part in range(parts + 1)
    ]


def _size(example: Example) -> int:
    value = example.value
    return value.shape[1] if isinstance(value, np.ndarray) else 0


def _named(kind: str, size: int) -> str:
    names = {"words": "a text", "sound": "a sound"}
    return names.get(kind, f"vectors of {size} numbers")
