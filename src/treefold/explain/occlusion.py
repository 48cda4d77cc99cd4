"""What a prediction loses with each subtree (occlusion; Zeiler & Fergus, 2014)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from treefold.data.document_batches import CodedDocuments
from treefold.data.documents import Documents
from treefold.explain.answers import answers
from treefold.explain.variants import Subtrees, without
from treefold.models.document import DocumentModel

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

WORK = 1_000_000  # nodes of all variants together
AT_ONCE = 100_000  # of these, nodes built at a time


@dataclass(frozen=True)
class Occlusion:
    """How a prediction changes without each subtree of a document.

    Attributes:
        change: (V, C) what is said of the document, less what is said of it without
            the subtree: above zero where the subtree speaks for a class. NaN at the
            root, and at nodes that were not tried.
        whole: (C,) what is said of the whole document.
        tried: how many subtrees were left out, each by itself.
    """

    change: Float
    whole: Float
    tried: int

    def __len__(self) -> int:
        """Return V."""
        return len(self.change)


def occlusion(
    model: DocumentModel,
    coded: CodedDocuments,
    number: int = 0,
    *,
    node: int | None = None,
    first: Float | None = None,
    work: int = WORK,
) -> Occlusion:
    r"""Leave out the subtree of each node in turn, and ask what is said of the rest.

    .. math::
        o_v = f(\text{document}) - f(\text{document without the subtree of } v)

    All variants of a document are read together, in batches. A document of V nodes has
    V - 1 of them with up to V - 1 nodes each, so that of a large one only as many are
    tried as `work` allows: those that `first` ranks highest, else the upper levels, of
    each level the largest subtrees first.

    Args:
        model: says (C,) probabilities or numbers of a document.
        coded: documents.
        number: which of them.
        node: of a model of nodes, the node of which it is asked; subtrees that hold it
            are not left out.
        first: (V,) how promising it is to leave out each subtree, such as
            `IntegratedGradients.of_subtrees`, without sign.
        work: the most nodes in all variants together; one is tried in any case.

    Raises:
        ValueError: `first` has not an entry a node, or `work` is less than 1.
    """
    if work < 1:
        raise ValueError(f"work must be at least 1 node, got {work}")
    one = coded.documents[[number]]
    below = Subtrees(one.document(0).parent)
    V = len(below.parent)
    if first is not None and len(first) != V:
        raise ValueError(f"first needs one entry per node: {V}, got {len(first)}.")
    whole = answers(model, _like(coded, one, number), _same(node, 1))[0]
    change = np.full((V, len(whole)), np.nan)
    tried = _tried(below, node, first, work)
    for nodes in _chunks(tried, below):
        variants = _like(coded, without(one, nodes.tolist(), below), number)
        asked = _same(node, len(nodes))
        if asked is not None:  # it counts as many nodes fewer as are gone before it
            asked -= _gone_before(below, nodes, asked[0])
        change[nodes] = whole - answers(model, variants, asked)
    return Occlusion(change, whole, len(tried))


def _tried(
    below: Subtrees, node: int | None, first: Float | None, work: int
) -> NDArray[np.int64]:
    """Return the nodes to leave out, in the order of their promise."""
    if first is None:
        order = np.lexsort((-below.size, below.depth))
    else:
        order = np.argsort(-np.nan_to_num(np.asarray(first, np.float64)), kind="stable")
    needed = {0}
    while node is not None and node > 0:
        needed.add(node)
        node = int(below.parent[node])
    order = order[~np.isin(order, list(needed))]
    cost = np.cumsum(len(below.parent) - below.size[order])
    return order[: max(int(np.searchsorted(cost, work, side="right")), 1)]


def _chunks(nodes: Int64, below: Subtrees) -> Iterator[Int64]:
    size = max(AT_ONCE // len(below.parent), 1)
    return (nodes[k : k + size] for k in range(0, len(nodes), size))


def _same(node: int | None, times: int) -> Int64 | None:
    return None if node is None else np.full(times, node, np.int64)


def _gone_before(below: Subtrees, nodes: Int64, asked: int) -> Int64:
    """Return for each of M subtrees how many of its nodes have a smaller number."""
    where = below.first[:asked][None] - below.first[nodes][:, None]
    return ((where >= 0) & (where < below.size[nodes][:, None])).sum(axis=1)


def _like(coded: CodedDocuments, documents: Documents, number: int) -> CodedDocuments:
    """Return documents of the same contents, coded as they were."""
    target = np.repeat(coded.target[[number]], len(documents), axis=0)
    return replace(coded, documents=documents, target=target, importance=None)
