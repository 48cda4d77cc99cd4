"""What a tagger must beat: models that look at a step, or at a few beside it.

- *majority*: of words the label that is most frequent with the last column (the part of
  speech), else with the word; of frames the most frequent label.
- *hidden Markov*: labels follow each other, and each emits what is seen.
- *linear, window*: logistic regression on a step and those beside it, hashed for words.
- *gradient boosting, window*: the same steps of frames, by trees of decisions.

All learn from the training data; what there is to choose is chosen on dev.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression, SGDClassifier
from tqdm.auto import tqdm

from treefold.data.coding import shape
from treefold.data.sequences import Sequences
from treefold.data.tagging_sets import Tagged, TaggingSet
from treefold.models.hidden_markov import GaussianHMM, WordHMM
from treefold.tasks.tag_data import scores

if TYPE_CHECKING:
    from treefold.tasks.tag import TagTask

Labels = NDArray[np.int64]
# What a rival says of the steps of a split.
Rival = Callable[[str], Labels]

BESIDE = 2  # words on each side
ALPHAS = (1e-6, 3e-6, 1e-5)
STEPS = (-20, -10, -5, 0, 5, 10, 20)  # frames beside a frame
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
SCALES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def measure(task: TagTask, data: TaggingSet, progress: bool) -> dict[str, Any]:
    """Train and measure all rivals."""
    if task.is_text:
        rivals = {
            "majority": majority_of_words,
            "hidden Markov": word_hmm,
            "linear, window": linear_words,
        }
    else:
        rivals = {
            "majority": majority,
            "hidden Markov, Gaussian": gaussian_hmm,
            "linear, window": linear_frames,
            "gradient boosting, window": boosted_frames,
        }
    found = {}
    bar = tqdm(rivals.items(), "baselines", disable=not progress, leave=False)
    for name, make in bar:
        begun = time.perf_counter()
        rival = make(task, data)
        measured = {
            split: compare(task, data.splits[split], rival(split))
            for split in ("dev", "test")
        }
        seconds = round(time.perf_counter() - begun, 1)
        found[name] = {**measured, "seconds": seconds}
    return found


def compare(task: TagTask, tagged: Tagged, said: Labels) -> dict[str, float]:
    """Measure what a rival said."""
    return scores(tagged, np.array(task.classes, dtype=object)[said], task.classes)


def best_on_dev(task: TagTask, data: TaggingSet, rivals: Iterable[Rival]) -> Rival:
    """Return the first of the rivals that are best on dev."""
    metric = "accuracy" if task.metric == "loss" else task.metric
    return max(
        rivals,
        key=lambda rival: compare(task, data.splits["dev"], rival("dev"))[metric],
    )


# ------------------------------------------------------------------------- words


def majority_of_words(task: TagTask, data: TaggingSet) -> Rival:
    """The most frequent label of the last column's entry, or of the word."""
    train, C = data.splits["train"], len(task.classes)
    label = task.numbers(train)
    overall = int(np.bincount(label).argmax())
    counts: dict[str, NDArray[np.int64]] = {}
    for each, k in zip(train.x.step[:, -1], label, strict=True):
        counts.setdefault(each, np.zeros(C, np.int64))[k] += 1
    best = {each: int(count.argmax()) for each, count in counts.items()}
    return lambda split: np.array(
        [best.get(each, overall) for each in data.splits[split].x.step[:, -1]]
    )


def word_hmm(task: TagTask, data: TaggingSet) -> Rival:
    """Hidden Markov tagger of words."""
    train, label = data.splits["train"], task.numbers(data.splits["train"])

    def fit(rare: int, missing: float) -> Rival:
        hmm = WordHMM(len(task.classes), rare=rare, missing=missing)
        hmm.fit(train.x, label)
        return lambda split: hmm.predict(data.splits[split].x)

    grid = [(r, m) for r in (1, 2, 5, 10, 30) for m in (0.001, 0.01, 0.1)]
    return best_on_dev(task, data, (fit(*each) for each in grid))


def linear_words(task: TagTask, data: TaggingSet) -> Rival:
    """Logistic regression on hashed features of a word and two on each side."""
    features = {split: window_features(each.x) for split, each in data.splits.items()}
    label = task.numbers(data.splits["train"])

    def fit(alpha: float) -> Rival:
        model = SGDClassifier(
            loss="log_loss",
            alpha=alpha,
            max_iter=10,
            tol=None,  # type: ignore[arg-type]
            random_state=0,
        )
        model.fit(features["train"], label)
        return lambda split: np.asarray(model.predict(features[split]))

    return best_on_dev(task, data, (fit(alpha) for alpha in ALPHAS))


def window_features(x: Sequences) -> sparse.csr_matrix:
    """Hash what a linear model is shown of every word and those beside it.

    Words, their columns and pairs of neighbouring columns at each place, and beginning,
    end and shape of the word itself.
    """
    rows: list[list[str]] = []
    for sentence in x:
        T = len(sentence)
        padded = [("<s>",) * sentence.shape[1]] * BESIDE
        lines = [*padded, *map(tuple, sentence), *padded]
        for t in range(T):
            beside = lines[t : t + 2 * BESIDE + 1]
            word = beside[BESIDE][0]
            row = [
                f"{place}:{k}:{entry.lower() if k == 0 else entry}"
                for place, line in enumerate(beside)
                for k, entry in enumerate(line)
            ]
            row += [
                f"{place}::{a[-1]}|{b[-1]}"
                for place, (a, b) in enumerate(pairwise(beside))
            ]
            row += [f"word|{a[0]}|{b[0]}" for a, b in [beside[BESIDE - 1 : BESIDE + 1]]]
            row += [f"word|{a[0]}|{b[0]}+" for a, b in [beside[BESIDE : BESIDE + 2]]]
            row += [f"<{word[:n].lower()}" for n in (2, 3)]
            row += [f"{word[-n:].lower()}>" for n in (2, 3)]
            row.append(f"={shape(word)}")
            rows.append(row)
    hashed = FeatureHasher(1 << 20, input_type="string").transform(rows)
    return sparse.csr_matrix(hashed)


# ------------------------------------------------------------------------- frames


def majority(task: TagTask, data: TaggingSet) -> Rival:
    """The most frequent label."""
    k = int(np.bincount(task.numbers(data.splits["train"])).argmax())
    return lambda split: np.full(len(data.splits[split].x.step), k)


def gaussian_hmm(task: TagTask, data: TaggingSet) -> Rival:
    """Hidden Markov model with a Gaussian for each label."""
    train = task.coded("train")

    def fit(scale: float, shrinkage: float) -> Rival:
        hmm = GaussianHMM(len(task.classes), scale=scale, shrinkage=shrinkage)
        hmm.fit(train.x, train.label)
        return lambda split: hmm.predict(task.coded(split).x)

    grid = [(scale, s) for scale in SCALES for s in (0.1, 0.5, 1.0)]
    return best_on_dev(task, data, (fit(*each) for each in grid))


def linear_frames(task: TagTask, data: TaggingSet) -> Rival:
    """Logistic regression on a frame and those beside it."""
    x = {split: window_of(task.coded(split).x) for split in data.splits}
    label = task.coded("train").label

    def fit(strength: float) -> Rival:
        model = LogisticRegression(C=strength, max_iter=500)
        model.fit(x["train"], label)
        return lambda split: np.asarray(model.predict(x[split]))

    return best_on_dev(task, data, (fit(strength) for strength in STRENGTHS))


def boosted_frames(task: TagTask, data: TaggingSet) -> Rival:
    """Boosted trees of decisions on a frame and those beside it."""
    x = {split: window_of(task.coded(split).x) for split in data.splits}
    label = task.coded("train").label

    def fit(leaves: int) -> Rival:
        model = HistGradientBoostingClassifier(
            max_leaf_nodes=leaves,
            learning_rate=0.1,
            max_iter=60,
            max_bins=63,
            random_state=0,
        )
        model.fit(x["train"], label)
        return lambda split: np.asarray(model.predict(x[split]))

    return best_on_dev(task, data, (fit(leaves) for leaves in (4, 15)))


def window_of(x: Sequences) -> NDArray[np.floating]:
    """Join every frame with those beside it; the ends of a sequence are repeated."""
    step = np.arange(len(x.step))
    first = np.repeat(x.offset[:-1], x.lengths)
    last = np.repeat(x.offset[1:] - 1, x.lengths)
    parts = [x.step[np.clip(step + d, first, last)] for d in STEPS]
    return np.concatenate(parts, axis=1)
