"""Socher's recursive auto-encoders agree with themselves written node by node."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Forest
from treefold.models.recursive_auto_encoder import (
    Phrases,
    RecursiveAutoEncoder,
    subtrees,
    word_counts,
)

H, LENGTHS = 6, (5, 1, 3)


@pytest.fixture
def phrases():
    vectors = F.normalize(torch.randn(sum(LENGTHS), H), dim=1).requires_grad_()
    return Phrases(vectors, torch.tensor(LENGTHS))


@pytest.fixture(params=[False, True], ids=["children", "unfolding"])
def model(request):
    model = RecursiveAutoEncoder(H, unfolding=request.param)
    torch.nn.init.normal_(model.encoder.bias)
    torch.nn.init.normal_(model.decoder.bias)
    return model


def joined(model, left, right):
    u = torch.tanh(
        model.encoder.weight_hh @ torch.cat([left, right]) + model.encoder.bias
    )
    return u / u.norm()


def made(model, p, k):
    W = model.decoder.weight_hh[:, k * H : (k + 1) * H]
    return torch.tanh(W @ p + model.decoder.bias)


def greedy_by_hand(model, vectors):
    """Merge the pair of least error: nested pairs of numbers of words."""
    pieces: list[Any] = [(i, v, 1) for i, v in enumerate(vectors)]
    while len(pieces) > 1:
        errors = []
        for (_, a, n), (_, b, m) in pairwise(pieces):
            p = joined(model, a, b)
            one, two = made(model, p, 0) - a, made(model, p, 1) - b
            total = n * one.square().sum() + m * two.square().sum()
            errors.append((total / (n + m)).item())
        k = errors.index(min(errors))
        (s, a, n), (t, b, m) = pieces[k : k + 2]
        pieces[k : k + 2] = [((s, t), joined(model, a, b), n + m)]
    return pieces[0][0]


def errors_by_hand(model, vectors, tree):
    """The errors of a nested tree's inner nodes; its code; its words' numbers."""
    if isinstance(tree, int):
        return [], vectors[tree], [tree]
    (e, a, left), (f, b, right) = (errors_by_hand(model, vectors, t) for t in tree)
    p = joined(model, a, b)
    if model.unfolding:

        def words(tree, h):
            if isinstance(tree, int):
                return (h - vectors[tree]).square().sum()
            return sum(words(t, made(model, h, k)) for k, t in enumerate(tree))

        error = words(tree, p)
    else:
        one, two = made(model, p, 0) - a, made(model, p, 1) - b
        n, m = len(left), len(right)
        error = (n * one.square().sum() + m * two.square().sum()) / (n + m)
    return [*e, *f, error], p, left + right


def nested(forest, v, first):
    offset, child = forest.offset.tolist(), forest.child.tolist()
    below = child[offset[v] : offset[v + 1]]
    return tuple(nested(forest, c, first) for c in below) if below else v - first


def test_the_tree_found_is_that_of_merging_by_hand(model, phrases):
    found = model.find(phrases)
    first = 0
    for root, length in zip(found.forest.roots.tolist(), LENGTHS, strict=True):
        words = phrases.vectors[first : first + length].detach()
        assert nested(found.forest, root, first) == greedy_by_hand(model, words)
        first += length


def test_errors_and_gradients_agree_with_the_recursion(model, phrases):
    found = model.find(phrases)
    expected, first = [], 0
    for root, length in zip(found.forest.roots.tolist(), LENGTHS, strict=True):
        words = phrases.vectors[first : first + length]
        tree = nested(found.forest, root, first)
        expected += errors_by_hand(model, words, tree)[0]
        first += length
    wanted = torch.stack(expected).mean()
    leaves = [phrases.vectors, *model.parameters()]
    assert_close(model.loss(found), wanted)
    assert_close(
        torch.autograd.grad(model.loss(found), leaves),
        torch.autograd.grad(wanted, leaves),
    )


def test_every_code_has_length_one(model, phrases):
    found = model.find(phrases)
    h = model.encode(found.vectors, found.forest)
    assert_close(h.norm(dim=1), torch.ones(len(h)))


def test_a_word_alone_comes_back_without_error(model, phrases):
    found = model.find(phrases)
    assert model.leaf_errors(found.vectors, found.forest)[LENGTHS[0]] == 0


def test_training_makes_less_of_what_is_lost(model, phrases):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    before = model.loss(phrases).item()
    for _ in range(30):
        optimizer.zero_grad()
        model.loss(phrases).backward()
        optimizer.step()
    assert model.loss(phrases).item() < 0.7 * before


def test_subtrees_are_copied_below_each_top():
    forest = Forest.from_trees([(("a", "b"), "c"), "d"])
    copies, top, node = subtrees(forest, torch.tensor([4, 2, 5]))
    assert copies.num_trees == 3
    assert torch.bincount(top).tolist() == [5, 3, 1]
    assert sorted(node[top == 1].tolist()) == [0, 1, 2]
    assert node[copies.roots].tolist() == [4, 2, 5]
    assert word_counts(forest).tolist() == [1, 1, 2, 1, 3, 1]
