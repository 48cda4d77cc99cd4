"""Measuring a model on a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from treefold.data.batching import Batch, batches
from treefold.data.corpus import Corpus
from treefold.models.classifier import NodeClassifier

NODES_AT_ONCE = 20_000


class Evaluation(NamedTuple):
    """What a model said of the B trees of a corpus, and how right it was.

    Attributes:
        metrics: `root_accuracy`, `node_accuracy` (over all labelled nodes) and
            `loss`, the mean cross-entropy of the roots in nats; NaN without labels.
        root_probability: (B, C) float64, of each class at each root.
        root_label: (B,) int64, -1 where a root has none.
    """

    metrics: dict[str, float]
    root_probability: NDArray[np.float64]
    root_label: NDArray[np.int64]


def evaluate(model: NodeClassifier, corpus: Corpus) -> Evaluation:
    """Run a model over a corpus and compare it with the labels."""
    right_nodes = labelled_nodes = 0
    probability = np.empty((len(corpus), model.output.out_features))
    label = np.empty(len(corpus), np.int64)
    for batch, p in predictions(model, corpus):
        labelled = batch.label >= 0
        right = p.argmax(dim=-1) == batch.label
        right_nodes += int(right[labelled].sum())
        labelled_nodes += int(labelled.sum())
        roots = batch.forest.roots
        probability[batch.trees] = p[roots].double().cpu().numpy()
        label[batch.trees] = batch.label[roots].cpu().numpy()
    known = label >= 0
    loss = F.nll_loss(
        torch.from_numpy(probability[known]).clamp(min=1e-12).log(),
        torch.from_numpy(label[known]),
    )
    right_roots = probability[known].argmax(axis=1) == label[known]
    metrics = {
        "root_accuracy": float(right_roots.mean()) if known.any() else float("nan"),
        "node_accuracy": right_nodes / max(labelled_nodes, 1),
        "loss": float(loss),
    }
    return Evaluation(metrics, probability, label)


def predictions(
    model: NodeClassifier, corpus: Corpus
) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Go through a corpus: a batch, and the probabilities (V, C) at its nodes."""
    device = model.output.weight.device
    for batch in batches(corpus, max_nodes=NODES_AT_ONCE):
        batch = batch.to(device)
        yield batch, model.predict(batch)
