"""Text as a stream of numbers: words, characters or bytes, cut into blocks.

A language model reads a text as one long sequence. Training goes through it in `rows`
parallel parts, a block of T steps at a time, with the state carried from block to block
(truncated back-propagation through time; Mikolov et al., 2010).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.errors import DataError
from treefold.data.vocabulary import UNKNOWN, Vocabulary

Unit = Literal["word", "character", "byte"]
END = "<eos>"  # of a line, where the units are words
NOTHING = -100  # the target of a step that is only there to fill a block


@final
@dataclass(frozen=True)
class Coding:
    """How a text is taken apart into symbols, and put together again.

    Words are what white space separates, and every end of a line is a word of its own,
    ``<eos>``. Characters are those of Unicode, and bytes those of UTF-8, written as the
    characters 0 to 255; for both the end of a line is the line feed.

    Attributes:
        unit: what a symbol is.
        vocabulary: the symbols known; number 0, ``<unk>``, stands for all others.
    """

    unit: Unit
    vocabulary: Vocabulary

    @classmethod
    def build(
        cls,
        text: str,
        unit: Unit,
        *,
        min_count: int = 1,
        most: int | None = None,
        lower: bool = False,
    ) -> Self:
        """Number the symbols of a text, the most frequent first, ties in ABC order.

        Args:
            text: what to count.
            unit: what a symbol is; all 256 bytes are numbered, whatever the text.
            min_count: leave out symbols that occur less often.
            most: keep at most so many, beside ``<unk>``.
            lower: lower-case words, and characters.
        """
        if unit == "byte":
            return cls(unit, Vocabulary((UNKNOWN, *map(chr, range(256)))))
        counts = Counter(symbols(text.lower() if lower else text, unit))
        end = line_end(unit)
        ends = counts.pop(end, 0)
        counts.pop(UNKNOWN, None)
        kept = sorted(symbol for symbol, n in counts.items() if n >= min_count)
        kept.sort(key=counts.__getitem__, reverse=True)  # keeps the order of equals
        kept = kept[:most]
        place = sum(counts[symbol] > ends for symbol in kept)
        kept.insert(place, end)  # it begins every stream, so it is always known
        return cls(unit, Vocabulary((UNKNOWN, *kept), lower))

    def __len__(self) -> int:
        """Return the number of symbols, ``<unk>`` among them."""
        return len(self.vocabulary)

    @property
    def end(self) -> int:
        """The number of the symbol that ends a line."""
        return self.vocabulary.index[line_end(self.unit)]

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the numbers of a text's symbols, (N,)."""
        if self.vocabulary.lower:
            text = text.lower()
        return self.vocabulary.encode(symbols(text, self.unit))

    def decode(self, numbers: NDArray[np.int64] | list[int]) -> str:
        """Return the text of numbers; words are joined by spaces."""
        found = [self.vocabulary.words[number] for number in numbers]
        if self.unit == "word":
            lines = " ".join(found).split(END)
            return "\n".join(line.strip(" ") for line in lines)
        if self.unit == "byte":
            known = "".join(each for each in found if each != UNKNOWN)
            return known.encode("latin-1").decode("utf-8", errors="replace")
        return "".join(
            "\N{REPLACEMENT CHARACTER}" if s == UNKNOWN else s for s in found
        )

    def check(self, text: str, name: str, line: int = 1) -> None:
        """Refuse characters that are not known: a model can say nothing of them.

        Words that are not known are read as ``<unk>``, and every byte is known.

        Args:
            text: what to look through.
            name: of the file, for the message.
            line: the number of its first line.

        Raises:
            DataError: with line and column.
        """
        if self.unit != "character":
            return
        known = self.vocabulary.index
        text = text.lower() if self.vocabulary.lower else text
        for number, each in enumerate(text.split("\n"), line):
            for column, character in enumerate(each, 1):
                if character not in known:
                    raise DataError(
                        f"{name}:{number}:{column}: the character {character!r} did "
                        "not occur in training, so the model knows nothing of it; "
                        "leave it out or write another, or train with --unit byte, "
                        "which knows every text"
                    )


def symbols(text: str, unit: Unit) -> list[str]:
    """Take a text apart; see `Coding`."""
    if unit == "word":
        lines = text.removesuffix("\n").split("\n") if text else []
        whole = not lines or text.endswith("\n")
        found = [word for line in lines for word in (*line.split(), END)]
        return found if whole else found[:-1]
    if unit == "byte":
        return list(text.encode().decode("latin-1"))
    return list(text)


def line_end(unit: Unit) -> str:
    """Return the symbol that ends a line."""
    return END if unit == "word" else "\n"


@final
@dataclass(frozen=True)
class Block:
    """T steps of B parallel rows: what is read, and what comes next.

    Attributes:
        input: (T, B) int64.
        target: (T, B) int64, -100 where there is nothing to tell.
        first: whether it is the first of its rows, which begin with no state.
        size: how many targets there are.
    """

    input: Tensor
    target: Tensor
    first: bool
    size: int

    def __len__(self) -> int:
        return self.size

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Block:
        return replace(
            self,
            input=self.input.to(device, non_blocking=non_blocking),
            target=self.target.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> Block:
        return replace(
            self, input=self.input.pin_memory(), target=self.target.pin_memory()
        )


@final
class Blocks:
    """B rows of text in blocks of T steps, in order: what an epoch goes through.

    Row b of a block goes on where row b of the block before ended.

    Args:
        input: (steps, B), what is read.
        target: (steps, B), what comes next, -100 where there is nothing to tell.
        length: T, of every block but the first and the last.
        shift: the first block is shorter by so many steps, so that the blocks of
            another epoch are cut at other places.
    """

    def __init__(
        self,
        input: NDArray[np.int64],
        target: NDArray[np.int64],
        length: int,
        shift: int = 0,
    ):
        if not 0 <= shift < length:
            raise ValueError(f"shift must be in [0, {length}), got {shift}.")
        steps = len(input)
        # Steps come first: a block is a slice, whose rows stand in level order.
        self._input = torch.from_numpy(np.ascontiguousarray(input))
        self._target = torch.from_numpy(np.ascontiguousarray(target))
        ends = [*range(length - shift, steps, length), steps] if steps else []
        self._cuts = list(zip([0, *ends], ends, strict=False))

    @classmethod
    def of_stream(
        cls, stream: NDArray[np.int64], begin: int, *, rows: int, **options: int
    ) -> Self:
        """Cut a stream into B equal parts, which are the rows.

        Every symbol of the stream is a target exactly once. The first is told from
        `begin`, and the first of another row from the last of the row before.

        Args:
            stream: (N,) symbols.
            begin: what comes before the stream, usually the end of a line.
            rows: B; fewer where the stream is too short.
            options: `length` and `shift` of the blocks.
        """
        steps = -(-len(stream) // max(rows, 1))
        rows = -(-len(stream) // steps) if steps else 0
        target = np.full(rows * steps, NOTHING, np.int64)
        target[: len(stream)] = stream
        read = np.full(rows * steps, begin, np.int64)
        read[1 : len(stream)] = stream[:-1]
        shape = (rows, steps)
        return cls(read.reshape(shape).T, target.reshape(shape).T, **options)

    @classmethod
    def of_lines(
        cls, lines: Sequence[NDArray[np.int64]], begin: int, *, length: int
    ) -> Self:
        """Lay B texts side by side, each a row that begins by itself."""
        steps = max(map(len, lines), default=0)
        target = np.full((steps, len(lines)), NOTHING, np.int64)
        read = np.full((steps, len(lines)), begin, np.int64)
        for row, line in enumerate(lines):
            target[: len(line), row] = line
            read[1 : len(line), row] = line[:-1]
        return cls(read, target, length)

    def __len__(self) -> int:
        return len(self._cuts)

    def __iter__(self) -> Iterator[Block]:
        for start, end in self._cuts:
            target = self._target[start:end]
            size = int((target != NOTHING).sum())
            yield Block(self._input[start:end], target, start == 0, size)
