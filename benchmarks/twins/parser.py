"""A recursive parser: whole lists of trees at once, and one node after another."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor, nn

from treefold.data.sequences import Sequences
from treefold.models.parse_batch import ParseBatch
from treefold.models.parser import RecursiveParser
from treefold.parsing.binary import Markov
from treefold.parsing.candidates import Candidates, as_list
from treefold.parsing.grammar import Grammar
from treefold.parsing.parser import ChartParser
from treefold.parsing.tree import TOP, Tree
from twins import Twin

SENTENCES, TREES, FEATURES, SIZE = 8, 10, 50, 50


def phrase(label: str, chance: random.Random, depth: int) -> Tree:
    """A phrase of a small grammar, at random."""
    below = {
        "S": [("NP", "VP")],
        "NP": [("D", "N"), ("NP", "PP"), ("D", "A", "N")],
        "VP": [("V", "NP"), ("V", "NP", "PP")],
        "PP": [("P", "NP")],
    }
    if label not in below:
        return Tree(label, (f"{label}{chance.randint(0, 9)}",))
    rules = below[label] if depth else below[label][:1]
    names = chance.choice(rules)
    return Tree(label, tuple(phrase(name, chance, depth - 1) for name in names))


def some_lists() -> Candidates:
    """Candidate trees of sentences that the small grammar makes."""
    chance = random.Random(0)
    trees = [Tree(TOP, (phrase("S", chance, 5),)) for _ in range(300)]
    grammar = Grammar.of(trees, Markov(horizontal=0), classes=False)
    parser = ChartParser(grammar)
    long = [tree for tree in trees if 12 <= len(tree.words()) <= 24][:SENTENCES]
    lists = []
    for tree in long:
        found = parser.k_best(tree.words(), TREES)
        assert found is not None
        lists.append(as_list(grammar, found))
    return Candidates.of([tree.words() for tree in long], lists, long)


def node_by_node(
    model: RecursiveParser, found: Candidates, label: list[int], words: Tensor
) -> Tensor:
    """The scores of all candidates, each tree walked by itself."""
    at = 0
    scores: list[Tensor] = []
    half = words.shape[1] // 2
    W = model.cell.weight_hh
    for b, sentence in enumerate(found.words):
        own = words[at : at + len(sentence)]
        at += len(sentence)
        zero = own.new_zeros(half)
        before = [zero, *own[:, :half]]
        behind = [*own[:, half:], zero]
        shift = int(found.node_offset[b])

        def walk(v: int, own=own, before=before, behind=behind, shift=shift):
            k = shift + v
            c, i, j = label[found.chain[k]], int(found.begin[k]), int(found.end[k])
            if found.left[k] < 0:
                a, below = model.word(own[i]), own.new_zeros(())
            else:
                h1, s1, c1 = walk(int(found.left[k]))
                h2, s2, c2 = walk(int(found.right[k]))
                pair = model.category[c1] * model.num_categories + model.category[c2]
                u, v2 = model.diagonals(pair).chunk(2)
                first = model.gap_begin(torch.cat([before[i], behind[i]]))
                last = model.gap_end(torch.cat([before[j], behind[j]]))
                a = W @ torch.cat([h1, h2]) + u * h1 + v2 * h2 + first + last
                below = s1 + s2
            z = model.tree_hidden(torch.tanh(a)).relu()
            own_score = model.tree_score.weight[c] @ z + model.tree_score.bias[c]
            return torch.tanh(a + model.labels.weight[c]), below + own_score, c

        for r in range(int(found.root_offset[b]), int(found.root_offset[b + 1])):
            total = walk(int(found.root[r]))[1]
            scores.append(total + model.alpha * float(found.score[r]))
    return torch.stack(scores)


def twin() -> Twin:
    """Take a training step of the parser that chooses among a chart's trees."""
    found = some_lists()
    sizes = [len(words) for words in found.words]
    step = torch.randn(sum(sizes), FEATURES).numpy()
    words = Sequences(step, np.append(0, np.cumsum(sizes)))
    label = np.arange(1, len(found.chains) + 1)
    leaf = {int(c) for c, left in zip(found.chain, found.left, strict=True) if left < 0}
    of_words = torch.tensor([False, *(k in leaf for k in range(len(found.chains)))])
    model = RecursiveParser(
        nn.Identity(),
        FEATURES,
        torch.arange(len(label) + 1),
        len(label) + 1,
        of_words,
        context_size=SIZE,
        hidden_size=SIZE,
        dropout=0.0,
        merging=0.0,
    )
    batch = ParseBatch.of_candidates(words, found, label, np.arange(len(found)))
    weights = [
        p
        for name, p in model.named_parameters()
        if not name.startswith(("merge", "word_", "diagonals"))
    ]

    def learn(scores: Tensor) -> Tensor:
        grads = torch.autograd.grad(model.list_loss(batch, scores), weights)
        return torch.cat([g.flatten() for g in grads])

    return Twin(
        "recursive parser",
        f"training step, lists of {TREES} trees of {len(found)} sentences, "
        f"{SIZE} features",
        lambda: learn(model(batch)),
        lambda: learn(node_by_node(model, found, label.tolist(), model.read(batch))),
    )
