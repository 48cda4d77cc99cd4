"""The simple rivals at comparing two structures, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from torch import nn
from tqdm import tqdm

from treefold.models.pair_rivals import alignment, jaccard, overlaps, rarities
from treefold.training.task import Split

if TYPE_CHECKING:
    from treefold.tasks.compare import CompareTask

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
MOST = 20_000  # pairs to fit a rival on: more take minutes, and teach it little
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

# Fit on the training pairs; say something of dev and test.
Said = tuple[NDArray[Any], NDArray[Any]]


def rivals(task: CompareTask, progress: bool) -> dict[str, dict[str, Any]]:
    """Measure all that fit the data, from the simplest on."""
    fits = _of_scores(task) if task.scored else _of_relations(task)
    bar = tqdm(
        fits.items(),
        desc="baselines",
        unit="model",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    found: dict[str, dict[str, Any]] = {}
    for name, fit in bar:
        begun = time.perf_counter()
        said = dict(zip(SPLITS[1:], fit(), strict=True))
        found[name] = {
            split: _figures(task, split, each) for split, each in said.items()
        }
        if name == "mean":  # what never varies has no correlation
            found[name] = {k: {"mse": each["mse"]} for k, each in found[name].items()}
        if not task.scored:
            found[name]["groups"] = task.by_group(said)
        found[name]["seconds"] = round(time.perf_counter() - begun, 1)
    return found


def _of_scores(task: CompareTask) -> dict[str, Callable[[], Said]]:
    words = _words(task)
    score = task.pairs["train"].target[_some(task)]

    def overlap() -> Said:
        x = [np.array([[jaccard(*sides)] for sides in part]) for part in words]
        model = LinearRegression().fit(x[0], score)
        return model.predict(x[1]), model.predict(x[2])

    def bag() -> Said:
        x = _bags(task, words)
        tried = [Ridge(1 / strength).fit(x[0], score) for strength in STRENGTHS]
        best = max(tried, key=lambda m: _dev(task, m.predict(x[1])))
        return best.predict(x[1]), best.predict(x[2])

    def boosted() -> Said:
        x = _features(task, words)
        model = HistGradientBoostingRegressor(
            learning_rate=0.05, max_iter=200, random_state=0
        )
        model.fit(x[0], score)
        return model.predict(x[1]), model.predict(x[2])

    mean = float(score.mean())
    ends = np.full(len(words[1]), mean), np.full(len(words[2]), mean)
    return {
        "mean": lambda: ends,
        "word overlap": overlap,
        "bag of words": bag,
        "overlaps, boosted": boosted,
    }


def _of_relations(task: CompareTask) -> dict[str, Callable[[], Said]]:
    words = _words(task)
    label = task.pairs["train"].target[_some(task)]

    def majority() -> Said:
        most = np.bincount(task.pairs["train"].target).argmax()
        return np.full(len(words[1]), most), np.full(len(words[2]), most)

    def bag() -> Said:
        x = _bags(task, words)
        tried = [
            LogisticRegression(C=strength, max_iter=300).fit(x[0], label)
            for strength in STRENGTHS[1::2]
        ]
        best = max(tried, key=lambda m: _dev(task, m.predict(x[1])))
        return best.predict(x[1]), best.predict(x[2])

    def boosted() -> Said:
        x = _features(task, words)
        model = HistGradientBoostingClassifier(
            learning_rate=0.1, max_iter=100, random_state=0
        )
        model.fit(x[0], label)
        return model.predict(x[1]), model.predict(x[2])

    return {"majority": majority, "bag of words": bag, "overlaps, boosted": boosted}


def _some(task: CompareTask) -> NDArray[np.int64]:
    """Return the training pairs that rivals see, evenly spaced among many."""
    P = len(task.pairs["train"])
    return np.linspace(0, P - 1, min(P, MOST)).round().astype(np.int64)


def _words(task: CompareTask) -> list[list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Return the words of both sides of each pair, split by split."""

    def read(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(str.lower, words)) if task.config.lower else words

    parts = [[task.data["train"][k] for k in _some(task)]]
    parts += [task.data[split] for split in SPLITS[1:]]
    return [[(read(p.left.words), read(p.right.words)) for p in part] for part in parts]


def _bags(task: CompareTask, words: list[Any]) -> list[sparse.csr_matrix]:
    """Return features: each word on both sides, on the left only, on the right only."""

    def features(left: tuple[str, ...], right: tuple[str, ...]) -> dict[str, float]:
        a, b = set(left), set(right)
        found = {f"both {word}": 1.0 for word in a & b}
        # A score has no direction: there a word is on both sides or on one.
        one = ("one", "one") if task.scored else ("left", "right")
        found |= {f"{one[0]} {word}": 1.0 for word in a - b}
        found |= {f"{one[1]} {word}": 1.0 for word in b - a}
        return found | {"shared": 5 * jaccard(left, right)}

    table = DictVectorizer()
    x = [table.fit_transform([features(*sides) for sides in words[0]])]
    return [*x, *(table.transform([features(*s) for s in part]) for part in words[1:])]  # type: ignore[list-item]


def _features(task: CompareTask, words: list[Any]) -> list[NDArray[np.float64]]:
    """Return how much the sides share, how their words align, and rare few's counts."""
    rarity = rarities([side for sides in words[0] for side in sides])
    x = [[overlaps(part, rarity)] for part in words]
    if task.config.vectors is not None:
        vectors, index = _vectors(task)
        for found, part in zip(x, words, strict=True):
            found.append(alignment(part, vectors, index))
    if len(rarity) <= 50:
        for found, part in zip(x, words, strict=True):
            counts = [[s.count(w) for s in sides for w in rarity] for sides in part]
            found.append(np.array(counts, np.float64))
    return [np.concatenate(found, axis=1) for found in x]


def _vectors(task: CompareTask) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Return the pretrained vectors of the words that have some, zeros for others."""
    from treefold.tasks.compare import begin_with

    assert task.config.vectors is not None
    blank = nn.Embedding(len(task.vocabulary), task.config.input_size)
    nn.init.zeros_(blank.weight)
    begin_with(blank, task.config.vectors, task.vocabulary)
    return blank.weight.detach().double().numpy(), task.vocabulary.index


def _figures(task: CompareTask, split: Split, said: NDArray[Any]) -> dict[str, float]:
    from treefold.tasks.compare import agreement, correctness

    target = task.pairs[split].target
    return agreement(said, target) if task.scored else correctness(said, target)


def _dev(task: CompareTask, said: NDArray[Any]) -> float:
    return _figures(task, "dev", said)[task.metric]
