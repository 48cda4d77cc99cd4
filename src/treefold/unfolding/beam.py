"""Beam search for all structures together, as tensors of hypotheses.

Every hypothesis decides one node a round, so that after t rounds each has t nodes. What
it still has to decide travels with it; what it has decided is found at the end, by
following row numbers back from round to round.
"""

from __future__ import annotations

from itertools import count, product
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from treefold.unfolding.result import Grown
from treefold.unfolding.search import Beam, Limits, penalty
from treefold.unfolding.step import Decision, Step, decide, improbable, start_children


class Waiting(NamedTuple):
    """Nodes to be decided, of n hypotheses, the next one first; (n, Q) each."""

    previous: Tensor
    parent: Tensor  # its number in the structure
    slot: Tensor
    depth: Tensor
    state: tuple[Tensor, ...]  # what it begins with, fields (n, Q, ...)


class Hypotheses(NamedTuple):
    """n unfinished hypotheses, structure by structure, the most probable first."""

    tree: Tensor
    log_prob: Tensor  # without gradient, as it only compares
    complete: Tensor
    length: Tensor  # nodes that wait
    waiting: Waiting


class Ways(NamedTuple):
    """m ways to go on that a round has kept, structure by structure, best first."""

    row: Tensor  # which of the n hypotheses each continues
    option: Tensor  # which label and children
    log_prob: Tensor  # of all nodes so far


class Round(NamedTuple):
    """What a round of n hypotheses decided, and the m ways that it kept."""

    state: Any  # of the nodes that were decided, fields (n, ...)
    parent: Tensor  # (n,)
    slot: Tensor  # (n,)
    row: Tensor  # (m,) which of the n each way continues
    label: Tensor  # (m,)
    log_prob: Tensor  # (m,) of the node
    carried: Tensor  # which of the m the hypotheses of the next round are


def unfold_beam(
    step: Step[Any],
    state: Any,
    previous: Tensor,
    limits: Limits,
    search: Beam,
    context: Any,
) -> Grown:
    """Search all structures together: `treefold.unfold` after its checks."""
    B = len(previous)
    now, best = _roots(state, previous), _Best(B, previous.device)
    rounds: list[Round] = []
    for number in count():
        old, parent, slot, depth, start = _first(now.waiting)
        start = type(state)(*start)
        decision = decide(step, start, old, slot, now.tree, context)
        options, patterns = _options(step, decision)
        ways = _widest(now, options.detach(), B, search.width)
        row, tree = ways.row, now.tree[ways.row]
        label = ways.option // len(patterns)
        there = patterns[ways.option % len(patterns)]
        if step.end is not None:
            there = there & (label != step.end)[:, None]

        allowed = there & (depth[row] < limits.max_depth)[:, None]
        if limits.max_nodes is not None:
            size = number + now.length[row, None] + allowed.cumsum(dim=1)
            allowed = allowed & (size <= limits.max_nodes)
        complete = now.complete[row] & (allowed == there).all(dim=1)
        length = now.length[row] - 1 + allowed.sum(dim=1)

        score = ways.log_prob / penalty(search, number + 1)
        best.offer(number, tree, score, complete, length == 0)
        hopeful = best.may_be_beaten(
            tree, ways.log_prob / penalty(search, _most_nodes(step, limits))
        )
        carried = ((length > 0) & hopeful).nonzero().squeeze(1)
        log_prob = options[row, ways.option]
        rounds.append(
            Round(decision.state, parent, slot, row, label, log_prob, carried)
        )
        if not len(carried):
            return _trace(rounds, best)

        row, label = row[carried], label[carried]
        above = type(decision.state)(*(f[row] for f in decision.state))
        children = Waiting(
            label[:, None].expand_as(allowed[carried]),
            torch.full_like(row, number)[:, None].expand(-1, step.num_slots),
            torch.arange(step.num_slots, device=row.device).expand(len(row), -1),
            depth[row, None].expand(-1, step.num_slots) + 1,
            tuple(start_children(step, above, label)),
        )
        waiting = _queue(now, row, children, allowed[carried])
        now = Hypotheses(
            tree[carried],
            ways.log_prob[carried],
            complete[carried],
            length[carried],
            waiting,
        )
    raise AssertionError  # `count` does not end


def _roots(state: Any, previous: Tensor) -> Hypotheses:
    """One hypothesis a structure: its root waits."""
    tree = torch.arange(len(previous), device=previous.device)
    zero = torch.zeros_like(tree)[:, None]
    fields = tuple(f[:, None] for f in state)
    waiting = Waiting(previous[:, None], zero - 1, zero, zero + 1, fields)
    ones = torch.ones_like(tree)
    return Hypotheses(tree, torch.zeros_like(tree).double(), ones.bool(), ones, waiting)


def _first(waiting: Waiting) -> Waiting:
    previous, parent, slot, depth = (t[:, 0] for t in waiting[:4])
    state = tuple(f[:, 0] for f in waiting.state)
    return Waiting(previous, parent, slot, depth, state)


def _most_nodes(step: Step[Any], limits: Limits) -> float:
    """A number of nodes that no structure surpasses."""
    K = step.num_slots
    most = float(limits.max_depth if K == 1 else K ** min(limits.max_depth, 100))
    return min(most, limits.max_nodes or most)


def _options(step: Step[Any], decision: Decision) -> tuple[Tensor, Tensor]:
    """All ways to decide n nodes.

    Returns:
        Log-probabilities (n, C * M) of C labels with M patterns of children each, and
        the patterns, (M, K) bool.
    """
    log_prob, exists = decision.logits.log_softmax(dim=-1), decision.exists
    K, device = step.num_slots, log_prob.device
    if exists is None:
        return log_prob, torch.ones(1, K, dtype=torch.bool, device=device)
    patterns = torch.tensor(list(product((False, True), repeat=K)), device=device)
    signed = torch.where(patterns, exists[:, None], -exists[:, None])  # (n, M, K)
    options = log_prob[:, :, None] + logsigmoid(signed).sum(dim=-1)[:, None]
    if step.end is not None:  # decides no children: one way, the first pattern's
        options[:, step.end] = -torch.inf
        options[:, step.end, 0] = log_prob[:, step.end]
    return options.flatten(1), patterns


def _widest(now: Hypotheses, options: Tensor, num_trees: int, width: int) -> Ways:
    """The best ways of each structure, from the best of each of its hypotheses."""
    n, tree = len(now.tree), now.tree
    top, option = options.topk(min(width, options.shape[1]))
    number = torch.arange(n, device=tree.device)
    rank = number - torch.searchsorted(tree, tree)  # in its structure
    row = torch.zeros(num_trees, width, dtype=torch.int64, device=tree.device)
    row[tree, rank] = number
    total = top.new_full((num_trees, width, top.shape[1]), -torch.inf)
    total[tree, rank] = now.log_prob.to(top)[:, None] + top
    log_prob, way = total.flatten(1).topk(width)
    b, place = (log_prob > -torch.inf).nonzero(as_tuple=True)
    way = way[b, place]
    row = row[b, way // top.shape[1]]
    return Ways(row, option[row, way % top.shape[1]], log_prob[b, place])


def _queue(now: Hypotheses, row: Tensor, children: Waiting, there: Tensor) -> Waiting:
    """Let hypotheses `row` go on: the first has been decided, its children wait last.

    Args:
        now: the hypotheses before.
        row: (m,) which of them goes on.
        children: (m, K) those of the node that was decided.
        there: (m, K) bool, which of them exist.
    """
    old = now.waiting
    if old.slot.shape[1] == there.shape[1] == 1:
        return children
    Q = torch.arange(1, old.slot.shape[1], device=row.device)
    valid = torch.cat([now.length[row, None] > Q, there], dim=1)
    # Stable: those that wait move to the left, in order.
    order = (~valid).byte().argsort(dim=1, stable=True)
    order = order[:, : int(valid.sum(dim=1).max())]
    at = torch.arange(len(row), device=row.device)[:, None]

    def join(before: Tensor, after: Tensor) -> Tensor:
        return torch.cat([before[row, 1:], after], dim=1)[at, order]

    previous, parent, slot, depth = map(join, old[:4], children[:4])
    state = tuple(map(join, old.state, children.state))
    return Waiting(previous, parent, slot, depth, state)


class _Best:
    """The best finished hypothesis of each structure, and where it was found."""

    def __init__(self, num_trees: int, device: torch.device):
        self.score = torch.full((num_trees,), -torch.inf, device=device).double()
        self.complete = torch.zeros(num_trees, dtype=torch.bool, device=device)
        self.round = torch.full((num_trees,), -1, device=device)
        self.row = torch.full((num_trees,), -1, device=device)

    def offer(
        self,
        number: int,
        tree: Tensor,
        score: Tensor,
        complete: Tensor,
        finished: Tensor,
    ) -> None:
        """Take the finished ways of a round where they are better.

        Those of a structure stand together, best first, and have equally many nodes.
        """
        row = finished.nonzero().squeeze(1)
        row = row[(2 * tree[row] + ~complete[row]).argsort(stable=True)]
        of = tree[row]
        leads = torch.searchsorted(of, of) == torch.arange(len(of), device=of.device)
        row, of = row[leads], of[leads]
        score, complete, was = score[row].double(), complete[row], self.complete[of]
        better = (complete & ~was) | ((complete == was) & (score > self.score[of]))
        row, of = row[better], of[better]
        self.score[of], self.complete[of] = score[better], complete[better]
        self.row[of], self.round[of] = row, number

    def may_be_beaten(self, tree: Tensor, bound: Tensor) -> Tensor:
        """Say for ways, of structures `tree`, if they may surpass what is found.

        Args:
            tree: (m,).
            bound: (m,) scores that they cannot surpass. A log-probability only falls,
                and a penalty only grows.
        """
        return ~self.complete[tree] | (bound > self.score[tree])


def _trace(rounds: list[Round], best: _Best) -> Grown:
    """Follow the best hypotheses back, and list their nodes round by round."""
    missing = (best.round < 0).nonzero()
    if len(missing):
        raise improbable(int(missing[0]))
    row = best.row.clone()
    pieces: list[tuple[Tensor, ...]] = []
    for number in range(int(best.round.max()), -1, -1):
        past = rounds[number]
        tree = (best.round >= number).nonzero().squeeze(1)
        way = row[tree]
        source = past.row[way]
        node = (past.parent[source], past.slot[source])
        what = (past.label[way], past.log_prob[way], *(f[source] for f in past.state))
        pieces.append((tree, *node, *what))
        if number:
            row[tree] = rounds[number - 1].carried[source]
    pieces.reverse()
    tree, parent, slot, label, log_prob, *fields = (
        torch.cat(piece) for piece in zip(*pieces, strict=True)
    )
    # A node's number in its structure is that of its round.
    number = torch.cat([torch.full_like(p[0], t) for t, p in enumerate(pieces)])
    listed = torch.full((len(pieces), len(row)), -1, device=row.device)
    listed[number, tree] = torch.arange(len(tree), device=row.device)
    parent = torch.where(parent < 0, -1, listed[parent, tree])
    state = type(rounds[0].state)(*fields)
    return Grown(tree, parent, slot, label, log_prob, state, best.complete)
