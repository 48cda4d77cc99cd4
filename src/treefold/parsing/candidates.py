"""Lists of the k best trees of many sentences, packed for a model that chooses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.parsing import evalb
from treefold.parsing.binary import BETWEEN
from treefold.parsing.grammar import Grammar
from treefold.parsing.kbest import Derivations
from treefold.parsing.parser import chains_of
from treefold.parsing.tree import TOP, Tree

Int64 = NDArray[np.int64]
Chain = tuple[str, ...]


class Node(NamedTuple):
    """A node of two children or over a word, with a chain of labels.

    Attributes:
        chain: its labels from the top; over a word the last is the tag.
        begin: the first word below it,
        end: and the first after it.
        left: the number of its left child, -1 over a word,
        right: and of its right one.
    """

    chain: Chain
    begin: int
    end: int
    left: int
    right: int

    def moved(self, by: int) -> Node:
        """Return a node whose children have numbers greater by so much."""
        return self._replace(left=self.left + by, right=self.right + by)


def nodes_of(tree: Tree) -> list[Node]:
    """Return a plain tree as nodes of two children, children first, the root last.

    A node of more children gets symbols between, ``@`` and its label, as grammars do.
    """
    found: list[Node] = []
    done: list[int] = []  # numbers of the nodes that have no parent yet, a stack
    for node, i, j in tree.spans():
        if node.word is not None:
            found.append(Node((node.label,), i, j, -1, -1))
            done.append(len(found) - 1)
            continue
        count = len(node.below)
        below = done[-count:]
        del done[-count:]
        if count == 1:
            (child,) = below
            old = found[child]
            found[child] = old._replace(chain=(node.label, *old.chain))
            done.append(child)
            continue
        right = below[-1]
        for left in reversed(below[1:-1]):
            chain = (BETWEEN + node.label,)
            found.append(Node(chain, found[left].begin, j, left, right))
            right = len(found) - 1
        found.append(Node((node.label,), i, j, below[0], right))
        done.append(len(found) - 1)
    return found


@final
@dataclass(frozen=True, eq=False)
class Candidates:
    """The best trees of B sentences, V nodes in all, each sentence's shared by its R.

    Nodes of a sentence stand children first and are numbered from 0 in it.

    Attributes:
        words: of each sentence.
        chains: the distinct chains of labels.
        node_offset: (B + 1,), where a sentence's nodes begin.
        chain: (V,), into `chains`.
        begin: (V,), the first word below a node,
        end: (V,), and the first after it.
        left: (V,), the left child, -1 over a word,
        right: (V,), and the right one.
        root_offset: (B + 1,), where a sentence's trees begin; they stand best first.
        root: (R,), the root of each tree,
        score: (R,), and what the grammar gives it.
        said: (R,), its brackets by evalb's rules,
        matched: (R,), and those that are right; zeros where no truth is known.
        right_brackets: (B,), how many there are in the truth.
        gold: (B,), the root of the truth, -1 where it is not known.
    """

    words: tuple[tuple[str, ...], ...]
    chains: tuple[Chain, ...]
    node_offset: Int64
    chain: Int64
    begin: Int64
    end: Int64
    left: Int64
    right: Int64
    root_offset: Int64
    root: Int64
    score: NDArray[np.float64]
    said: Int64
    matched: Int64
    right_brackets: Int64
    gold: Int64

    def __len__(self) -> int:
        """Return B."""
        return len(self.words)

    @classmethod
    def of(
        cls,
        words: Sequence[Sequence[str]],
        lists: Sequence[tuple[list[Node], list[int], list[float]]],
        truth: Sequence[Tree] | None = None,
    ) -> Self:
        """Pack lists: for each sentence nodes, children first, roots and scores."""
        number: dict[Chain, int] = {}
        columns: list[tuple[int, int, int, int, int]] = []
        node_offset, root_offset = [0], [0]
        rights: list[int] = []
        gold: list[int] = []
        roots: list[int] = []
        scores: list[float] = []
        counts: list[tuple[int, int]] = []
        for b, (nodes, some, score) in enumerate(lists):
            place = None if truth is None else _Truth(truth[b])
            if truth is not None:
                own = nodes_of(truth[b])
                shift = len(nodes)
                nodes = [
                    *nodes,
                    *(n if n.left < 0 else n.moved(shift) for n in own),
                ]
            rights.append(0 if place is None else place.total)
            # Symbols that knew their surroundings are now alike: share once more.
            known: dict[tuple[int, int, int, int, int], int] = {}
            became: list[int] = []
            below: list[tuple[int, int]] = []
            for labels, i, j, left, right in nodes:
                if left >= 0:
                    left, right = became[left], became[right]
                key = (number.setdefault(labels, len(number)), i, j, left, right)
                if key not in known:
                    known[key] = len(known)
                    said, good = (
                        (0, 0) if place is None else place.count(labels, i, j, left)
                    )
                    if left >= 0:
                        said += below[left][0] + below[right][0]
                        good += below[left][1] + below[right][1]
                    below.append((said, good))
                became.append(known[key])
            gold.append(-1 if truth is None else became[-1])
            columns += known
            node_offset.append(len(columns))
            roots += [became[r] for r in some]
            counts += [below[became[r]] for r in some]
            scores += score
            root_offset.append(len(roots))
        table = np.array(columns, np.int64).reshape(-1, 5)
        chain, begin, end, left, right = map(np.ascontiguousarray, table.T)
        said = np.array(counts, np.int64).reshape(-1, 2)
        return cls(
            tuple(map(tuple, words)),
            tuple(number),
            np.array(node_offset),
            chain,
            begin,
            end,
            left,
            right,
            np.array(root_offset),
            np.array(roots, np.int64),
            np.array(scores),
            said[:, 0].copy(),
            said[:, 1].copy(),
            np.array(rights),
            np.array(gold),
        )

    def save(self, path: Path) -> None:
        """Write all to an .npz file."""
        arrays: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("words", "chains"):
            text = json.dumps(arrays[name], ensure_ascii=False)
            arrays[name] = np.frombuffer(text.encode(), np.uint8)
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as opened:
            arrays: dict[str, Any] = dict(opened)
        for name in ("words", "chains"):
            lists = json.loads(arrays[name].tobytes().decode())
            arrays[name] = tuple(map(tuple, lists))
        return cls(**arrays)

    def f1(self) -> NDArray[np.float64]:
        """Return the F1 of each tree, (R,)."""
        sentence = np.repeat(np.arange(len(self)), np.diff(self.root_offset))
        both = self.said + self.right_brackets[sentence]
        return np.where(both == 0, 1.0, 2 * self.matched / np.maximum(both, 1))

    def tree(self, b: int, rank: int) -> Tree:
        """Return a tree of sentence b, without the symbols between."""
        start = self.node_offset[b]
        words = self.words[b]
        left = self.left[start : self.node_offset[b + 1]].tolist()
        right = self.right[start : self.node_offset[b + 1]].tolist()
        root = int(self.root[self.root_offset[b] + rank])
        done: dict[int, tuple[Tree, ...]] = {}
        for v in sorted(_under(root, left, right)):  # children first
            chain = self.chains[self.chain[start + v]]
            if left[v] < 0:
                *above, tag = chain
                below = (Tree(tag, (words[self.begin[start + v]],)),)
            else:
                above, below = list(chain), (*done[left[v]], *done[right[v]])
            for label in reversed(above):
                if not label.startswith(BETWEEN):
                    below = (Tree(label, below),)
            done[v] = below
        return topped(done[root])


def topped(below: tuple[Tree, ...]) -> Tree:
    """Return trees under one root, TOP."""
    if len(below) == 1 and below[0].label == TOP:
        return below[0]
    return Tree(TOP, below)


def as_list(
    grammar: Grammar, found: Derivations
) -> tuple[list[Node], list[int], list[float]]:
    """Return what a chart found as `Candidates.of` takes it."""
    spans = (
        part.tolist() for part in (found.begin, found.end, found.left, found.right)
    )
    nodes = list(map(Node, chains_of(grammar, found), *spans))
    return nodes, found.root.tolist(), found.score.tolist()


class _Truth:
    """The brackets of a treebank's tree, to compare nodes with."""

    def __init__(self, tree: Tree):
        tags = [leaf.label for leaf in tree.leaves()]
        self.place = evalb.positions(tags)
        self.brackets = evalb.brackets(tree, tags)
        self.total = self.brackets.total()

    def count(self, chain: Chain, i: int, j: int, left: int) -> tuple[int, int]:
        """Return the brackets of a node's chain, and how many of them are right."""
        i, j = self.place[i], self.place[j]
        if i == j:
            return 0, 0
        labels = chain[:-1] if left < 0 else chain
        found = [
            (evalb.SAME.get(label, label), i, j)
            for label in labels
            if label != TOP and not label.startswith(BETWEEN)
        ]
        return len(found), sum(each in self.brackets for each in found)


def _under(root: int, left: list[int], right: list[int]) -> set[int]:
    """Return a tree's nodes."""
    found: set[int] = set()
    stack = [root]
    while stack:
        v = stack.pop()
        found.add(v)
        if left[v] >= 0:
            stack += [left[v], right[v]]
    return found
