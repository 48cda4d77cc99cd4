"""The auto-encoder of trees: up, down, and a loss at every node of every tree."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from treefold.data.batching import Batch
from treefold.data.generators.random_trees import random_trees
from treefold.data.symbols import Symbols
from treefold.models.auto_encoder import AutoEncoder
from treefold.models.binding import BindingCell
from twins import Twin

TREES, LEAVES, CODE = 48, 16, 128


def twin() -> Twin:
    """A training step on random binary trees."""
    torch.manual_seed(0)
    corpus = random_trees(TREES, leaves=(LEAVES, LEAVES))
    symbols = Symbols.build(corpus)
    batch = symbols.code(corpus).batch(slice(None))
    model = AutoEncoder(len(symbols.words), 1, 2, code_size=CODE, inner_size=64)

    def step(loss_of: object) -> Tensor:
        model.zero_grad(set_to_none=True)
        loss: Tensor = loss_of(model, batch)  # type: ignore[operator]
        loss.backward()
        assert model.decoder.weight_hh.grad is not None
        return torch.cat([loss.detach()[None], model.decoder.weight_hh.grad.flatten()])

    return Twin(
        "tree auto-encoder",
        f"training step, {TREES} trees of {2 * LEAVES - 1} nodes, codes of {CODE}",
        lambda: step(AutoEncoder.loss),
        lambda: step(node_by_node),
    )


def node_by_node(model: AutoEncoder, batch: Batch) -> Tensor:
    """Sum the loss as one writes it by hand: two recursions over each tree."""
    forest, symbol = batch.forest, batch.token.tolist()
    offset, child = forest.offset.tolist(), forest.child.tolist()

    def below(v: int) -> list[int]:
        return child[offset[v] : offset[v + 1]]

    def up(v: int) -> Tensor:
        x = model.encoder.weight_ih @ model.embedding.weight[symbol[v]]  # type: ignore[operator]
        return joined(model.encoder, x, list(enumerate(map(up, below(v)))))

    def down(v: int, h: Tensor) -> Tensor:
        features = F.gelu(model.reader(h))
        inner = model.stop(features)
        if not below(v):
            return F.softplus(inner[0]) + F.cross_entropy(
                model.word(features), torch.tensor(symbol[v])
            )
        label = torch.tensor(symbol[v] - model.num_words)
        nats = F.softplus(-inner).sum()  # it has children, and one more after the first
        nats = nats + F.cross_entropy(model.label(features), label)
        for k, c in enumerate(below(v)):
            nats = nats + down(c, joined(model.decoder, None, [(k, h)]))
        return nats

    total = torch.zeros(())
    for root in forest.roots.tolist():
        total = total + down(root, up(root))
    return total / len(batch)


def joined(
    cell: BindingCell, x: Tensor | None, states: list[tuple[int, Tensor]]
) -> Tensor:
    """One node of a cell, by its equations."""
    total = cell.bias
    for k, h in states:
        total = total + cell.slot(k) @ h
    s, a = total.split([cell.hidden_size, cell.inner_size])
    if x is not None:
        s = s + x
    return cell.norm(s + cell.inner @ F.gelu(a))
