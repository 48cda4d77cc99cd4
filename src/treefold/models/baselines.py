"""What needs no tree network: the figures that a model must beat to be worth its name.

- *majority*: the most frequent class.
- *bag of nodes*: logistic regression on how often each token occurs.
- *linear, ordered edges*: the same with every edge beside the tokens, as (parent's
  token, slot, child's token): order and structure, but one step deep only.
- *n-grams*: the leaves from left to right, one and two at a time, weighted by the
  log-count ratios of naive Bayes (Wang & Manning, 2012, "Baselines and Bigrams").
  Deviation from the paper: logistic regression in place of the support vector machine,
  for its probabilities.

All are trained on the labels of the roots, their regularisation chosen on dev.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from treefold.data.corpus import Corpus
from treefold.data.datasets import Dataset

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

# Strengths C to choose from, weak penalties last; the first that is best on dev wins.
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
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


def baselines(
    dataset: Dataset, *, progress: bool = False
) -> dict[str, BaselineResult]:
    """Measure all baselines on a data set.

    Args:
        dataset: its training trees train them, its dev trees choose.
        progress: show a bar on standard error, if that is a terminal.

    Returns:
        The results by name, from the simplest on.
    """
    rivals = {
        "majority": _majority,
        "bag of nodes": lambda d: _linear(d, token_counts),
        "linear, ordered edges": lambda d: _linear(d, token_and_edge_counts),
        "n-grams": _naive_bayes_ngrams,
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


# ------------------------------------------------------------------ features
# Each gives the keys of the features that occur, and the tree each occurs in.


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
    dataset: Dataset, features: Callable[[Corpus], tuple[Int64, Int64]]
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


# -------------------------------------------------------------------- models
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


def _linear(
    dataset: Dataset, features: Callable[[Corpus], tuple[Int64, Int64]]
) -> Measured:
    train, dev, test = _matrices(dataset, features)
    label = dataset.train.label[dataset.train.roots]
    labelled = np.flatnonzero(label >= 0)

    def fit(strength: float) -> Callable[[sparse.csr_matrix], Float]:
        return _logistic(
            train[labelled], label[labelled], strength, len(dataset.classes)
        )

    return _choose(dataset, fit, dev, test)


def _naive_bayes_ngrams(dataset: Dataset) -> Measured:
    train, dev, test = _matrices(dataset, ngrams)
    for matrix in (train, dev, test):
        matrix.data[:] = 1  # that a word occurs says more than how often (Sec. 2.1)
    C = len(dataset.classes)
    label = dataset.train.label[dataset.train.roots]
    labelled = np.flatnonzero(label >= 0)
    train, label = train[labelled], label[labelled]
    # One class against the rest; of two classes, the second against the first.
    ratios = []
    for k in range(C) if C > 2 else (1,):
        inside = SMOOTHING + np.asarray(train[label == k].sum(axis=0)).ravel()
        outside = SMOOTHING + np.asarray(train[label != k].sum(axis=0)).ravel()
        ratios.append(np.log(inside / inside.sum() * outside.sum() / outside))
    weighted = [train @ sparse.diags(ratio) for ratio in ratios]

    def fit(strength: float) -> Callable[[sparse.csr_matrix], Float]:
        chosen = range(C) if C > 2 else (1,)
        models = [
            _logistic(matrix.tocsr(), (label == k).astype(int), strength, 2)
            for k, matrix in zip(chosen, weighted, strict=True)
        ]

        def predict(matrix: sparse.csr_matrix) -> Float:
            each = [
                model((matrix @ sparse.diags(ratio)).tocsr())[:, 1]
                for model, ratio in zip(models, ratios, strict=True)
            ]
            if C <= 2:
                return np.stack([1 - each[0], each[0]], axis=1)[:, -C:]
            probability = np.stack(each, axis=1)
            return probability / probability.sum(axis=1, keepdims=True)

        return predict

    return _choose(dataset, fit, dev, test)


def _logistic(
    x: sparse.csr_matrix, label: NDArray, strength: float, num_classes: int
) -> Callable[[sparse.csr_matrix], Float]:
    """Fit a logistic regression, and return what gives the (B, C) probabilities."""
    present = np.unique(label)
    if len(present) < 2 or x.shape[1] == 0:
        share = _shares(label, num_classes)  # there is nothing to learn
        return lambda matrix: np.tile(share, (matrix.shape[0], 1))
    # With many more features than trees, liblinear is the faster by far; it knows two
    # classes only.
    solver = "liblinear" if len(present) == 2 else "lbfgs"
    model = LogisticRegression(
        C=strength, solver=solver, max_iter=2000, tol=1e-3, random_state=0
    ).fit(x, label)

    def predict(matrix: sparse.csr_matrix) -> Float:
        probability = np.zeros((matrix.shape[0], num_classes))
        probability[:, present] = model.predict_proba(matrix)
        return probability

    return predict


def _choose(
    dataset: Dataset,
    fit: Callable[[float], Callable[[sparse.csr_matrix], Float]],
    dev: sparse.csr_matrix,
    test: sparse.csr_matrix,
) -> Measured:
    """Fit with one strength after the other, and keep what is best on dev."""
    best, dev_accuracy, strength = None, -1.0, 0.0
    for candidate in STRENGTHS:
        predict = fit(candidate)
        accuracy = _accuracy(predict(dev), dataset.dev)
        if accuracy > dev_accuracy:
            best, dev_accuracy, strength = predict, accuracy, candidate
    assert best is not None
    probability = best(test)
    test_accuracy = _accuracy(probability, dataset.test)
    return (
        {"root_accuracy": dev_accuracy},
        {"root_accuracy": test_accuracy},
        probability,
        strength,
    )


def _shares(label: NDArray, num_classes: int) -> Float:
    """Return each class's share of the labels, (C,)."""
    return np.bincount(label[label >= 0], minlength=num_classes) / len(label)


def _accuracy(probability: Float, corpus: Corpus) -> float:
    """Return the share of trees whose root's label is the most probable class."""
    label = corpus.label[corpus.roots]
    return float((probability.argmax(axis=1) == label)[label >= 0].mean())
