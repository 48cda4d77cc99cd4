"""The classifier's vectors: one for each distinct word of a batch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import fold
from treefold.cells import Cell, ChildSumTreeLSTMCell
from treefold.data.batching import Batch
from treefold.data.readers.brackets import parse_brackets
from treefold.models.classifier import NodeClassifier

TEXT = "(1 (0 b) (1 (0 a) (1 b)))(0 (0 b) (1 a))(1 c)"


@pytest.fixture
def batch() -> Batch:
    return parse_brackets(TEXT).batch(slice(None))


def classifier(**options: Any) -> NodeClassifier:
    model = NodeClassifier(ChildSumTreeLSTMCell(3, 4), 5, 2, **options)
    torch.nn.init.normal_(model.embedding.weight)
    return model


def test_nodes_of_one_word_share_its_vector_and_add_up_its_gradient(batch: Batch):
    model = classifier()
    table = model.embedding.weight.detach().clone().requires_grad_()
    assert isinstance(model.cell, Cell)
    h = fold(model.cell, batch.forest, table[batch.token], batch.nodes).h
    assert_close(model.states(batch), h)
    F.cross_entropy(model.read(h), batch.label, reduction="sum").div(3).backward()
    model.loss(batch).backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert table.grad is not None
    assert_close(gradient.to_dense(), table.grad)


def test_gradients_have_a_row_for_each_distinct_word(batch: Batch):
    for dropout in (0.0, 0.5):
        model = classifier(input_dropout=dropout)
        model.loss(batch).backward()
        gradient = model.embedding.weight.grad
        assert gradient is not None
        assert gradient._indices().tolist() == [batch.words.tolist()]


def test_each_node_drops_features_of_its_own(batch: Batch):
    model = classifier(input_dropout=0.5)
    torch.manual_seed(1)
    h = model.states(batch)
    torch.manual_seed(1)
    x = F.dropout(model.embedding.weight[batch.token], 0.5)
    assert isinstance(model.cell, Cell)
    assert_close(h, fold(model.cell, batch.forest, x, batch.nodes).h)


def test_trees_without_any_word_can_be_classified():
    corpus = parse_brackets(TEXT)
    bare = replace(corpus, token=np.full_like(corpus.token, -1)).batch(slice(None))
    assert len(bare.words) == 0
    assert classifier().predict(bare).isfinite().all()
