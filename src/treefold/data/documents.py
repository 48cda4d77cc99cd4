"""Documents: trees whose nodes carry content, whatever they were read from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.data import kernels
from treefold.data.corpus import Corpus
from treefold.data.echoes import echoes
from treefold.data.errors import DataError

Int64 = NDArray[np.int64]
NO_POSITION = -1
MOST_SHOWN = 40  # characters of a text
MOST_DRAWN = 40  # nodes, in a notebook


class Content(NamedTuple):
    """What a node carries.

    Attributes:
        kind: what the node is: ``"object"``, ``"number"``, a tag, a class of syntax.
        role: what it is to its parent: a key, a field, a relation; "" for nothing.
        position: its place among its brothers where their order matters, else -1.
        text: words, a name, a category; None where there is none.
        number: a value, which may be NaN or infinite; None where there is none.
        vector: several values of a fixed number; None where there are none.
        same: where else in the document the same value stands, as paths from here such
            as ``"../../seller/country"``; see `treefold.data.echoes`.
    """

    kind: str
    role: str = ""
    position: int = NO_POSITION
    text: str | None = None
    number: float | None = None
    vector: tuple[float, ...] | None = None
    same: tuple[str, ...] = ()

    def __str__(self) -> str:
        value = self.kind
        if self.text is not None:
            cut = self.text[:MOST_SHOWN]
            value = f'"{cut}{"…" * (len(self.text) > MOST_SHOWN)}"'
        elif self.number is not None:
            value = f"{self.number:g}"
        return f"{self.role}: {value}" if self.role else value


@final
class Document:
    """One tree of content, built from the root down.

    Nodes are numbered in the order in which they are added: a parent before its
    children, and brothers in their order.

    Args:
        place: where it was read, for messages: ``"orders.jsonl:12"``.
        target: what is to be told of it: the name of a class or a number; a tuple of
            them where there are several; None where it is not known.

    Attributes:
        parent: of each node, the number of its parent; -1 at the root.
        content: of each node, what it carries.
        label: of each node, the name of its class; None where it has none.

    Example:
        >>> order = Document(target="paid")
        >>> root = order.add(-1, "object")
        >>> order.add(root, "number", role="total", number=12.5)
        1
        >>> print(order)
        object
          total: 12.5
    """

    __slots__ = ("content", "label", "parent", "place", "target")

    def __init__(self, place: str = "", target: Any = None):
        self.place = place
        self.target = target
        self.parent: list[int] = []
        self.content: list[Content] = []
        self.label: list[str | None] = []

    def add(
        self,
        parent: int,
        kind: str,
        *,
        role: str = "",
        position: int = NO_POSITION,
        text: str | None = None,
        number: float | None = None,
        vector: Sequence[float] | None = None,
        label: str | None = None,
    ) -> int:
        """Add a node below another, and return its number.

        Args:
            parent: the number of its parent; -1 for the root, which comes first.
            kind: see `Content`, as for all that follows.
            role: what it is to its parent.
            position: its place where the order matters.
            text: its words.
            number: its value.
            vector: its values.
            label: the name of its class, where each node has one.
        """
        here = len(self.parent)
        if not -1 <= parent < here or (parent == -1) != (here == 0):
            raise DataError(
                f"{self.place or 'a document'}: node {here} was added below {parent}; "
                "the first node is the root, with parent -1, and every other is added "
                "below a node that is there"
            )
        if number is not None and number != number:
            number = math.nan  # one object: contents are compared, and NaN is not NaN
        values = None if vector is None else tuple(map(float, vector))
        self.parent.append(parent)
        self.content.append(Content(kind, role, position, text, number, values))
        self.label.append(label)
        return here

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.parent)

    @property
    def children(self) -> list[list[int]]:
        """The children of each node, in order."""
        below: list[list[int]] = [[] for _ in self.parent]
        for node, parent in enumerate(self.parent):
            if parent >= 0:
                below[parent].append(node)
        return below

    def __str__(self) -> str:
        depth: list[int] = []
        lines: dict[int, str] = {}
        for node, parent in enumerate(self.parent):
            depth.append(depth[parent] + 1 if parent >= 0 else 0)
            lines[node] = "  " * depth[node] + str(self.content[node])
        below, order, stack = self.children, list[int](), [0] if self.parent else []
        while stack:
            node = stack.pop()
            order.append(node)
            stack.extend(reversed(below[node]))
        return "\n".join(lines[node] for node in order)

    def _repr_html_(self) -> str:
        """Return a picture, for notebooks: the upper levels of what is large."""
        from treefold.svg.document import document_svg

        return document_svg(self, max_nodes=MOST_DRAWN, title=repr(self))

    def __repr__(self) -> str:
        target = "" if self.target is None else f", target={self.target!r}"
        return f"Document({len(self):,} nodes{target})"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Documents:
    """B documents in flat arrays: a corpus, and a table of what its nodes carry.

    Attributes:
        corpus: the trees. A node's token is the number of its content, so that what
            is carried twice is encoded once, and equal subtrees can be shared.
        contents: the U distinct contents; ``corpus.tokens`` are the same, to be read.
        node: (V,) int32, each node's number in its `Document`; the corpus has them in
            level order.
        targets: (B,) what is to be told of each, as it was given.
        places: (B,) where each was read.
    """

    corpus: Corpus
    contents: tuple[Content, ...]
    node: NDArray[np.int32]
    targets: tuple[Any, ...]
    places: tuple[str, ...]

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Self:
        """Pack documents, in order; see `Content.same` for what is looked up in them.

        Raises:
            DataError: one has no node.
        """
        index: dict[Content, int] = {}
        names: dict[str, int] = {}
        parent, token, label, sizes = list[list[int]](), list[int](), list[int](), [0]
        targets, places = list[Any](), list[str]()
        for document in documents:
            if not len(document):
                raise DataError(f"{document.place or 'a document'}: it has no node")
            parent.append(document.parent)
            sizes.append(len(document))
            found = echoes(document.parent, document.content)
            token += [index.setdefault(c, len(index)) for c in found]
            label += [
                -1 if name is None else names.setdefault(name, len(names))
                for name in document.label
            ]
            targets.append(document.target)
            places.append(document.place)
        offset = np.fromiter(accumulate(sizes), np.int64, len(sizes))
        above = np.fromiter(chain.from_iterable(parent), np.int32, int(offset[-1]))
        corpus = Corpus.from_parents(
            offset,
            above,
            np.array(token, np.int32),
            np.array(label, np.int32),
            tuple(map(str, index)),
            tuple(names),
            source="documents",
        )
        order = kernels.level_order(offset, above)[0]
        first = np.repeat(offset[:-1], np.diff(offset))
        node = (order - first).astype(np.int32)
        return cls(corpus, tuple(index), node, tuple(targets), tuple(places))

    @classmethod
    def cat(cls, parts: Sequence[Documents]) -> Documents:
        """Return all documents of several parts as one."""
        return cls.of(document for part in parts for document in part)

    def __len__(self) -> int:
        """Return B, the number of documents."""
        return len(self.corpus)

    def __repr__(self) -> str:
        return (
            f"Documents({len(self):,} of {self.corpus.num_nodes:,} nodes, "
            f"{len(self.contents):,} distinct contents)"
        )

    def __getitem__(self, chosen: Int64 | Sequence[int] | slice) -> Documents:
        """Return the documents chosen by number or mask, with the same contents."""
        numbers = np.arange(len(self))[chosen]
        offset = self.corpus.tree_offset
        parts = [self.node[offset[b] : offset[b + 1]] for b in numbers]
        return Documents(
            self.corpus[numbers],
            self.contents,
            np.concatenate([np.empty(0, np.int32), *parts]),
            tuple(self.targets[b] for b in numbers),
            tuple(self.places[b] for b in numbers),
        )

    def document(self, number: int) -> Document:
        """Return one document as it was before it was packed."""
        corpus = self.corpus
        first, last = corpus.tree_offset[number : number + 2]
        ends = corpus.child_offset[first : last + 1]
        child = corpus.child[ends[0] : ends[-1]]
        above = np.full(last - first, -1, np.int64)
        above[child] = np.repeat(np.arange(last - first), np.diff(ends))
        node = self.node[first:last]
        parent = np.where(above >= 0, node[above], -1)
        order = np.argsort(node)
        document = Document(self.places[number], self.targets[number])
        document.parent = parent[order].tolist()
        document.content = [self.contents[k] for k in corpus.token[first:last][order]]
        document.label = [
            None if k < 0 else corpus.labels[k] for k in corpus.label[first:last][order]
        ]
        return document

    def __iter__(self) -> Iterator[Document]:
        return (self.document(number) for number in range(len(self)))


Goal = Literal["classify", "regress", "nodes"]


@final
@dataclass(frozen=True)
class DocumentSet:
    """Documents to train, choose and measure on.

    Attributes:
        name: what reports call it.
        train: to learn from.
        dev: to choose by.
        test: to measure on.
        goal: classify: targets are names of classes; regress: targets are numbers;
            nodes: each node has a label, or None.
        note: what a report should say of it: where it came from, what was left out.
        skipped: messages for what could not be read.
        format: what files of such documents are read by, where names do not tell.
    """

    name: str
    train: Documents
    dev: Documents
    test: Documents
    goal: Goal
    note: str = ""
    skipped: tuple[str, ...] = ()
    format: str = "auto"

    @property
    def splits(self) -> dict[str, Documents]:
        """The three, by name."""
        return {"train": self.train, "dev": self.dev, "test": self.test}
