"""What there is to tell of a model of documents, and why it says what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from treefold.explain.explanation import MEANT, Explanation, explain
from treefold.explain.nearest import Neighbours
from treefold.report.documents import (
    by_size,
    calibration,
    distributions,
    grouped,
    most_confused,
    residuals,
)
from treefold.report.table import text_table
from treefold.svg.document import document_svg
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.data.documents import Documents
    from treefold.models.document import DocumentModel
    from treefold.tasks.documents import DocumentsTask

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

WORST, TYPICAL = 4, 3  # of the test, explained
EXAMPLES, EXAMPLE_NODES = 2, 24  # of training, drawn
NODES = 40  # of an explained document, drawn
MANY_CLASSES = 20  # beyond, a matrix cannot be read
MOST_FIELDS = 40  # of the schema, printed


class Told(NamedTuple):
    """What was told of the test: of its documents, or of their labelled nodes.

    Attributes:
        document: (N,) of each, its document.
        node: (N,) its node, by its number in the `Document`; None of documents.
        said: (N, C) probabilities, or (N, O) numbers.
        target: (N,) right class, -1 where it is not known, or number.
        depth: (N,) levels of the document, or above the node.
        size: (N,) nodes of the document, or of the node's subtree.
        score: (N,) whether what was told is right, or by how much it misses.
    """

    document: Int64
    node: Int64 | None
    said: Float
    target: NDArray[Any]
    depth: Int64
    size: Int64
    score: Float

    @property
    def sure(self) -> Float:
        """(N,) the probability of the class that was told."""
        return self.said.max(axis=1)


def findings(
    task: DocumentsTask, model: DocumentModel, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model."""
    told = _told(task, model)
    confusion, pictures = None, _of_data(task)
    if task.goal != "regress" and len(told.target):
        labels = range(len(task.classes))
        confusion = confusion_matrix(told.target, told.said.argmax(1), labels=labels)
        if len(task.classes) > MANY_CLASSES:
            pictures += _confused(confusion, task.classes)
            confusion = None
    pictures += _of_figures(task, told)
    pictures += list(_explained(task, model, told))
    return Findings(
        summary=_summary(task, result),
        not_this=(
            "What counts for a prediction is not what causes the thing that is "
            "predicted, and the figures hold for documents like those of the test."
        ),
        pictures=pictures,
        samples=[("What is seen of the documents", _schema(task))],
        confusion=confusion,
        classes=task.classes,
        data=_data(task),
        limits=[
            "A kind or a field that training did not have is seen by what is known of "
            "it otherwise: the letters of its name, its value on the scale of all "
            "numbers.",
            "It must be given documents of the format it was trained on.",
        ],
    )


def _summary(task: DocumentsTask, result: Mapping[str, Any]) -> str:
    metric = next(m for m in task.metrics if m.name == task.metric)
    scores = {
        name: each["test"][metric.name]
        for name, each in result["baselines"].items()
        if metric.name in each.get("test", {})
    }
    own = metric.show(result["test"][metric.name]["mean"])
    unit = " %" if metric.percent else ""
    outcome = f"{metric.title} {own}{unit}"
    if scores:
        choose = min if metric.lower_is_better else max
        rival = choose(scores, key=scores.__getitem__)
        outcome += f"; that of {rival} is {metric.show(scores[rival])}{unit}"
    what = {
        "classify": f"tells which of {len(task.classes)} classes each is of",
        "regress": "tells a number of each",
        "nodes": f"tells which of {len(task.classes)} classes each node is of",
    }[task.goal]
    note = task.assets["note"]
    return f"A model folded over documents ({task.headline}) {what}: {outcome}." + (
        f" {note}" if note else ""
    )


def _told(task: DocumentsTask, model: DocumentModel) -> Told:
    coded = task.coded["test"]
    documents, said = coded.documents, task.answers(model, coded)
    corpus = documents.corpus
    if task.goal == "nodes":
        row = np.flatnonzero(corpus.label >= 0)
        document = np.searchsorted(corpus.tree_offset, row, side="right") - 1
        depth, size = _places(documents)
        node, target = documents.node[row].astype(np.int64), corpus.label[row]
        said, depth, size = said[row], depth[row], size[row]
    else:
        target, node = coded.target[:, 0], None
        row = np.flatnonzero(target >= 0)
        if task.goal == "regress":
            row = np.flatnonzero(np.isfinite(target))
        document, target, said = row, target[row], said[row]
        depth, size = corpus.height[corpus.roots][row] + 1, corpus.sizes[row]
    if task.goal == "regress":
        score = np.abs(said[:, 0] - target)
    else:
        score = (said.argmax(axis=1) == target).astype(np.float64)
    return Told(document, node, said, target, depth.astype(np.int64), size, score)


def _places(documents: Documents) -> tuple[Int64, Int64]:
    """Return how deep each node of a corpus stands, and how many its subtree has."""
    corpus = documents.corpus
    V = corpus.num_nodes
    shift = np.repeat(corpus.tree_offset[:-1], corpus.sizes)
    parent = np.full(V, -1, np.int64)
    above = np.repeat(np.arange(V), np.diff(corpus.child_offset))
    parent[corpus.child + shift[above]] = above
    depth, size = np.zeros(V, np.int64), np.ones(V, np.int64)
    # Within a document children come before their parent: heights rise.
    for height in range(int(corpus.height.max(initial=0))):
        mine = np.flatnonzero((corpus.height == height) & (parent >= 0))
        np.add.at(size, parent[mine], size[mine])
    for height in range(int(corpus.height.max(initial=0)), -1, -1):
        mine = np.flatnonzero((corpus.height == height) & (parent >= 0))
        depth[mine] = depth[parent[mine]] + 1
    return depth, size


# ------------------------------------------------------------------ what the data are


def _of_data(task: DocumentsTask) -> list[Picture]:
    train = task.parts["train"]
    corpus = train.corpus
    arity = np.diff(corpus.child_offset)
    picture = distributions(
        [
            ("nodes of a document", corpus.sizes),
            ("levels", corpus.height[corpus.roots] + 1),
            ("children of a node that has any", arity[arity > 0]),
        ],
        name="sizes",
    )
    found = [Picture(picture, f"The {len(train):,} documents of training.", "The data")]
    for b in _examples(train, task.goal):
        target = train.targets[b]
        right = f": {_name(target)}" if target is not None else ""
        document = train.document(b)
        found.append(
            Picture(
                document_svg(document, said=document.label, max_nodes=EXAMPLE_NODES),
                f"An example of training, {train.places[b] or f'number {b}'}{right}.",
                beside=True,
            )
        )
    return found


def _examples(train: Documents, goal: str) -> list[int]:
    """Choose documents of middling size, each of another class or another third."""
    order = np.argsort(np.abs(train.corpus.sizes - np.median(train.corpus.sizes)))
    if goal == "classify":
        chosen: dict[Any, int] = {}
        for b in order.tolist():
            chosen.setdefault(train.targets[b], b)
            if len(chosen) == EXAMPLES:
                break
        return list(chosen.values())
    return order[:1].tolist()


def _schema(task: DocumentsTask) -> str:
    rows = task.schema.table()
    header = ("role", "kind", "how many", "seen as", "for example")
    text = text_table(rows[:MOST_FIELDS], header)
    more = len(rows) - MOST_FIELDS
    return text + (f"\nand {more:,} more" if more > 0 else "")


def _data(task: DocumentsTask) -> dict[str, str]:
    train = task.parts["train"]
    corpus = train.corpus
    height = corpus.height[corpus.roots] + 1
    arity = np.diff(corpus.child_offset)
    inner = arity[arity > 0]
    data = {f"{split} documents": f"{len(p):,}" for split, p in task.parts.items()}
    data |= {
        "nodes of training": f"{corpus.num_nodes:,}",
        "distinct contents": f"{len(train.contents):,}",
        "fields": f"{len(task.schema.fields):,}",
        "nodes of a document": f"{corpus.sizes.mean():.1f} on average, at most "
        f"{corpus.sizes.max():,}",
        "levels": f"{height.mean():.1f} on average, at most {height.max():,}",
    }
    if len(inner):
        data["children"] = f"{inner.mean():.1f} on average, at most {inner.max():,}"
    return data


# ------------------------------------------------------------------ how well it is told


def _confused(counts: Int64, classes: Sequence[str]) -> list[Picture]:
    if counts.sum() == np.trace(counts):
        return []
    caption = (
        f"Of {int(counts.sum()):,} {int(np.trace(counts)):,} were right; these pairs "
        f"are the most frequent of the others. There are {len(classes)} classes."
    )
    return [Picture(most_confused(counts, classes), caption, "What is confused")]


def _of_figures(task: DocumentsTask, told: Told) -> list[Picture]:
    if not len(told.target):
        return []
    found, share = [], task.goal != "regress"
    if share:
        image, error = calibration(told.sure, told.score)
        caption = (
            "On the dashed line a model is right as often as it is sure to be; below "
            "it, it is too sure. The expected calibration error, the mean distance "
            f"from the line, is {error:.3f}. Upright lines are 95 % intervals."
        )
        found.append(Picture(image, caption, "How sure, and how right"))
    else:
        image = residuals(told.target, told.said[:, 0])
        caption = (
            "Left, each point is a document of the test, and the dashed line is where "
            "all would lie, were the model always right. Right, its errors."
        )
        found.append(Picture(image, caption, "Numbers told"))
    of = "its subtree" if task.goal == "nodes" else "nodes"
    image = by_size(
        [
            ("depth" if task.goal == "nodes" else "levels",
             grouped(told.depth, told.score, share=share)),
            ("nodes of its subtree" if task.goal == "nodes" else of,
             grouped(told.size, told.score, share=share)),
        ],
        measure="accuracy" if share else "mean absolute error",
        percent=share,
        level=float(told.score.mean()),
    )  # fmt: skip
    caption = (
        "The test by depth and by size, in groups of about equal number, which stands "
        "below them; the dashed line is the mean over all, upright lines are 95 % "
        "intervals."
    )
    return [*found, Picture(image, caption, "By depth and size")]


# ------------------------------------------------------------------ why


def _explained(
    task: DocumentsTask, model: DocumentModel, told: Told
) -> Iterator[Picture]:
    if not len(told.target):
        return
    neighbours = Neighbours.of(model, task.coded["train"])
    worst, typical = _worst(told, task.goal), _typical(told, task.goal)
    for title, chosen in (("Why", typical), ("The worst errors", worst)):
        for i, k in enumerate(chosen):
            said = explain_told(task, model, told, k, neighbours)
            remarks = None
            if told.node is not None:
                remarks = _remarks(task, told, int(told.document[k]))
                remarks[int(told.node[k])] += MEANT
            yield Picture(
                said.picture(NODES, remarks),
                _caption(task, told, k, said, legend=not i),
                "" if i else title,
                beside=True,
            )


def explain_told(
    task: DocumentsTask,
    model: DocumentModel,
    told: Told,
    k: int,
    neighbours: Neighbours | None,
) -> Explanation:
    """Explain what was told; where it is wrong, against what is right."""
    against = None
    if task.goal != "regress" and not told.score[k]:
        against = int(told.target[k])
    return explain(
        model,
        task.coded["test"],
        int(told.document[k]),
        classes=task.classes,
        against=against,
        node=None if told.node is None else int(told.node[k]),
        neighbours=neighbours,
    )


def _worst(told: Told, goal: str) -> list[int]:
    """Choose what was told worst: wrong and sure of it, or missed by most."""
    if goal == "regress":
        return np.argsort(-told.score, kind="stable")[:WORST].tolist()
    wrong = np.flatnonzero(told.score == 0)
    order = wrong[np.argsort(-told.sure[wrong], kind="stable")].tolist()
    if told.node is None:
        return order[:WORST]
    # One of each document: its other errors are seen in the same picture.
    first = {int(told.document[k]): k for k in reversed(order)}
    return [k for k in order if first[int(told.document[k])] == k][:WORST]


def _typical(told: Told, goal: str) -> list[int]:
    """Choose what was told well, each of another class or of another size."""
    if goal == "regress":
        well = np.flatnonzero(told.score <= np.median(told.score))
        order = well[np.argsort(told.target[well], kind="stable")]
        at = np.linspace(0, len(order) - 1, min(TYPICAL, len(order)) + 2)[1:-1]
        return order[at.round().astype(int)].tolist()
    right = np.flatnonzero(told.score == 1)
    # Of middling certainty: the surest are the easiest.
    order = right[np.argsort(np.abs(told.sure[right] - np.median(told.sure)))]
    chosen: dict[int, int] = {}
    for k in order.tolist():
        chosen.setdefault(int(told.target[k]), k)
        if len(chosen) == TYPICAL:
            break
    return list(chosen.values())


def _remarks(task: DocumentsTask, told: Told, document: int) -> list[str]:
    """Write at each labelled node what is said of it, and what is right."""
    assert told.node is not None
    remarks = [""] * int(task.parts["test"].corpus.sizes[document])
    for k in np.flatnonzero(told.document == document).tolist():
        said = task.classes[int(told.said[k].argmax())]
        right = task.classes[int(told.target[k])]
        sign = f"✓ {said}" if said == right else f"✗ {said}, right is {right}"
        remarks[int(told.node[k])] = sign
    return remarks


def _caption(
    task: DocumentsTask, told: Told, k: int, said: Explanation, *, legend: bool
) -> str:
    place = task.parts["test"].places[int(told.document[k])]
    if task.goal == "regress":
        right = f"right is {told.target[k]:.5g}"
    else:
        right = f"right is {task.classes[int(told.target[k])]}"
    lines = said.sentences()
    lines[0] = f"{lines[0].removesuffix('.')}; {right}."
    lines = [f"{place}:", *lines] if place else lines
    return " ".join([*lines, said.legend()] if legend else lines)


def _name(target: Any) -> str:
    return f"{target:.5g}" if isinstance(target, float) else str(target)
