"""Forests of one shape each, for benchmarks that need no data set."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold import Forest
from treefold.cells import LSTMState, NaryTreeLSTMCell

POOL = 512  # distinct random trees; larger forests repeat them
MOST_LEAVES = 37  # of a random tree: 19 leaves and 37 nodes on average, as in SST


def binary_tree(leaves: int, random: np.random.Generator) -> list[int]:
    """Return the parents of a random binary tree, its nodes in pre-order.

    Every number of leaves on the left is as likely as any other.
    """
    parents, waiting = [], [(-1, leaves)]
    while waiting:
        parent, leaves = waiting.pop()
        if leaves > 1:
            left = int(random.integers(1, leaves))
            node = len(parents)
            waiting += [(node, leaves - left), (node, left)]
        parents.append(parent)
    return parents


def binary_trees(trees: int, seed: int = 0) -> Forest:
    """Return a forest of random binary trees, in level order."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, MOST_LEAVES + 1, min(trees, POOL))
    pool = [np.array(binary_tree(int(n), random)) for n in sizes]
    chosen = [pool[b % len(pool)] for b in range(trees)]
    length = np.array([len(parents) for parents in chosen])
    shift = np.repeat(np.cumsum(length) - length, length)
    parents = np.concatenate(chosen)
    parents = np.where(parents < 0, -1, parents + shift)
    return Forest.from_parents(parents).sort()[0]


def comb(leaves: int) -> Forest:
    """Return one binary tree, as high as it can be, in level order.

    Node ``leaves + n`` stands over the one before it and a leaf.
    """
    n = np.arange(leaves - 1)
    child = np.stack([leaves + n - 1, n + 1], axis=1)
    child[0, 0] = 0
    offset = np.concatenate([np.zeros(leaves, np.int64), 2 * np.arange(leaves)])
    return Forest.from_csr(offset, child.reshape(-1))


def chain(steps: int) -> Forest:
    """Return one sequence."""
    return Forest.from_lengths([steps])


def lengths(batch: int, most: int, seed: int = 0) -> NDArray[np.int64]:
    """Return very unequal lengths: log-normal, of median 25, one of them `most`."""
    drawn = np.random.default_rng(seed).lognormal(np.log(25), 1.0, batch)
    found = np.clip(drawn.astype(np.int64), 1, most)
    found[0] = most
    return found


def node_by_node(cell: NaryTreeLSTMCell, forest: Forest, x: Tensor) -> Tensor:
    """Return h of every node of a forest in level order, by a loop over its nodes.

    What one writes first in PyTorch, and what packages do for a single tree. x has a
    row for each leaf.
    """
    H = cell.hidden_size
    leaf = cell.weight_ih[: 3 * H], cell.bias[: 3 * H]
    bias = torch.cat([cell.bias, cell.bias[3 * H :]])
    child = forest.child.tolist()
    states: list[LSTMState] = []
    inputs = iter(x.split(1))
    for begin, end in pairwise(forest.offset.tolist()):
        if begin == end:
            iuo, kept = torch.nn.functional.linear(next(inputs), *leaf), 0
        else:
            left, right = (states[child[e]] for e in range(begin, end))
            both = torch.cat([left.h, right.h], dim=1)
            gates = torch.nn.functional.linear(both, cell.weight_hh, bias)
            iuo, forget = gates.split([3 * H, 2 * H], dim=1)
            f_left, f_right = torch.sigmoid(forget).chunk(2, dim=1)
            kept = f_left * left.c + f_right * right.c
        i, u, o = iuo.chunk(3, dim=1)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        states.append(LSTMState(torch.sigmoid(o) * torch.tanh(c), c))
    return torch.cat([state.h for state in states])
