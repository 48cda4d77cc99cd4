"""Documents to classes or numbers: contents to vectors, a fold, and a readout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Dropout
from treefold.data.document_batches import DocumentBatch
from treefold.data.documents import Goal
from treefold.folding import fold
from treefold.forest import Forest
from treefold.models.base import Model
from treefold.models.content import ContentEncoder
from treefold.models.deep import DeepRecursive

Readout = Literal["root", "all"]


@final
class DocumentModel(Model):
    r"""Tell something of a document, or of each of its nodes.

    .. math::
        x_v = \text{encoder}(\text{content}_v), \qquad
        h = \text{fold}(\text{cell}, \text{documents}, x)

    Of the whole, what is told is read from the root, beside the mean and the maximum of
    all states: the root knows the structure, the others stand near what they carry.

    .. math::
        r = [h_{\text{root}}; \operatorname{mean}_v h_v; \max_v h_v], \qquad
        y = W_2 \operatorname{GELU}(W_1 r + b_1) + b_2

    Of a node, it is read from that node's state beside what the node itself carries,
    :math:`y_v = W_2 \operatorname{GELU}(W_1 [h_v; x_v] + b_1) + b_2`; a cell knows what
    is below, and a `DeepRecursive` with a pass down what is around.

    The loss is the cross-entropy of classes, of each output or labelled node; or half
    the squared error of numbers, on a scale where they have mean 0 and variance 1.

    Args:
        encoder: contents to vectors.
        net: the node function, or passes of several; it takes the encoder's vectors.
        goal: classify and regress are of the whole, nodes of each labelled node.
        sizes: classes of each output; regress has 1 for each.
        readout: root reads nothing but the root, or of a node nothing but h.
        input_dropout: probability to drop a feature of a content's vector.
        state_dropout: the same for a child's state as its parent sees it.
        output_dropout: the same for what is read, and the layer above it.
        class_weights: of each class in the loss, in the order of the outputs; None: 1
            each.
        label_smoothing: share of the target that is spread over all classes.
        share: fold equal subtrees of a batch once; states are the same. Not with noise
            that each node draws for itself, nor with states from above.

    Shape:
        - forward(batch): (B, sum of sizes), or (V, sum of sizes) of nodes.

    Attributes:
        mean: (O,), of the targets of regress,
        deviation: (O,), theirs; the model's answers are on their scale.
        state_size: features of what `fold` returns: H, or H + I where nodes are told.
    """

    mean: Tensor
    deviation: Tensor
    class_weights: Tensor | None

    def __init__(
        self,
        encoder: ContentEncoder,
        net: Cell[Any] | DeepRecursive,
        goal: Goal,
        sizes: Sequence[int],
        *,
        readout: Readout = "all",
        input_dropout: float = 0.0,
        state_dropout: float = 0.0,
        output_dropout: float = 0.0,
        class_weights: Tensor | None = None,
        label_smoothing: float = 0.0,
        share: bool = False,
    ):
        super().__init__()
        self.encoder = encoder
        if state_dropout and isinstance(net, Cell):
            net = Dropout(net, state_dropout)
        self.net = net
        self.goal: Goal = goal
        self.sizes = list(sizes)
        self.readout: Readout = readout
        H, read = net.hidden_size, readout == "all"
        self.state_size = H + encoder.size if goal == "nodes" and read else H
        whole = 3 * H if goal != "nodes" and read else self.state_size
        self.inner = nn.Linear(whole, H)
        self.output = nn.Linear(H, sum(sizes))
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.label_smoothing = label_smoothing
        self.share = share
        self.register_buffer("mean", torch.zeros(len(sizes)))
        self.register_buffer("deviation", torch.ones(len(sizes)))
        self.register_buffer("class_weights", class_weights, persistent=False)

    # -------------------------------------------------------------- from below to above

    def vectors(self, batch: DocumentBatch) -> Tensor:
        """Return the vectors of the distinct contents, (U, I)."""
        return self.encoder(batch.offset, batch.index, batch.weight)

    def states(self, batch: DocumentBatch) -> Tensor:
        """Return the state of every node, (V, H), as `fold` does."""
        x, trees = self.vectors(batch), batch.batch
        if self.share and self.may_share:
            trees, node_of = trees.shared()
            return self.fold(trees.forest, x, trees.rows)[node_of]
        return self.fold(trees.forest, x, trees.rows)

    @property
    def may_share(self) -> bool:
        """Whether equal subtrees have equal states: there is no noise, no way down."""
        plain = isinstance(self.net, Cell) or set(self.net.passes) == {"up"}
        noisy = self.input_dropout or isinstance(self.net, Dropout)
        return plain and not (self.training and noisy)

    def fold(self, forest: Forest, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return the states (V, H) over vectors (U, I), of which each node has a row.

        Where nodes are told, they are (V, H + I), with what each node carries.

        Args:
            forest: the documents.
            x: (U, I), or (V, I) where there are no rows.
            rows: (V,) int64.
        """
        if self.training and self.input_dropout:  # each node draws a mask of its own
            x = x if rows is None else F.embedding(rows, x)
            x, rows = F.dropout(x, self.input_dropout), None
        if isinstance(self.net, DeepRecursive):
            h = self.net(forest, x, rows=rows)
        else:
            h = fold(self.net, forest, x, rows=rows).h
        if self.state_size > h.shape[1]:
            h = torch.cat([h, x if rows is None else F.embedding(rows, x)], dim=1)
        return h

    def summary(self, forest: Forest, h: Tensor) -> Tensor:
        """Return what is read of B documents, (B, R), from all states (V, H)."""
        root = h[forest.roots]
        if self.readout == "root":
            return root
        B, H = len(forest), h.shape[1]
        tree = forest.tree
        count = torch.bincount(tree, minlength=B).to(h.dtype)[:, None]
        mean = h.new_zeros(B, H).index_add(0, tree, h) / count
        where = tree[:, None].expand(-1, H)
        most = h.new_zeros(B, H).scatter_reduce(0, where, h, "amax", include_self=False)
        return torch.cat([root, mean, most], dim=1)

    def read(self, summary: Tensor) -> Tensor:
        """Return what is told, (N, sum of sizes), of N summaries."""
        r = F.dropout(summary, self.output_dropout, self.training)
        inner = F.gelu(self.inner(r))
        return self.output(F.dropout(inner, self.output_dropout, self.training))

    def forward(self, batch: DocumentBatch) -> Tensor:
        """Return logits, or numbers of mean 0 and variance 1; see Shape."""
        h = self.states(batch)
        return self.read(h if self.goal == "nodes" else self.summary(batch.forest, h))

    # -------------------------------------------------------------- learning and saying

    def loss(self, batch: DocumentBatch) -> Tensor:
        """Return the mean over documents; over labelled nodes where these are told."""
        h = self.states(batch)
        if self.goal == "nodes":
            labelled = (batch.batch.label >= 0).nonzero().flatten()
            said, target = self.read(h[labelled]), batch.batch.label[labelled, None]
            weight = batch.importance
            if weight is not None:
                weight = weight[batch.forest.tree[labelled]]
        else:
            said, target = self.read(self.summary(batch.forest, h)), batch.target
            weight = batch.importance
        loss = self._errors(said, target)
        if weight is None:
            return loss.mean()
        return (loss * weight).sum() / weight.sum().clamp(min=1e-12)

    def _errors(self, said: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each, (N,), summed over outputs."""
        if self.goal == "regress":
            wanted = ((target - self.mean) / self.deviation).to(said.dtype)
            return (said - wanted).square().sum(dim=1) / 2
        parts = said.split(self.sizes, dim=1)
        weights = [None] * len(parts)
        if self.class_weights is not None:
            weights = list(self.class_weights.split(self.sizes))
        losses = [
            F.cross_entropy(
                part,
                column,
                weight,
                reduction="none",
                ignore_index=-1,
                label_smoothing=self.label_smoothing,
            )
            for part, column, weight in zip(
                parts, target.unbind(dim=1), weights, strict=True
            )
        ]
        return torch.stack(losses).sum(dim=0)

    def answer(self, said: Tensor) -> Tensor:
        """Turn what `forward` returns into probabilities, or numbers as they were."""
        if self.goal == "regress":
            return said * self.deviation + self.mean
        parts = said.split(self.sizes, dim=1)
        return torch.cat([part.softmax(dim=1) for part in parts], dim=1)

    @torch.no_grad()
    def predict(self, batch: DocumentBatch) -> Tensor:
        """Return probabilities (B, sum of sizes), numbers (B, O), or those of nodes."""
        was_training = self.training
        self.eval()
        found = self.answer(self(batch))
        self.train(was_training)
        return found
