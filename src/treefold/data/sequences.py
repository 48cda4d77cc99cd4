"""Sequences of different lengths, laid end to end, and batches of them as chains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, final, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.errors import DataError
from treefold.forest import Forest

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Sequences:
    """B sequences of T_b steps each, without padding.

    ``sequences[b]`` is a view of one sequence's steps, ``sequences[numbers]`` the
    sequences of these numbers, ``sequences[10:20]`` ten of them.

    Args:
        step: (sum of T_b, ...), the steps of all sequences, one after another: numbers
            of words, vectors, whatever an array holds.
        offset: (B + 1,) int64; the steps of sequence b are
            ``step[offset[b]:offset[b + 1]]``.

    Raises:
        DataError: offsets that do not fit the steps.

    Example:
        >>> import numpy as np
        >>> names = Sequences.of([np.array([3, 1]), np.array([2, 7, 1])])
        >>> len(names), names.lengths, names[1]
        (2, array([2, 3]), array([2, 7, 1]))
    """

    step: NDArray[Any]
    offset: Int64

    def __post_init__(self) -> None:
        offset = self.offset
        good = offset.ndim == 1 and len(offset) > 0 and offset.dtype == np.int64
        if not good or offset[0] != 0 or (np.diff(offset) < 0).any():
            raise DataError(
                "offset must be int64 numbers that begin with 0 and do not fall, one "
                f"more than there are sequences; got {offset}"
            )
        if offset[-1] != len(self.step):
            raise DataError(
                f"offset must end with the number of steps, {len(self.step)}, got "
                f"{offset[-1]}"
            )

    @classmethod
    def of(cls, arrays: Iterable[Any]) -> Self:
        """Lay arrays (T_b, ...) end to end.

        Raises:
            DataError: there are none, so that nothing says what a step is, or their
                steps have different shapes.
        """
        parts = [np.asarray(array) for array in arrays]
        if not parts:
            raise DataError("expected sequences, got none")
        # Of an empty list numpy cannot tell what the steps would have been.
        filled = [part for part in parts if part.size] or parts[:1]
        for part in parts:
            if part.ndim == 0:
                raise DataError(f"expected a list of steps, got the single {part!r}")
        odd = [part for part in filled if part.shape[1:] != filled[0].shape[1:]]
        if odd:
            raise DataError(
                "every step of every sequence must have the same shape, got "
                f"{filled[0].shape[1:]} and {odd[0].shape[1:]}"
            )
        lengths = [len(part) for part in parts]
        return cls(np.concatenate(filled), _offsets(np.array(lengths, np.int64)))

    def __len__(self) -> int:
        """Return B."""
        return len(self.offset) - 1

    @property
    def lengths(self) -> Int64:
        """(B,) int64, the number of steps of each sequence."""
        return np.diff(self.offset)

    @overload
    def __getitem__(self, index: int | np.integer) -> NDArray[Any]: ...

    @overload
    def __getitem__(self, index: slice | Sequence[int] | NDArray[Any]) -> Sequences: ...

    def __getitem__(self, index: Any) -> NDArray[Any] | Sequences:
        """Take one sequence (a view), or several by slice, numbers or (B,) bool."""
        if isinstance(index, int | np.integer):
            b = range(len(self))[int(index)]  # raises what a list would
            return self.step[self.offset[b] : self.offset[b + 1]]
        numbers = np.arange(len(self))[index]
        return Sequences(
            self.step[self.steps(numbers)], _offsets(self.lengths[numbers])
        )

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[b] for b in range(len(self)))

    def steps(self, numbers: Int64) -> Int64:
        """Return where the steps of sequences (N,) stand, one after another."""
        lengths = self.lengths[numbers]
        before = np.cumsum(lengths) - lengths
        shift = np.repeat(self.offset[numbers] - before, lengths)
        return np.arange(len(shift)) + shift

    def cat(self, other: Sequences) -> Sequences:
        """Return our sequences, then those of another."""
        step = np.concatenate([self.step, other.step])
        return Sequences(
            step, np.append(self.offset, other.offset[1:] + self.offset[-1])
        )


def chains(sequences: Sequences, numbers: Int64) -> tuple[Forest, Tensor, Tensor]:
    """Make a batch of sequences a forest of chains.

    Structure i of the forest is sequence ``numbers[i]``, its first step the leaf and
    its last the root. Where the lengths do not rise, as in a batch of `plan`, level
    order is the order of torch's ``PackedSequence``.

    Args:
        sequences: B sequences.
        numbers: (N,) int64, which of them.

    Returns:
        The forest in level order, with V nodes; `order` (V,) int64, so that
        ``y[order]`` has in level order what y has sequence by sequence; and the
        steps (V, ...) in level order.

    Raises:
        ForestError: a sequence without steps.
    """
    forest, order = Forest.from_lengths(sequences.lengths[numbers]).sort()
    places = sequences.steps(numbers)[order.numpy()]
    return forest, order, torch.from_numpy(sequences.step[places])


def plan(
    lengths: Int64, batch_size: int, seed: int | None, epoch: int, window: int = 16
) -> list[Int64]:
    """Share sequences out to batches of about equal length.

    Args:
        lengths: (B,) the lengths of the sequences.
        batch_size: the most sequences in a batch.
        seed: shuffles them, another way in every epoch; None keeps their order but
            within a window.
        epoch: the number of the epoch. Seed and epoch fix the order: any machine, any
            time.
        window: sequences are sorted by length within so many batches at a time, and
            the batches shuffled then; 1 mixes all lengths.

    Returns:
        For each batch the numbers of its sequences, the longest first; every sequence
        is in one batch.
    """
    if batch_size < 1 or window < 1:
        raise ValueError(
            f"batch_size and window must be at least 1, got {batch_size} and {window}"
        )
    random = None if seed is None else np.random.default_rng([seed, epoch])
    B = len(lengths)
    if not B:
        return []
    order = np.arange(B) if random is None else random.permutation(B)
    piece = np.arange(B) // (window * batch_size)
    # Stable: sequences of one length stay shuffled.
    order = order[np.lexsort((-lengths[order], piece))]
    batches = np.split(order, np.arange(batch_size, B, batch_size))
    if random is None:
        return batches
    return [batches[i] for i in random.permutation(len(batches))]


def _offsets(lengths: Int64) -> Int64:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
