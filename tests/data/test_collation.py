from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.data.plain_trees import Node, any_trees, pack
from treefold.data import batches, plan_batches
from treefold.data.readers.brackets import parse_brackets


def height(node: Node) -> int:
    return 1 + max(map(height, node.children), default=-1)


def preorder(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from preorder(child)


@given(st.lists(any_trees, min_size=1, max_size=5), st.data())
def test_a_batch_is_what_sorting_all_nodes_by_height_gives(forest, data):
    corpus = pack(forest)
    chosen = data.draw(
        st.lists(st.integers(0, len(forest) - 1), min_size=1, max_size=5)
    )
    # By level, then tree, then the order in which nodes stand in the tree.
    copies = [
        (height(node), j, node)
        for j, b in enumerate(chosen)
        for node in preorder(forest[b])
    ]
    copies.sort(key=lambda entry: entry[0])  # stable
    batch = corpus.batch(chosen)

    found = batch.forest
    assert found.num_nodes == len(copies)
    assert found.tree.tolist() == [j for _, j, _ in copies]
    assert found.heights.tolist() == [h for h, _, _ in copies]
    for v, (_, j, node) in enumerate(copies):
        below = found.child[found.offset[v] : found.offset[v + 1]].tolist()
        assert [copies[c][2] for c in below] == list(node.children)
        assert all(copies[c][1] == j for c in below)
    assert [copies[r][2] for r in found.roots.tolist()] == [forest[b] for b in chosen]

    label = [
        -1 if n.label is None else corpus.labels.index(n.label) for *_, n in copies
    ]
    assert batch.label.tolist() == label
    with_word = [v for v, (*_, n) in enumerate(copies) if n.word is not None]
    if len(with_word) == len(copies):
        assert batch.nodes is None
    else:
        assert batch.nodes is not None
        assert batch.nodes.tolist() == with_word
    words = [corpus.tokens[t] for t in batch.token.tolist()]
    assert words == [copies[v][2].word for v in with_word]
    assert batch.words.tolist() == sorted(set(batch.token.tolist()))
    assert batch.trees.tolist() == chosen
    assert len(batch) == len(chosen)


def test_a_batch_is_int64_and_its_forest_is_in_level_order():
    batch = parse_brackets("(1 (0 a) (2 b))(3 c)").batch(slice(None))
    for tensor in (batch.words, batch.rows, batch.nodes, batch.label):
        assert tensor is not None
        assert tensor.dtype == torch.int64
    assert batch.forest.is_sorted
    assert batch.words.tolist() == batch.rows.tolist() == [0, 1, 2]
    assert batch.nodes is not None
    assert batch.nodes.tolist() == [0, 1, 2]


def test_a_batch_moves_to_a_device():
    batch = parse_brackets("(1 (0 a) (2 b))").batch([0]).to("meta")
    tensors = batch.words, batch.rows, batch.nodes, batch.label, batch.forest.child
    assert {t.device.type for t in tensors if t is not None} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_pinned_batch_moves_to_a_gpu_without_a_wait():
    batch = parse_brackets("(1 (0 a) (2 b))").batch([0])
    pinned = batch.pin_memory()
    assert pinned.label.is_pinned()
    assert pinned.forest.child.is_pinned()
    moved = pinned.to("cuda", non_blocking=True)
    assert moved.token.tolist() == batch.token.tolist()
    assert moved.forest.child.tolist() == batch.forest.child.tolist()


@pytest.fixture
def corpus():
    return parse_brackets("(0 a)\n(1 (0 b) (0 c))\n" * 20)


def test_every_tree_is_in_one_batch(corpus):
    for how in ({}, {"batch_size": 7}, {"max_nodes": 10}, {"max_nodes": 1}):
        for seed in (None, 3):
            plan = plan_batches(corpus, seed=seed, **how)
            assert np.sort(np.concatenate(plan)).tolist() == list(range(40))


def test_batches_have_the_trees_asked_for(corpus):
    assert [len(t) for t in plan_batches(corpus)] == [25, 15]
    assert [len(t) for t in plan_batches(corpus, batch_size=16)] == [16, 16, 8]
    assert [b.trees[0] for b in batches(corpus, batch_size=16)] == [0, 16, 32]


def test_batches_keep_to_a_budget_of_nodes(corpus):
    plan = plan_batches(corpus, max_nodes=9, seed=0)
    sizes = [corpus.sizes[trees].sum() for trees in plan]
    assert max(sizes) <= 9
    for trees, following in pairwise(plan):
        assert corpus.sizes[trees].sum() + corpus.sizes[following[0]] > 9
    both = plan_batches(corpus, max_nodes=9, batch_size=2)
    assert {len(trees) for trees in both} == {2}


def test_a_tree_over_the_budget_goes_alone(corpus):
    assert [len(t) for t in plan_batches(corpus, max_nodes=2)] == [1] * 40


def test_seed_and_epoch_fix_the_order(corpus):
    def order(**how):
        return np.concatenate(plan_batches(corpus, **how)).tolist()

    assert order() == list(range(40))
    assert order(seed=1, epoch=2) == order(seed=1, epoch=2)
    assert order(seed=1, epoch=2) != order(seed=1, epoch=3)
    assert order(seed=1, epoch=2) != order(seed=2, epoch=2)


def chain(length: int) -> str:
    return "(0 " * length + "a" + ")" * length


@pytest.fixture
def chains():
    """Forty chains, of heights 0 to 39."""
    return parse_brackets("\n".join(chain(1 + (7 * i) % 40) for i in range(40)))


def test_a_window_sorts_by_height_and_shuffles_the_batches(chains):
    height = chains.height[chains.roots]
    plan = plan_batches(chains, batch_size=5, height_window=8, seed=0)
    assert (
        sorted(height[trees].tolist() for trees in plan)
        == np.sort(height).reshape(8, 5).tolist()
    )
    firsts = [height[trees[0]] for trees in plan]
    assert firsts != sorted(firsts)


def test_trees_do_not_leave_their_window(chains):
    shuffled = np.concatenate(plan_batches(chains, batch_size=5, seed=0))
    windows = [set(part.tolist()) for part in np.split(shuffled, 4)]
    plan = plan_batches(chains, batch_size=5, height_window=2, seed=0)
    found = [[set(trees.tolist()) <= window for window in windows] for trees in plan]
    assert np.array(found).sum(axis=0).tolist() == [2, 2, 2, 2]
    assert [len(trees) for trees in plan] == [5] * 8


def test_a_window_keeps_to_the_budget_and_leaves_no_tree_out(chains):
    for how in ({"max_nodes": 60}, {"max_nodes": 60, "batch_size": 4}):
        for seed in (None, 1):
            plan = plan_batches(chains, height_window=3, seed=seed, **how)
            assert np.sort(np.concatenate(plan)).tolist() == list(range(40))
            assert max(chains.sizes[trees].sum() for trees in plan) <= 60


def test_windows_without_a_seed_go_through_in_order(chains):
    plan = plan_batches(chains, batch_size=10, height_window=2)
    assert max(np.concatenate(plan[:2])) < 20 <= min(np.concatenate(plan[2:]))
    height = chains.height[chains.roots]
    assert height[plan[0]].max() <= height[plan[1]].min()


def test_an_empty_corpus_has_no_batch(corpus):
    assert list(batches(corpus[:0], max_nodes=5)) == []
    assert list(batches(corpus[:0])) == []
    assert list(batches(corpus[:0], max_nodes=5, height_window=4, seed=0)) == []


def test_a_budget_below_one_is_refused_at_once(corpus):
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        batches(corpus, batch_size=0)
    with pytest.raises(ValueError, match="max_nodes must be at least 1"):
        batches(corpus, max_nodes=-1)
    with pytest.raises(ValueError, match="height_window must be at least 1"):
        batches(corpus, height_window=0)
