"""What there is to tell of a reasoner: trees it finds, and what its phrases mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.data.bracketing import Span, crossing
from treefold.forest import Forest
from treefold.models.reasoner import Reasoner
from treefold.svg import tree_svg
from treefold.tasks.base import Findings, Picture
from treefold.tasks.reason_data import Sentences
from treefold.tasks.reason_phrases import (
    found_phrases,
    neighbours,
    recalled,
    salient,
    taken_apart,
)

if TYPE_CHECKING:
    from treefold.tasks.reason import ReasonTask

__all__ = ["findings", "recalled"]

DRAWN = 3  # sentences
WORDS = range(6, 12)  # of a sentence that is drawn
KNOWN, OVERLAPS = "#cfe3f7", "#fbd9b5"


def findings(task: ReasonTask, model: Reasoner, result: dict[str, Any]) -> Findings:
    """Tell of a trained model."""
    found = found_phrases(task, model)
    samples = [
        ("Phrases that lie nearest to each other", neighbours(found)),
        ("The most and the least salient phrases found", salient(found)),
    ]
    if task.config.dissociation:
        apart = taken_apart(task, model, found)
        samples.append(("Phrases taken apart again by dissociation", apart))
        shares = "\n".join(
            f"{name:40} {each['mean']:7.1%}" for name, each in result["groups"].items()
        )
        samples.append(("How much of test phrases is recalled", shares))
    return Findings(
        summary=_summary(task, {k: e["mean"] for k, e in result["test"].items()}),
        not_this=(
            "Not a parser: unless it was taught by phrases, it has never seen a tree, "
            "and what it finds salient is what often stands together."
        ),
        pictures=_pictures(task, model),
        samples=samples,
        data={
            **{k: f"{len(t):,} sentences" for k, t in task.text.items()},
            **{f"{k} trees": f"{len(s):,}" for k, s in task.sentences.items()},
            "words known": f"{len(task.vocabulary):,}",
            "note": task.assets["note"],
        },
        limits=[
            "A phrase is scored by its own words; what stands around it is not seen.",
            "All phrases are points of one space of "
            f"{task.config.hidden_size} features: the longer, the less is recalled.",
        ],
    )


def _summary(task: ReasonTask, figures: dict[str, float]) -> str:
    said = ["Words and phrases are associated, scored and taken apart in one space."]
    if "ranking" in figures:
        said.append(
            f"{figures['ranking']:.1%} of the test windows are more salient than the "
            "same with the word in the middle replaced."
        )
    if "f1" in figures:
        said.append(
            f"The trees it finds have an F1 of {figures['f1']:.1%} (mean of sentences, "
            f"unlabelled, the whole sentence left out), by a beam "
            f"{figures['beam_f1']:.1%}."
        )
    if "accuracy" in figures:
        said.append(f"{figures['accuracy']:.1%} of the sentences get their class.")
    return " ".join(said)


def _pictures(task: ReasonTask, model: Reasoner) -> list[Picture]:
    """Draw some test sentences: the structure found, beside the known one."""
    bank = task.sentences.get("test")
    if bank is None:
        lengths = task.text["test"].lengths
        bank = Sentences(task.data.text["test"], task.text["test"])  # type: ignore[union-attr]
    lengths = bank.text.lengths
    fit = np.flatnonzero((lengths >= WORDS.start) & (lengths < WORDS.stop))[:DRAWN]
    pictures = []
    for b in fit.tolist():
        phrases = None if bank.phrases is None else bank.phrases[b]
        image, caption = _found(task, model, bank, b, phrases)
        title = "" if pictures else "Structures found in test sentences"
        pictures.append(Picture(image, caption, title))
        if phrases is not None:
            image = _known(bank.words[b], phrases)
            pictures.append(Picture(image, "The known phrases of the same sentence."))
    return pictures


def _found(
    task: ReasonTask,
    model: Reasoner,
    bank: Sentences,
    b: int,
    phrases: list[Span] | None,
) -> tuple[str, str]:
    """Draw the structure that a model finds, with saliencies."""
    some = bank.text[np.array([b])]
    built = task.build(model, some, task.search)
    forest, T = built.forest.to("cpu"), len(some.step)
    fill: list[str | None] = [None] * forest.num_nodes
    caption = f"Found, by {task.config.built_by}; a node tells its saliency"
    if task.config.per_word:
        caption += f", less {task.config.per_word:g} for each word"
    caption += "."
    if phrases is not None:
        bad = crossing(forest, some.lengths, [phrases])
        fill[T:] = [OVERLAPS if wrong else KNOWN for wrong in bad[T:]]
        caption += (
            " Blue: overlaps no known phrase in part. Orange: does, marked with ×."
        )
    text = [*bank.words[b], *(f"{score:.1f}" for score in built.score[T:].tolist())]
    text = [f"{t} ×" if f == OVERLAPS else t for t, f in zip(text, fill, strict=True)]
    title = "Structure found: " + " ".join(bank.words[b])
    return _svg(forest, text, title, fill), caption


def _known(words: list[str], phrases: list[Span]) -> str:
    """Draw known phrases, which may have more than two parts."""
    T = len(words)
    # Of the binary tree those associations go that are no phrase.
    whole = sorted([*phrases, (0, T)], key=lambda span: span[1] - span[0])
    node: dict[Span, int] = {(i, i + 1): i for i in range(T)}
    tops = [(i, i + 1) for i in range(T)]
    children: list[list[int]] = [[] for _ in range(T)]
    for i, j in whole:
        inside = [span for span in tops if i <= span[0] and span[1] <= j]
        children.append([node[span] for span in inside])
        node[i, j] = len(children) - 1
        tops = sorted([*(s for s in tops if s not in inside), (i, j)])
    forest = Forest(children)
    text = [*words, *([""] * (forest.num_nodes - T))]
    return _svg(forest, text, "Known phrases: " + " ".join(words), None)


def _svg(forest: Forest, text: list[str], title: str, fill: Any) -> str:
    arrays = (forest.offset.numpy(), forest.child.numpy(), forest.roots.numpy())
    return tree_svg(*arrays, text=text, fill=fill, title=title)
