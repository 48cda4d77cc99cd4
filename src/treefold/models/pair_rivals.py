"""What needs no tree network to compare two sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.cells import Cell, Children

Float = NDArray[np.float64]
Words = Sequence[str]


class MeanState(NamedTuple):
    """Mean (N, H) and number (N, 1) of the vectors below and at a node."""

    h: Tensor
    count: Tensor


@final
class MeanCell(Cell[MeanState]):
    """The mean of all inputs below and at a node: a bag of words, structure unseen.

    Args:
        size: H, features of an input and of a state.
    """

    ordered = False

    def __init__(self, size: int):
        super().__init__(size, size)

    def project(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # counts as one

    def forward(self, x: Tensor, children: Children[MeanState]) -> MeanState:
        h, count = children.state
        total = x[:, :-1] + children.sum(h * count)
        number = x[:, -1:] + children.sum(count)
        return MeanState(total / number.clamp(min=1), number)

    def zeros(self, num_nodes: int, like: Tensor) -> MeanState:
        zeros = like.new_zeros(num_nodes, self.hidden_size + 1)
        return MeanState(zeros[:, :-1], zeros[:, -1:])


def jaccard(left: Words, right: Words) -> float:
    """Return the share of the words of either side that are on both."""
    a, b = set(left), set(right)
    return len(a & b) / max(len(a | b), 1)


def overlaps(
    sides: Sequence[tuple[Words, Words]], rarity: dict[str, float]
) -> NDArray[np.float64]:
    """Return (P, 12) features of how much two sentences share, as a person would count.

    Words and pairs of words in common by several measures, words weighted by how rare
    they are, characters in threes, lengths, and the words in order.

    Args:
        sides: the words of P pairs.
        rarity: a weight for each word; unknown ones get the greatest.
    """
    most = max(rarity.values(), default=1.0)

    def weight(words: set[str]) -> float:
        # In order, since the last digit of a sum hangs on it, and trees on that digit.
        return sum(rarity.get(word, most) for word in sorted(words))

    rows = []
    for left, right in sides:
        a, b = set(left), set(right)
        both = len(a & b)
        double = jaccard(_runs(left, 2), _runs(right, 2))
        letters = jaccard(_runs(" ".join(left), 3), _runs(" ".join(right), 3))
        repeated = (Counter(left) & Counter(right)).total()
        rows.append(
            [
                both / max(len(a | b), 1),
                2 * both / max(len(a) + len(b), 1),
                both / max(len(a), 1),
                both / max(len(b), 1),
                weight(a & b) / max(weight(a | b), 1e-9),
                weight(a - b),
                weight(b - a),
                double,
                letters,
                len(left) - len(right),
                abs(len(left) - len(right)),
                repeated / max(len(left), len(right), 1),
            ]
        )
    return np.array(rows)


def rarities(sentences: Sequence[Words]) -> dict[str, float]:
    """Return the inverse document frequency of each word, ln(B / df) + 1."""
    counts = Counter(word for words in sentences for word in set(words))
    B = len(sentences)
    return {word: float(np.log(B / n)) + 1 for word, n in sorted(counts.items())}


def alignment(
    sides: Sequence[tuple[Words, Words]], vectors: Float, index: dict[str, int]
) -> Float:
    """Return (P, 5) features of how well words find their like on the other side.

    The mean and the least of each word's best cosine, from left to right and back, and
    the cosine of the two means.

    Args:
        sides: the words of P pairs.
        vectors: (W, I), zeros for words without one.
        index: the row of each word.
    """
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(norm, 1e-9)
    rows = []
    for left, right in sides:
        a, b = ([index.get(word, 0) for word in side] for side in (left, right))
        cosine = unit[a] @ unit[b].T
        cosine[np.array(left)[:, None] == np.array(right)[None]] = 1
        there, back = cosine.max(axis=1), cosine.max(axis=0)
        x, y = vectors[a].mean(axis=0), vectors[b].mean(axis=0)
        means = x @ y / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-9)
        rows.append([there.mean(), there.min(), back.mean(), back.min(), means])
    return np.array(rows)


def _runs(items: Sequence[str], n: int) -> list[str]:
    return ["\t".join(items[i : i + n]) for i in range(max(len(items) - n + 1, 1))]
