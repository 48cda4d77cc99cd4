"""The recursive parser: batches against one node at a time, merging against folds."""

import numpy as np
import pytest
import torch
from tests.parsing.trees import TREES
from torch import Tensor, nn
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import RecursiveCell
from treefold.data.sequences import Sequences
from treefold.models.parse_batch import ParseBatch
from treefold.models.parser import (
    RecursiveParser,
    tree_of,
    tree_of_merging,
)
from treefold.models.phrase_cell import PhraseCell
from treefold.parsing.binary import Markov
from treefold.parsing.candidates import Candidates, as_list
from treefold.parsing.grammar import Grammar
from treefold.parsing.parser import ChartParser
from treefold.unfolding import Beam, Greedy

SOME = TREES[:4]
NUMBERS = np.arange(len(SOME))


@pytest.fixture(scope="module")
def found() -> Candidates:
    grammar = Grammar.of(TREES, Markov(horizontal=0), classes=True)
    parser, lists = ChartParser(grammar), []
    for tree in SOME:
        best = parser.k_best(tree.words(), 6)
        assert best is not None
        lists.append(as_list(grammar, best))
    return Candidates.of([tree.words() for tree in SOME], lists, SOME)


def labels_of(found: Candidates) -> tuple[np.ndarray, Tensor, Tensor]:
    """Each chain's own number, from 1; categories; and which are of words."""
    label = np.arange(1, len(found.chains) + 1)
    over_word = {
        int(c) for c, left in zip(found.chain, found.left, strict=True) if left < 0
    }
    words = [False, *(k in over_word for k in range(len(found.chains)))]
    categories = torch.arange(len(words)) % 3
    return label, categories, torch.tensor(words)


def batch_of(found: Candidates) -> ParseBatch:
    sizes = [len(words) for words in found.words]
    step = torch.randn(sum(sizes), 5, generator=torch.Generator().manual_seed(0))
    words = Sequences(step.numpy(), np.append(0, np.cumsum(sizes)))
    return ParseBatch.of_candidates(words, found, labels_of(found)[0], NUMBERS)


def model_of(found: Candidates, **settings) -> RecursiveParser:
    _, categories, words = labels_of(found)
    model = RecursiveParser(
        nn.Identity(),
        5,
        categories,
        3,
        words,
        context_size=4,
        hidden_size=3,
        score_size=4,
        dropout=0.0,
        **settings,
    )
    nn.init.normal_(model.diagonals.weight)
    return model


def one_by_one(
    model: RecursiveParser, found: Candidates, batch: ParseBatch
) -> list[Tensor]:
    """The definition: each candidate by recursion, a node at a time."""
    words = model.read(batch)
    label = labels_of(found)[0]
    totals, first_word = [], 0
    for b, sentence in enumerate(found.words):
        own = words[first_word : first_word + len(sentence)]
        zero = own.new_zeros(4)
        before = [zero, *(row[:4] for row in own)]
        behind = [*(row[4:] for row in own), zero]
        shift = int(found.node_offset[b])

        def node(
            v: int, shift=shift, own=own, before=before, behind=behind
        ) -> tuple[Tensor, Tensor, int]:
            k = shift + v
            c = int(label[found.chain[k]])
            i, j = int(found.begin[k]), int(found.end[k])
            e = model.labels.weight[c]
            if found.left[k] < 0:
                a, total = model.word(own[i]), 0.0
            else:
                h1, t1, c1 = node(int(found.left[k]))
                h2, t2, c2 = node(int(found.right[k]))
                gap = [torch.cat([before[g], behind[g]]) for g in (i, j)]
                s = model.gap_begin(gap[0]) + model.gap_end(gap[1])
                pair = int(model.category[c1] * 3 + model.category[c2])
                u, v_ = model.diagonals.weight[pair].chunk(2)
                W1, W2 = model.cell.weight_hh.chunk(2, dim=1)
                W1, W2 = W1 + torch.diag(u), W2 + torch.diag(v_)
                a, total = W1 @ h1 + W2 @ h2 + s, t1 + t2
            z = model.tree_hidden(torch.tanh(a)).relu()
            own_score = model.tree_score.weight[c] @ z + model.tree_score.bias[c]
            return torch.tanh(a + e), total + own_score, c

        for r in range(found.root_offset[b], found.root_offset[b + 1]):
            total = node(int(found.root[r]))[1]
            totals.append(total + model.alpha * float(found.score[r]))
        first_word += len(sentence)
    return totals


def test_scores_and_gradients_are_those_of_one_node_at_a_time(found: Candidates):
    model, batch = model_of(found), batch_of(found)
    weights = [
        p for n, p in model.named_parameters() if not n.startswith(("merge", "word_"))
    ]

    def value_and_gradients(scores: Tensor):
        loss = (scores * torch.linspace(-1, 1, len(scores))).sum()
        grads = torch.autograd.grad(loss, weights)
        return scores, [g.to_dense() for g in grads]

    assert_close(
        value_and_gradients(model(batch)),
        value_and_gradients(torch.stack(one_by_one(model, found, batch))),
    )


def test_structures_do_not_see_each_other(found: Candidates):
    model, batch = model_of(found), batch_of(found)
    all_scores = model(batch)
    sizes = [len(words) for words in found.words]
    step = batch.steps[batch.place].numpy()
    words = Sequences(step, np.append(0, np.cumsum(sizes)))
    label = labels_of(found)[0]
    for b in range(len(found)):
        alone = ParseBatch.of_candidates(words, found, label, np.array([b]))
        mine = slice(found.root_offset[b], found.root_offset[b + 1])
        assert_close(model(alone), all_scores[mine])


def test_a_batch_may_stand_in_any_order(found: Candidates):
    model, batch = model_of(found), batch_of(found)
    sizes = [len(words) for words in found.words]
    words = Sequences(batch.steps[batch.place].numpy(), np.append(0, np.cumsum(sizes)))
    label = labels_of(found)[0]
    chosen = model.choose(batch)
    turned = ParseBatch.of_candidates(words, found, label, NUMBERS[::-1].copy())
    assert_close(model.choose(turned).flip(0), chosen)


@pytest.mark.parametrize("search", [Greedy(), Beam(4)], ids=["greedy", "beam"])
def test_a_merging_scores_what_the_fold_over_its_tree_does(found: Candidates, search):
    model, batch = model_of(found), batch_of(found)
    merging = model.build(batch, search)
    tree = tree_of_merging(merging)
    words = model.read(batch)
    g = model.phrases(batch, words, model.gaps(batch, words), tree)
    made = torch.arange(len(words), len(tree.label))
    scores = model.phrase_scores(g[made])
    best, label = scores.max(1)
    assert_close(merging.score[made], best.to(merging.score))
    assert_close(label, tree.label[made])
    assert not model.no_phrase[label].any()
    assert not model.no_word[tree.label[: len(words)]].any()


def test_the_search_finds_right_phrases_dearer_when_wrong_ones_are_paid(
    found: Candidates,
):
    model, batch = model_of(found), batch_of(found)
    right = torch.tensor([0])
    usual = model.build(batch, Greedy())
    paid = model.build(batch, Greedy(), right=right, price=10.0)
    # With every phrase wrong, every phrase gains, and the order stays.
    assert_close(paid.total, usual.total + 10.0 * (batch.length - 1))


@pytest.mark.parametrize("soft", [True, False])
def test_the_margin_is_that_of_the_list(found: Candidates, soft: bool):
    model, batch = model_of(found, soft=soft, merging=0.0, margin=0.5), batch_of(found)
    scores = model(batch)
    losses = []
    for b in range(len(found)):
        mine = batch.of == b
        s, wrong, best = scores[mine], batch.wrong[mine], batch.best[mine]
        if soft:
            loss = torch.logsumexp(s + 0.5 * wrong, 0) - torch.logsumexp(s[best], 0)
        else:
            loss = (s + 0.5 * wrong).max() - s[best].max()
        losses.append(loss)
    assert_close(model.loss(batch), torch.stack(losses).mean())


def test_the_margin_of_merging_is_asked_of_each_phrase(found: Candidates):
    model, batch = model_of(found, margin=0.5), batch_of(found)
    words = model.read(batch)
    gaps = model.gaps(batch, words)
    g = model.phrases(batch, words, gaps, tree_of(batch))
    phrases, leaves, stack = [], [], batch.gold.tolist()
    while stack:  # the right trees, from the top
        v = stack.pop()
        (leaves if batch.left[v] == batch.right[v] else phrases).append(v)
        if batch.left[v] != batch.right[v]:
            stack += [int(batch.left[v]), int(batch.right[v])]

    def name(tree, v: int) -> tuple[int, int, int]:
        return int(tree.begin[v]), int(tree.end[v]), int(tree.label[v])

    right = {name(batch, v) for v in phrases}
    G, L = len(gaps), len(model.category)
    keys = torch.tensor(sorted((b * G + e) * L + c for b, e, c in right))
    own = tree_of_merging(model.build(batch, Greedy(), right=keys, price=0.5))
    g_found = model.phrases(batch, words, gaps, own)
    loss = torch.zeros(())
    for v in range(len(words), len(own.label)):
        if name(own, v) not in right:
            loss = (
                loss
                + (
                    0.5 + model.phrase_scores(g_found[v : v + 1])[0, own.label[v]]
                ).relu()
            )
    for v in phrases:
        scores = model.phrase_scores(g[v : v + 1])[0]
        loss = loss + (0.5 - scores[batch.label[v]]).relu()
        loss = loss - scores.log_softmax(0)[batch.label[v]]
    place = {int(gap): i for i, gap in enumerate(batch.begin_of)}
    for v in leaves:
        scores = model.word_scores(words)[place[int(batch.begin[v])]]
        loss = loss - scores.log_softmax(0)[batch.label[v]]
    assert_close(model._merge_loss(batch, words, gaps, g), loss / len(batch))


def test_wrong_brackets_and_the_best_of_a_list_are_known(found: Candidates):
    batch = batch_of(found)
    for b, tree in enumerate(SOME):
        mine = (batch.of == b).nonzero().flatten()
        trees = [found.tree(b, rank) for rank in range(len(mine))]
        if tree in trees:
            at = mine[trees.index(tree)]
            assert batch.best[at]
            assert batch.wrong[at] == 0
        assert batch.best[mine].any()


def test_candidates_come_back_from_a_file(found: Candidates, tmp_path):
    found.save(tmp_path / "lists.npz")
    again = Candidates.load(tmp_path / "lists.npz")
    assert again.words == found.words
    assert again.chains == found.chains
    np.testing.assert_array_equal(again.root, found.root)
    assert [again.tree(0, r) for r in range(3)] == [found.tree(0, r) for r in range(3)]


def test_it_learns_to_choose(found: Candidates):
    torch.manual_seed(0)
    model, batch = model_of(found, merging=0.5), batch_of(found)
    optimizer = torch.optim.Adagrad(
        [p for n, p in model.named_parameters() if n != "diagonals.weight"], 0.1
    )
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
    chosen = model.choose(batch) + torch.from_numpy(found.root_offset[:-1])
    assert batch.best[chosen].all()


def test_without_diagonals_and_labels_the_cell_is_the_recursive_cell():
    cell, plain = PhraseCell(3), RecursiveCell(3, 3, input="state")
    plain.weight_hh.data = cell.weight_hh.data
    nn.init.zeros_(plain.bias)
    forest = Forest.from_trees([(("a", "b"), "c"), ("d", "e")])
    s = torch.randn(len(forest.leaves), 3)
    x = torch.zeros(forest.num_nodes, 12)
    x[forest.leaves, :3] = s
    wanted = fold(plain, forest, s.tanh(), forest.leaves).h
    assert_close(fold(cell, forest, x).h, wanted)


def test_the_batched_fold_of_the_cell_is_the_recursion():
    cell = PhraseCell(3)
    forest = Forest.from_trees([(("a", "b"), "c"), ("d", "e")])
    x = torch.randn(forest.num_nodes, 12, requires_grad=True)

    def value_and_gradients(algorithm):
        g = fold(cell, forest, x, algorithm=algorithm).g
        return g, torch.autograd.grad(g.square().sum(), [x, cell.weight_hh])

    assert_close(value_and_gradients("batched"), value_and_gradients("recursive"))
