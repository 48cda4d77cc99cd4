"""What a model of relations must beat.

- *majority*: every triple holds.
- *tail seen*: by how often the tail has been seen with the relation in training, either
  way round: dev chooses for each relation whether seen tails speak for a triple or
  against it. Where it wins, the data are told by how their false triples were made.
- *linear on words*: logistic regression on the words of both ends and their pairs, by
  relation, learned from the training triples and as many false ones at each end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from treefold.data.relation_batches import Names, Slots, vocabulary_of
from treefold.data.relations import Triples, joined
from treefold.tasks.relate_scores import Decision, Float

if TYPE_CHECKING:
    from treefold.tasks.relate import RelateTask

SPLITS = ("dev", "test")
BUCKETS = 1 << 20
PENALTIES = (1e-6, 1e-5)
EPOCHS = 5


def measure(task: RelateTask) -> dict[str, Any]:
    """Train and measure all rivals."""
    found = {}
    for name, make in (
        ("majority", _majority),
        ("tail seen", seen),
        ("linear on words", linear),
    ):
        begun = time.perf_counter()
        said = make(task)
        measured = {split: task.compare(split, said[split]) for split in SPLITS}
        found[name] = {**measured, "seconds": round(time.perf_counter() - begun, 1)}
    return found


def _majority(task: RelateTask) -> dict[str, NDArray[np.bool_]]:
    most = (task.split("dev").label > 0).mean() >= 0.5
    return {split: np.full(len(task.split(split)), most) for split in SPLITS}


def seen(task: RelateTask) -> dict[str, NDArray[np.bool_]]:
    """Say by the count of the tail with the relation, either way round."""
    train, R = task.split("train"), len(task.relations)
    table = np.zeros((R, len(task.names.offset)), np.int64)
    np.add.at(table, (train.relation, train.tail), 1)
    count = {}
    for split in SPLITS:
        triples = task.split(split)
        count[split] = np.log1p(table[triples.relation, triples.tail])
    said = {sign: _said(task, {s: sign * count[s] for s in SPLITS}) for sign in (1, -1)}
    dev = task.split("dev")
    flipped = np.zeros(R, bool)
    for r in np.unique(dev.relation):
        here, holds = dev.relation == r, dev.label > 0
        right = {s: (said[s]["dev"] == holds)[here].mean() for s in said}
        flipped[r] = right[-1] > right[1]
    return {
        s: np.where(flipped[task.split(s).relation], said[-1][s], said[1][s])
        for s in SPLITS
    }


def linear(task: RelateTask) -> dict[str, NDArray[np.bool_]]:
    """Say by logistic regression on words; dev chooses its penalty."""
    train, random = task.split("train"), np.random.default_rng(0)
    asked = np.unique(
        np.append(task.split("dev").relation, task.split("test").relation)
    )
    train = train.select(np.isin(train.relation, asked))
    examples = joined([train, *_corrupted(task, train, random)])
    entities = task.entities if task.data is None else task.data.entities
    names = Names.of(entities, vocabulary_of(task.entities, "words"), "words")
    x = {s: _features(names, task.split(s)) for s in SPLITS}
    learned, y = _features(names, examples), examples.label > 0
    best, found = -1.0, {}
    for penalty in PENALTIES:
        model = SGDClassifier(
            loss="log_loss",
            alpha=penalty,
            max_iter=EPOCHS,
            # No end before the last epoch, which the types of scikit-learn forget.
            tol=None,  # pyright: ignore[reportArgumentType]
            random_state=0,
        ).fit(learned, y)
        said = _said(task, {s: model.decision_function(x[s]) for s in SPLITS})
        accuracy = task.compare("dev", said["dev"])["accuracy"]
        if accuracy > best:
            best, found = accuracy, said
    return found


def _said(task: RelateTask, score: dict[str, Float]) -> dict[str, NDArray[np.bool_]]:
    """Say by thresholds that are chosen on dev."""
    decision = Decision.chosen(score["dev"], task.split("dev"), len(task.relations))
    return {s: decision.holds(score[s], task.split(s).relation) for s in SPLITS}


def _corrupted(
    task: RelateTask, train: Triples, random: np.random.Generator
) -> list[Triples]:
    """Replace the heads, and by themselves the tails, of all triples."""
    slots = Slots(train, len(task.entities), task.config.corrupt)
    head, tail = train.head.copy(), train.tail.copy()
    for r in np.unique(train.relation).tolist():
        here = train.relation == r
        head[here], tail[here] = slots.draw(r, int(here.sum()), random)
    label = np.full(len(train), -1)
    return [
        Triples(head, train.relation, train.tail, label),
        Triples(train.head, train.relation, tail, label),
    ]


def _features(names: Names, triples: Triples) -> csr_matrix:
    """Return what a linear model sees of triples, (N, BUCKETS), by hashing.

    For each relation: the words of the head, those of the tail, their pairs, whether
    they share a word, and both entities themselves.
    """
    N, r = len(triples), triples.relation
    rows, keys = [], []

    def add(kind: int, row: NDArray, *parts: NDArray) -> None:
        key = r[row] * 8 + kind
        for part in parts:  # of a multiplicative hash
            key = (key * 1_000_003 + part + 1) * 2_654_435_761 % (1 << 61)
        rows.append(row)
        keys.append((key ^ (key >> 29)) % BUCKETS)

    ends = [names.gather(each) for each in (triples.head, triples.tail)]
    length = [np.diff(np.append(offset, len(word))) for word, offset in ends]
    every = np.arange(N)
    for side, ((word, _), size) in enumerate(zip(ends, length, strict=True)):
        add(side, np.repeat(every, size), word)
        add(2 + side, every, (triples.head, triples.tail)[side])
    # Every word of the head beside every word of the tail.
    pairs = length[0] * length[1]
    row = np.repeat(every, pairs)
    k = np.arange(len(row)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    left = ends[0][0][ends[0][1][row] + k // length[1][row]]
    right = ends[1][0][ends[1][1][row] + k % length[1][row]]
    add(4, row, left, right)
    same = np.unique(row[left == right])
    add(5, same, np.zeros(len(same), np.int64))
    row, key = np.concatenate(rows), np.concatenate(keys)
    return csr_matrix((np.ones(len(row), np.float32), (row, key)), (N, BUCKETS))
