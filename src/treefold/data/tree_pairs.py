"""Pairs of trees of words, and their batches: one forest that holds both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.forest import Forest

Int64 = NDArray[np.int64]
Trees = Literal["given", "dependency", "constituency", "chain", "brackets"]

OPEN, CLOSE = "(", ")"


class Tree(NamedTuple):
    """A tree whose nodes bear words.

    Attributes:
        parent: (V,) the node above each, -1 at the root, which is node 0; a parent
            comes before its children, and these stand in their order.
        word: (V,) the word of each node, None where it has none.
    """

    parent: tuple[int, ...]
    word: tuple[str | None, ...]


@final
class Side(NamedTuple):
    """One of the two structures of a pair, as it was given.

    Attributes:
        words: from left to right.
        brackets: the words with the brackets of a constituency tree, if it has one.
        heads: which word each depends on, from 1, and 0 for the root, if they are
            known.
        place: where it stands, for messages.
    """

    words: tuple[str, ...]
    brackets: tuple[str, ...] | None = None
    heads: tuple[int, ...] | None = None
    place: str = ""

    @property
    def text(self) -> str:
        """The words; with their brackets where nothing else tells the structure."""
        return " ".join(self.words if self.heads else self.brackets or self.words)

    def read(self, trees: Trees = "given") -> tuple[str, ...]:
        """Return the words that a model of such trees reads."""
        return (self.brackets or self.words) if trees == "brackets" else self.words

    def tree(self, trees: Trees = "given") -> Tree:
        """Return its structure.

        Args:
            trees: "dependency", the words on their heads; "constituency", the words
                in their brackets; "chain", each word on the one before it; "brackets",
                the same, with the brackets as words; "given", the first of dependency,
                constituency and chain that it has.

        Raises:
            DataError: it has no such structure.
        """
        if trees == "given":
            trees = "constituency" if self.heads is None else "dependency"
            if self.heads is None and self.brackets is None:
                trees = "chain"
        if trees == "dependency":
            if self.heads is None:
                raise DataError(
                    f"{self.place}: expected the words' heads for dependency trees, "
                    'found none; give {"words": [...], "heads": [...]}'
                )
            return _of_heads(self.words, self.heads)
        if trees == "constituency":
            if self.brackets is None and len(self.words) > 1:
                raise DataError(
                    f"{self.place}: expected brackets for constituency trees, found "
                    f"the text {self.text[:40]!r}; take chains, or put brackets in"
                )
            return _of_brackets(self.brackets or self.words)
        steps = self.brackets if trees == "brackets" else None
        return _of_steps(steps or self.words)


def _of_steps(words: Sequence[str]) -> Tree:
    """Make a chain that is read from the first word on: the last is the root."""
    return Tree(tuple(range(-1, len(words) - 1)), tuple(reversed(words)))


def _of_brackets(words: Sequence[str]) -> Tree:
    """Make a tree whose leaves are the words; the brackets are known to match."""
    parent: list[int] = []
    word: list[str | None] = []
    above = [-1]
    for each in words:
        if each == CLOSE:
            above.pop()
            continue
        parent.append(above[-1])
        word.append(None if each == OPEN else each)
        if each == OPEN:
            above.append(len(parent) - 1)
    return Tree(tuple(parent), tuple(word))


def _of_heads(words: Sequence[str], heads: Sequence[int]) -> Tree:
    """Make a tree of the words themselves; they are known to make one."""
    below: list[list[int]] = [[] for _ in range(len(words) + 1)]
    for number, head in enumerate(heads, 1):
        below[head].append(number)
    parent: list[int] = []
    word: list[str | None] = []
    stack = [(below[0][0], -1)]
    while stack:
        number, above = stack.pop()
        here = len(parent)
        parent.append(above)
        word.append(words[number - 1])
        stack.extend((child, here) for child in reversed(below[number]))
    return Tree(tuple(parent), tuple(word))


@final
class Pair(NamedTuple):
    """Two structures, and what is known of them.

    Attributes:
        left: the one.
        right: the other.
        target: a score or the name of a relation; None where it is not known.
        place: where it stands, for messages.
        group: what else is told apart when it is measured, such as the number of
            operators; "" for nothing.
    """

    left: Side
    right: Side
    target: float | str | None = None
    place: str = ""
    group: str = ""


@final
@dataclass(frozen=True)
class TreePairs:
    """P pairs among T distinct trees of words.

    Attributes:
        corpus: the trees, each once.
        left: (P,) int64, the number of each pair's left tree.
        right: (P,) int64, that of its right one.
        target: (P,) scores, float64, or numbers of relations, int64, -1 where it is
            not known.
        group: (P,) names.
    """

    corpus: Corpus
    left: Int64
    right: Int64
    target: NDArray[Any]
    group: NDArray[np.str_]

    def __len__(self) -> int:
        """Return P."""
        return len(self.left)

    @classmethod
    def of(
        cls,
        pairs: Sequence[Pair],
        trees: Trees,
        number: Callable[[str], int],
        target: Sequence[float] | Sequence[int],
    ) -> Self:
        """Make pairs of what was read.

        Args:
            pairs: the pairs.
            trees: which structure they are to have.
            number: gives each word its number.
            target: (P,) of the pairs.

        Raises:
            DataError: a pair that has no such structure.
        """
        numbers: dict[Tree, int] = {}
        seen: dict[Any, int] = {}  # one tree may stand in a thousand pairs
        sides = np.empty((len(pairs), 2), np.int64)
        for p, pair in enumerate(pairs):
            for s, side in enumerate((pair.left, pair.right)):
                known = seen.get(side[:3])
                if known is None:
                    known = numbers.setdefault(side.tree(trees), len(numbers))
                    seen[side[:3]] = known
                sides[p, s] = known
        return cls(
            _packed(list(numbers), number),
            sides[:, 0].copy(),
            sides[:, 1].copy(),
            np.array(target),
            np.array([pair.group for pair in pairs], np.str_),
        )

    def batch(self, numbers: Int64) -> PairBatch:
        """Make a batch of some pairs, equal subtrees among their trees made one."""
        sides = np.concatenate([self.left[numbers], self.right[numbers]])
        distinct, of_side = np.unique(sides, return_inverse=True)
        trees = self.corpus.batch(distinct)
        word = torch.full((trees.forest.num_nodes,), -1)
        bears = slice(None) if trees.nodes is None else trees.nodes
        word[bears] = trees.token
        forest, node_of, first = trees.forest.share(word + 1)
        word = word[first]
        nodes = (word >= 0).nonzero().flatten()
        words, rows = torch.unique(word[nodes], return_inverse=True)
        root = node_of[trees.forest.roots][torch.from_numpy(of_side)]
        left, right = root.chunk(2)
        target = torch.from_numpy(self.target[numbers])
        return PairBatch(forest, words, rows, nodes, left, right, target, numbers)


@final
@dataclass(frozen=True)
class PairBatch:
    """B pairs of trees as one forest of V nodes, in which equal subtrees are one.

    Attributes:
        forest: the trees of both sides, in level order.
        words: (U,) int64, the distinct words.
        rows: (N,) int64, which of `words` each node that has one bears.
        nodes: (N,) int64, those nodes.
        left: (B,) int64, the root of each pair's left tree.
        right: (B,) int64, that of its right one.
        target: (B,) scores or numbers of relations.
        numbers: (B,) int64 numpy array, the pairs' numbers in the data.
    """

    forest: Forest
    words: Tensor
    rows: Tensor
    nodes: Tensor
    left: Tensor
    right: Tensor
    target: Tensor
    numbers: Int64

    def __len__(self) -> int:
        """Return B."""
        return len(self.numbers)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return the batch on a device."""
        forest = self.forest.to(device, non_blocking)
        return self._carried(forest, lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """Return a copy in page-locked memory, for transfer to a GPU without a wait."""
        return self._carried(self.forest.pin_memory(), lambda t: t.pin_memory())

    def _carried(self, forest: Forest, move: Callable[[Tensor], Tensor]) -> Self:
        names = ("words", "rows", "nodes", "left", "right", "target")
        moved = {name: move(getattr(self, name)) for name in names}
        return replace(self, forest=forest, **moved)


def _packed(trees: Sequence[Tree], number: Callable[[str], int]) -> Corpus:
    """Pack trees, their words as the numbers that `number` gives."""
    offset = np.cumsum([0, *(len(tree.parent) for tree in trees)])
    parent = np.fromiter((p for t in trees for p in t.parent), np.int32)
    named = (w for t in trees for w in t.word)
    token = np.fromiter((-1 if w is None else number(w) for w in named), np.int32)
    tokens = tuple(map(str, range(int(token.max(initial=-1)) + 1)))
    bare = np.full(len(parent), -1, np.int32)
    return Corpus.from_parents(offset, parent, token, bare, tokens, ())
