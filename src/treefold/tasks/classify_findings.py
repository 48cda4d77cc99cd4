"""What a classifier of sequences has to tell besides its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from treefold.data.examples import Example
from treefold.data.sequences import Sequences
from treefold.report.sequences import belief, drawings, images
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.models.sequence_classifier import SequenceClassifier
    from treefold.tasks.classify import ClassifyTask

Int64 = NDArray[np.int64]

PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "sst-words": {
        "LSTM, pretrained vectors (Tai et al., 2015)": {"accuracy": 0.464},
        "BiLSTM, pretrained vectors (Tai et al., 2015)": {"accuracy": 0.491},
    },
    "sst-words-binary": {
        "LSTM, pretrained vectors (Tai et al., 2015)": {"accuracy": 0.849},
        "BiLSTM, pretrained vectors (Tai et al., 2015)": {"accuracy": 0.875},
    },
    "japanese-vowels": {"Kudo et al., 1999": {"accuracy": 0.941}},
}
DRAWN = 24
LONGEST = 40  # words of a sentence that is drawn


def findings(
    task: ClassifyTask, model: SequenceClassifier, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model: what it confuses, what it believes while it reads."""
    test = task.data["test"]
    probability = task.probabilities(model, test.sequences)
    said = probability.argmax(axis=1)
    lengths = task.data["train"].sequences.lengths
    data: dict[str, Any] = {
        f"{split} sequences": f"{len(task.data[split]):,}"
        for split in ("train", "dev", "test")
    }
    data["steps"] = (
        f"{lengths.min()} to {lengths.max()}, {lengths.mean():.1f} on average"
    )
    if task.vocabulary is not None:
        data["words"] = f"{len(task.vocabulary):,}"
    note = task.assets["note"]
    figures = {name: each["mean"] for name, each in result["test"].items()}
    return Findings(
        summary=(
            f"A {task.headline} reads each sequence and tells its class, right in "
            f"{figures['accuracy']:.1%} of the test sequences. {note}"
        ),
        not_this=(
            "Not a claim about sequences from elsewhere: the figures hold for data "
            "like those it was trained on."
        ),
        published=PUBLISHED.get(task.name, {}),
        pictures=_pictures(task, model, probability),
        samples=[("Told with most confidence, and wrong", _wrong(task, probability))],
        confusion=confusion_matrix(
            test.label, said, labels=np.arange(len(task.classes))
        ),
        classes=task.classes,
        data=data,
        limits=[
            "It gives every sequence one of the classes it knows, also one that is of "
            "none.",
            "Its probabilities are not calibrated.",
        ],
    )


def prefixes(sequence: NDArray[Any]) -> Sequences:
    """Return the T beginnings of a sequence, of 1 to T steps."""
    return Sequences.of([sequence[: t + 1] for t in range(len(sequence))])


def _pictures(
    task: ClassifyTask, model: SequenceClassifier, probability: NDArray[np.float64]
) -> list[Picture]:
    """Draw some test sequences, as their kind asks for."""
    assert task.examples is not None
    examples, test = task.examples.test, task.data["test"]
    said = probability.argmax(axis=1)
    wrong = np.flatnonzero(said != test.label)
    right = np.flatnonzero(said == test.label)
    several = test.sequences.lengths.max() > 1
    pictures = []
    chosen = np.concatenate([wrong[: DRAWN // 2], right])[:DRAWN]
    told = [task.classes[k] for k in said[chosen]]
    true = [task.classes[k] for k in test.label[chosen]]
    values = [examples[b].value for b in chosen]
    size = test.sequences.step.shape[1] if test.sequences.step.ndim == 2 else 0
    if not several and round(size**0.5) ** 2 == size and size > 1:
        caption = "Test images, first some that were taken for another class."
        pictures.append(Picture(images(values, told, true), caption, "Images"))
    if several and task.assets["kind"] == "vectors" and size == 2:
        caption = "The pen's way from the dot on; first some taken for another class."
        pictures.append(Picture(drawings(values, told, true), caption, "Strokes"))
    if several:
        pictures += _beliefs(task, model, examples, right, wrong)
    return pictures


def _beliefs(
    task: ClassifyTask,
    model: SequenceClassifier,
    examples: Any,
    right: Int64,
    wrong: Int64,
) -> list[Picture]:
    """Draw what is believed after each step of a few sequences."""
    test = task.data["test"]
    lengths = test.sequences.lengths
    short = lengths <= LONGEST if task.vocabulary is not None else lengths > 0
    # Of those that are right one of middle length and the longest, and one that is not.
    fit = right[short[right]]
    fit = fit[np.argsort(lengths[fit], kind="stable")]
    chosen = [*fit[[len(fit) // 2, -1]], *wrong[short[wrong]][:1]] if len(fit) else []
    title = "What is believed after each step"
    pictures = []
    for number, b in enumerate(chosen):
        steps = test.sequences[int(b)]
        label = task.classes[test.label[b]]
        image = belief(
            task.probabilities(model, prefixes(steps)),
            task.classes,
            label,
            steps=_shown(task, steps),
            words=_words(examples[b]) if len(steps) <= LONGEST else None,
            seconds=task.frames.hop if task.assets["kind"] == "sound" else None,
            name=f"belief{number}",
        )
        caption = (
            f"{examples[b].place.rpartition('/')[2]}, of class {label}: the darker, "
            "the more probable is a class by what was read so far. Each beginning is "
            "read as a sequence of its own."
        )
        pictures.append(Picture(image, caption, "" if number else title))
    return pictures


def _shown(task: ClassifyTask, steps: NDArray[Any]) -> NDArray[Any] | None:
    """Return the features to draw above: of a sound its spectrum, without changes."""
    if task.assets["kind"] != "sound":
        return None
    return steps[:, : steps.shape[1] // 3] if task.config.deltas else steps


def _words(example: Example) -> list[str] | None:
    return example.value if isinstance(example.value, list) else None


def _wrong(task: ClassifyTask, probability: NDArray[np.float64], most: int = 8) -> str:
    """List the test sequences that were told wrong with the most confidence."""
    assert task.examples is not None
    label = task.data["test"].label
    said = probability.argmax(axis=1)
    wrong = np.flatnonzero(said != label)
    wrong = wrong[np.argsort(-probability[wrong, said[wrong]], kind="stable")][:most]
    lines = []
    for b in wrong:
        example = task.examples.test[b]
        words = _words(example)
        what = " ".join(words) if words else example.place.rpartition("/")[2]
        told, true = task.classes[said[b]], task.classes[label[b]]
        lines.append(f"{told} ({probability[b, said[b]]:.2f}), is {true}: {what}")
    return "\n".join(lines) or "None is wrong."
