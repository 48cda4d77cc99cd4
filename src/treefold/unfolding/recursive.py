"""The definition of an unfolding: one structure, one node at a time.

Every faster path must agree with this one in labels, structures, scores and gradients.
It is slow, and meant to be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from treefold.unfolding.draws import Draws, new_seed, root_keys
from treefold.unfolding.result import Grown
from treefold.unfolding.search import Beam, Limits, Sample, Search, penalty
from treefold.unfolding.step import (
    Decision,
    Step,
    chosen,
    decide,
    improbable,
    start_children,
)


class Waiting(NamedTuple):
    """A node that is to be decided; tensors have one row."""

    state: Any
    previous: Tensor
    parent: int  # number of the parent in its structure, -1 at the root
    slot: int
    depth: int  # 1 at the root
    key: Tensor | None  # of its random numbers


class Node(NamedTuple):
    """A node that has been decided; tensors have one row."""

    parent: int
    slot: int
    label: Tensor
    log_prob: Tensor
    state: Any


class Way(NamedTuple):
    """One way to decide a node: its label, and which of its slots get a child."""

    label: Tensor
    children: tuple[bool, ...]
    log_prob: Tensor


class Hypothesis(NamedTuple):
    """A structure so far: its nodes breadth first, and those that wait, in order."""

    nodes: tuple[Node, ...]
    waiting: tuple[Waiting, ...]
    log_prob: float = 0.0
    complete: bool = True


def unfold_recursive(
    step: Step[Any],
    state: Any,
    previous: Tensor,
    limits: Limits,
    search: Search,
    context: Any,
) -> Grown:
    """Grow each structure by itself: `treefold.unfold` after its checks."""
    B, device = len(previous), previous.device
    keys = None
    if isinstance(search, Sample):
        keys = root_keys(new_seed(search.generator), B, device)
    best: list[Hypothesis] = []
    for b in range(B):
        start = type(state)(*(f[b : b + 1] for f in state))
        key = None if keys is None else keys[b : b + 1]
        root = Waiting(start, previous[b : b + 1], -1, slot=0, depth=1, key=key)
        best.append(_grow(step, root, b, limits, search, context))
    return _listed(best)


def _grow(
    step: Step[Any], root: Waiting, b: int, limits: Limits, search: Search, context: Any
) -> Hypothesis:
    """Find one structure. Greedy search and sampling are beams of one way a node."""
    width = search.width if isinstance(search, Beam) else 1
    beam, finished = [Hypothesis((), (root,))], list[Hypothesis]()
    while beam:
        grown = [
            further
            for hypothesis in beam
            for further in _expand(step, hypothesis, b, limits, search, context)
        ]
        grown.sort(key=lambda h: h.log_prob, reverse=True)
        finished += [h for h in grown[:width] if not h.waiting]
        beam = [h for h in grown[:width] if h.waiting]
    if not finished:
        raise improbable(b)

    def rank(h: Hypothesis) -> tuple[bool, float]:
        return h.complete, h.log_prob / penalty(search, len(h.nodes))

    return max(finished, key=rank)


def _expand(
    step: Step[Any],
    hypothesis: Hypothesis,
    b: int,
    limits: Limits,
    search: Search,
    context: Any,
) -> Iterator[Hypothesis]:
    """Decide the first waiting node in every way that the search looks at."""
    node, *others = hypothesis.waiting
    device = node.previous.device
    slot, tree = (torch.tensor([i], device=device) for i in (node.slot, b))
    decision = decide(step, node.state, node.previous, slot, tree, context)
    draws = None if node.key is None else Draws(node.key)
    for way in _ways(step, decision, search, draws):
        below = start_children(step, decision.state, way.label)
        keys = None if draws is None else draws.child_keys(step.num_slots)
        new = Node(node.parent, node.slot, way.label, way.log_prob, decision.state)
        waiting, complete = list(others), hypothesis.complete
        for k, exists in enumerate(way.children):
            if not exists:
                continue
            so_far = len(hypothesis.nodes) + 1 + len(waiting)
            if not limits.allows(node.depth, so_far):
                complete = False
                continue
            start = type(below)(*(f[:, k] for f in below))
            key = None if keys is None else keys[:, k]
            number = len(hypothesis.nodes)
            waiting.append(Waiting(start, way.label, number, k, node.depth + 1, key))
        log_prob = hypothesis.log_prob + float(way.log_prob.detach())
        yield Hypothesis((*hypothesis.nodes, new), tuple(waiting), log_prob, complete)


def _ways(
    step: Step[Any], decision: Decision, search: Search, draws: Draws | None
) -> Iterator[Way]:
    """Ways to decide a node: one where it is greedy or drawn, else each possible."""
    K, exists = step.num_slots, decision.exists
    if isinstance(search, Beam):
        log_prob = decision.logits.log_softmax(dim=-1)
        classes = torch.arange(log_prob.shape[-1], device=log_prob.device)
        labels = list(zip(classes.split(1), log_prob[0].split(1), strict=True))
        patterns = list(product((False, True), repeat=K))
    else:
        labels = [chosen(step, decision.logits, search, draws)]
        patterns = []
        if exists is not None:
            patterns = [tuple(search.child(exists, draws)[0].tolist())]
    for label, log_prob in labels:
        if label.dim() == 1 and label.tolist() == [step.end]:
            ways = [Way(label, (False,) * K, log_prob)]
        elif exists is None:
            ways = [Way(label, (True,) * K, log_prob)]
        else:
            ways = []
            for pattern in patterns:
                sign = torch.tensor([1.0 if there else -1.0 for there in pattern])
                of_slots = logsigmoid(exists * sign.to(exists)).sum(dim=-1)
                ways.append(Way(label, pattern, log_prob + of_slots))
        for way in ways:  # a beam keeps no room for what cannot be
            if not isinstance(search, Beam) or way.log_prob > -torch.inf:
                yield way


def _listed(structures: list[Hypothesis]) -> Grown:
    """List the nodes of all structures."""
    nodes: list[Node] = []
    tree: list[int] = []
    parent: list[int] = []
    for b, structure in enumerate(structures):
        first = len(nodes)
        nodes += structure.nodes
        tree += [b] * len(structure.nodes)
        parent += [-1 if n.parent < 0 else first + n.parent for n in structure.nodes]
    label, log_prob = (
        torch.cat([getattr(n, name) for n in nodes]) for name in ("label", "log_prob")
    )
    state = type(nodes[0].state)(
        *map(torch.cat, zip(*(n.state for n in nodes), strict=True))
    )
    complete = torch.tensor([s.complete for s in structures], device=label.device)
    slot = torch.tensor([n.slot for n in nodes])
    return Grown(
        torch.tensor(tree), torch.tensor(parent), slot, label, log_prob, state, complete
    )
