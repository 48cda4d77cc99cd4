"""What a transducer must beat: rivals that see no further than a node's neighbours.

- *majority by label*: the most frequent target of the nodes of a label.
- *neighbours, boosted trees*: gradient boosting (scikit-learn) on a node's label, the
  labels of its children by slot, and the labels of its parents, counted; of whole
  structures, on how often each label occurs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

if TYPE_CHECKING:
    from treefold.tasks.transduce import TransduceTask
    from treefold.tasks.transduce_data import CodedGraphs

Float = NDArray[np.float64]
SPLITS = ("dev", "test")


def measure(task: TransduceTask) -> dict[str, Any]:
    """Train and measure all rivals."""
    found = {}
    for name, make in (
        ("majority by label", majority),
        ("neighbours, boosted trees", boosted),
    ):
        begun = time.perf_counter()
        said = make(task)
        measured = {split: task.compare(split, said[split]) for split in said}
        found[name] = {**measured, "seconds": round(time.perf_counter() - begun, 1)}
    return found


def majority(task: TransduceTask) -> dict[str, Float]:
    """Share of each class among the training targets of each label, as said."""
    train, C = task.coded("train"), len(task.classes)
    known = train.target >= 0
    W = len(task.assets["labels"])
    counts = np.ones((W + 1, C)) * 0.5  # row W: of any label
    np.add.at(counts[W], train.target[known], 1)
    if not train.whole:
        np.add.at(counts, (train.label[known], train.target[known]), 1)
    share = counts / counts.sum(axis=1, keepdims=True)

    def say(coded: CodedGraphs) -> Float:
        return np.tile(share[W], (len(coded), 1)) if coded.whole else share[coded.label]

    return {split: say(task.coded(split)) for split in SPLITS}


def boosted(task: TransduceTask) -> dict[str, Float]:
    """Boost decision trees on what stands next to a node."""
    train, C = task.coded("train"), len(task.classes)
    known = train.target >= 0
    model = HistGradientBoostingClassifier(random_state=0, max_iter=100)
    model.fit(features(task, train)[known], train.target[known])

    def say(coded: CodedGraphs) -> Float:
        p = np.full((len(coded.target), C), 1e-12)
        p[:, np.asarray(model.classes_)] = model.predict_proba(features(task, coded))
        return p

    return {split: say(task.coded(split)) for split in SPLITS}


def features(task: TransduceTask, coded: CodedGraphs) -> Float:
    """Describe each node by itself and its neighbours, or each whole by its counts."""
    W, K = len(task.assets["labels"]), task.assets["arity"]
    V, arity = len(coded.label), np.diff(coded.child_offset)
    if coded.whole:
        counts = np.zeros((len(coded), W))
        graph = np.repeat(np.arange(len(coded)), np.diff(coded.offset))
        np.add.at(counts, (graph, coded.label), 1)
        return counts
    parent = np.repeat(np.arange(V), arity)
    slot = np.arange(len(parent)) - coded.child_offset[parent]
    found = np.zeros((V, W * (K + 2)))  # one of W for itself, each slot, and parents
    found[np.arange(V), coded.label] = 1
    found[parent, W * (1 + slot) + coded.label[coded.child]] = 1
    np.add.at(found, (coded.child, W * (K + 1) + coded.label[parent]), 1)
    return found
