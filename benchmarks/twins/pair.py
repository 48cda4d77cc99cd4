"""Pairs of trees: one forest for both sides of a batch, or each tree by itself."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from treefold.cells import NaryTreeLSTMCell
from treefold.data.readers.tree_pairs import read_side
from treefold.data.tree_pairs import Pair, Tree, TreePairs
from treefold.models.pair import PairModel, SimilarityHead
from twins import Twin

PAIRS, LEAVES, WORDS, SIZE = 25, 12, 500, 100


def twin() -> Twin:
    """Take the loss of 25 pairs of binary trees and its gradient."""
    random = np.random.default_rng(0)
    pairs = [
        Pair(read_side(_brackets(random)), read_side(_brackets(random)))
        for _ in range(PAIRS)
    ]
    scores = random.uniform(1, 5, PAIRS).tolist()
    data = TreePairs.of(pairs, "constituency", int, scores)
    cell = NaryTreeLSTMCell(SIZE, SIZE, arity=2)
    model = PairModel(cell, WORDS, SimilarityHead(SIZE))
    sides = [(p.left.tree(), p.right.tree()) for p in pairs]

    def learn(loss: Tensor) -> Tensor:
        model.zero_grad()
        loss.backward()
        return torch.cat([loss.detach()[None], cell.weight_hh.grad.flatten()])  # type: ignore[union-attr]

    def batched() -> Tensor:
        return learn(model.loss(data.batch(np.arange(PAIRS))))

    def single() -> Tensor:
        losses = []
        for (left, right), score in zip(sides, scores, strict=True):
            logits = _by_hand(
                model, _root(cell, model, left), _root(cell, model, right)
            )
            target = model.head.target(torch.tensor([score]))  # type: ignore[union-attr]
            log_p = F.log_softmax(logits, dim=-1)
            losses.append(F.kl_div(log_p, target[0], reduction="sum"))
        return learn(torch.stack(losses).mean())

    work = f"training step, {PAIRS} pairs of binary trees of {LEAVES} leaves"
    return Twin("siamese Tree-LSTM", work, batched, single)


def _brackets(random: np.random.Generator) -> str:
    """Draw a binary tree over numbers that stand for words."""
    pieces = [str(word) for word in random.integers(1, WORDS, LEAVES)]
    while len(pieces) > 1:
        at = int(random.integers(len(pieces) - 1))
        pieces[at : at + 2] = [f"( {pieces[at]} {pieces[at + 1]} )"]
    return pieces[0]


def _by_hand(model: PairModel, left: Tensor, right: Tensor) -> Tensor:
    """Compare two roots as the paper writes it."""
    head = model.head
    h = head.product(left * right) + head.difference((left - right).abs())  # type: ignore[operator]
    return head.output(torch.sigmoid(h))  # type: ignore[operator]


def _root(cell: NaryTreeLSTMCell, model: PairModel, tree: Tree) -> Tensor:
    """Run the cell over one tree, node by node, children before parents."""
    H = cell.hidden_size
    below: list[list[int]] = [[] for _ in tree.parent]
    for node, parent in enumerate(tree.parent):
        if parent >= 0:
            below[parent].append(node)
    states: dict[int, tuple[Tensor, Tensor]] = {}
    nothing = torch.zeros(H), torch.zeros(H)
    for node in reversed(range(len(tree.parent))):  # a parent comes before its children
        word = tree.word[node]
        if word is None:
            x = cell.bias
        else:
            x = cell.bias + cell.weight_ih @ model.embedding.weight[int(word)]
        kept = [states[k] for k in below[node]] or [nothing, nothing]
        h = torch.cat([h for h, _ in kept])
        i, u, o, *forget = (cell.weight_hh @ h).split(H)
        x_i, x_u, x_o, x_f = x.split(H)
        c = torch.sigmoid(x_i + i) * torch.tanh(x_u + u)
        for f, (_, memory) in zip(forget, kept, strict=True):
            c = c + torch.sigmoid(x_f + f) * memory
        states[node] = torch.sigmoid(x_o + o) * torch.tanh(c), c
    return states[0][0]
