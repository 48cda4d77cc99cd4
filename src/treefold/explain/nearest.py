"""Which documents and subtrees of training a model holds for alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from treefold.data.document_batches import CodedDocuments
from treefold.explain.answers import per_tree
from treefold.models.document import DocumentModel

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

DOCUMENTS = 2_000  # of training that are compared with
SUBTREES = 20_000  # of these, that are


class Near(NamedTuple):
    """A document or subtree near to what was asked.

    Attributes:
        number: of the document.
        node: the subtree's root, by its number in the `Document`; 0 for all of it.
        cosine: of the states, 1 for equal ones.
    """

    number: int
    node: int
    cosine: float


@final
@dataclass(frozen=True, eq=False)
class Neighbours:
    r"""The states of training documents and of their subtrees, to be searched.

    What is near is what the model cannot well tell apart from what is asked. With
    :math:`\bar h` the mean of the states that are searched, which says nothing of any
    one of them,

    .. math:: \operatorname{cosine}(a, b) = \cos(h_a - \bar h, h_b - \bar h)

    Attributes:
        coded: the documents.
        number: (N,) the document of each subtree.
        node: (N,) its root, by its number in the `Document`.
        state: (N, H) their states, centred, each of length 1.
        centre: (H,) what was taken off.
        roots: (B,) which of the subtrees are whole documents.
    """

    coded: CodedDocuments
    number: Int64
    node: Int64
    state: Float
    centre: Float
    roots: Int64

    @classmethod
    def of(
        cls,
        model: DocumentModel,
        coded: CodedDocuments,
        *,
        documents: int = DOCUMENTS,
        subtrees: int = SUBTREES,
    ) -> Neighbours:
        """Fold documents, and keep the states of distinct subtrees.

        Args:
            model: folds them.
            coded: documents, of training as a rule.
            documents: so many of them, evenly taken.
            subtrees: so many of more than one node, evenly taken of the distinct ones,
                beside the whole documents.
        """
        chosen = _evenly(len(coded), documents)
        own = coded.documents.corpus
        order, first = _distinct(coded, chosen)
        inner = np.setdiff1d(first, order)
        rows = np.concatenate([order, inner[_evenly(len(inner), subtrees)]])
        rows.sort()
        tree = np.searchsorted(own.tree_offset, rows, side="right") - 1
        state = states(model, coded, chosen)
        offset = np.concatenate([[0], np.cumsum(own.sizes[chosen])])
        place = np.searchsorted(chosen, tree)
        state = state[offset[place] + rows - own.tree_offset[tree]]
        centre = state.mean(axis=0)
        return cls(
            coded,
            tree.astype(np.int64),
            coded.documents.node[rows].astype(np.int64),
            _unit(state - centre),
            centre,
            np.flatnonzero(np.isin(rows, order)),
        )

    def documents(self, state: Float, most: int = 3) -> list[Near]:
        """Return the documents whose roots' states are nearest to one, nearest first.

        Args:
            state: (H,), such as a row of `states`.
            most: how many.
        """
        return self._nearest(state, most, self.roots)

    def subtrees(self, state: Float, most: int = 3) -> list[Near]:
        """Return the distinct subtrees nearest to a state (H,), nearest first."""
        return self._nearest(state, most, np.arange(len(self.number)))

    def _nearest(self, state: Float, most: int, among: Int64) -> list[Near]:
        cosine = self.state[among] @ _unit(state - self.centre)
        best = np.argsort(-cosine, kind="stable")[:most]
        return [
            Near(int(self.number[k]), int(self.node[k]), float(c))
            for k, c in zip(among[best], cosine[best], strict=True)
        ]


@torch.no_grad()
def states(
    model: DocumentModel, coded: CodedDocuments, numbers: Int64 | None = None
) -> Float:
    """Return the states of all nodes of documents, (V, H), in the corpus's order."""
    was_training = model.training
    model.eval()
    numbers = np.arange(len(coded)) if numbers is None else numbers
    found = [np.empty((0, model.state_size))]
    sizes = coded.documents.corpus.sizes[numbers]
    cuts = np.flatnonzero(np.diff(np.cumsum(sizes) // 50_000)) + 1
    for some in np.split(numbers, cuts):
        if len(some):
            batch = coded.batch(some).to(model.mean.device)
            h = model.states(batch)[per_tree(batch)]
            found.append(h.double().cpu().numpy())
    model.train(was_training)
    return np.concatenate(found)


def _evenly(count: int, most: int) -> Int64:
    """Return at most so many of the numbers below a count, at equal steps."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _distinct(coded: CodedDocuments, chosen: Int64) -> tuple[Int64, Int64]:
    """Return roots, and the first of equal subtrees of more than one node, as rows.

    Both are numbers of nodes in the corpus.
    """
    corpus = coded.documents.corpus
    batch = corpus.batch(chosen)
    _, _, first = batch.forest.share(batch.rows)
    order = batch.forest.tree.argsort(stable=True)
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order))
    inner = first[batch.forest.arities[first] > 0]
    place = back[inner].numpy()  # tree by tree
    offset = np.concatenate([[0], np.cumsum(corpus.sizes[chosen])])
    tree = np.searchsorted(offset, place, side="right") - 1
    rows = corpus.tree_offset[chosen[tree]] + place - offset[tree]
    return corpus.roots[chosen], np.unique(rows)


def _unit(x: Float) -> Float:
    return F.normalize(torch.from_numpy(x), dim=-1).numpy()
