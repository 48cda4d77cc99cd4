"""The simple rivals at learning from documents: they see rows of a table, not trees."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import f_classif, f_regression
from sklearn.linear_model import Ridge
from sklearn.preprocessing import MaxAbsScaler, QuantileTransformer
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from treefold.data.flat import Bag, Pools, Seen, Walk, hashed, mixed
from treefold.tasks.documents_code_rivals import code_rivals
from treefold.training.task import Split

if TYPE_CHECKING:
    from treefold.tasks.documents import DocumentsTask

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
MOST = 20_000  # documents to fit a rival on: more take minutes, and teach it little
MOST_NODES = 200_000  # nodes, where each node has a label
MOST_COUNTS = 400  # counts that boosting sees, those that tell most by themselves
MANY_CLASSES = 20  # beyond, boosting grows too many trees, and a forest stands in
WORK = 5e9  # rows times columns times trees of a boosted model: about a minute
STRENGTHS = (0.01, 0.1, 1.0)
BOOSTED: tuple[dict[str, Any], ...] = (
    {"learning_rate": 0.1},
    {"learning_rate": 0.05, "min_samples_leaf": 5},
)

Fit = Callable[[], tuple[NDArray[Any], NDArray[Any]]]


class Rows(NamedTuple):
    """Documents, or nodes, as rows: counts, numbers (NaN where none), and targets."""

    bag: sparse.csr_matrix
    numbers: NDArray[np.float64]
    target: NDArray[Any]


def rivals(task: DocumentsTask, progress: bool) -> dict[str, dict[str, Any]]:
    """Measure all that fit the goal, from the simplest on.

    Of each there are the figures on dev and test, and the seconds that it took; what
    it did not get to see, if it was too much, is in `"cut"`.
    """
    train = task.parts["train"]
    cut = {}
    if task.goal == "nodes":
        fits, cut = _of_nodes(task)
    else:
        if len(train) > MOST:
            cut = {"cut": f"{MOST:,} of {len(train):,} documents to learn from"}
        fits = _of_documents(task)
    bar = tqdm(
        fits.items(),
        desc="baselines",
        unit="model",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    found: dict[str, dict[str, Any]] = {}
    # On a machine that is small or busy, threads that wait for each other take longer.
    threads = task.config.threads or torch.get_num_threads()
    for name, fit in bar:
        begun = time.perf_counter()
        with threadpool_limits(threads):
            said = dict(zip(SPLITS[1:], fit(), strict=True))
        found[name] = {
            split: _figures(task, split, each) for split, each in said.items()
        }
        found[name]["seconds"] = round(time.perf_counter() - begun, 1)
        found[name] |= cut
    return found


def _of_documents(task: DocumentsTask) -> dict[str, Fit]:
    parts = [task.parts[split] for split in SPLITS]
    target = [_targets(task, split) for split in SPLITS]
    some = _evenly(len(parts[0]), MOST)
    parts[0], target[0] = parts[0][some], target[0][some]
    walks = [Walk(part) for part in parts]
    counts = [walk.counts() for walk in walks]

    def flattened() -> list[Rows]:
        numbers = [walk.numbers() for walk in walks]
        bag, pools = Bag(counts[0], len(parts[0])), Pools(numbers[0], len(parts[0]))
        return [
            Rows(
                bag(counts[k], len(part)),
                np.concatenate([walks[k].shape(), pools(numbers[k], len(part))], 1),
                target[k],
            )
            for k, part in enumerate(parts)
        ]

    def words() -> list[Rows]:
        seen = [_words(walk) for walk in walks]
        bag = Bag(seen[0], len(parts[0]))
        return [
            Rows(bag(seen[k], len(part)), np.empty((len(part), 0)), target[k])
            for k, part in enumerate(parts)
        ]

    simplest = "mean" if task.goal == "regress" else "majority"
    fits: dict[str, Fit] = {
        simplest: lambda: _simplest(task, target),
        "flattened, linear": lambda: _each(_linear, task, flattened()),
        "flattened, boosted": lambda: _each(_boosted, task, flattened()),
    }
    if any(" " in (c.text or "").strip() for c in parts[0].contents):
        fits["words, linear"] = lambda: _each(_linear, task, words())
    return fits | code_rivals(task)


def _of_nodes(task: DocumentsTask) -> tuple[dict[str, Fit], dict[str, str]]:
    parts = [task.coded[split].documents for split in SPLITS]
    label = [_targets(task, split) for split in SPLITS]
    nodes = [np.flatnonzero(part >= 0) for part in label]
    cut = {}
    if len(nodes[0]) > MOST_NODES:
        cut = {"cut": f"{MOST_NODES:,} of {len(nodes[0]):,} nodes to learn from"}
        nodes[0] = nodes[0][_evenly(len(nodes[0]), MOST_NODES)]
    walks = [Walk(part) for part in parts]
    target = [part[chosen] for part, chosen in zip(label, nodes, strict=True)]
    worded = any(content.text for content in parts[0].contents)

    def by_kind() -> tuple[NDArray[Any], NDArray[Any]]:
        return majority([[mixed(walk.kind, walk.role)] for walk in walks])

    def by_text() -> tuple[NDArray[Any], NDArray[Any]]:
        """Go by the text; by the end of one that training lacks; by kind and role."""

        def texts(walk: Walk, last: int | None = None) -> NDArray:
            end = None if last is None else -last
            return walk.of_content(lambda c: hashed((c.text or "")[end:]))

        return majority(
            [
                [
                    mixed(walk.kind, texts(walk)),
                    mixed(walk.kind, texts(walk, 3)),
                    mixed(walk.kind, walk.role),
                ]
                for walk in walks
            ]
        )

    def majority(keys: list[list[NDArray]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Say the most frequent class of the first key that training has."""
        C, overall = len(task.classes), np.bincount(target[0]).argmax()
        said = [np.full(len(part), overall) for part in target[1:]]
        for level in reversed(range(len(keys[0]))):
            of = [key[level][chosen] for key, chosen in zip(keys, nodes, strict=True)]
            known, row = np.unique(of[0], return_inverse=True)
            table = np.zeros((len(known), C), np.int64)
            np.add.at(table, (row, target[0]), 1)
            for key, told in zip(of[1:], said, strict=True):
                at = np.minimum(np.searchsorted(known, key), len(known) - 1)
                found = known[at] == key
                told[found] = table[at[found]].argmax(axis=1)
        dev, test = said
        return dev, test

    def local() -> list[Rows]:
        seen = [
            _of_rows(walk.around(), chosen, len(walk.row))
            for walk, chosen in zip(walks, nodes, strict=True)
        ]
        bag = Bag(seen[0], len(nodes[0]))
        return [
            Rows(bag(seen[k], len(chosen)), np.empty((len(chosen), 0)), target[k])
            for k, chosen in enumerate(nodes)
        ]

    return {
        "majority": lambda: _simplest(task, target),
        "majority of a kind": by_kind,
        **({"majority of a text": by_text} if worded else {}),
        "neighbours, linear": lambda: _linear(task, local()),
    }, cut


def _figures(task: DocumentsTask, split: Split, said: NDArray[Any]) -> dict[str, float]:
    """Return the metrics of what was said of a split's documents, or labelled nodes."""
    from treefold.tasks.documents import correctness, deviations

    target = _targets(task, split)
    if task.goal == "regress":
        return deviations(
            said.reshape(len(target), -1), target.reshape(said.shape[0], -1)
        )
    if task.goal == "nodes":
        return correctness(said, target[target >= 0])
    return correctness(said[target >= 0], target[target >= 0])


def _targets(task: DocumentsTask, split: Split) -> NDArray[Any]:
    """Return numbers (B,) or (B, O), or numbers of classes, -1 for an unknown one."""
    coded = task.coded[split]
    if task.goal == "nodes":
        return coded.documents.corpus.label
    return coded.target[:, 0] if coded.target.shape[1] == 1 else coded.target


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _words(walk: Walk) -> Seen:
    node, word = walk.words(pairs=True)
    return Seen(walk.row[node], word, np.ones(len(node)))


def _of_rows(seen: Seen, rows: NDArray[np.int64], count: int) -> Seen:
    """Return what some rows hold, numbered from 0."""
    new = np.full(count, -1)
    new[rows] = np.arange(len(rows))
    kept = new[seen.row] >= 0
    return Seen(new[seen.row[kept]], seen.key[kept], seen.value[kept])


def _simplest(
    task: DocumentsTask, target: list[NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Say the mean, or the most frequent class, of all."""
    train = target[0]
    regress = task.goal == "regress"
    one = train.mean(axis=0) if regress else np.bincount(train).argmax()
    dev, test = (np.full(part.shape, one) for part in target[1:])
    return dev, test


def _each(
    fit: Callable[[DocumentsTask, list[Rows]], tuple[NDArray[Any], NDArray[Any]]],
    task: DocumentsTask,
    rows: list[Rows],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fit each of several numbers by itself."""
    if rows[0].target.ndim == 1:
        return fit(task, rows)
    said = [
        fit(task, [part._replace(target=part.target[:, o]) for part in rows])
        for o in range(rows[0].target.shape[1])
    ]
    dev, test = (np.stack(parts, axis=1) for parts in zip(*said, strict=True))
    return dev, test


def _linear(task: DocumentsTask, rows: list[Rows]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fit a linear model on counts, damped and weighed, and on numbers, made even."""
    weigh = TfidfTransformer(sublinear_tf=True).fit(rows[0].bag)
    x = [[weigh.transform(part.bag)] for part in rows]
    if rows[0].numbers.shape[1]:
        even = QuantileTransformer(n_quantiles=min(100, len(rows[0].numbers)))
        even.fit(rows[0].numbers)
        for blocks, part in zip(x, rows, strict=True):
            missing = np.isnan(part.numbers)
            share = np.asarray(even.transform(part.numbers))
            level = np.where(missing, 0.0, 2 * share - 1)
            plain = np.where(missing, 0.0, part.numbers)
            blocks += [sparse.csr_matrix(block) for block in (level, missing, plain)]
    joint = [sparse.hstack(blocks, format="csr") for blocks in x]
    scale = MaxAbsScaler().fit(joint[0])
    joint = [sparse.csr_matrix(scale.transform(part)) for part in joint]
    target = rows[0].target
    regress = task.goal == "regress"
    mean, spread = (target.mean(), target.std() or 1.0) if regress else (0, 1)
    tried = []
    for strength in STRENGTHS if joint[0].nnz < 1e7 else STRENGTHS[1:2]:
        if regress:
            model = Ridge(1 / strength).fit(joint[0], (target - mean) / spread)
        else:
            with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
                model = LinearSVC(C=strength).fit(joint[0], target)
        dev, test = (np.asarray(model.predict(x)) * spread + mean for x in joint[1:])
        tried.append((_agreement(task, dev, rows[1].target), dev, test))
    _, dev, test = max(tried, key=lambda each: each[0])
    return dev, test


def _boosted(
    task: DocumentsTask, rows: list[Rows]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Grow trees on all numbers and the counts that tell most; stop by dev."""
    regress = task.goal == "regress"
    x, target = _dense(rows, f_regression if regress else f_classif), rows[0].target
    if not regress and len(task.classes) > MANY_CLASSES:
        forest = ExtraTreesClassifier(200, random_state=0)
        forest.fit(np.nan_to_num(x[0], nan=-1e9), target)
        dev, test = (forest.predict(np.nan_to_num(p, nan=-1e9)) for p in x[1:])
        return dev, test
    outputs = 1 if len(task.classes) < 3 else len(task.classes)
    trees = int(np.clip(WORK / (x[0].size * outputs), 30, 300))
    kind = HistGradientBoostingRegressor if regress else HistGradientBoostingClassifier
    plain: dict[str, Any] = {"max_iter": trees, "early_stopping": False}
    tried = []
    for setting in BOOSTED:
        model = kind(random_state=0, **plain, **setting)
        model.fit(x[0], target)
        scores = [
            _agreement(task, said, rows[1].target)
            for said in model.staged_predict(x[1])
        ]
        stage = int(np.argmax(scores))
        dev, test = (_stage(model, part, stage) for part in x[1:])
        tried.append((scores[stage], dev, test))
    _, dev, test = max(tried, key=lambda each: each[0])
    return dev, test


def _dense(rows: list[Rows], score: Any) -> list[NDArray[np.float64]]:
    """Return the numbers and the counts that tell most, each different column once."""
    bag = rows[0].bag
    mean = np.asarray(bag.mean(axis=0)).ravel()
    varied = np.asarray(bag.power(2).mean(axis=0)).ravel() > mean**2 + 1e-9
    count = bag[:, varied]
    if count.shape[1]:
        # Of a column that tells all, or that is constant but for rounding.
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Features .* are constant", UserWarning)
            told = np.nan_to_num(score(count, rows[0].target)[0])
        best = np.flatnonzero(varied)[np.argsort(-told, kind="stable")[:MOST_COUNTS]]
    else:
        best = np.flatnonzero(varied)
    x = [np.hstack([part.numbers, part.bag[:, best].toarray()]) for part in rows]
    # Without lists the same number stands under its path, its place and its kind.
    mark = np.random.default_rng(0).random(len(x[0]))
    _, first = np.unique(mark @ np.nan_to_num(x[0], nan=-1.7), return_index=True)
    return [part[:, np.sort(first)] for part in x]


def _stage(model: Any, x: NDArray[np.float64], stage: int) -> NDArray[Any]:
    return next(islice(model.staged_predict(x), stage, None))


def _agreement(task: DocumentsTask, said: NDArray[Any], target: NDArray[Any]) -> float:
    """Return how good it is; the greater the better."""
    if task.goal == "regress":
        return -float(((said - target) ** 2).mean())
    return float((said == target).mean())
