"""The definition of a merging: one structure, one hypothesis, one pair at a time.

The batched path must agree with this one in trees, states and scores. It is slow, and
meant to be read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from treefold.merging.step import Merge, joined, merged

Tree = Any  # the number of a piece, or a pair of trees


class Made(NamedTuple):
    """A tree that was considered: its state, of one row, and the score of its root."""

    state: Any
    score: float


class Hypothesis(NamedTuple):
    """What the pieces of a structure have become."""

    total: float
    neighbours: tuple[tuple[Tree, Tree], ...]  # in a fixed order
    done: tuple[Tree, ...]  # merged trees, in the order of their making

    @property
    def trees(self) -> frozenset[Tree]:
        """The pieces that stand side by side; the same ones, the same hypothesis."""
        return frozenset(tree for pair in self.neighbours for tree in pair)


def first_piece(tree: Tree) -> int:
    """The leftmost piece of a tree, which is also its smallest."""
    while isinstance(tree, tuple):
        tree = tree[0]
    return tree


def in_order(a: Tree, b: Tree) -> tuple[Tree, Tree]:
    """The tree with the smaller first piece is the left one."""
    return (a, b) if first_piece(a) < first_piece(b) else (b, a)


def merge_one(
    step: Merge[Any], state: Any, edges: list[tuple[int, int]], width: int
) -> tuple[tuple[Tree, ...], dict[Tree, Made], float]:
    """Merge the pieces of one structure.

    Args:
        step: the node function.
        state: the pieces' states, fields of (n, ...).
        edges: which pieces are neighbours.
        width: hypotheses that are kept.

    Returns:
        The merged trees in the order of their making, what is known of all trees that
        were looked at, and the total score.
    """
    made: dict[Tree, Made] = {
        k: Made(type(state)(*(f[k, None] for f in state)), 0.0)
        for k in range(len(state[0]))
    }

    def look_at(pair: tuple[Tree, Tree]) -> Made:
        if pair not in made:
            left, right = (made[tree].state for tree in pair)
            above, score = merged(step, left, right)
            made[pair] = Made(above, score.item())
        return made[pair]

    start = sorted({in_order(a, b) for a, b in edges})
    beam = [Hypothesis(0.0, tuple(start), ())]
    while beam[0].neighbours:
        ways = [
            (hypothesis.total + look_at(pair).score, h, k)
            for h, hypothesis in enumerate(beam)
            for k, pair in enumerate(hypothesis.neighbours)
        ]
        best: list[Hypothesis] = []
        for total, h, k in sorted(ways, key=lambda way: (-way[0], way[1], way[2])):
            found = _after(beam[h], beam[h].neighbours[k], total)
            if found.trees not in {b.trees for b in best} or not best:
                best.append(found)
            if len(best) == width:
                break
        beam = best
    return beam[0].done, made, beam[0].total


def _after(old: Hypothesis, pair: tuple[Tree, Tree], total: float) -> Hypothesis:
    """Merge a pair: the new tree takes over the neighbours of both."""
    neighbours: list[tuple[Tree, Tree]] = []
    for a, b in old.neighbours:
        a, b = (pair if tree in pair else tree for tree in (a, b))
        if a != b and in_order(a, b) not in neighbours:
            neighbours.append(in_order(a, b))
    return Hypothesis(total, tuple(neighbours), (*old.done, pair))


def merge_plain(
    step: Merge[Any], state: Any, edges: Tensor, structure: Tensor, width: int
) -> tuple[Any, Tensor, Tensor, Tensor]:
    """Merge every structure by itself; returns what the batched search returns."""
    N, B = len(structure), int(structure.max()) + 1 if len(structure) else 0
    children, scores, totals, found = [], [], [], state
    for b in range(B):
        pieces = (structure == b).nonzero().flatten()
        own = edges[:, structure[edges[0]] == b] - pieces[0]
        some = type(state)(*(field[pieces] for field in state))
        done, made, total = merge_one(
            step, some, list(map(tuple, own.T.tolist())), width
        )
        number: dict[Tree, int] = {k: int(pieces[k]) for k in range(len(pieces))}
        for tree in done:
            number[tree] = N + len(children)
            children.append([number[tree[0]], number[tree[1]]])
            scores.append(made[tree].score)
            found = joined(found, made[tree].state)
        totals.append(total)
    pairs = torch.tensor(children, dtype=torch.int64).view(-1, 2)
    score, total = (torch.tensor(v, dtype=torch.float64) for v in (scores, totals))
    return found, pairs, score, total
