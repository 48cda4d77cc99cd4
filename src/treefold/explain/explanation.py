"""One prediction, with all that tells why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from treefold.data.document_batches import CodedDocuments
from treefold.data.documents import Document
from treefold.explain.answers import answers
from treefold.explain.gradients import IntegratedGradients, integrated_gradients
from treefold.explain.nearest import Near, Neighbours, states
from treefold.explain.occlusion import WORK, Occlusion, occlusion
from treefold.models.document import DocumentModel
from treefold.svg.bars import Column
from treefold.svg.document import document_svg
from treefold.svg.frame import plural
from treefold.svg.labels import Labels
from treefold.svg.text import escape

Float = NDArray[np.float64]
MOST_NODES = 40  # that are drawn
NEAREST = 3
MEANT = "  ◂ explained"  # beside the node that is
TOLD = 3  # subtrees that are named
FULL, FULL_ODDS = 0.1, 0.5  # what a long bar stands for at least
LEAST = 0.02  # of the greatest effect, to be named
OWED = 0.8  # of a subtree's effect, that one within it has by itself
FAR = 0.2  # of its importance, that it keeps then


@dataclass(frozen=True)
class Explanation:
    """What a model says of a document, or of a node of it, and why.

    In a notebook it is a picture with a few sentences.

    Attributes:
        document: what was read.
        said: (C,) probabilities of the classes, or numbers.
        classes: their names; none of numbers.
        output: the class or number that is explained.
        against: the class that it is told from; None of numbers.
        occlusion: what becomes of `said` without each subtree.
        gradients: what each node's content adds to the log of the odds of the one
            class to the other, or to the number.
        node: of a model of nodes, the node that is meant; else None.
        documents: those of training that are nearest.
        subtrees: of training, those nearest to the subtree that counts most.
        training: where `documents` and `subtrees` are found.
    """

    document: Document
    said: Float
    classes: Sequence[str]
    output: int
    against: int | None
    occlusion: Occlusion
    gradients: IntegratedGradients
    node: int | None = None
    documents: Sequence[Near] = ()
    subtrees: Sequence[Near] = ()
    training: CodedDocuments | None = field(default=None, repr=False)

    @property
    def change(self) -> Float:
        """(V,) by how much what is explained falls without each subtree."""
        return self.occlusion.change[:, self.output]

    @property
    def columns(self) -> list[Column]:
        """Both readings of the nodes, to be drawn beside them."""
        change, value = self.change.tolist(), self.gradients.value.tolist()
        odds = FULL_ODDS if self.classes else self._full
        return [
            Column("if left out", change, True, self._what_left_out(), self._full),
            Column("its content", value, False, self._what_adds(), odds),
        ]

    @property
    def _full(self) -> float:
        """What a long bar stands for at least."""
        return FULL if self.classes else FULL * abs(float(self.said[self.output]))

    @property
    def importance(self) -> Float:
        """(V,) what is drawn rather than left out, by the size of both readings.

        A subtree that owes its effect to one within it counts for less: it is shown
        anyway, on the way to that one.
        """
        change = np.abs(np.nan_to_num(self.change))
        parent = self.gradients.below.parent
        inner = np.zeros(len(change))
        np.maximum.at(inner, parent[1:], change[1:])
        change = np.where(inner >= OWED * change, FAR * change, change)
        value = np.abs(self.gradients.value)
        found = change / max(change.max(initial=0), self._full, 1e-12)
        found = np.maximum(found, value / max(value.max(initial=0), 1e-12))
        if self.node is not None:
            found[self.node] = np.inf
        return found

    def picture(
        self, max_nodes: int = MOST_NODES, said: Sequence[str | None] | None = None
    ) -> str:
        """Draw the document with both readings, as an ``<svg>`` element.

        Args:
            max_nodes: about the most nodes that are drawn.
            said: a remark for each node.
        """
        return document_svg(
            self.document,
            columns=self.columns,
            importance=self.importance.tolist(),
            said=said,
            max_nodes=max_nodes,
            title=f"Why {self.headline}",
        )

    @property
    def headline(self) -> str:
        """What is said, in a few words: ``A 98.7%, E 0.8%``."""
        where = ""
        if self.node is not None:
            where = f"{self._labels.short(self.node)}: "
        if not self.classes:
            return f"{where}{self.said[self.output]:.5g}"
        told = [self.output] if self.against is None else [self.output, self.against]
        names = [f"{self.classes[k]} {100 * self.said[k]:.1f}%" for k in told]
        return where + ", ".join(names)

    def sentences(self) -> list[str]:
        """Say why, in sentences: the subtrees that count most, what is near."""
        told = [f"It says {self.headline}."]
        counts = self.most()
        if not counts and self.occlusion.tried:
            told.append("No subtree by itself changes that much.")
        for v in counts:
            rest = self.said[self.output] - self.change[v]
            value = f"{100 * rest:.1f}%" if self.classes else f"{rest:.5g}"
            told.append(f"Without {self._labels.short(v)} it is {value}.")
        V, tried = len(self.document), self.occlusion.tried
        if tried < V - 1 and self.node is None:
            told.append(
                f"Of {plural(V, 'node')} the {tried:,} most promising were left out "
                "in turn."
            )
        gap = self.gradients.gap
        if gap > 0.01 * max(abs(self.gradients.total), 0.1):
            told.append(
                f"What the contents add misses its sum, {self.gradients.total:+.3g}, "
                f"by {gap:.2g}."
            )
        return told + self.near()

    def most(self, most: int = TOLD) -> list[int]:
        """Return the subtrees that count most.

        Of a subtree that owes its effect to one within it, that one is meant.
        """
        size = np.abs(np.nan_to_num(self.change))
        least = max(LEAST * size.max(initial=0.0), self._full / 10, 1e-12)
        child, found = self.document.children, dict[int, None]()
        for v in np.argsort(-size, kind="stable").tolist():
            if len(found) == most or size[v] < least:
                break
            while inner := [c for c in child[v] if size[c] >= OWED * size[v]]:
                v = max(inner, key=size.__getitem__)
            found[v] = None
        return list(found)

    def near(self) -> list[str]:
        """Say which documents and subtrees of training are nearest."""
        if self.training is None:
            return []
        told = []
        if self.documents:
            told.append(f"Near in training: {self._listed(self.documents)}.")
        if self.subtrees and (v := self._asked()) is not None:
            where = self._labels.path(v)
            told.append(f"Near to {where}: {self._listed(self.subtrees)}.")
        return told

    def _asked(self) -> int | None:
        """Return the subtree whose like is looked for: that of the node that is meant.

        Of a whole document it is the one that counts most; of a leaf, which says little
        of what is like it, the one around it.
        """
        if self.node is not None:
            return self.node
        v = next(iter(self.most(1)), None)
        if v is None or self.document.children[v]:
            return v
        return max(self.document.parent[v], 0)

    def _listed(self, found: Sequence[Near]) -> str:
        assert self.training is not None
        known, told = self.training.documents, []
        for each in found:
            parts = [known.places[each.number] or f"document {each.number}"]
            near, target = known.document(each.number), known.targets[each.number]
            if each.node:
                parts.append(_labels(near).path(each.node))
            if self.node is not None:
                target = near.label[each.node]
            if target is not None:
                parts.append(f"{target:.5g}" if isinstance(target, float) else target)
            told.append(f"{', '.join(map(str, parts))} ({each.cosine:.2f})")
        return "; ".join(told)

    @property
    def _labels(self) -> Labels:
        return _labels(self.document)

    def _name(self) -> str:
        return self.classes[self.output] if self.classes else ""

    def _what_left_out(self) -> str:
        what = f"the probability of {self._name()}" if self.classes else "the number"
        return f"by how much {what} falls (+) or rises (−) without the subtree"

    def _what_adds(self) -> str:
        what = "the number"
        if self.against is not None:
            what = f"the log odds of {self._name()} to {self.classes[self.against]}"
        elif self.classes:
            what = f"the probability of {self._name()}"
        return f"what the node's own content adds to {what}"

    def legend(self) -> str:
        """Say what the columns are."""
        return (
            f"“if left out”: {self._what_left_out()}; “its content”: "
            f"{self._what_adds()} (integrated gradients). Behind what is near stands "
            "the cosine of the states."
        )

    def _repr_html_(self) -> str:
        """Return the picture and what it says, for notebooks."""
        lines = "".join(f"<p>{escape(line)}</p>" for line in self.sentences())
        return f"<div>{self.picture()}{lines}<p>{escape(self.legend())}</p></div>"


def explain(
    model: DocumentModel,
    coded: CodedDocuments,
    number: int = 0,
    *,
    classes: Sequence[str] = (),
    output: int | None = None,
    against: int | None = None,
    node: int | None = None,
    neighbours: Neighbours | None = None,
    nearest: int = NEAREST,
    work: int = WORK,
) -> Explanation:
    """Explain what a model says of one document: occlusion, gradients, what is near.

    Args:
        model: says it.
        coded: documents.
        number: which of them.
        classes: the names of the classes; none where numbers are told.
        output: the class or number to explain; by default the likeliest class.
        against: the class to tell it from; by default the likeliest other one.
        node: of a model of nodes, the node that is meant.
        neighbours: of training, to look for what is near.
        nearest: so many documents, and subtrees, that are.
        work: see `occlusion`.
    """
    asked = None if node is None else np.array([node])
    one = coded if len(coded) == 1 else _one(coded, number)
    said = answers(model, one, asked)[0]
    if classes:
        order = np.argsort(-said, kind="stable")
        output = int(order[0]) if output is None else output
        if against is None and len(classes) > 1:
            against = int(order[0] if order[0] != output else order[1])
    output = output or 0
    gradients = integrated_gradients(
        model, one, output=output, against=against if classes else None, node=node
    )
    left = occlusion(
        model, one, node=node, first=np.abs(gradients.of_subtrees), work=work
    )
    document = one.documents.document(0)
    found = Explanation(document, said, classes, output, against, left, gradients, node)
    if neighbours is None:
        return found
    h = states(model, one)
    own = h[np.argsort(one.documents.node)]  # as the document counts its nodes
    counts = found._asked()
    return replace(
        found,
        documents=neighbours.documents(own[0], nearest) if node is None else (),
        subtrees=() if counts is None else neighbours.subtrees(own[counts], nearest),
        training=neighbours.coded,
    )


def _one(coded: CodedDocuments, number: int) -> CodedDocuments:
    return CodedDocuments(
        coded.documents[[number]], coded.features, coded.target[[number]]
    )


def _labels(document: Document) -> Labels:
    return Labels(document, document.children)
