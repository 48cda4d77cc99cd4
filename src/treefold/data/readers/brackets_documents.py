"""Bracket trees, ``(S (NP (PRP I)) (VP (VBP see)))``, as documents.

`brackets` reads them. A node's label is its kind and its word its text; a word without
a label is of the kind ``word``, a node without one ``node``. Children are numbered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from treefold.data.corpus import Corpus
from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.brackets import parse_brackets

Labels = Literal["kind", "label", "target"]


def read(
    content: bytes,
    place: str,
    *,
    ordered: bool | None = None,
    labels: Labels = "kind",
) -> Iterator[Document | DataError]:
    """Read the trees of a file.

    Args:
        content: the file, in UTF-8.
        place: its name, for messages.
        ordered: None and True number the children of a node, False does not.
        labels: what the labels in the file are: ``"kind"`` for categories of syntax,
            which are seen; ``"label"`` for what is to be told of every node, as the
            Stanford Sentiment Treebank has it; ``"target"`` where only the root's is.

    Yields:
        A document a tree; a `DataError` in place of each bad one, after all of them.

    Raises:
        DataError: `labels` is none of these.
    """
    if labels not in ("kind", "label", "target"):
        raise DataError(f"labels must be kind, label or target, got {labels!r}")
    try:
        corpus = parse_brackets(content, name=place, skip_bad=True)
    except DataError as error:
        yield error
        return
    for tree in range(len(corpus)):
        yield _document(corpus, tree, ordered is not False, labels)
    for message in corpus.skipped:
        yield DataError(message)


def _document(corpus: Corpus, tree: int, ordered: bool, labels: Labels) -> Document:
    """Unpack a tree from level order, leaves first, to a document, root first."""
    first, last = corpus.tree_offset[tree : tree + 2].tolist()
    ends = corpus.child_offset[first : last + 1]
    child = np.split(corpus.child[ends[0] : ends[-1]], ends[1:-1] - ends[0])
    token, label = corpus.token[first:last], corpus.label[first:last]
    document = Document(f"{corpus.sources[0]}:{corpus.line[tree]}")
    stack = [(last - first - 1, -1, -1)]
    while stack:
        node, parent, position = stack.pop()
        name = corpus.labels[label[node]] if label[node] >= 0 else None
        text = corpus.tokens[token[node]] if token[node] >= 0 else None
        plain = "node" if text is None else "word"
        here = document.add(
            parent,
            name if name is not None and labels == "kind" else plain,
            position=position,
            text=text,
            label=name if labels == "label" else None,
        )
        if parent < 0 and labels == "target":
            document.target = name
        below = child[node].tolist()
        stack += [
            (below[k], here, k if ordered else -1) for k in reversed(range(len(below)))
        ]
    return document
