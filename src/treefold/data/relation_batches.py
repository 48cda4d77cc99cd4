"""Batches of triples, with what takes an end's place in corrupted ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.errors import DataError
from treefold.data.relations import Int, Triples, words_of
from treefold.data.vocabulary import UNKNOWN, Vocabulary

Naming = Literal["words", "entities", "both"]
OWN = "#"  # before the name of an entity that stands for a vector of its own


@final
@dataclass(frozen=True)
class TripleBatch:
    """Triples of D distinct entities, in the order of their relations.

    An entity is the bag of the words of its name; to one that has a vector of its own
    its name is a single word.

    Attributes:
        words: (U,) the distinct words of the names, ascending.
        name: (T,) the names' words, one name after the other, as rows of `words`.
        offset: (D,) where the name of each entity begins in `name`.
        head: (N,) entities, as numbers among the D.
        tail: (N,) entities.
        relations: the relations that occur, ascending, and how many triples each has.
        heads: (G, P) for each of these relations the entities that take the heads'
            place in corrupted triples; None where nothing is to be learned.
        tails: (G, P) those that take the tails' place.
    """

    words: Tensor
    name: Tensor
    offset: Tensor
    head: Tensor
    tail: Tensor
    relations: tuple[tuple[int, int], ...]
    heads: Tensor | None = None
    tails: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of triples."""
        return len(self.head)

    def _each(self, change: Any) -> Self:
        tensors = {k: change(v) for k, v in vars(self).items() if torch.is_tensor(v)}
        return replace(self, **tensors)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return the batch on another device."""
        return self._each(lambda each: each.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """Return the batch in memory that a GPU copies from directly."""
        return self._each(Tensor.pin_memory)


@final
@dataclass(frozen=True)
class Names:
    """The words of the names of entities.

    Attributes:
        word: (T,) words by number, one name after the other.
        offset: (number of entities + 1,) where each name begins.
    """

    word: Int
    offset: Int

    @classmethod
    def of(
        cls, entities: Sequence[str], vocabulary: Vocabulary, naming: Naming
    ) -> Self:
        """Look up the words of names; those unknown are left out of a name.

        A name of unknown words alone is the unknown word.
        """
        rows = []
        for entity in entities:
            row = vocabulary.encode(keys_of(entity, naming))
            known = row[row > 0]
            rows.append(known if len(known) else row[:1])
        lengths = [len(row) for row in rows]
        return cls(np.concatenate(rows), np.append(0, np.cumsum(lengths)))

    def gather(self, entities: Int) -> tuple[Int, Int]:
        """Return the words of entities (D,) one after the other, and their offset."""
        begin, length = self.offset[entities], np.diff(self.offset)[entities]
        offset = np.cumsum(length) - length
        place = np.arange(length.sum()) + np.repeat(begin - offset, length)
        return self.word[place], offset


def keys_of(entity: str, naming: Naming) -> list[str]:
    """Return what an entity's vector is the mean of, as the vocabulary has it."""
    if naming == "entities":
        return [OWN + entity]
    return words_of(entity) + ([OWN + entity] if naming == "both" else [])


def vocabulary_of(entities: Sequence[str], naming: Naming) -> Vocabulary:
    """Number the words of names, in the order of their first use."""
    words = (key for entity in entities for key in keys_of(entity, naming))
    return Vocabulary((UNKNOWN, *dict.fromkeys(w for w in words if w != UNKNOWN)))


@final
class Slots:
    """What may take an end's place in a corrupted triple.

    Args:
        triples: those of training.
        num_entities: how many there are.
        kind: ``slot``: an entity that stands in that place of that relation somewhere
            in training, each with the same chance; ``any``: any entity.
    """

    def __init__(self, triples: Triples, num_entities: int, kind: str):
        every = np.arange(num_entities)
        self.of: dict[int, tuple[Int, Int]] = {}
        for r in np.unique(triples.relation).tolist():
            here = triples.relation == r
            found = np.unique(triples.head[here]), np.unique(triples.tail[here])
            self.of[r] = found if kind == "slot" else (every, every)

    def draw(self, r: int, count: int, random: np.random.Generator) -> list[Int]:
        """Draw `count` heads and as many tails for relation r."""
        return [each[random.integers(len(each), size=count)] for each in self.of[r]]


@final
class TripleBatches:
    """An epoch: the triples in an order of its own, in batches, corrupted.

    Args:
        names: of the entities.
        triples: those of training.
        slots: what takes an end's place.
        size: triples in a batch.
        corruptions: how many entities take each end's place, in each batch and
            relation; every triple of the relation meets all of them.
        seed: with `epoch`, decides the order and what is drawn.
        epoch: counted from 1.
    """

    def __init__(
        self,
        names: Names,
        triples: Triples,
        slots: Slots,
        *,
        size: int,
        corruptions: int,
        seed: int,
        epoch: int,
    ):
        self.names, self.triples, self.slots = names, triples, slots
        self.size, self.corruptions = size, corruptions
        self.key = (seed, epoch)

    def __len__(self) -> int:
        return -(-len(self.triples) // self.size)

    def __iter__(self) -> Iterator[TripleBatch]:
        random = np.random.default_rng(self.key)
        order = random.permutation(len(self.triples))
        for numbers in np.array_split(order, len(self)):
            triples = self.triples.select(numbers)
            drawn = [
                self.slots.draw(r, self.corruptions, random)
                for r in np.unique(triples.relation).tolist()
            ]
            batch, _ = batch_of(self.names, triples, np.array(drawn))
            yield batch


def batch_of(
    names: Names, triples: Triples, drawn: NDArray[np.int64] | None = None
) -> tuple[TripleBatch, Int]:
    """Make a batch of N triples, in the order of their relations.

    Args:
        names: of the entities.
        triples: in any order.
        drawn: (G, 2, P) for each relation that occurs, ascending, the entities that
            take the heads' and the tails' place.

    Returns:
        The batch, and (N,) which of the triples each of its triples is.
    """
    if not len(triples):
        raise DataError("a batch needs at least one triple, got none")
    order = np.argsort(triples.relation, kind="stable")
    triples = triples.select(order)
    N = len(triples)
    used = [triples.head, triples.tail]
    if drawn is not None:
        used.append(drawn.ravel())
    entities, place = np.unique(np.concatenate(used), return_inverse=True)
    words, offset = names.gather(entities)
    words, name = np.unique(words, return_inverse=True)
    relations, counts = np.unique(triples.relation, return_counts=True)
    place = torch.from_numpy(place)
    heads = tails = None
    if drawn is not None:
        heads, tails = place[2 * N :].view(drawn.shape).unbind(1)
    batch = TripleBatch(
        torch.from_numpy(words),
        torch.from_numpy(name),
        torch.from_numpy(offset),
        place[:N],
        place[N : 2 * N],
        tuple(zip(relations.tolist(), counts.tolist(), strict=True)),
        heads,
        tails,
    )
    return batch, order
