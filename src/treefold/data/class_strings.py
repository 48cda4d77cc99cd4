"""Strings with a class each, such as names by language, for a generator to learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import final

import numpy as np

from treefold.data.errors import DataError
from treefold.data.places import SPLITS, folders, neighbours
from treefold.data.readers.lines import open_lines
from treefold.data.sequences import Int64, Sequences

Pair = tuple[str, str]  # class, string

NAME = "names"  # the data set


def load_class_strings(
    data: str, files: Mapping[str, str | None], seed: int
) -> dict[str, list[Pair]]:
    """Load the pairs of class and string of each split.

    Args:
        data: ``names``, a folder with a text file for each class and a string a line,
            or a file of lines ``class<TAB>string``.
        files: for "train", "dev" and "test" a file that is this split, or None. What
            is missing is taken from the training pairs, see `split_pairs`.
        seed: of that share-out.

    Raises:
        DataError: they cannot be had, or nothing is in them.
    """
    given = {split: read_pairs(Path(f)) for split, f in files.items() if f}
    train = given.get("train") or read_pairs(find(data))
    missing = [split for split in SPLITS[1:] if split not in given]
    shared = split_pairs(train, seed, missing)
    return {split: given.get(split) or shared[split] for split in ("dev", "test")} | {
        "train": shared["train"]
    }


def find(data: str) -> Path:
    """Return the folder or file of a data set, by name or path.

    A name goes before a path, so that a run called ``names`` hides no data.

    Raises:
        DataError: it is not there.
    """
    path, places = Path(data), folders(data)
    if data != NAME:
        if path.exists():
            return path
        beside = sorted(neighbours(path))[:5]
        raise DataError(
            f"there is no file or folder {data}."
            + f" Beside it lie {', '.join(beside)}." * bool(beside)
        )
    for folder in places:
        if folder.exists():
            return folder
    raise DataError(
        f"{data} is not on this machine; looked in {' and '.join(map(str, places))}. "
        "Let TREEFOLD_DATA name the folder that has it; ./names is a path."
    )


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs: a file of them, or a folder with a file for each class.

    Raises:
        DataError: a bad line, with its number; nothing to read.
    """
    if path.is_dir():
        files = sorted(path.glob("*.txt"))
        pairs = [(f.stem, text.strip()) for f in files for _, text in open_lines(f)]
        wanted = "a file CLASS.txt for each class, with a string a line"
    else:
        pairs = list(stream_pairs(path))
        wanted = "lines 'class<TAB>string'"
    pairs = [pair for pair in pairs if pair[1]]
    if not pairs:
        raise DataError(f"{path}: expected {wanted}, found no string.")
    return pairs


def stream_pairs(file: str | Path) -> Iterator[Pair]:
    """Read pairs line by line, from a file or ``-``, as they come.

    Raises:
        DataError: a line of more than two columns.
    """
    for number, line in open_lines(file):
        if line.strip():
            yield _parse(line, f"{file}:{number}")


def _parse(line: str, where: str) -> Pair:
    """Read a line ``class<TAB>string``, or a string alone, which is of class ``""``."""
    columns = line.split("\t")
    if len(columns) > 2:
        column = len(columns[0]) + len(columns[1]) + 3
        raise DataError(
            f"{where}:{column}: expected 'class<TAB>string', found a third column."
        )
    kind, string = columns if len(columns) == 2 else ("", columns[0])
    return kind.strip(), string.strip()


def split_pairs(
    pairs: Iterable[Pair], seed: int, parts: Sequence[str] = ("dev", "test")
) -> dict[str, list[Pair]]:
    """Share pairs out: a tenth to each of `parts`, the rest to "train".

    A pair that occurs several times counts once. A string goes to one part with all
    its classes, so that no string of dev or test, in any class, is learned from. Each
    class gives its share, by the first class of a string in alphabetical order.
    """
    distinct = sorted(set(pairs))
    first: dict[str, str] = {}
    for kind, string in distinct:
        first.setdefault(string, kind)
    strings = sorted(first)
    order = np.random.default_rng(seed).permutation(len(strings))
    strings = sorted((strings[i] for i in order), key=first.__getitem__)  # stable
    place = {5: "dev", 0: "test"}
    part = {
        string: each if (each := place.get(i % 10, "train")) in parts else "train"
        for i, string in enumerate(strings)
    }
    found: dict[str, list[Pair]] = {split: [] for split in ("train", *parts)}
    for kind, string in distinct:
        found[part[string]].append((kind, string))
    return found


@final
@dataclass(frozen=True)
class Alphabet:
    """Characters and their numbers: 0 is any other, the last one the end of a string.

    Attributes:
        characters: those with numbers 1, 2, ...
    """

    characters: tuple[str, ...]

    @classmethod
    def build(cls, strings: Iterable[str], min_count: int = 1) -> Alphabet:
        """Number the characters that occur at least `min_count` times."""
        counts = Counter(character for string in strings for character in string)
        return cls(tuple(sorted(c for c, n in counts.items() if n >= min_count)))

    def __len__(self) -> int:
        """Return C, the unknown character and the end among them."""
        return len(self.characters) + 2

    @property
    def end(self) -> int:
        """The number of the end."""
        return len(self) - 1

    def encode(self, strings: Iterable[str]) -> Sequences:
        """Return the characters' numbers, string by string, each with its end."""
        number = {c: i for i, c in enumerate(self.characters, 1)}
        each = [[*(number.get(c, 0) for c in string), self.end] for string in strings]
        offset = np.cumsum([0, *map(len, each)], dtype=np.int64)
        return Sequences(np.array([*chain(*each)], np.int64), offset)

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the string of characters' numbers, without its end."""
        shown = ("\N{REPLACEMENT CHARACTER}", *self.characters, "")
        return "".join(shown[number] for number in numbers)


def class_numbers(pairs: Iterable[Pair], classes: Sequence[str]) -> Int64:
    """Return the number of each pair's class, (B,).

    Raises:
        DataError: a class that is not among them.
    """
    index = {name: k for k, name in enumerate(classes)}
    numbers = []
    for kind, string in pairs:
        if kind not in index:
            raise DataError(
                f"the class {kind!r} of {string!r} is not among those learned: "
                f"{', '.join(classes)}."
            )
        numbers.append(index[kind])
    return np.array(numbers, np.int64)
