import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data import Corpus, Dataset, Vocabulary
from treefold.models.baselines import baselines, leaves_in_order, ngrams

NAMES = ["majority", "bag of nodes", "linear, ordered edges", "n-grams"]


def pack(trees: list, labels: list[list[int]], tokens: list[str], classes) -> Corpus:
    """Pack trees given as (parents, tokens), with a label for each node or the root."""
    offset = np.cumsum([0, *(len(parents) for parents, _ in trees)])
    index = {token: i for i, token in enumerate(tokens)}
    flat = [index.get(t, -1) for _, tree in trees for t in tree]
    full = [
        row + [-1] * (len(parents) - len(row))
        for row, (parents, _) in zip(labels, trees, strict=True)
    ]
    return Corpus.from_parents(
        offset,
        np.concatenate([parents for parents, _ in trees]),
        np.array(flat),
        np.concatenate(full),
        tokens,
        classes,
    )


def dataset(trees, labels, classes=("0", "1")) -> Dataset:
    """Share trees out by thirds, as train, dev and test."""
    used = sorted({t for _, tree in trees for t in tree if t is not None})
    vocabulary = Vocabulary(("<unk>", *used))
    parts = [
        pack(trees[k::3], labels[k::3], list(vocabulary.words), classes)
        for k in range(3)
    ]
    return Dataset("toy", *parts, vocabulary, classes)


def accuracy(data: Dataset) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {n: r.test["root_accuracy"] for n, r in baselines(data).items()}


def test_ordered_edges_tell_what_a_bag_cannot():
    rng = np.random.default_rng(0)
    trees, labels = [], []
    for k in range(600):
        order = ["small", "large"][:: 1 if k % 2 else -1]
        noise = rng.choice(["p", "q", "r"], 2)
        trees.append(([-1, 0, 0, 1, 2], ["less?", *order, *noise]))
        labels.append([k % 2])
    found = accuracy(dataset(trees, labels))
    assert found["linear, ordered edges"] == 1
    assert max(found["majority"], found["bag of nodes"]) < 0.6


def test_ngrams_tell_what_hangs_on_neighbours():
    rng = np.random.default_rng(0)
    trees, labels = [], []
    for k in range(600):
        words = ["not", "good", "but"] if k % 2 else ["good", "but", "not"]
        trees.append(([-1, 0, 0, 1, 1], [None, None, words[2], *words[:2]]))
        if rng.random() < 0.5:  # the same leaves, bracketed the other way
            trees[-1] = ([-1, 0, 0, 2, 2], [None, words[0], None, *words[1:]])
        labels.append([k % 2])
    found = accuracy(dataset(trees, labels))
    assert found["n-grams"] == 1
    assert found["bag of nodes"] < 0.6


def test_several_classes_are_told_by_their_words():
    words = ["awful", "bad", "so-so", "good", "great"]
    rng = np.random.default_rng(0)
    label = rng.integers(5, size=500)
    trees = [([-1, 0, 0], [None, words[k], "film"]) for k in label]
    data = dataset(trees, [[int(k)] for k in label], tuple("01234"))
    found = baselines(data)
    for name in NAMES[1:]:
        assert found[name].test["root_accuracy"] == 1
        p = found[name].test_probability
        assert p.shape == (len(data.test), 5)
        np.testing.assert_allclose(p.sum(axis=1), 1)


def test_the_majority_is_that_of_the_training_roots_and_of_the_training_nodes():
    trees = [([-1, 0, 0], [None, "a", "b"])] * 9
    labels = [[1, 0, 0]] * 6 + [[0, 0, 0]] * 3
    found = baselines(dataset(trees, labels))["majority"]
    assert found.test == {"root_accuracy": 2 / 3, "node_accuracy": 7 / 9}
    np.testing.assert_allclose(found.test_probability, [[1 / 3, 2 / 3]] * 3)


def test_results_say_what_a_report_needs():
    trees = [([-1, 0], ["x", "ab"[k // 3 % 2]]) for k in range(30)]
    found = baselines(dataset(trees, [[k // 3 % 2] for k in range(30)]))
    assert [*found] == NAMES
    for name, each in found.items():
        assert each.name == name
        assert each.seconds > 0
        assert each.dev.keys() == each.test.keys() == {"root_accuracy"}
        assert (each.strength is None) == (name == "majority")
        assert each.test_probability.shape == (10, 2)


@pytest.mark.parametrize("classes", [("0",), ("0", "1"), ("0", "1", "2")])
def test_with_one_class_in_training_there_is_nothing_to_learn(classes):
    trees = [([-1, 0], ["x", "y"])] * 9
    assert set(accuracy(dataset(trees, [[0]] * 9, classes)).values()) == {1}


def test_trees_without_tokens_leave_only_their_edges():
    trees = [([-1, 0, 0], [None] * 3) if k % 2 else ([-1], [None]) for k in range(60)]
    found = accuracy(dataset(trees, [[k % 2] for k in range(60)]))
    assert found["bag of nodes"] == 0.5
    assert found["linear, ordered edges"] == 1


def test_a_word_that_training_lacks_counts_for_nothing():
    trees = [([-1, 0], ["x", "ab"[k % 2] if k % 3 == 0 else "z"]) for k in range(60)]
    for each in baselines(dataset(trees, [[k % 2] for k in range(60)])).values():
        assert np.ptp(each.test_probability, axis=0).max() == 0


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=15), min_size=1, max_size=4))
def test_leaves_stand_from_left_to_right(draws):
    trees = [([-1, *(d % (k + 1) for k, d in enumerate(row))],) for row in draws]
    trees = [(p, [f"{b}:{v}" for v in range(len(p))]) for b, (p,) in enumerate(trees)]
    used = [t for _, tree in trees for t in tree]
    corpus = pack(trees, [[0]] * len(trees), used, ("0",))

    expected = []
    for parents, names in trees:
        below = [
            [v for v, p in enumerate(parents) if p == u] for u in range(len(names))
        ]
        stack = [0]
        while stack:
            node = stack.pop()
            stack.extend(reversed(below[node]))
            if not below[node]:
                expected.append(names[node])
    found = corpus.token[leaves_in_order(corpus)]
    assert [corpus.tokens[t] for t in found] == expected


def test_no_pair_of_leaves_reaches_over_two_trees():
    trees = [([-1, 0, 0], [None, "a", "b"]), ([-1], ["c"])]
    corpus = pack(trees, [[0], [0]], ["a", "b", "c"], ("0",))
    key, tree = ngrams(corpus)
    assert sorted(tree) == [0, 0, 0, 1]  # a, b, ab; c
    assert len(set(key)) == 4


def test_baselines_run_on_generated_code(tmp_path: Path):
    from treefold.data.generators import python_swaps

    rng = np.random.default_rng(0)
    for k in range(12):
        names = rng.choice([*"abcdefgh"], size=(30, 3)).tolist()
        lines = [f"{a}.{b} - len({c})" for a, b, c in names]
        (tmp_path / f"m{k}.py").write_text("\n".join(lines))
    data = python_swaps.load(
        sources=sorted(tmp_path.glob("*.py")), cache=tmp_path / "cache"
    )
    found = accuracy(data)
    assert found["linear, ordered edges"] > 0.9
    assert found["majority"] <= 0.6
