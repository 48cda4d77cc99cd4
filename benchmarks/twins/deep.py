"""Three passes up and one down over trees: all at once, and one node after another."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from treefold import Forest
from treefold.models.deep import DeepRecursive, Pass, deep_cell
from twins import Twin

TREES, LEAVES, SIZE = 25, 20, 100
PASSES: tuple[Pass, ...] = ("up", "up", "up", "down")


def some_tree(leaves: int, chance: random.Random) -> Any:
    """A binary tree of that many leaves, split at random places."""
    if leaves == 1:
        return "word"
    left = chance.randint(1, leaves - 1)
    return some_tree(left, chance), some_tree(leaves - left, chance)


def node_by_node(net: DeepRecursive, forest: Forest, x: Tensor) -> Tensor:
    """The states of all nodes, each made by itself."""
    offset = forest.offset.tolist()
    below = [forest.child[a:b].tolist() for a, b in pairwise(offset)]
    parent = {c: (v, k) for v, cs in enumerate(below) for k, c in enumerate(cs)}
    leaves = iter(x)
    z: list[Any] = [None if cs else next(leaves) for cs in below]
    for way, cell in zip(net.passes, net.cells, strict=True):
        W, V, b = map(cell.get_parameter, ("weight_hh", "weight_ih", "bias"))
        W = W.chunk(2, dim=1)
        new: list[Tensor] = [b] * len(z)
        order = range(len(z)) if way == "up" else range(len(z) - 1, -1, -1)
        for v in order:  # from_trees numbers children before their parents
            total = b if z[v] is None else torch.addmv(b, V, z[v])
            if way == "up":
                for k, child in enumerate(below[v]):
                    total = torch.addmv(total, W[k], new[child])
            elif v in parent:
                above, k = parent[v]
                total = torch.addmv(total, W[k], new[above])
            new[v] = total.tanh()
        both = zip(z, new, strict=True)
        z = new if way == "up" else [torch.cat(pair) for pair in both]
    return torch.stack(z)


def twin() -> Twin:
    """Take a training step of a deep net."""
    chance = random.Random(0)
    forest = Forest.from_trees([some_tree(LEAVES, chance) for _ in range(TREES)])
    net = DeepRecursive(lambda size: deep_cell(size, SIZE), SIZE, PASSES)
    x = torch.randn(TREES * LEAVES, SIZE)
    target = torch.randn(forest.num_nodes, net.hidden_size)

    def step(states: Tensor) -> Tensor:
        loss = (states - target).square().mean()
        grads = torch.autograd.grad(loss, list(net.parameters()))
        return torch.cat([g.flatten() for g in grads])

    return Twin(
        "deep recursive net",
        f"training step, {' '.join(PASSES)}, {TREES} trees of {LEAVES} leaves, "
        f"{SIZE} features",
        lambda: step(net(forest, x, forest.leaves)),
        lambda: step(node_by_node(net, forest, x)),
    )
