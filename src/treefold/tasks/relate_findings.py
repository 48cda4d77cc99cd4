"""What there is to tell of a model of relations: by relation, and a map of entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from treefold.data.relations import words_of
from treefold.report.bands import COLOURS
from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg.text import clean, cut
from treefold.tasks.base import Findings, Picture
from treefold.tasks.relate_rivals import seen
from treefold.tasks.relate_scores import entity_vectors

if TYPE_CHECKING:
    from treefold.models.relation import RelationModel
    from treefold.tasks.relate import RelateTask

MAPPED = 30  # tails of a relation that are drawn
GROUPS = 6  # relations that are drawn
PUBLISHED = {
    "wn11": {"distance": 68.3, "hadamard": 80.0, "single-layer": 76.0,
             "bilinear": 84.1, "ntn": 86.2},
    "fb13": {"distance": 61.0, "hadamard": 68.8, "single-layer": 85.3,
             "bilinear": 87.7, "ntn": 90.0},
}  # fmt: skip


def findings(
    task: RelateTask, model: RelationModel, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model."""
    assert task.data is not None
    accuracy = result["test"]["accuracy"]["mean"]
    rivals = {n: each["test"]["accuracy"] for n, each in result["baselines"].items()}
    best = max(rivals, key=rivals.__getitem__)
    outcome = "above" if accuracy > rivals[best] else "not above"
    published = {}
    if (figures := PUBLISHED.get(task.name)) is not None:
        name = "Socher et al. (2013), pretrained word vectors"
        published[name] = {"accuracy": figures[task.config.model] / 100}
    return Findings(
        summary=(
            f"A {task.headline} tells {accuracy:.1%} of the test triples right, "
            f"{outcome} the best rival, {best}, with {rivals[best]:.1%}. "
            f"{task.data.note}"
        ),
        not_this=(
            "To tell true triples from made-up ones is not to know facts: false "
            "triples are mostly far from the truth, and what is missing may be true."
        ),
        published=published,
        pictures=_pictures(task, model, result),
        data={split: f"{len(t):,} triples" for split, t in task.data.splits.items()},
        limits=[
            "It knows the relations it was trained on; of an entity that is new it "
            "knows the words of its name, if those were in training.",
            "A probability is of triples that are half true and half false, as dev's.",
        ],
    )


def _pictures(
    task: RelateTask, model: RelationModel, result: Mapping[str, Any]
) -> list[Picture]:
    groups = {name: each["mean"] for name, each in result["groups"].items()}
    right = seen(task)["test"] == (task.split("test").label > 0)
    relation = task.split("test").relation
    rival = {n: right[relation == task.relations.index(n)].mean() for n in groups}
    counts = {n: int((relation == task.relations.index(n)).sum()) for n in groups}
    order = sorted(groups, key=counts.__getitem__, reverse=True)
    pictures = [
        Picture(
            bars(order, {task.headline: groups, "tail seen": rival}, counts),
            "Accuracy on the test by relation, the most frequent first, beside what is "
            "known from whether the tail was seen with the relation.",
            "Where it is right",
        )
    ]
    drawn = entity_map(task, model)
    if drawn is not None:
        pictures.append(
            Picture(
                drawn,
                "Entities that are frequent tails, by t-SNE of their vectors: nearer "
                "is more alike. The colour is the relation in which an entity is a "
                "tail most often.",
                "A map of entities",
            )
        )
    return pictures


def bars(
    relations: Sequence[str],
    accuracy: Mapping[str, Mapping[str, float]],
    counts: Mapping[str, int],
) -> str:
    """Draw accuracies by relation as bars, for each who said it."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.6, 1.1 + 0.5 * len(relations)), layout=layout())
        axes = figure.subplots()
        height = 0.8 / len(accuracy)
        y = np.arange(len(relations))
        for k, (name, values) in enumerate(accuracy.items()):
            each = [100 * values[r] for r in relations]
            place = y + (k - (len(accuracy) - 1) / 2) * height
            colour = (BLUE, ORANGE, GREY)[k % 3]
            axes.barh(place, each, 0.92 * height, color=colour, label=clean(name))
            for at, value in zip(place, each, strict=True):
                text = f"{value:.1f}"
                axes.text(value + 0.6, at, text, va="center", fontsize=8, color=GREY)
        axes.axvline(50, color=GREY, lw=1, ls=(0, (5, 3)))
        axes.set(xlim=(0, 108), ylim=(len(relations) - 0.5, -0.5), xlabel="accuracy, %")
        names = [f"{clean(r).strip('_')} ({counts[r]:,})" for r in relations]
        axes.set_yticks(y, names, parse_math=False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        figure.legend(loc="outside upper center", ncols=len(accuracy), frameon=False)
        said = "; ".join(
            f"{r}: " + ", ".join(f"{n} {v[r]:.1%}" for n, v in accuracy.items())
            for r in relations
        )
        return as_svg(figure, "relations", "Accuracy by relation", said)


def entity_map(task: RelateTask, model: RelationModel) -> str | None:
    """Draw the most frequent tails of the most frequent relations in the plane."""
    assert task.facts is not None
    count = np.zeros((len(task.relations), len(task.entities)), np.int64)
    np.add.at(count, (task.facts.relation, task.facts.tail), 1)
    chosen: list[tuple[int, int]] = []  # entities, and their relations
    for r in np.argsort(-count.sum(1), kind="stable")[:GROUPS].tolist():
        mine = np.flatnonzero((count.argmax(0) == r) & (count[r] > 0))
        frequent = mine[np.argsort(-count[r, mine], kind="stable")][:MAPPED]
        chosen += [(e, r) for e in frequent.tolist()]
    if len(chosen) < 5:
        return None
    vectors = entity_vectors(
        model, task.names.word, task.names.offset, task.config.device
    )
    points = vectors[[e for e, _ in chosen]].double().cpu().numpy()
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    near = min(12.0, (len(points) - 1) / 3)
    place = TSNE(perplexity=near, init="pca", random_state=0).fit_transform(points)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 7.4), layout=layout())
        axes = figure.subplots()
        for k, r in enumerate(dict.fromkeys(r for _, r in chosen)):
            here = [i for i, each in enumerate(chosen) if each[1] == r]
            colour = COLOURS[1 + k % (len(COLOURS) - 1)]
            name = clean(task.relations[r]).strip("_").replace("_", " ")
            axes.scatter(*place[here].T, s=18, color=colour, label=name, lw=0)
        names = [clean(" ".join(words_of(task.entities[e]))) for e, _ in chosen]
        names = [cut(name, 22) for name in names]
        for k in _apart(place, names):
            axes.annotate(
                names[k],
                place[k],
                (3, 2),
                textcoords="offset points",
                fontsize=7.5,
                parse_math=False,
            )
        axes.set_axis_off()
        figure.legend(loc="outside upper center", ncols=GROUPS, frameon=False)
        return as_svg(figure, "entities", "A map of entities", ", ".join(names))


def _apart(place: NDArray, names: Sequence[str]) -> list[int]:
    """Choose names that do not lie upon each other, the first before the others."""
    low, high = place.min(0), place.max(0)
    points = (place - low) / (high - low + 1e-12) * (680, 440)  # in a figure's points
    taken: list[tuple[float, float, float]] = []
    found = []
    for k, ((x, y), name) in enumerate(zip(points.tolist(), names, strict=True)):
        end = x + 4.2 * len(name)
        if all(abs(y - b) > 8 or end < a or x > c for a, b, c in taken):
            taken.append((x, y, end))
            found.append(k)
    return found
