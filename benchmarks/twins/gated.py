"""The gated recursive cell: all nodes of a height at once, and one after another."""

from __future__ import annotations

import random
from itertools import pairwise

import torch
from torch import Tensor

from treefold import Forest, fold
from treefold.cells import GatedRecursiveCell
from twins import Twin

TREES, LISTS, SIZE = 25, 6, 64


def some_list(lists: int, chance: random.Random) -> object:
    """A list of arguments, some of them lists, branching to the left as ListOps."""
    tree: object = "op"
    for k in range(chance.randint(2, 5)):
        inner = lists > 1 and k < 2
        tree = (tree, some_list(lists // 2, chance) if inner else "digit")
    return (tree, "close")


def node_by_node(cell: GatedRecursiveCell, forest: Forest, x: Tensor) -> Tensor:
    """The states of all nodes, each made by itself."""
    offset = forest.offset.tolist()
    leaves, h = iter(x), list[Tensor]()
    for first, last in pairwise(offset):  # children stand before their parents
        if first == last:
            h.append(cell.leaf_norm(cell.weight_ih @ next(leaves) + cell.bias))
            continue
        a, b = (h[c] for c in forest.child[first:last].tolist())
        inner = torch.nn.functional.gelu(cell.inner(torch.cat([a, b])))
        left, right, g, u = cell.outer(inner).chunk(4)
        mixed = left.sigmoid() * a + right.sigmoid() * b + g.sigmoid() * u
        h.append(cell.norm(mixed))
    return torch.stack(h)


def twin() -> Twin:
    """Take a training step on bracketed lists."""
    chance = random.Random(0)
    forest = Forest.from_trees([some_list(LISTS, chance) for _ in range(TREES)])
    cell = GatedRecursiveCell(SIZE, SIZE)
    x = torch.randn(len(forest.leaves), SIZE)
    target = torch.randn(TREES, SIZE)

    def step(states: Tensor) -> Tensor:
        loss = (states[forest.roots] - target).square().mean()
        grads = torch.autograd.grad(loss, list(cell.parameters()))
        return torch.cat([g.flatten() for g in grads])

    return Twin(
        "gated recursive cell",
        f"training step, {TREES} lists, {forest.num_nodes} nodes, {SIZE} features",
        lambda: step(fold(cell, forest, x, forest.leaves).h),
        lambda: step(node_by_node(cell, forest, x)),
    )
