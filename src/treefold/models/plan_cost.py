"""The run time of a plan of a query, learned at each of its operators."""

from __future__ import annotations

from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell
from treefold.data.document_batches import DocumentBatch
from treefold.folding import fold
from treefold.models.base import Model
from treefold.models.content import ContentEncoder

WEIGHTS = (0.1, 5.0)
LEAST = 0.05  # of the logarithms of two run times: closer ones are not told apart


class PlanBatch(NamedTuple):
    """Plans, and how long they took.

    Attributes:
        documents: B plans of V nodes in all.
        time: (V,) log of the milliseconds of each node, NaN where it is not known.
    """

    documents: DocumentBatch
    time: Tensor


@final
class PlanCostModel(Model):
    r"""Tell how long each part of a plan takes, and so the whole.

    Every operator of a plan is the root of a plan of its own, whose time a database
    measures as well (Marcus & Papaemmanouil, 2019, arXiv:1902.00132, train on all of
    them with a net for each kind of operator; here a cell is told the kind). So a
    plan of n operators teaches n times, and a template that was never met has parts
    that were:

    .. math::
        h = \text{fold}(\text{cell}, \text{plan}, \operatorname{GELU}(x)), \qquad
        \hat y_v = W_2 \operatorname{GELU}(W_1 h_v + b_1) + b_2

    of :math:`y_v = \log t_v`, with :math:`t_v` in milliseconds until the last row of v.
    The loss is Huber's, weighted by :math:`1 + y_v` within 0.1 and 5, since what takes
    no time does not matter, and with a further weight for roots; and, where it is
    asked for, the logistic loss of each pair of plans of a batch,

    .. math:: \log(1 + \exp(-s (\hat y_a - \hat y_b)))
        \quad \text{where} \quad y_a > y_b + 0.05

    (Burges et al., 2005), which is of the order alone.

    Args:
        encoder: contents to vectors.
        cell: the node function, over the encoder's vectors.
        root_weight: of a root in the loss, beside that of any operator of known time.
        operators: whether the other operators count in the loss.
        ranking: weight of the loss of pairs.
        steepness: s.

    Shape:
        - forward(documents): (V,) on a scale of mean 0 and variance 1.
        - predict(documents): (B,) log of milliseconds.

    Attributes:
        mean: of the times that were learned from,
        deviation: theirs.

    Example:
        >>> from treefold.cells import ChildSumTreeLSTMCell
        >>> from treefold.data.document_batches import CodedDocuments
        >>> from treefold.data.documents import Document, Documents
        >>> from treefold.data.schema import Schema
        >>> plan = Document()
        >>> plan.add(plan.add(-1, "Sort", vector=[4.0]), "Seq Scan", vector=[3.0])
        1
        >>> plans = Documents.of([plan])
        >>> schema = Schema.learn(plans)
        >>> batch = CodedDocuments.of(plans, schema).batch([0])
        >>> encoder = ContentEncoder(schema.num_features, 8)
        >>> model = PlanCostModel(encoder, ChildSumTreeLSTMCell(8, 8))
        >>> model(batch).shape, model.predict(batch).shape
        (torch.Size([2]), torch.Size([1]))
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        encoder: ContentEncoder,
        cell: Cell[Any],
        *,
        root_weight: float = 5.0,
        operators: bool = True,
        ranking: float = 0.0,
        steepness: float = 4.0,
    ):
        super().__init__()
        self.encoder = encoder
        self.cell = cell
        self.inner = nn.Linear(cell.hidden_size, cell.hidden_size)
        self.output = nn.Linear(cell.hidden_size, 1)
        self.root_weight = root_weight
        self.operators = operators
        self.ranking = ranking
        self.steepness = steepness
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def forward(self, documents: DocumentBatch) -> Tensor:
        """Return what is said of each node; see Shape."""
        x = self.encoder(documents.offset, documents.index, documents.weight)
        h = fold(self.cell, documents.forest, F.gelu(x), rows=documents.batch.rows).h
        return self.output(F.gelu(self.inner(h)))[:, 0]

    def loss(self, batch: PlanBatch) -> Tensor:
        """Return the mean over operators, and that over pairs."""
        forest = batch.documents.forest
        said = self(batch.documents)
        time = ((batch.time - self.mean) / self.deviation).to(said.dtype)
        weight = (1 + batch.time).clamp(*WEIGHTS).to(said.dtype) * self.operators
        weight[forest.roots] += self.root_weight
        known = ~time.isnan()
        error = F.smooth_l1_loss(said[known], time[known], reduction="none", beta=0.3)
        weight = weight[known]
        loss = (error * weight).sum() / weight.sum().clamp(min=1e-12)
        if self.ranking:
            roots = forest.roots
            loss = loss + self.ranking * self.disorder(said[roots], batch.time[roots])
        return loss

    def disorder(self, said: Tensor, time: Tensor) -> Tensor:
        """Return the logistic loss of pairs of plans, by what is said (B,)."""
        slower = time[:, None] - time > LEAST  # (B, B); false where one is NaN
        behind = F.softplus(-self.steepness * (said[:, None] - said))
        return (behind * slower).sum() / slower.sum().clamp(min=1)

    @torch.no_grad()
    def predict(self, documents: DocumentBatch) -> Tensor:
        """Return the log of the milliseconds of each plan, (B,)."""
        was_training = self.training
        self.eval()
        said = self(documents)[documents.forest.roots]
        self.train(was_training)
        return said * self.deviation + self.mean
