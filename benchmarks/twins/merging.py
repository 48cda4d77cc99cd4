"""Greedy merging of neighbours: all sentences together, and one pair after another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from treefold import Merge, State, merge
from twins import Twin

LENGTHS = [8 + 3 * k % 25 for k in range(200)]
SIZE = 50


class Net(Merge[State]):
    """p = tanh(W [a; b] + b) and its score (Socher et al., 2011)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * SIZE, SIZE)
        self.score = nn.Linear(SIZE, 1)

    def forward(self, left: State, right: State) -> tuple[State, Tensor]:
        h = self.linear(torch.cat([left.h, right.h], dim=1)).tanh()
        return State(h), self.score(h).squeeze(1)


@torch.no_grad()
def one_by_one(net: Net, words: Tensor) -> Tensor:
    """Merge each sentence by itself, a pair of neighbours at a time."""
    totals = []
    for sentence in words.split(LENGTHS):
        pieces, total = list(sentence), 0.0

        def look(left: Tensor, right: Tensor) -> tuple[Tensor, float]:
            state, score = net(State(left[None]), State(right[None]))
            return state.h[0], float(score)

        pairs = [look(*pieces[k : k + 2]) for k in range(len(pieces) - 1)]
        while pairs:
            k = max(range(len(pairs)), key=lambda k: pairs[k][1])
            total += pairs[k][1]
            pieces[k : k + 2] = [pairs[k][0]]
            del pairs[k]
            for place in (k - 1, k):
                if 0 <= place < len(pairs):
                    pairs[place] = look(*pieces[place : place + 2])
        totals.append(total)
    return torch.tensor(totals)


def twin() -> Twin:
    """Merge 200 sentences of 8 to 32 words."""
    net, words = Net(), torch.randn(sum(LENGTHS), SIZE)
    return Twin(
        "greedy merging",
        f"{len(LENGTHS)} sentences, {sum(LENGTHS)} words, {SIZE} features",
        lambda: merge(net, words, lengths=LENGTHS).total,
        lambda: one_by_one(net, words),
    )
