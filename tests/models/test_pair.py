"""Two structures compared: against one tree at a time, and against the papers."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import (
    ChildSumTreeLSTMCell,
    GatedRecursiveCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)
from treefold.data.readers.tree_pairs import read_side
from treefold.data.tree_pairs import Pair, TreePairs
from treefold.models.pair import PairModel, RelationHead, SimilarityHead
from treefold.models.pair_rivals import MeanCell, alignment, jaccard, overlaps, rarities

WORDS = ["<unk>", *"abcdef"]
TEXTS = [
    ("( ( a b ) c )", "( ( a b ) d )"),
    ("( a b )", "( a b )"),
    ("( ( a b ) ( c ( d e ) ) )", "f"),
    ("( f ( f f ) )", "( a b )"),
]
PAIRS = [Pair(read_side(left), read_side(right)) for left, right in TEXTS]
SCORES = [4.5, 5.0, 1.0, 2.25]
CELLS = {
    "rnn": lambda: RecursiveCell(3, 4, input="affine"),
    "tree-lstm": lambda: NaryTreeLSTMCell(3, 4),
    "child-sum": lambda: ChildSumTreeLSTMCell(3, 4),
    "gated": lambda: GatedRecursiveCell(3, 4),
    "mean": lambda: MeanCell(4),
}
HEADS = {
    "similarity": (lambda: SimilarityHead(4, inner_size=5), SCORES),
    "relation": (lambda: RelationHead(4, 3, inner_size=5), [0, 1, 2, 1]),
    "tensor": (lambda: RelationHead(4, 3, inner_size=5, tensor=True), [0, 1, 2, 1]),
}


def the_pairs(targets=SCORES):
    return TreePairs.of(PAIRS, "constituency", WORDS.index, targets)


def one_by_one(model, targets):
    """The loss, each tree a forest of its own, folded by the definition."""
    losses = []
    for pair, target in zip(PAIRS, targets, strict=True):
        roots = []
        for side in (pair.left, pair.right):
            tree = side.tree("constituency")
            forest = Forest.from_parents(list(tree.parent))
            words = [(v, WORDS.index(w)) for v, w in enumerate(tree.word) if w]
            nodes, numbers = torch.tensor(words).T
            x = model.embedding.weight[numbers]
            h = fold(model.cell, forest, x, nodes, algorithm="recursive").h
            roots.append(h[forest.roots])
        losses.append(model.head.loss(model.head(*roots), torch.tensor([target])))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_learns_what_the_pairs_would_one_by_one(cell, head):
    new_head, targets = HEADS[head]
    model = PairModel(CELLS[cell](), len(WORDS), new_head())
    batch = the_pairs(targets).batch(np.arange(4))
    weights = list(model.parameters())

    def value_and_gradients(loss):
        found = torch.autograd.grad(loss, weights)
        return loss, [g.to_dense() if g.is_sparse else g for g in found]

    assert_close(
        value_and_gradients(model.loss(batch)),
        value_and_gradients(one_by_one(model, targets)),
    )


def test_equal_subtrees_are_computed_once():
    batch = the_pairs().batch(np.arange(4))
    assert batch.left[1] == batch.right[1]  # the same formula on both sides
    assert batch.right[3] == batch.left[1]  # and again in another pair
    # a b c d e f; ab, abc, abd; de, cde, abcde; ff, fff
    assert batch.forest.num_nodes == 6 + 3 + 3 + 2


def test_the_similarity_head_is_the_papers():
    head = SimilarityHead(4, inner_size=5)
    left, right = torch.randn(2, 3, 4)
    product, difference = left * right, abs(left - right)
    h = torch.sigmoid(
        F.linear(product, head.product.weight)
        + F.linear(difference, head.difference.weight)
        + head.product.bias
    )
    p = torch.softmax(F.linear(h, head.output.weight, head.output.bias), dim=1)
    assert_close(head(left, right).softmax(dim=1), p)
    assert_close(head.score(p), p @ torch.arange(1.0, 6.0))
    assert_close(head(left, right), head(right, left))


@pytest.mark.parametrize(
    ("score", "target"),
    [
        (1.0, [1, 0, 0, 0, 0]),
        (3.6, [0, 0, 0.4, 0.6, 0]),
        (4.25, [0, 0, 0, 0.75, 0.25]),
        (5.0, [0, 0, 0, 0, 1]),
    ],
)
def test_the_target_is_on_two_levels_and_has_the_score_as_mean(score, target):
    found = SimilarityHead(4).target(torch.tensor([score]))
    assert_close(found, torch.tensor([target], dtype=found.dtype))
    assert_close(SimilarityHead(4).score(found), torch.tensor([score]))


def test_levels_of_any_range_have_the_same_mean():
    head = SimilarityHead(4, levels=[-1.0, -0.5, 0.0, 0.5])
    scores = torch.tensor([-1.0, -0.3, 0.5])
    assert_close(head.score(head.target(scores)), scores)
    beyond = head.target(torch.tensor([7.0]))
    assert_close(beyond, torch.tensor([[0.0, 0, 0, 1]]))


def test_levels_that_do_not_rise_are_told():
    with pytest.raises(ValueError, match=r"levels must be two or more .* got \[1, 3,"):
        SimilarityHead(4, levels=[1, 3, 4])


def test_the_loss_of_scores_is_the_divergence_of_distributions():
    head = SimilarityHead(4)
    logits = torch.randn(2, 5)
    target = head.target(torch.tensor([2.0, 3.5]))
    p = logits.softmax(dim=1)
    # KL = sum t ln(t / p), where 0 ln 0 = 0.
    expected = torch.special.xlogy(target, target / p).sum() / 2
    assert_close(head.loss(logits, torch.tensor([2.0, 3.5])), expected)


def test_the_tensor_is_bowmans():
    head = RelationHead(4, 3, inner_size=2, tensor=True)
    assert head.tensor is not None
    left, right = torch.randn(2, 1, 4)
    both = torch.cat([left, right, abs(left - right), left * right], dim=1)
    by_slice = torch.stack([left[0] @ V @ right[0] for V in head.tensor])
    h = F.leaky_relu(by_slice + head.compare(both))
    assert_close(head(left, right), head.output(h))


def test_dropout_spares_what_is_the_same_on_both_sides():
    cell = ChildSumTreeLSTMCell(3, 4)
    head = RelationHead(4, 3)
    model = PairModel(cell, 7, head, input_dropout=0.5, output_dropout=0.5)
    seen = []
    head.register_forward_pre_hook(lambda _, sides: seen.append(sides))
    model(the_pairs().batch(np.arange(4)))
    left, right = seen[0]
    assert_close(left[1], right[1])
    assert_close(left[1], right[3])
    assert (left == 0).any(), "something was dropped"


def test_fixed_words_stay_as_they_are():
    head = SimilarityHead(4)
    model = PairModel(ChildSumTreeLSTMCell(3, 4), 7, head, fixed_words=True)
    model.loss(the_pairs().batch(np.arange(4))).backward()
    assert model.embedding.weight.grad is None
    assert head.output.weight.grad is not None


def test_the_mean_cell_is_the_mean_of_the_words():
    model = PairModel(MeanCell(4), 7, SimilarityHead(4))
    batch = the_pairs().batch(np.arange(4))
    vectors = model.embedding.weight
    expected = vectors[[1, 2, 3, 4, 5]].mean(dim=0)  # a b c d e
    assert_close(model.states(batch)[batch.left[2]], expected)
    assert_close(model.states(batch)[batch.left[3]], vectors[6])  # f f f


def test_overlaps_are_counted():
    sides = [(("a", "b", "c"), ("a", "b", "d", "d"))]
    assert jaccard(*sides[0]) == 0.5
    found = overlaps(sides, rarities([side for pair in sides for side in pair]))[0]
    assert found[:4].tolist() == [0.5, 4 / 6, 2 / 3, 2 / 3]
    rare = np.log(2 / 1) + 1
    assert found[4] == pytest.approx(2 / (2 + 2 * rare))
    assert found[9:11].tolist() == [-1, 1]


def test_words_find_their_like():
    vectors = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    index = {"x": 1, "y": 2, "z": 3}
    there, least, back, worst, means = alignment([(("x", "?"), ("z", "?"))], vectors,
                                                 index)[0]  # fmt: skip
    cosine = 1 / np.sqrt(2)
    assert there == back == pytest.approx((cosine + 1) / 2)  # ? is the same word
    assert least == worst == pytest.approx(cosine)
    assert means == pytest.approx(cosine)
