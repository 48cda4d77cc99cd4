import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.plain_trees import Node, any_trees, names, pack, unpack
from treefold.data import Corpus, DataError, Vocabulary
from treefold.data.readers.brackets import parse_brackets

THREE = "(1 (0 a) (2 b))\n(3 c)\n(4 (3 (2 a) (2 d)) (1 b))"


@given(st.lists(any_trees, min_size=1, max_size=5))
def test_packing_keeps_every_tree(forest):
    corpus = pack(forest)
    assert unpack(corpus) == forest
    assert len(corpus) == len(forest)
    assert (corpus.roots == corpus.tree_offset[1:] - 1).all()
    assert (corpus.sizes == np.diff(corpus.tree_offset)).all()


@given(st.lists(any_trees, min_size=1, max_size=5))
def test_heights_rise_within_a_tree_and_are_one_more_than_the_highest_childs(forest):
    corpus = pack(forest)
    for s, e in zip(corpus.tree_offset, corpus.tree_offset[1:], strict=False):
        height = corpus.height[s:e]
        assert (np.diff(height) >= 0).all()
        for v in range(s, e):
            k = corpus.child_offset[v : v + 2]
            below = height[corpus.child[k[0] : k[1]]]
            assert corpus.height[v] == max(below, default=-1) + 1


@given(st.lists(any_trees, min_size=1, max_size=5), st.data())
def test_trees_are_chosen_by_number_slice_or_mask(forest, data):
    corpus = pack(forest)
    B = len(forest)
    chosen = data.draw(st.lists(st.integers(-B, B - 1), max_size=6))
    part = corpus[np.array(chosen, np.int64)]
    assert unpack(part) == [forest[b] for b in chosen]
    assert part.number.tolist() == [b % B + 1 for b in chosen]
    window = data.draw(st.slices(B))
    assert unpack(corpus[window]) == forest[window]
    mask = data.draw(st.lists(st.booleans(), min_size=B, max_size=B))
    assert unpack(corpus[np.array(mask)]) == [
        t for t, m in zip(forest, mask, strict=True) if m
    ]


def test_one_tree_is_a_corpus_of_one_and_a_corpus_can_be_gone_through():
    corpus = parse_brackets(THREE)
    assert unpack(corpus[-1]) == unpack(corpus)[2:]
    assert [len(part) for part in corpus] == [1, 1, 1]


@pytest.mark.parametrize(
    ("index", "error"),
    [(3, IndexError), ([0, -4], IndexError), ([True], IndexError), (0.5, TypeError)],
)
def test_trees_that_are_not_there_cannot_be_chosen(index, error):
    with pytest.raises(error):
        parse_brackets(THREE)[index]


@given(st.lists(any_trees, max_size=3), st.lists(any_trees, max_size=3))
def test_corpora_are_joined_with_their_tables_united(first, second):
    joined = Corpus.cat([pack(first, "a"), pack(second, "b")])
    assert unpack(joined) == first + second
    assert len(set(joined.tokens)) == len(joined.tokens)
    if first and second:
        assert joined.where(len(first)) == "b: tree 1"


def test_joining_nothing_gives_an_empty_corpus():
    assert len(Corpus.cat([])) == 0


@given(st.lists(any_trees, min_size=1, max_size=4), st.lists(names))
def test_recoding_maps_words_and_labels_by_their_text(forest, words):
    vocabulary = Vocabulary(("<unk>", *dict.fromkeys(w for w in words if w != "<unk>")))
    classes = tuple(dict.fromkeys(words))

    def expected(node: Node) -> Node:
        word = node.word
        if word is not None and word not in vocabulary:
            word = "<unk>"
        label = node.label if node.label in classes else None
        return Node(label, word, tuple(map(expected, node.children)))

    corpus = pack(forest).recode(vocabulary, classes)
    assert unpack(corpus) == [expected(tree) for tree in forest]
    assert corpus.tokens == vocabulary.words
    assert corpus.labels == classes


def test_recoding_can_merge_labels():
    corpus = parse_brackets(THREE)
    merged = corpus.recode(classes=("low",), rename={"0": "low", "1": "low"})
    assert merged.tokens == corpus.tokens
    assert merged.label.tolist() == [0, -1, 0, -1, -1, -1, 0, -1, -1]


def test_a_tree_knows_where_it_came_from():
    corpus = parse_brackets(THREE, name="my.txt")
    assert corpus[[2]].where(0) == "my.txt: tree 3 (line 3)"


def test_arrays_cannot_be_written_to_and_the_callers_still_can():
    label = np.zeros(1, np.int32)
    corpus = Corpus.from_parents(
        np.array([0, 1]), np.array([-1]), np.array([0]), label, ["a"], ["0"]
    )
    with pytest.raises(ValueError, match="read-only"):
        corpus.label[0] = 1
    label[0] = 1


def test_a_corpus_tells_its_size():
    corpus = parse_brackets(THREE)
    assert repr(corpus) == "Corpus(3 trees, 9 nodes, 4 tokens, 5 labels)"


@pytest.mark.parametrize(
    ("offset", "parent", "token", "message"),
    [
        ([0, 2], [-1, -1], [0, 0], "tree 1: node 1 has the parent -1; a tree has one"),
        ([0, 2], [-1, 1], [0, 0], "tree 1: node 1 has the parent 1; a parent must"),
        ([0, 1, 3], [-1, 1, 0], [0] * 3, "tree 2: node 0 has the parent 1; a parent"),
        ([0, 3], [-1, 2, 0], [0] * 3, "tree 1: node 1 has the parent 2"),
        ([0, 0, 1], [-1], [0], "tree 1 has no node"),
        ([0, 2], [-1], [0], "tree_offset must run from 0 to the number of nodes, 1"),
        ([0, 1], [-1], [1], "token must lie between -1 and 0, the last of `tokens`"),
        ([0, 1], [-1], [], "token must have 1 entries, got 0"),
    ],
)
def test_what_is_not_a_tree_is_not_packed(offset, parent, token, message):
    with pytest.raises(DataError, match=message):
        Corpus.from_parents(
            np.array(offset),
            np.array(parent),
            np.array(token, np.int64),
            np.full(len(parent), -1),
            ["a"],
            [],
        )
