"""PlanCostModel: a time for every operator, and the order of whole plans."""

import math

import pytest
import torch
from torch.testing import assert_close

from treefold.cells import ChildSumTreeLSTMCell
from treefold.data.document_batches import CodedDocuments
from treefold.data.documents import Document, Documents
from treefold.data.schema import Schema
from treefold.folding import fold_recursive
from treefold.models.content import ContentEncoder
from treefold.models.plan_cost import LEAST, WEIGHTS, PlanBatch, PlanCostModel


def plan(rows):
    """A join of scans of so many rows each."""
    document = Document()
    document.add(-1, "Join", vector=[math.log(sum(rows))])
    for count in rows:
        document.add(0, "Scan", role="Outer", vector=[math.log(count)])
    return document


def example(**settings):
    documents = Documents.of(plan(rows) for rows in ([3, 5], [7], [2, 4, 9]))
    schema = Schema.learn(documents, num_buckets=4)
    batch = CodedDocuments.of(documents, schema).batch(slice(None))
    cell = ChildSumTreeLSTMCell(4, 6)
    model = PlanCostModel(ContentEncoder(schema.num_features, 4), cell, **settings)
    model.mean.fill_(2.0)
    model.deviation.fill_(3.0)
    time = torch.randn(batch.forest.num_nodes) * 2
    return model, PlanBatch(batch, time)


@pytest.mark.parametrize("ranking", [0.0, 0.7])
@pytest.mark.parametrize("operators", [True, False])
def test_the_loss_is_that_of_a_loop_over_nodes_in_value_and_gradients(
    operators, ranking
):
    model, batch = example(operators=operators, ranking=ranking)
    batch.time[1] = math.nan  # not known
    documents, forest = batch.documents, batch.documents.forest
    roots = forest.roots.tolist()

    def looped():
        x = model.encoder(documents.offset, documents.index, documents.weight)
        x = torch.nn.functional.gelu(x)[documents.batch.rows]
        h = fold_recursive(model.cell, forest, x).h
        said = [model.output(torch.nn.functional.gelu(model.inner(v)))[0] for v in h]
        total = weights = torch.zeros(())
        for v, time in enumerate(batch.time.tolist()):
            if math.isnan(time):
                continue
            weight = operators * min(max(1 + time, WEIGHTS[0]), WEIGHTS[1])
            weight += model.root_weight * (v in roots)
            apart = (said[v] - (time - 2.0) / 3.0).abs()
            huber = apart**2 / 0.6 if apart < 0.3 else apart - 0.15
            total, weights = total + weight * huber, weights + weight
        pairs = [
            torch.log1p(torch.exp(-model.steepness * (said[a] - said[b])))
            for a in roots
            for b in roots
            if batch.time[a] - batch.time[b] > LEAST
        ]
        return total / weights + ranking * (sum(pairs) / len(pairs) if pairs else 0)

    def value_and_gradients(loss):
        model.zero_grad()
        loss.backward()
        return loss.detach(), [
            p.grad.to_dense() if p.grad is not None else None
            for p in model.parameters()
        ]

    assert_close(value_and_gradients(model.loss(batch)), value_and_gradients(looped()))


def test_predictions_are_of_the_roots_on_the_scale_of_times():
    model, batch = example()
    forest = batch.documents.forest
    said = model(batch.documents)[forest.roots] * 3.0 + 2.0
    assert_close(model.predict(batch.documents), said.detach())
    assert model.training


def test_plans_in_the_right_order_are_not_in_disorder():
    model, _ = example(steepness=50.0)
    time = torch.tensor([3.0, 1.0, 2.0, math.nan])
    right = model.disorder(torch.tensor([30.0, 10.0, 20.0, 0.0]), time)
    wrong = model.disorder(torch.tensor([10.0, 30.0, 20.0, 0.0]), time)
    assert right < 1e-9 < wrong
    assert model.disorder(time[:1], time[:1]) == 0  # there is no pair


def test_it_learns_times_that_are_sums_over_operators():
    torch.manual_seed(1)
    model, batch = example()
    rows = [[3, 5], [7], [2, 4, 9]]
    time = torch.tensor([math.log(sum(r)) for r in rows] + [0.0] * 6)
    known = torch.full_like(batch.time, math.nan)
    known[batch.documents.forest.roots] = time[:3]
    batch = batch._replace(time=known)
    sparse = torch.optim.SparseAdam(list(model.encoder.parameters()), 0.02)
    dense = [p for p in model.parameters() if p is not model.encoder.embedding.weight]
    adam = torch.optim.Adam(dense, 0.02)
    for _ in range(120):
        for optimizer in (sparse, adam):
            optimizer.zero_grad()
        model.loss(batch).backward()
        for optimizer in (sparse, adam):
            optimizer.step()
    assert_close(model.predict(batch.documents), time[:3], atol=0.05, rtol=0)
