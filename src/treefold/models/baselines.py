"""What needs no tree network: the figures that a model must beat to be worth its name.

- *majority*: the most frequent class.
- *bag of nodes*: logistic regression on how often each token occurs.
- *linear, ordered edges*: the same with every edge beside the tokens, as (parent's
  token, slot, child's token): order and structure, but one step deep only.
- *n-grams*: the leaves from left to right, one and two at a time, weighted by the
  log-count ratios of naive Bayes (Wang & Manning, 2012, "Baselines and Bigrams").
  Deviation from the paper: logistic regression in place of the support vector machine,
  for its probabilities.

All are trained on the labels of the roots, their regularisation chosen on dev. Of more
than 20,000 training trees they see as many, evenly spaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from treefold.data.corpus import Corpus
from treefold.data.datasets import Dataset

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

# The keys (F,) of the features that occur, and the tree (F,) that each occurs in.
Features = Callable[[Corpus], tuple[Int64, Int64]]

# Strengths C to choose from, weak penalties last; the first that is best on dev wins.
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
MOST_TREES = 20_000  # to fit a linear rival on: more take hours, and teach it little
SMOOTHING = 1.0  # the alpha of the log-count ratios


@dataclass(frozen=True)
class BaselineResult:
    """How a baseline did.

    Attributes:
        name: of the baseline.
        dev: metrics on the dev trees: "root_accuracy" and, of the majority where
            inner nodes have labels, "node_accuracy".
        test: the same on the test trees.
        test_probability: (B, C), probability of each class for each test tree.
        seconds: what it took, counting, training and choosing together.
        strength: the C that was best on dev; None where there was none to choose.
    """

    name: str
    dev: dict[str, float]
    test: dict[str, float]
    test_probability: Float
    seconds: float
    strength: float | None = None


def baselines(dataset: Dataset, *, progress: bool = False) -> dict[str, BaselineResult]:
    """Measure all baselines on a data set.

    Args:
        dataset: its training trees train them, its dev trees choose.
        progress: show a bar on standard error, if that is a terminal.

    Returns:
        The results by name, from the simplest on.
    """
    if len(dataset.train) > MOST_TREES:
        some = np.linspace(0, len(dataset.train) - 1, MOST_TREES).astype(np.int64)
        dataset = replace(dataset, train=dataset.train[some])
    rivals = {
        "majority": _majority,
        "bag of nodes": lambda d: _linear(d, token_counts),
        "linear, ordered edges": lambda d: _linear(d, token_and_edge_counts),
        "n-grams": lambda d: _linear(d, ngrams, ratios=True),
    }
    bar = tqdm(
        rivals.items(),
        desc="baselines",
        unit="model",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    results = {}
    for name, measure in bar:
        start = time.perf_counter()
        dev, test, probability, strength = measure(dataset)
        seconds = time.perf_counter() - start
        results[name] = BaselineResult(name, dev, test, probability, seconds, strength)
    return results


def token_counts(corpus: Corpus) -> tuple[Int64, Int64]:
    """Return the tokens (F,) of a corpus, and the trees (F,) they occur in."""
    nodes = np.flatnonzero(corpus.token >= 0)
    return corpus.token[nodes].astype(np.int64), _tree_of_nodes(corpus)[nodes]


def token_and_edge_counts(corpus: Corpus) -> tuple[Int64, Int64]:
    """Return tokens and (parent's token, slot, child's token), and their trees."""
    token, tree_of_token = token_counts(corpus)
    parent, child, slot = _edges(corpus)
    # Nodes without token count as one more token. Keys of edges begin after those of
    # tokens.
    W = len(corpus.tokens) + 1
    above, below = corpus.token[parent].astype(np.int64), corpus.token[child]
    edge = W + (slot * W + above + 1) * W + below + 1
    trees = np.concatenate([tree_of_token, _tree_of_nodes(corpus)[parent]])
    return np.concatenate([token, edge]), trees


def ngrams(corpus: Corpus) -> tuple[Int64, Int64]:
    """Return the tokens of leaves and of neighbouring leaves, and their trees."""
    leaves = leaves_in_order(corpus)
    tree = _tree_of_nodes(corpus)[leaves]
    token = corpus.token[leaves].astype(np.int64) + 1  # 0: a leaf without token
    together = np.flatnonzero(tree[1:] == tree[:-1])
    W = len(corpus.tokens) + 1
    pairs = W + token[together] * W + token[together + 1]
    return np.concatenate([token, pairs]), np.concatenate([tree, tree[together]])


def leaves_in_order(corpus: Corpus) -> Int64:
    """Return the corpus-wide numbers of all leaves, tree by tree, left to right."""
    parent, child, _ = _edges(corpus)
    height = corpus.height[parent]
    by_height = np.argsort(height, kind="stable")
    cuts = np.searchsorted(height[by_height], np.unique(height)[1:])
    levels = np.split(by_height, cuts)  # edges whose parents are equally high

    leaves = (np.diff(corpus.child_offset) == 0).astype(np.int64)  # below each node
    for edges in levels:
        np.add.at(leaves, parent[edges], leaves[child[edges]])
    # What stands left of a child below its parent: its elder brothers' leaves.
    before = np.cumsum(leaves[child]) - leaves[child]
    before -= before[corpus.child_offset[parent]]
    place = np.zeros(corpus.num_nodes, np.int64)
    place[corpus.roots] = np.cumsum(leaves[corpus.roots]) - leaves[corpus.roots]
    for edges in reversed(levels):
        place[child[edges]] = place[parent[edges]] + before[edges]

    is_leaf = np.flatnonzero(np.diff(corpus.child_offset) == 0)
    order = np.empty(len(is_leaf), np.int64)
    order[place[is_leaf]] = is_leaf
    return order


def _tree_of_nodes(corpus: Corpus) -> Int64:
    return np.repeat(np.arange(len(corpus)), np.diff(corpus.tree_offset))


def _edges(corpus: Corpus) -> tuple[Int64, Int64, Int64]:
    """Return parent, child and slot of every edge, nodes numbered corpus-wide."""
    V, first = corpus.num_nodes, corpus.child_offset[:-1]
    parent = np.repeat(np.arange(V), np.diff(corpus.child_offset))
    base = corpus.tree_offset[:-1][_tree_of_nodes(corpus)[parent]]
    return parent, corpus.child + base, np.arange(len(corpus.child)) - first[parent]


def _matrices(
    dataset: Dataset, features: Features
) -> tuple[sparse.csr_matrix, sparse.csr_matrix, sparse.csr_matrix]:
    """Count features in train, dev and test; those not in train are left out."""
    known = np.empty(0, np.int64)
    matrices = []
    for corpus in (dataset.train, dataset.dev, dataset.test):
        key, tree = features(corpus)
        if corpus is dataset.train:
            known = np.unique(key)
        column = np.searchsorted(known, key)
        found = column < len(known)
        found[found] = known[column[found]] == key[found]
        ones = np.ones(int(found.sum()))
        shape = (len(corpus), len(known))
        # The constructor adds up what occurs several times in a tree.
        matrices.append(
            sparse.csr_matrix((ones, (tree[found], column[found])), shape=shape)
        )
    return tuple(matrices)


Model = Callable[[sparse.csr_matrix], Float]
Measured = tuple[dict[str, float], dict[str, float], Float, float | None]


def _majority(dataset: Dataset) -> Measured:
    train, C = dataset.train, len(dataset.classes)
    label = train.label[train.roots]
    share = _shares(label, C)
    nodes = int(np.argmax(np.bincount(train.label[train.label >= 0], minlength=C)))

    def metrics(corpus: Corpus) -> dict[str, float]:
        found = {"root_accuracy": _accuracy(share[None], corpus)}
        labelled = corpus.label[corpus.label >= 0]
        if len(labelled) > len(corpus):
            found["node_accuracy"] = float((labelled == nodes).mean())
        return found

    probability = np.tile(share, (len(dataset.test), 1))
    return metrics(dataset.dev), metrics(dataset.test), probability, None


def _linear(dataset: Dataset, features: Features, *, ratios: bool = False) -> Measured:
    """Fit a logistic regression for each strength, and keep the best on dev.

    Several classes are told each from all others: that is about as good as fitting
    them together, and takes a tenth of the time where features outnumber trees.

    Args:
        dataset: the trees.
        features: what is counted in them.
        ratios: weight features by the log-count ratios of naive Bayes, and take no
            heed of how often they occur in a tree (Sec. 2.1 of the paper).
    """
    train, dev, test = _matrices(dataset, features)
    if ratios:
        for matrix in (train, dev, test):
            matrix.data[:] = 1
    label, C = dataset.train.label[dataset.train.roots], len(dataset.classes)
    train, label = train[label >= 0], label[label >= 0]

    # Of two classes one is told, the other is the rest.
    inside = [label == k for k in (range(C) if C > 2 else (C - 1,))]
    weights = [_log_count_ratios(train, yes) if ratios else None for yes in inside]
    weighted = [_weighted(train, w) for w in weights]

    def probability(models: list[Model], x: sparse.csr_matrix) -> Float:
        each = [
            model(_weighted(x, w)) for model, w in zip(models, weights, strict=True)
        ]
        if C <= 2:
            return np.stack([1 - each[0], each[0]], axis=1)[:, -C:]
        odds = np.stack(each, axis=1)
        return odds / odds.sum(axis=1, keepdims=True)

    best, dev_accuracy, strength = [], -1.0, STRENGTHS[0]
    for candidate in STRENGTHS:
        models = [
            _logistic(x, yes, candidate)
            for x, yes in zip(weighted, inside, strict=True)
        ]
        accuracy = _accuracy(probability(models, dev), dataset.dev)
        if accuracy > dev_accuracy:
            best, dev_accuracy, strength = models, accuracy, candidate
    found = probability(best, test)
    test_accuracy = _accuracy(found, dataset.test)
    return (
        {"root_accuracy": dev_accuracy},
        {"root_accuracy": test_accuracy},
        found,
        strength,
    )


def _log_count_ratios(x: sparse.csr_matrix, inside: NDArray[np.bool_]) -> Float:
    """Return log (p / |p|) - log (q / |q|) of each feature, p inside and q outside."""
    p, q = (SMOOTHING + x.T @ side.astype(float) for side in (inside, ~inside))
    return np.log(p / p.sum()) - np.log(q / q.sum())


def _weighted(x: sparse.csr_matrix, weights: Float | None) -> sparse.csr_matrix:
    """Return x with its columns weighted."""
    if weights is None:
        return x
    return sparse.csr_matrix(
        (x.data * weights[x.indices], x.indices, x.indptr), shape=x.shape
    )


def _logistic(
    x: sparse.csr_matrix, inside: NDArray[np.bool_], strength: float
) -> Model:
    """Fit a logistic regression; the model gives the (B,) probabilities of inside."""
    if x.nnz == 0 or inside.all() or not inside.any():
        # There is nothing to learn. An odd class keeps a probability that is not 0.
        share = (inside.sum() + 0.5) / (len(inside) + 1)
        return lambda matrix: np.full(len(matrix.indptr) - 1, share)
    model = LogisticRegression(
        C=strength, solver="liblinear", max_iter=1000, tol=1e-3, random_state=0
    ).fit(x, inside)
    return lambda matrix: model.predict_proba(matrix)[:, 1]


def _shares(label: NDArray, num_classes: int) -> Float:
    """Return each class's share of the labels, (C,)."""
    counts = np.bincount(label[label >= 0], minlength=num_classes)
    return counts / max(counts.sum(), 1)


def _accuracy(probability: Float, corpus: Corpus) -> float:
    """Return the share of trees whose root's label is the most probable class."""
    label = corpus.label[corpus.roots]
    return float((probability.argmax(axis=1) == label)[label >= 0].mean())
