"""Pairs of texts: lines of source and target, in one file or in two parallel ones.

- In one file a line is ``source<TAB>target``; blank lines are passed over.
- In two files line n of the one belongs to line n of the other.
- Text is UTF-8, with or without a byte order mark, plain or gzipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from treefold.data.errors import DataError
from treefold.data.readers.lines import STDIN, open_lines


@final
@dataclass(frozen=True)
class TextPairs:
    """Sources and their targets, number by number.

    Attributes:
        sources: the texts to read.
        targets: the texts to write.
        skipped: messages about lines that were left out.
    """

    sources: list[str]
    targets: list[str]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.sources)

    def select(self, numbers: list[int]) -> TextPairs:
        """Return the pairs of these numbers."""
        sources = [self.sources[n] for n in numbers]
        return TextPairs(sources, [self.targets[n] for n in numbers])


def read_pairs(file: str | Path, *, skip_bad: bool = False) -> TextPairs:
    """Read a file of lines ``source<TAB>target``.

    Args:
        file: its path, or ``"-"`` for standard input.
        skip_bad: leave out lines that are no pair, and tell them in `skipped`.

    Raises:
        DataError: ``file:line: expected ..., found ...``; no such file; no pair.
    """
    pairs = TextPairs([], [])
    skipped = []
    for where, line in _lines(file):
        source, *targets = (part.strip() for part in line.split("\t"))
        try:
            if len(targets) != 1:
                raise DataError(
                    f"{where}: expected source<TAB>target, found {len(targets)} tabs"
                )
            _check(where, source, targets[0])
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
            continue
        pairs.sources.append(source)
        pairs.targets.append(targets[0])
    if not pairs.sources:
        raise DataError(f"{_name(file)}: expected source<TAB>target lines, found none")
    return TextPairs(pairs.sources, pairs.targets, tuple(skipped))


def read_parallel(
    source_file: str | Path, target_file: str | Path, *, skip_bad: bool = False
) -> TextPairs:
    """Read two files, line n of which belong together.

    Args:
        source_file: path of the sources, one a line.
        target_file: path of the targets.
        skip_bad: leave out pairs of which a line is blank, and tell them in `skipped`.

    Raises:
        DataError: a blank line, files of different lengths, no such file.
    """
    sources = list(_lines(source_file, blank=True))
    targets = list(_lines(target_file, blank=True))
    if len(sources) != len(targets):
        raise DataError(
            f"{source_file} has {len(sources):,} lines and {target_file} "
            f"{len(targets):,}; line n of the one must belong to line n of the other"
        )
    pairs = TextPairs([], [])
    skipped = []
    for (_, source), (where, target) in zip(sources, targets, strict=True):
        try:
            _check(where, source.strip(), target.strip())
        except DataError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
            continue
        pairs.sources.append(source.strip())
        pairs.targets.append(target.strip())
    if not pairs.sources:
        raise DataError(f"{source_file}: expected a text on each line, found none")
    return TextPairs(pairs.sources, pairs.targets, tuple(skipped))


def read_sources(file: str | Path) -> Iterator[str]:
    """Read texts, one a line, as they come; of a line with tabs what is before them.

    Raises:
        DataError: a line without a source; no such file; no line.
    """
    some = False
    for where, line in _lines(file):
        source = line.split("\t", 1)[0].strip()
        if not source:
            raise DataError(f"{where}: expected a text before the tab, found none")
        some = True
        yield source
    if not some:
        raise DataError(f"{_name(file)}: expected texts, one a line, found none")


def _lines(file: str | Path, *, blank: bool = False) -> Iterator[tuple[str, str]]:
    """Go through the lines of a file as ``file:line`` and text; `blank` ones, too."""
    for number, line in open_lines(file):
        if blank or line.strip():
            yield f"{_name(file)}:{number}", line


def _name(file: str | Path) -> str:
    return STDIN if str(file) == "-" else str(file)


def _check(where: str, source: str, target: str) -> None:
    for name, text in (("source", source), ("target", target)):
        if not text:
            raise DataError(f"{where}: expected a text as {name}, found none")
