"""The simple rivals at telling a sequence's class, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import f1_score
from tqdm import tqdm

from treefold.data.audio import Frames
from treefold.data.examples import Sound
from treefold.data.sequences import Sequences
from treefold.models import sequence_baselines as simple

if TYPE_CHECKING:
    from treefold.tasks.classify import ClassifyTask

MOST = 4e10  # numbers to compare by warping; beyond, it takes minutes
SPLITS = ("train", "dev", "test")


def rivals(task: ClassifyTask, progress: bool) -> dict[str, dict[str, Any]]:
    """Measure all that fit the kind of the sequences, from the simplest on."""
    data = task.data
    label, dev_label, test_label = (data[split].label for split in SPLITS)
    measures: dict[str, Callable[[], simple.Said]] = {
        "majority": lambda: simple.majority(label, len(dev_label), len(test_label))
    }
    measures |= _of_words(task) if task.vocabulary is not None else _of_vectors(task)
    bar = tqdm(
        measures.items(),
        desc="baselines",
        unit="model",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    found = {}
    for name, measure in bar:
        start = time.perf_counter()
        dev, test = measure()
        found[name] = {
            "dev": _figures(dev, dev_label),
            "test": _figures(test, test_label),
            "seconds": round(time.perf_counter() - start, 1),
        }
    return found


def _of_words(task: ClassifyTask) -> Mapping[str, Callable[[], simple.Said]]:
    label, dev_label = task.data["train"].label, task.data["dev"].label
    assert task.vocabulary is not None
    known = np.array(task.vocabulary.words, object)
    texts = [
        [known[numbers].tolist() for numbers in task.data[split].sequences]
        for split in SPLITS
    ]
    if task.config.unit == "character":
        return {
            "n-grams of characters": lambda: simple.n_grams(texts, label, dev_label, 4)
        }
    return {
        "bag of words": lambda: simple.n_grams(texts, label, dev_label, 1),
        "n-grams": lambda: simple.n_grams(texts, label, dev_label, 2),
    }


def _of_vectors(task: ClassifyTask) -> Mapping[str, Callable[[], simple.Said]]:
    config, data = task.config, task.data
    label, dev_label = data["train"].label, data["dev"].label
    parts = [data[split].sequences for split in SPLITS]
    hidden = [config.hidden_size] * config.num_layers
    measures: dict[str, Callable[[], simple.Said]] = {}
    several = max(part.lengths.max(initial=0) for part in parts) > 1
    if several:
        measures["mean and deviation"] = lambda: simple.mean_and_deviation(
            parts, label, dev_label
        )
    measures["nearest neighbour"] = lambda: simple.nearest(parts, label)
    warped = _cepstra(task) if task.assets["kind"] == "sound" else parts
    if several and simple.warping_cost(warped) < MOST:
        measures["nearest by DTW"] = lambda: simple.nearest_by_warping(warped, label)
    measures["MLP"] = lambda: simple.mlp(parts, label, dev_label, hidden)
    return measures


def _cepstra(task: ClassifyTask) -> list[Sequences]:
    """Return sounds as cepstra, standardised, as recognisers by DTW read them."""
    assert task.examples is not None
    frames = Frames(task.assets["rate"], kind="mfcc", deltas=False)
    parts = []
    for split in SPLITS:
        sounds = [example.value for example in getattr(task.examples, split)]
        parts.append(
            Sequences.of(frames(sound) for sound in sounds if isinstance(sound, Sound))
        )
    mean, deviation = parts[0].step.mean(axis=0), parts[0].step.std(axis=0)
    return [Sequences((p.step - mean) / deviation, p.offset) for p in parts]


def _figures(said: Any, label: Any) -> dict[str, float]:
    return {
        "accuracy": float((said == label).mean()),
        "macro_f1": float(f1_score(label, said, average="macro")),
    }
