"""What an unfolding returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, final

import numpy as np
import torch
from torch import Tensor

from treefold.forest import Forest

S = TypeVar("S", bound=tuple)


@final
@dataclass(frozen=True, eq=False)
class Unfolding(Generic[S]):
    """B structures that were grown, over V nodes.

    It unpacks as ``forest, labels, state = unfold(...)``. Nodes are numbered structure
    by structure, and breadth first within each. So the nodes of a sequence follow each
    other as they were generated, see `sequences`. The root is the first step, and
    ``forest.transpose()`` is the chain in which each step follows from the one before.

    Attributes:
        forest: the structures; slots are those in which children stand.
        labels: (V,) int64, or (V, F) where labels are vectors.
        state: the nodes' states, fields of (V, ...).
        log_prob: (V,) log-probability of what was decided at each node: its label, and
            of each slot whether a child stands in it. With gradient.
        score: (B,) sum of `log_prob` over each structure, divided by the length
            penalty of a `Beam`.
        complete: (B,) bool, False where a limit left out a child.
    """

    forest: Forest
    labels: Tensor
    state: S
    log_prob: Tensor
    score: Tensor
    complete: Tensor

    def __iter__(self) -> Iterator[Any]:
        return iter((self.forest, self.labels, self.state))


def sequences(
    forest: Forest, labels: Tensor, end: int | None = None
) -> tuple[Tensor, ...]:
    """Labels of each structure in the order of generation, as views.

    Args:
        forest: as `unfold` returns it.
        labels: (V,) or (V, F), or any rows of its nodes.
        end: a label to leave out where it stands last.
    """
    count = torch.bincount(forest.tree, minlength=forest.num_trees)
    each = labels.split(count.tolist())
    if end is None:
        return each
    return tuple(s[:-1] if len(s) and s[-1] == end else s for s in each)


class Grown(NamedTuple):
    """Nodes that were grown, in any order that keeps parents before children.

    Attributes:
        tree: (V,) the structure of each.
        parent: (V,) which of the listed nodes is above each; -1 at a root.
        slot: (V,) which child of its parent each is.
        labels, log_prob, state: as in `Unfolding`.
        complete: (B,) as in `Unfolding`.
    """

    tree: Tensor
    parent: Tensor
    slot: Tensor
    labels: Tensor
    log_prob: Tensor
    state: Any
    complete: Tensor


def assemble(grown: Grown, penalty: Any) -> Unfolding[Any]:
    """Number the nodes structure by structure, and link them.

    Within a structure nodes must be listed breadth first. `penalty(num_nodes)` is the
    length penalty.
    """
    tree, parent, slot = (t.cpu().numpy() for t in grown[:3])
    order = np.argsort(tree, kind="stable")
    tree, parent, slot = tree[order], parent[order], slot[order]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    # Breadth first, the children of one node after another are the nodes themselves.
    child = np.flatnonzero(parent >= 0)
    arity = np.bincount(place[parent[child]], minlength=len(order))
    offset = np.concatenate(([0], np.cumsum(arity)))
    forest = Forest.from_csr(offset, child, tree, slot=slot[child])

    device = grown.log_prob.device
    labels, log_prob, fields = grown.labels, grown.log_prob, tuple(grown.state)
    if (order[1:] < order[:-1]).any():
        index = torch.from_numpy(order).to(device)
        labels, log_prob = labels[index], log_prob[index]
        fields = tuple(f.index_select(0, index) for f in fields)
    forest = forest.to(device)
    num_trees = len(grown.complete)
    score = log_prob.new_zeros(num_trees).index_add(0, forest.tree, log_prob)
    sizes = np.bincount(tree, minlength=num_trees)
    divisor = [penalty(int(size)) for size in sizes]
    score = score / torch.tensor(divisor, dtype=score.dtype, device=device)
    state = type(grown.state)(*fields)
    return Unfolding(forest, labels, state, log_prob, score, grown.complete)
