"""What there is to tell of a tagger: who was right where, and in which classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from treefold.data.chunks import ChunkScore, are_chunked, chunks
from treefold.data.sequences import Sequences
from treefold.data.tagging_sets import Tagged
from treefold.report.bands import bands
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.models.tagger import Tagger
    from treefold.tasks.tag import TagTask

PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "conll2000": {
        "BiLSTM-CRF, pretrained vectors (Huang et al., 2015)": {"f1": 0.9446}
    },
}
MOST_CLASSES = 12  # of a matrix that can be read
DRAWN = 3  # sequences of frames
SHOWN = 8  # sentences


def findings(task: TagTask, model: Tagger, result: Mapping[str, Any]) -> Findings:
    """Tell of a trained model."""
    assert task.data is not None
    test, note = task.data.splits["test"], task.data.note
    assert test.label is not None  # it was measured
    said = task.say(model, "test")
    figures = {name: each["mean"] for name, each in result["test"].items()}
    chunked = are_chunked(task.classes)
    best = "f1" if chunked else "macro_f1"
    what = "F1 of chunks" if chunked else "mean F1 of the classes"
    few = len(task.classes) <= MOST_CLASSES
    return Findings(
        summary=(
            f"A {task.headline} labels every step: {figures['accuracy']:.2%} of the "
            f"test steps rightly, {what} {figures[best]:.2%}. {note}"
        ),
        not_this=(
            "The figures hold for data like the test data; labels are what annotators "
            "wrote, and they too disagree."
        ),
        published=PUBLISHED.get(task.name, {}),
        pictures=[] if task.is_text else _bands(task, test, said),
        samples=_samples(test, said, chunked) if task.is_text else [],
        confusion=(
            confusion_matrix(
                test.label.astype(str), said.astype(str), labels=task.classes
            )
            if few
            else None
        ),
        classes=task.classes if few else (),
        data=_statistics(task),
        limits=[
            "Every step is given one of the classes it knows.",
            "It reads whole sequences, so that it cannot label a step before the end "
            "has come."
            if task.config.bidirectional
            else "It knows nothing of what comes after a step.",
        ],
    )


def _statistics(task: TagTask) -> dict[str, Any]:
    assert task.data is not None
    found: dict[str, Any] = {
        split: f"{len(each):,} sequences, {len(each.x.step):,} steps"
        for split, each in task.data.splits.items()
    }
    if task.is_text:
        found["words known"] = f"{len(task.assets['coding']['words']):,}"
    return found


def _bands(task: TagTask, test: Tagged, said: NDArray[np.object_]) -> list[Picture]:
    """Draw true and predicted labels over time."""
    number = {name: k for k, name in enumerate(task.classes)}
    pictures = []
    for b, name in enumerate(test.names[:DRAWN]):
        here = slice(test.x.offset[b], test.x.offset[b + 1])
        assert test.label is not None
        true = np.array([number.get(each, -1) for each in test.label[here]])
        ours = np.array([number[each] for each in said[here]])
        image = bands(
            {"truth": true, task.headline: ours}, task.classes, name=f"bands{b}"
        )
        right = (true == ours).mean()
        caption = f"{name}: {right:.1%} of {len(true):,} steps are right."
        title = "" if b else "True and predicted labels over time"
        pictures.append(Picture(image, caption, title))
    return pictures


def _samples(
    test: Tagged, said: NDArray[np.object_], chunked: bool
) -> list[tuple[str, str]]:
    """Write some sentences that went wrong, and which chunks are found how well."""
    assert test.label is not None
    truth, ours = Sequences(test.label, test.x.offset), Sequences(said, test.x.offset)
    wrong = [b for b in range(len(test)) if (truth[b] != ours[b]).any()]
    write = _in_brackets if chunked else _with_labels
    text = "\n\n".join(
        f"truth  {write(test.x[b][:, 0], truth[b])}\n"
        f"model  {write(test.x[b][:, 0], ours[b])}"
        for b in wrong[:SHOWN]
    )
    found = [("Sentences with a mistake", text)] if wrong else []
    return [("Chunks by type", _by_type(truth, ours)), *found] if chunked else found


def _by_type(truth: Sequences, said: Sequences) -> str:
    """Write precision, recall and F1 of every type of chunk."""
    counts: dict[str, list[int]] = {}
    for b in range(len(truth)):
        theirs, ours = set(chunks(truth[b])), set(chunks(said[b]))
        for place, some in enumerate((theirs, ours, theirs & ours)):
            for chunk in some:
                counts.setdefault(chunk.type, [0, 0, 0])[place] += 1
    lines = [f"{'type':8} {'chunks':>7} {'precision':>10} {'recall':>8} {'F1':>8}"]
    for kind, each in sorted(counts.items(), key=lambda item: -item[1][0]):
        score = ChunkScore(*each)
        lines.append(
            f"{kind:8} {score.wanted:7,} {score.precision:10.1%} {score.recall:8.1%} "
            f"{score.f1:8.1%}"
        )
    return "\n".join(lines)


def _in_brackets(words: Any, labels: Any) -> str:
    """Write a sentence with its chunks in brackets: [NP the man] [VP came] ."""
    parts, done = [], 0
    for chunk in chunks(labels):
        parts += list(words[done : chunk.begin])
        inside = " ".join(words[chunk.begin : chunk.end])
        parts.append(f"[{chunk.type} {inside}]")
        done = chunk.end
    return " ".join([*parts, *words[done:]])


def _with_labels(words: Any, labels: Any) -> str:
    return " ".join(f"{w}/{label}" for w, label in zip(words, labels, strict=True))
