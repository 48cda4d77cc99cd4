"""Documents drawn with what a model says of them, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.data.documents import Document, Documents
from treefold.data.errors import DataError
from treefold.data.targets import name_of
from treefold.explain.explanation import MEANT, Explanation, explain
from treefold.explain.nearest import Neighbours
from treefold.svg.document import document_svg
from treefold.tasks.base import Picture
from treefold.training.errors import RunError

if TYPE_CHECKING:
    from treefold.models.document import DocumentModel
    from treefold.tasks.documents import DocumentsTask

NODES = 60  # of a document, drawn
SURE = 0.5  # below it, a node's probability is printed beside its class


def pictures(
    task: DocumentsTask,
    model: DocumentModel,
    items: Iterable[Document | DataError],
    near: int,
) -> Iterator[Picture]:
    """Draw documents in order, each with its explanation.

    Args:
        task: knows the schema and the classes.
        model: says what is explained.
        items: documents, or why there is none.
        near: how many documents of training to name beside each; they are read again
            where the task has them not.
    """
    neighbours, missing = None, ""
    if near:
        try:
            neighbours = neighbours_of(task, model)
        except (DataError, RunError, OSError) as error:
            missing = f"What is near in training cannot be told: {error}"
    for i, item in enumerate(items):
        if isinstance(item, DataError):
            yield Picture("", f"Left out: {item}")
            continue
        said, remarks = explained(task, model, item, neighbours, near)
        caption = said.sentences()
        if item.target is not None and task.goal != "nodes":
            caption[0] = f"{caption[0].removesuffix('.')}; {_right(said, item.target)}."
        if item.place:
            caption.insert(0, f"{item.place}:")
        if not i:
            caption += [said.legend(), *([missing] if missing else [])]
        yield Picture(said.picture(NODES, remarks), " ".join(caption))


def as_read(document: Document) -> Picture:
    """Draw a document with its labels, as it was read."""
    image = document_svg(document, said=document.label, title=document.place)
    return Picture(image, f"{document.place}: {len(document):,} nodes")


def neighbours_of(task: DocumentsTask, model: DocumentModel) -> Neighbours:
    """Return the states of training, whose documents are read again where need be.

    Raises:
        DataError: they cannot be had.
        RunError: they are not what they were.
    """
    if "train" not in task.parts:
        task = task.with_data(task.spec)
    return Neighbours.of(model, task.coded["train"])


def explained(
    task: DocumentsTask,
    model: DocumentModel,
    document: Document,
    neighbours: Neighbours | None = None,
    nearest: int = 3,
) -> tuple[Explanation, list[str | None] | None]:
    """Explain what is said of a document, and of each node where nodes are told.

    Of nodes, the one that the model is least sure of is explained.

    Returns:
        The explanation, and a remark for each node, or None.
    """
    bare = Document(document.place)
    bare.parent, bare.content = document.parent, document.content
    bare.label = document.label
    coded = task.code(Documents.of([bare]))
    node: int | None = None
    remarks: list[str | None] | None = None
    if task.goal == "nodes":
        said = np.empty((len(document), len(task.classes)))
        said[coded.documents.node] = task.answers(model, coded)
        asked = [v for v, name in enumerate(document.label) if name is not None]
        asked = asked or list(range(len(document)))
        node = min(asked, key=lambda v: said[v].max())
        told = {v: _remark(task, said[v], document.label[v]) for v in asked}
        told[node] += MEANT
        remarks = [told.get(v) for v in range(len(document))]
    found = explain(
        model,
        coded,
        classes=task.classes,
        node=node,
        neighbours=neighbours,
        nearest=nearest,
    )
    return found, remarks


def _right(said: Explanation, target: Any) -> str:
    """Say what is right, and of a class whether that was said."""
    if not said.classes:
        return f"right is {target:.5g}" if isinstance(target, float) else str(target)
    name = name_of(target)
    sign = "✓" if name == said.classes[said.output] else "✗"
    return f"right is {name} {sign}"


def _remark(task: DocumentsTask, said: np.ndarray, right: str | None) -> str:
    best = int(said.argmax())
    name = task.classes[best]
    if right is None:
        return f"{name} {100 * said[best]:.0f}%"
    sure = f" {100 * said[best]:.0f}%" if said[best] < SURE else ""
    if name == right:
        return f"✓ {name}{sure}"
    return f"✗ {name}{sure}, right is {right}"
