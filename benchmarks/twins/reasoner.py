"""Ranking windows of text above corrupted ones: all at once, and node after node."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from treefold import Forest
from treefold.cells import RecursiveCell
from treefold.data.bracketing import branching
from treefold.models.reasoner import Reading, Reasoner, Weights, Windows
from twins import Twin

WINDOWS, LONGEST, WORDS, SIZE = 250, 5, 1000, 64
DISSOCIATION = 0.3


def some_windows(random: np.random.Generator) -> Windows:
    """Windows of two words and more, with random trees, and one word replaced."""
    lengths = random.integers(2, LONGEST + 1, WINDOWS)
    word = torch.from_numpy(random.integers(WORDS, size=lengths.sum()))
    place = np.cumsum(lengths) - 1 - random.integers(0, lengths)
    other = word.clone()
    other[place] = (other[place] + 1) % WORDS
    return Windows(word, other, lengths, place, branching(lengths, "random", 0))


def node_by_node(model: Reasoner, windows: Windows) -> Tensor:
    """The loss, with every node made, compared and taken apart by itself."""
    forest, cell = windows.forest, model.association
    assert isinstance(forest, Forest)
    assert isinstance(cell, RecursiveCell)
    N, offset, child = len(windows.word), forest.offset.tolist(), forest.child.tolist()
    place = windows.place[forest.tree.numpy()].tolist()
    h: list[Tensor] = []
    other: list[Tensor] = []
    over: list[bool] = []
    margins, lost, told, parts = [], [], [], []
    for v in range(forest.num_nodes):  # words come first, then children before parents
        if v < N:
            h.append(model.embedding(windows.word[v]))
            other.append(model.embedding(windows.other[v]))
            over.append(v == place[v])
        else:
            a, b = child[offset[v] : offset[v + 1]]
            for states in (h, other):
                both = torch.cat([states[a], states[b]])
                states.append(torch.addmv(cell.bias, cell.weight_hh, both).tanh())
            over.append(over[a] or over[b])
            if over[v]:
                margins.append(1 - model.saliency(h[v]) + model.saliency(other[v]))
            for c, again in zip((a, b), model.dissociation(h[v]).chunk(2), strict=True):
                parts.append(h[c])
                lost.append((again - h[c]).square().sum())
                told.append((model.composed(again), c >= N))
        told.append((model.composed(h[v].detach()), v >= N))
    part = torch.stack(parts).detach()
    variance = (part - part.mean(dim=0)).square().sum()
    logits = torch.cat([logit if is_phrase else -logit for logit, is_phrase in told])
    apart = torch.stack(lost).sum() / variance - logits.sigmoid().log().mean()
    return torch.cat(margins).relu().mean() + DISSOCIATION * apart


def twin() -> Twin:
    """Take a training step of a reasoner."""
    windows = some_windows(np.random.default_rng(0))
    weights = Weights(ranking=1.0, dissociation=DISSOCIATION)
    model = Reasoner(RecursiveCell(SIZE, SIZE), WORDS, weights=weights)

    def step(loss: Tensor) -> Tensor:
        used = [model.association, model.dissociation, model.saliency, model.composed]
        weights = [p for module in used for p in module.parameters()]
        gradients = torch.autograd.grad(loss, [*weights, model.embedding.weight])
        dense = (g.to_dense() if g.is_sparse else g for g in gradients)
        return torch.cat([loss.reshape(1), *(g.flatten() for g in dense)])

    return Twin(
        "reasoner",
        f"training step, ranking and dissociation, {WINDOWS} windows of 2 to "
        f"{LONGEST} words, {SIZE} features",
        lambda: step(model.loss(Reading(windows, None))),
        lambda: step(node_by_node(model, windows)),
    )
