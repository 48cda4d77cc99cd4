"""Greedy search and sampling, level by level: all waiting nodes of all structures."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from treefold.unfolding.draws import Draws, new_seed, root_keys
from treefold.unfolding.result import Grown
from treefold.unfolding.search import Greedy, Limits, Sample
from treefold.unfolding.step import (
    Decision,
    Step,
    chosen,
    decide,
    start_children,
)


def unfold_batched(
    step: Step[Any],
    state: Any,
    previous: Tensor,
    limits: Limits,
    search: Greedy | Sample,
    context: Any,
) -> Grown:
    """Grow all structures together: `treefold.unfold` after its checks.

    The N nodes of a level stand structure by structure, and by parent and slot within
    one: breadth first.
    """
    B, K, device = len(previous), step.num_slots, previous.device
    tree = torch.arange(B, device=device)
    slot, parent = torch.zeros_like(tree), torch.full_like(tree, -1)
    size = torch.ones_like(tree)  # nodes of each structure so far
    complete = torch.ones(B, dtype=torch.bool, device=device)
    keys = None
    if isinstance(search, Sample):
        keys = root_keys(new_seed(search.generator), B, device)

    levels: list[tuple[Tensor, ...]] = []
    states: list[Any] = []
    first = 0  # nodes of the levels above
    for depth in range(1, limits.max_depth + 1):
        decision = decide(step, state, previous, slot, tree, context)
        draws = None if keys is None else Draws(keys)
        label, wanted, log_prob = _settle(step, decision, search, draws)
        levels.append((tree, parent, slot, label, log_prob))
        states.append(decision.state)

        edge = wanted.flatten().nonzero().squeeze(1)
        if depth == limits.max_depth:
            complete[tree[edge // K]] = False
            break
        if limits.max_nodes is not None and len(edge):
            of = tree[edge // K]
            # Edges of one structure stand together: count within them.
            rank = torch.arange(len(of), device=device) - torch.searchsorted(of, of)
            room = size[of] + rank < limits.max_nodes
            complete[of[~room]] = False
            edge = edge[room]
            size += torch.bincount(of[room], minlength=B)
        if not len(edge):
            break

        below = start_children(step, decision.state, label)
        all_there = len(edge) == wanted.numel()
        state = type(below)(
            *(
                f.flatten(0, 1) if all_there else f.flatten(0, 1).index_select(0, edge)
                for f in below
            )
        )
        row, slot = edge // K, edge % K
        parent, tree, previous = first + row, tree[row], label[row]
        first += len(label)
        if draws is not None:
            keys = draws.child_keys(K).flatten()[edge]
    tree, parent, slot, label, log_prob = map(torch.cat, zip(*levels, strict=True))
    state = type(states[0])(*map(torch.cat, zip(*states, strict=True)))
    return Grown(tree, parent, slot, label, log_prob, state, complete)


def _settle(
    step: Step[Any], decision: Decision, search: Greedy | Sample, draws: Draws | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Decide N nodes: labels, children (N, K) bool, and their log-probability (N,)."""
    label, log_prob = chosen(step, decision.logits, search, draws)
    N, exists = len(label), decision.exists
    if exists is None:
        wanted = torch.ones(N, step.num_slots, dtype=torch.bool, device=label.device)
        if step.end is not None:
            wanted = wanted & (label != step.end)[:, None]
        return label, wanted, log_prob
    wanted = search.child(exists, draws)
    of_slots = logsigmoid(torch.where(wanted, exists, -exists)).sum(dim=-1)
    if step.end is not None:
        goes_on = label != step.end
        wanted = wanted & goes_on[:, None]
        of_slots = torch.where(goes_on, of_slots, 0.0)
    return label, wanted, log_prob + of_slots
