"""A neural tensor network: a product a relation, and one triple after another."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from treefold.data.relation_batches import Names, TripleBatch, batch_of
from treefold.data.relations import Triples
from treefold.models.relation import NeuralTensorNetwork
from twins import Twin

TRIPLES, RELATIONS, ENTITIES, WORDS = 150, 4, 500, 300
SIZE, SLICES, CORRUPTIONS = 100, 4, 4


def one_by_one(model: NeuralTensorNetwork, batch: TripleBatch) -> Tensor:
    """Score each triple and each of its corruptions by itself, and learn from it."""
    words = batch.name.tensor_split(batch.offset[1:])
    # Weights of their own for each relation: the gradient of an index into those of all
    # would be as large as they are.
    table = model.embedding.weight.detach().clone().requires_grad_()
    every = [[w.detach().clone().requires_grad_() for w in own] for own in model.own()]

    def vector(entity: Tensor) -> Tensor:
        return table[batch.words[words[entity]]].mean(0)

    def score(r: int, e1: Tensor, e2: Tensor) -> Tensor:
        tensor, V, b, u = every[r]
        tie = torch.stack([e1 @ W @ e2 for W in tensor])
        return u @ torch.tanh(tie + V @ torch.cat([e1, e2]) + b)

    assert batch.heads is not None
    assert batch.tails is not None
    total, n, count = 0.0, 0, 2 * len(batch) * batch.heads.shape[1]
    for g, (r, size) in enumerate(batch.relations):
        for _ in range(size):
            e1, e2 = vector(batch.head[n]), vector(batch.tail[n])
            true, loss = score(r, e1, e2), model.u.new_zeros(())
            for other in map(vector, batch.tails[g]):
                loss = loss + torch.relu(1 - true + score(r, e1, other))
            for other in map(vector, batch.heads[g]):
                loss = loss + torch.relu(1 - true + score(r, other, e2))
            (loss / count).backward()  # at once: the graph of all would be large
            total += loss.item() / count
            n += 1
    return torch.tensor(total)


def twin() -> Twin:
    """Learn from 150 triples, each with 4 corruptions at both ends."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 4, ENTITIES)
    word = random.integers(1, WORDS, lengths.sum())
    names = Names(word, np.append(0, np.cumsum(lengths)))
    ends = random.integers(ENTITIES, size=(2, TRIPLES))
    relation = np.arange(TRIPLES) % RELATIONS
    triples = Triples(ends[0], relation, ends[1], np.ones(TRIPLES, np.int64))
    drawn = random.integers(ENTITIES, size=(RELATIONS, 2, CORRUPTIONS))
    batch, _ = batch_of(names, triples, drawn)
    model = NeuralTensorNetwork(WORDS, RELATIONS, SIZE, SLICES)

    def batched() -> Tensor:
        model.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        return loss.detach()

    def single() -> Tensor:
        model.zero_grad()
        return one_by_one(model, batch)

    return Twin(
        "neural tensor network",
        f"training step, {TRIPLES} triples of {RELATIONS} relations, "
        f"{2 * CORRUPTIONS} corruptions each, {SIZE} features, {SLICES} slices",
        batched,
        single,
    )
