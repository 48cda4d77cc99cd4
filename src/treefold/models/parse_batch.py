"""Sentences and their candidate trees, as a recursive parser reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from treefold.data.sequences import Int64, Sequences, chains
from treefold.forest import Forest
from treefold.parsing.candidates import Candidates


@final
@dataclass(frozen=True)
class ParseBatch:
    """B sentences of N words, and V nodes of their candidate trees and right ones.

    A gap is a place before, between or behind words: a sentence of n has n + 1.

    Attributes:
        chains: the sentences, a forest of chains in level order.
        steps: (N, ...), what is known of each word, in the forest's numbering.
        place: (N,) int64, the node of each word, sentence by sentence.
        begin_of: (N,) int64, the gap before each word.
        length: (B,) int64, words of each sentence.
        forest: the trees: a DAG, as those of a sentence share nodes.
        label: (V,) int64, each node's chain of labels.
        begin: (V,) int64, the gap where a node begins,
        end: (V,) int64, and where it ends.
        left: (V,) int64, a node's left child, itself over a word,
        right: (V,) int64, and its right one.
        root: (R,) int64, the candidates,
        of: (R,) int64, the sentence of each,
        score: (R,), what the grammar gives it,
        wrong: (R,), how many of its brackets are wrong,
        best: (R,) bool, whether none of its sentence's candidates is better.
        gold: (B,) int64, the roots of the right trees, -1 where they are not known.
        tree_of: (V,) int64, the sentence of each node.
    """

    chains: Forest
    steps: Tensor
    place: Tensor
    begin_of: Tensor
    length: Tensor
    forest: Forest
    label: Tensor
    begin: Tensor
    end: Tensor
    left: Tensor
    right: Tensor
    root: Tensor
    of: Tensor
    score: Tensor
    wrong: Tensor
    best: Tensor
    gold: Tensor
    tree_of: Tensor

    @classmethod
    def of_candidates(
        cls, words: Sequences, found: Candidates, label: Int64, numbers: Int64
    ) -> Self:
        """Make a batch of the sentences of these numbers.

        Args:
            words: all sentences' words, as numbers.
            found: their candidates.
            label: (chains,), the number of each chain of labels in `found`.
            numbers: (B,), which of them.
        """
        forest, order, steps = chains(words, numbers)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order))
        lengths = words.lengths[numbers]
        sentence = np.repeat(np.arange(len(numbers)), lengths)
        gap = np.append(0, np.cumsum(lengths + 1))  # where a sentence's gaps begin

        nodes, of_node, shift = _ranges(found.node_offset, numbers)
        roots, of_root, _ = _ranges(found.root_offset, numbers)
        V = len(nodes)
        left, right = found.left[nodes], found.right[nodes]
        inner = left >= 0
        offset = np.append(0, np.cumsum(2 * inner))
        left, right = (
            np.where(inner, side + shift[of_node], np.arange(V))
            for side in (left, right)
        )
        child = np.stack([left[inner], right[inner]], 1).reshape(-1)
        f1 = found.f1()[roots]
        most = np.zeros(len(numbers))
        np.maximum.at(most, of_root, f1)
        gold = found.gold[numbers]
        # A wrong bracket is one said in vain, or one missed.
        missed = found.right_brackets[numbers][of_root] - found.matched[roots]
        wrong = found.said[roots] - found.matched[roots] + missed
        dtype = torch.get_default_dtype()
        tensor = torch.from_numpy
        return cls(
            forest,
            steps,
            place,
            tensor(np.arange(len(sentence)) + sentence),
            tensor(lengths),
            Forest.from_csr(offset, child, of_node),
            tensor(label[found.chain[nodes]]),
            tensor(found.begin[nodes] + gap[of_node]),
            tensor(found.end[nodes] + gap[of_node]),
            tensor(left),
            tensor(right),
            tensor(found.root[roots] + shift[of_root]),
            tensor(of_root),
            tensor(found.score[roots]).to(dtype),
            tensor(wrong).to(dtype),
            tensor(f1 >= most[of_root]),
            tensor(np.where(gold < 0, -1, gold + shift)),
            tensor(of_node),
        )

    def __len__(self) -> int:
        """Return B."""
        return len(self.length)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ParseBatch:
        """Return the batch on a device."""
        return self._carried(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ParseBatch:
        """Return a copy in page-locked memory."""
        return self._carried(lambda part: part.pin_memory())

    def _carried(self, move: Callable[[Any], Any]) -> ParseBatch:
        parts = {field.name: move(getattr(self, field.name)) for field in fields(self)}
        return replace(self, **parts)


def _ranges(offset: Int64, numbers: Int64) -> tuple[Int64, Int64, Int64]:
    """Return the rows of these numbers, whose each is, and where each begins now."""
    lengths = np.diff(offset)[numbers]
    begin = np.cumsum(lengths) - lengths
    of = np.repeat(np.arange(len(numbers)), lengths)
    return np.arange(len(of)) + (offset[numbers] - begin)[of], of, begin
