"""Steps that the tests of unfolding share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from treefold import Decision, State, Step

H = 3


class RandomStep(Step[State]):
    """A plain recurrent node function with random weights.

    Args:
        classes: C.
        num_slots: K.
        end: a label that ends its branch.
        exists: whether children may be missing.
        attends: whether a row of the context is read.
    """

    def __init__(
        self,
        classes: int,
        num_slots: int = 1,
        *,
        end: int | None = None,
        exists: bool = False,
        attends: bool = False,
    ):
        super().__init__()
        self.num_slots, self.end = num_slots, end
        self.attends = attends
        self.embed = nn.Parameter(torch.randn(classes + 1, H))
        self.place = nn.Parameter(torch.randn(num_slots, H))
        self.recur = nn.Parameter(torch.randn(H, H))
        self.down = nn.Parameter(torch.randn(num_slots, H, H))
        self.out = nn.Parameter(torch.randn(H, classes) * 2)
        self.there = nn.Parameter(torch.randn(H, num_slots)) if exists else None

    def forward(
        self, state: State, previous: Tensor, slot: Tensor, tree: Tensor, context: Any
    ) -> Decision:
        x = self.embed[previous + 1] + self.place[slot]
        if self.attends:
            x = x + context[tree]
        h = torch.tanh(state.h @ self.recur + x)
        exists = None if self.there is None else h @ self.there - 0.3
        return Decision(State(h), h @ self.out, exists)

    def below(self, state: State, label: Tensor) -> State:
        h = state.h + self.embed[label + 1]
        return State(torch.einsum("nh,khg->nkg", h, self.down).sin())


class Found(NamedTuple):
    """A structure found by trying all: its nodes breadth first."""

    log_prob: float
    labels: tuple[int, ...]
    parents: tuple[int, ...]
    slots: tuple[int, ...]
    complete: bool


def every_structure(
    step: Step[State], state: Tensor, max_depth: int, context: Any = None
) -> Iterator[Found]:
    """Try every label and every set of children at every node of one structure.

    Nodes are decided one level after another by plain recursion, with nothing shared
    with the searches but the step.
    """

    def grow(nodes: list[Any], open_: list[Any], log_prob: Tensor, cut: bool) -> Any:
        if not open_:
            labels, parents, slots = zip(*nodes, strict=True)
            yield Found(float(log_prob), labels, parents, slots, not cut)
            return
        (h, previous, parent, slot, depth), *rest = open_
        tree = torch.tensor([0])
        got = step(
            State(h), torch.tensor([previous]), torch.tensor([slot]), tree, context
        )
        p = got.logits.log_softmax(-1)[0]
        for label in range(len(p)):
            after = step.below(got.state, torch.tensor([label])).h
            node = [*nodes, (label, parent, slot)]
            if label == step.end:
                patterns = [()]
            elif got.exists is None:
                patterns = [tuple(range(step.num_slots))]
            else:
                masks = product([0, 1], repeat=step.num_slots)
                patterns = [tuple(k for k, m in enumerate(ms) if m) for ms in masks]
            for there in patterns:
                q = p[label]
                if label != step.end and got.exists is not None:
                    for k in range(step.num_slots):
                        sign = 1.0 if k in there else -1.0
                        q = q + logsigmoid(sign * got.exists[0, k])
                new = [
                    (after[:, k], label, len(nodes), k, depth + 1)
                    for k in there
                    if depth < max_depth
                ]
                lost = cut or len(new) < len(there)
                yield from grow(node, [*rest, *new], log_prob + q, lost)

    yield from grow([], [(state, -1, -1, 0, 1)], torch.zeros(()), False)


class PairState(NamedTuple):
    h: Tensor
    memory: Tensor  # (N, H, 2)
    depth: Tensor  # (N,) int64: a field without gradient


class PairStep(Step[PairState]):
    """A step with a state of three fields, one of them whole numbers; its children
    begin with its own state, which is the default."""

    num_slots = 2

    def __init__(self):
        super().__init__()
        self.recur = nn.Parameter(torch.randn(H, H))
        self.place = nn.Parameter(torch.randn(2, H))
        self.out = nn.Parameter(torch.randn(H, 3))

    def start(self, h: Tensor) -> PairState:
        B = len(h)
        return PairState(h, torch.ones(B, H, 2), torch.zeros(B, dtype=torch.int64))

    def forward(
        self,
        state: PairState,
        previous: Tensor,
        slot: Tensor,
        tree: Tensor,
        context: Any,
    ) -> Decision:
        x = self.place[slot] + previous[:, None] + state.memory.sum(2)
        h = torch.tanh(state.h @ self.recur + x)
        memory = state.memory.flip(2) + h[:, :, None]
        return Decision(
            PairState(h, memory, state.depth + 1), h @ self.out, h[:, :2] * 3
        )


class Table(Step[State]):
    """Probabilities by what came before; label 0 ends.

    Args:
        rows: the labels so far, and the probabilities of the next.
    """

    end = 0

    def __init__(self, rows: dict[tuple[int, ...], list[float]]):
        super().__init__()
        self.rows = rows
        self.longest = max(map(len, rows)) + 1

    def start(self, num_trees: int) -> State:
        """The labels so far, -1 where there is none."""
        return State(torch.full((num_trees, self.longest), -1.0))

    def forward(
        self, state: State, previous: Tensor, slot: Tensor, tree: Tensor, context: Any
    ) -> Decision:
        kept = []
        for so_far, last in zip(state.h.tolist(), previous.tolist(), strict=True):
            came = [int(label) for label in so_far if label >= 0]
            kept.append(came + [last] * (last >= 0))
        p = torch.tensor([self.rows[tuple(came)] for came in kept])
        filled = [came + [-1] * (self.longest - len(came)) for came in kept]
        return Decision(State(torch.tensor(filled, dtype=p.dtype)), p.log())
