"""Association, dissociation and saliency, against the same node by node."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Beam, Forest
from treefold.cells import ChildSumTreeLSTMCell, GatedRecursiveCell, RecursiveCell
from treefold.data.bracketing import branching, of_phrases, spans
from treefold.models.reasoner import Reading, Reasoner, Taught, Weights, Windows

W, H = 12, 6
ALL = Weights(ranking=1.0, dissociation=0.5, phrases=0.7, labels=0.3)


def reasoner(cell=RecursiveCell, **options) -> Reasoner:
    model = Reasoner(cell(H, H), W, **{"weights": ALL, "num_classes": 3, **options})
    torch.nn.init.normal_(model.embedding.weight)
    return model


def some_windows(kind: Any = "random") -> Windows:
    lengths = np.array([3, 5, 2, 4])
    word = torch.randint(W, (14,))
    place = np.array([1, 5, 8, 13])
    other = word.clone()
    other[place] = (other[place] + 1) % W
    forest = None if kind == "found" else branching(lengths, kind, 3)
    return Windows(word, other, lengths, place, forest)


def some_taught() -> Taught:
    lengths = np.array([5, 3])
    phrases = [[(0, 2), (2, 5)], [(1, 3)]]
    label = torch.tensor([2, -1])
    word = torch.randint(W, (8,))
    return Taught(word, lengths, phrases, label, None, of_phrases(lengths, phrases))


def associated(model: Reasoner, x, y):
    cell = model.association
    assert isinstance(cell, RecursiveCell)
    return torch.tanh(torch.cat([x, y], dim=-1) @ cell.weight_hh.T + cell.bias)


def parts_of(forest: Forest, v: int) -> list[int]:
    return forest.child[forest.offset[v] : forest.offset[v + 1]].tolist()


def node_by_node(model: Reasoner, forest: Forest, word) -> list:
    """The representation of every node, made by itself."""
    h = []
    for v in range(forest.num_nodes):
        below = parts_of(forest, v)
        alone = model.embedding.weight[word[v]] if not below else None
        h.append(associated(model, *(h[c] for c in below)) if alone is None else alone)
    return h


def loss_node_by_node(model: Reasoner, batch: Reading):
    windows, taught = batch.windows, batch.taught
    assert windows is not None
    assert windows.forest is not None
    forest, N = windows.forest, len(windows.word)
    h = node_by_node(model, forest, windows.word)
    other = node_by_node(model, forest, windows.other)
    span, ranking, lost, told, parts = spans(forest, N), [], [], [], []
    for v in range(forest.num_nodes):
        told.append((model.composed(h[v].detach()), float(v >= N)))
    for v in range(N, forest.num_nodes):
        place = windows.place[forest.tree[v]]
        if span[v, 0] <= place < span[v, 1]:
            gap = 1 - model.saliency(h[v]) + model.saliency(other[v])
            ranking.append(torch.relu(gap))
        below = parts_of(forest, v)
        again = model.dissociation(h[v]).split(H)
        for c, each in zip(below, again, strict=True):
            parts.append(h[c])
            lost.append((each - h[c]).square().sum())
            told.append((model.composed(each), float(c >= N)))
    part = torch.stack(parts).detach()
    total = torch.stack(ranking).mean()
    variance = (part - part.mean(dim=0)).square().sum()
    dissociation = (
        torch.stack(lost).sum() / variance
        + torch.stack([F.softplus(-z if y else z) for z, y in told]).mean()
    )
    total = total + 0.5 * dissociation

    assert taught is not None
    assert taught.gold is not None
    assert taught.phrases is not None
    assert model.phrase is not None
    assert model.output is not None
    own = model.build(taught.word, taught.lengths).forest
    for forest in (taught.gold, own):
        h, T = node_by_node(model, forest, taught.word), len(taught.word)
        begin = np.cumsum(taught.lengths) - taught.lengths
        known = [
            (i + b, j + b)
            for b, some in zip(begin, taught.phrases, strict=True)
            for i, j in some
        ]
        losses = []
        for v, (i, j) in enumerate(spans(forest, T).tolist()):
            if v >= T:
                bad = any(i < s < j < e or s < i < e < j for s, e in known)
                z = model.phrase(h[v])
                losses.append(F.softplus(z if bad else -z))
        total = total + 0.35 * torch.stack(losses).mean()
    root = model.output(h[own.roots[0]])
    return total + 0.3 * (root.logsumexp(0) - root[2])


def test_the_loss_is_that_of_one_node_after_another():
    model, batch = reasoner(), Reading(some_windows(), some_taught())
    values, gradients = [], []
    for loss in (model.loss(batch), loss_node_by_node(model, batch)):
        model.zero_grad()
        loss.sum().backward()
        values.append(loss.reshape(()))
        table = model.embedding.weight.grad
        assert table is not None
        table = table.to_dense() if table.is_sparse else table
        rest = [p.grad for p in model.parameters() if p is not model.embedding.weight]
        gradients.append([table, *rest])
    assert_close(*values)
    assert_close(*gradients)


@pytest.mark.parametrize("cell", [RecursiveCell, GatedRecursiveCell])
@pytest.mark.parametrize("search", [None, Beam(3)])
def test_what_it_builds_is_what_it_folds(cell, search):
    model = reasoner(cell, per_word=0.3)
    word, lengths = torch.randint(W, (9,)), [4, 1, 4]
    found = model.build(word, lengths, *([] if search is None else [search]))
    h = model.states(found.forest, word)
    assert_close(found.state.h, h)
    span = spans(found.forest, 9)[9:]
    words = torch.from_numpy(span[:, 1] - span[:, 0])
    assert model.phrase is not None
    score = model.phrase(h[9:]).squeeze(-1) - 0.3 * words
    assert_close(found.score[9:], score)
    total = torch.zeros(3).index_add(0, found.forest.tree[9:], score)
    assert_close(found.total, total)


def test_greedy_takes_the_most_salient_pair_first():
    model = reasoner(weights=Weights())
    word = torch.randint(W, (5,))
    found = model.build(word, [5])
    e = model.words(word)
    score = model.saliency(associated(model, e[:-1], e[1:])).squeeze(-1)
    best = int(score.argmax())
    assert found.forest.child[:2].tolist() == [best, best + 1]
    beam = model.build(word, [5], Beam(50))
    assert float(beam.total) >= float(found.total)


def test_only_associations_above_the_replaced_word_are_ranked():
    model = reasoner(weights=Weights())
    windows = some_windows("right")
    # In (a (b c)) with a replaced, (b c) is the same in both.
    first = Windows(
        windows.word[:3], windows.other[:3].clone(), np.array([3]), np.array([0]),
        branching(np.array([3]), "right"),
    )  # fmt: skip
    first.other[:3] = first.word
    first.other[0] = (first.word[0] + 1) % W
    true, corrupt = model.rank(first)
    expected = torch.relu(1 - true + corrupt).mean()
    assert_close(model.loss(Reading(first, None)), expected)


def test_a_window_of_its_own_structure_is_associated_alike_with_another_word():
    model = reasoner(weights=Weights())
    windows = some_windows("found")
    forest = model.build(windows.word, windows.lengths).forest
    given = replace(windows, forest=forest)
    assert_close(model.rank(windows), model.rank(given))
    assert_close(model.loss(Reading(windows, None)), model.loss(Reading(given, None)))


def test_structure_of_one_sentence_does_not_see_another():
    model = reasoner()
    word = torch.randint(W, (9,))
    both = model.build(word, [5, 4])
    alone = [model.build(word[:5], [5]), model.build(word[5:], [4])]
    assert_close(both.total, torch.cat([each.total for each in alone]))


def test_a_perfect_dissociation_recalls_every_word():
    # Words are numbers in 2, 3, ...; (x, y) is x + 100 y, so that nothing is lost.
    model = reasoner(weights=Weights(dissociation=1.0))

    class Split(torch.nn.Module):
        def forward(self, h):
            y = (h[:, 0] / 100).floor()
            x = h[:, 0] - 100 * y
            zeros = torch.zeros(len(h), H - 1)
            return torch.cat([x[:, None], zeros, y[:, None], zeros], dim=1)

    class More(torch.nn.Module):
        def forward(self, h):
            return h[:, :1] - 50

    model.dissociation, model.composed = Split(), More()  # type: ignore[assignment]
    with torch.no_grad():
        model.embedding.weight.zero_()
        model.embedding.weight[:, 0] = torch.arange(W)
    h = torch.zeros(2, H)
    h[0, 0] = 7 + 100 * (3 + 100 * 5)  # (7, (3, 5))
    h[1, 0] = 4
    grown = model.recall(h, max_depth=4)
    leaf = grown.forest.arities == 0
    assert grown.labels[leaf].tolist() == [7, 3, 5, 4]
    assert grown.forest.tree[leaf].tolist() == [0, 0, 0, 1]


def test_a_loss_without_a_share_is_not_computed():
    model = reasoner(weights=Weights(0, 0, 0, 0))
    assert float(model.loss(Reading(some_windows(), some_taught()))) == 0
    assert model.phrase is None


def test_training_lowers_the_loss():
    model = reasoner(loss="logistic", embedding_std=0.5)
    batch = Reading(some_windows(), some_taught())
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    losses = []
    for _ in range(25):
        loss = model.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_dropout_acts_in_training_on_taught_sentences_only():
    model = reasoner(dropout=0.5, weights=Weights(0, 0, 0, 1))
    taught, windows = some_taught(), some_windows()
    assert not torch.equal(model.classify(taught), model.classify(taught))
    assert_close(model.rank(windows), model.rank(windows))
    model.eval()
    assert_close(model.classify(taught), model.classify(taught))


def test_what_is_no_association_is_told():
    with pytest.raises(ValueError, match=r"such as RecursiveCell\(6, 6\), got"):
        Reasoner(ChildSumTreeLSTMCell(H, H), W)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whose leaves are their input"):
        Reasoner(RecursiveCell(4, H, input="affine"), W)
    with pytest.raises(ValueError, match='loss must be "hinge" or "logistic"'):
        Reasoner(RecursiveCell(H, H), W, loss="square")  # type: ignore[arg-type]
