"""What a model says of documents, or of one node of each."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.document_batches import CodedDocuments, DocumentBatch
from treefold.models.document import DocumentModel

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]


def per_tree(batch: DocumentBatch) -> Tensor:
    """Return the nodes of a batch tree by tree, (V,): those of a corpus, in order."""
    return batch.forest.tree.argsort(stable=True)


def node_places(coded: CodedDocuments, numbers: Int64, node: Int64) -> Int64:
    """Return where one node of each document stands among the nodes of all of them.

    Args:
        coded: documents.
        numbers: (B,) those meant, one after another.
        node: (B,) a node of each, by its number in the `Document`.
    """
    documents = coded.documents
    offset = documents.corpus.tree_offset
    places, before = [], 0
    for b, v in zip(numbers.tolist(), node.tolist(), strict=True):
        here = documents.node[offset[b] : offset[b + 1]]
        places.append(before + int(np.flatnonzero(here == v)[0]))
        before += len(here)
    return np.asarray(places, np.int64)


@torch.no_grad()
def answers(
    model: DocumentModel, coded: CodedDocuments, node: Int64 | None = None
) -> Float:
    """Return probabilities of classes, or numbers, (B, C).

    Args:
        model: reads them.
        coded: B documents.
        node: (B,) of a model of nodes, the node of each document that is meant.
    """
    was = model.training, model.share
    model.eval()
    model.share = True  # variants of one document are alike but for a path each
    found = []
    epoch = coded.in_order()
    for numbers, batch in zip(epoch.numbers, epoch, strict=True):
        batch = batch.to(model.mean.device)
        h = model.states(batch)
        if node is None:
            r = model.summary(batch.forest, h)
        else:
            places = node_places(coded, numbers, node[numbers])
            r = h[per_tree(batch)[torch.from_numpy(places).to(h.device)]]
        found.append(model.answer(model.read(r)).double().cpu())
    model.train(was[0])
    model.share = was[1]
    return torch.cat(found).numpy()
