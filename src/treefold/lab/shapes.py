"""The shapes that a sequence of steps is folded in: a chain, and a balanced tree."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from treefold.forest import Forest

Shape = Literal["chain", "tree"]
SHAPES: tuple[Shape, ...] = ("chain", "tree")
ARITY: dict[Shape, int] = {"chain": 1, "tree": 2}


class Folded(NamedTuple):
    """Structures over B sequences of T steps.

    Attributes:
        forest: in level order.
        nodes: (B·T,) the nodes that have input; None: all.
        step: (B·T,) which of the B·T steps, sequence by sequence, each of them reads.
    """

    forest: Forest
    nodes: Tensor | None
    step: Tensor


@cache
def over(shape: Shape, B: int, T: int) -> Folded:
    """Lay B sequences of T steps out in a shape.

    In a chain each step is a node, above the one before. In a tree the steps are the
    leaves, and every node above halves what it covers; inner nodes have no input.
    """
    if shape == "chain":
        forest, order = Forest.from_lengths([T] * B).sort()
        return Folded(forest, None, order)
    forest, order = Forest.cat([Forest(balanced(T))] * B).sort()
    V = 2 * T - 1
    nodes = (order % V < T).nonzero()[:, 0]
    leaf = order[nodes]
    return Folded(forest, nodes, leaf // V * T + leaf % V)


def balanced(T: int) -> list[list[int]]:
    """List the children of a balanced binary tree over the leaves 0 to T - 1."""
    children: list[list[int]] = [[] for _ in range(T)]
    level = list(range(T))
    while len(level) > 1:
        above = []
        for left in range(0, len(level) - 1, 2):
            children.append(level[left : left + 2])
            above.append(len(children) - 1)
        level = above + level[len(level) // 2 * 2 :]
    return children


def sequences(folded: Folded, h: Tensor, B: int) -> Tensor:
    """Arrange the states of steps, where every node is one, as (B, T, H)."""
    arranged = torch.empty_like(h)
    arranged[folded.step] = h
    return arranged.unflatten(0, (B, -1))
