"""A label for every node of a tree: tokens to vectors, a fold, and a linear layer."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Dropout
from treefold.data.batching import Batch
from treefold.folding import fold
from treefold.forest import Forest
from treefold.models.base import Model
from treefold.models.deep import DeepRecursive


@final
class NodeClassifier(Model):
    r"""Classify every node from the subtree below it (Socher et al., 2013).

    .. math::
        h = \text{fold}(\text{cell}, \text{trees}, \text{vectors of the tokens}),
        \qquad p_v = \text{softmax}(W_s h_v + b_s)

    The loss is the cross-entropy at every node that has a label, added up over a tree
    and averaged over the trees of a batch.

    Args:
        cell: the node function, or a `DeepRecursive` of several passes; its
            `input_size` is the size of the vectors.
        num_tokens: W, size of the vocabulary.
        num_classes: C.
        embedding_std: standard deviation of the vectors at the start.
        input_dropout: probability to drop a feature of an input vector.
        state_dropout: the same for a child's state as its parent sees it; a
            `DeepRecursive` has its own.
        output_dropout: the same for a state as the classifier sees it.
        class_weights: (C,) weights of the classes in the loss; None: 1 each.
        root_weight: weight of a root in the loss; other nodes have 1.
        label_smoothing: share of the target that is spread over all classes.
        share: fold equal subtrees of a batch once. States are the same; not with
            noise that each node draws for itself, nor with states from above.

    Attributes:
        embedding: the vectors, (W, I); their gradients are sparse, with a row for
            each distinct word of a batch. Row 0 is the unknown word's, and begins as
            zeros.
        cell: the node function, wrapped where states are dropped, or the net.
        output: the linear layer from H to C.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        cell: Cell[Any] | DeepRecursive,
        num_tokens: int,
        num_classes: int,
        *,
        embedding_std: float = 0.1,
        input_dropout: float = 0.0,
        state_dropout: float = 0.0,
        output_dropout: float = 0.0,
        class_weights: Tensor | None = None,
        root_weight: float = 1.0,
        label_smoothing: float = 0.0,
        share: bool = False,
    ):
        super().__init__()
        self.embedding = nn.Embedding(num_tokens, cell.input_size, sparse=True)
        nn.init.normal_(self.embedding.weight, std=embedding_std)
        # The unknown word: where training never meets it, random features would stay,
        # and be read as if they meant something.
        nn.init.zeros_(self.embedding.weight[0])
        if state_dropout and isinstance(cell, Cell):
            cell = Dropout(cell, state_dropout)
        self.cell = cell
        self.output = nn.Linear(cell.hidden_size, num_classes)
        nn.init.zeros_(self.output.bias)
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.root_weight = root_weight
        self.label_smoothing = label_smoothing
        self.share = share

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every node, (V, C)."""
        return self.read(self.states(batch))

    def states(self, batch: Batch) -> Tensor:
        """Return the hidden state of every node, (V, H)."""
        if not self.share:
            return self._states(batch)
        shared, node_of = batch.shared()
        return self._states(shared)[node_of]

    def _states(self, batch: Batch) -> Tensor:
        vectors = self.embedding(batch.words)
        forest, nodes, rows = batch.forest, batch.nodes, batch.rows
        if self.training and self.input_dropout:  # each node draws a mask of its own
            x = F.dropout(F.embedding(rows, vectors), self.input_dropout)
            return self._fold(forest, x, nodes)
        return self._fold(forest, vectors, nodes, rows)

    def _fold(
        self,
        forest: Forest,
        x: Tensor,
        nodes: Tensor | None,
        rows: Tensor | None = None,
    ) -> Tensor:
        if isinstance(self.cell, DeepRecursive):
            return self.cell(forest, x, nodes, rows=rows)
        return fold(self.cell, forest, x, nodes, rows=rows).h

    def read(self, h: Tensor) -> Tensor:
        """Return logits (N, C) of states (N, H)."""
        return self.output(F.dropout(h, self.output_dropout, self.training))

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean over the trees of the loss summed over a tree's nodes."""
        labelled = (batch.label >= 0).nonzero().flatten()
        label, h = batch.label[labelled], self.states(batch)
        if len(labelled) < len(h):
            h = h[labelled]
        loss = F.cross_entropy(
            self.read(h),
            label,
            self.class_weights,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        if self.root_weight != 1:
            weight = torch.ones(len(batch.label), dtype=h.dtype, device=h.device)
            weight[batch.forest.roots] = self.root_weight
            loss = loss * weight[labelled]
        return loss.sum() / len(batch)

    @torch.no_grad()
    def predict(self, batch: Batch) -> Tensor:
        """Return the probability of every class at every node, (V, C)."""
        was_training = self.training
        self.eval()
        probability = torch.softmax(self(batch), dim=-1)
        self.train(was_training)
        return probability
