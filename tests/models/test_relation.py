"""The neural tensor network and its kin, beside the formulas of one triple."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from treefold.data.relation_batches import Names, TripleBatch, batch_of
from treefold.data.relations import Triples
from treefold.models.relation import NeuralTensorNetwork, RelationModel
from treefold.models.relation_kin import (
    BilinearModel,
    DistanceModel,
    HadamardModel,
    SingleLayerModel,
)

W, R, D, K = 9, 3, 4, 2


def ntn(m: NeuralTensorNetwork, r: int, e1: Tensor, e2: Tensor) -> Tensor:
    tie = torch.stack([e1 @ m.tensor[r, k] @ e2 for k in range(K)])
    ends = m.weight[r] @ torch.cat([e1, e2])
    return m.u[r] @ torch.tanh(tie + ends + m.bias[r])


def single_layer(m: SingleLayerModel, r: int, e1: Tensor, e2: Tensor) -> Tensor:
    return m.u[r] @ torch.tanh(m.weight[r] @ torch.cat([e1, e2]) + m.bias[r])


def bilinear(m: BilinearModel, r: int, e1: Tensor, e2: Tensor) -> Tensor:
    return e1 @ m.weight[r] @ e2


def hadamard(m: HadamardModel, r: int, e1: Tensor, e2: Tensor) -> Tensor:
    relation = m.relation[r]
    left, right = (
        (m.weight[i] @ e) * (m.weight_relation[i] @ relation) + m.bias[i]
        for i, e in enumerate((e1, e2))
    )
    return left @ right


def distance(m: DistanceModel, r: int, e1: Tensor, e2: Tensor) -> Tensor:
    return -(m.weight[r, 0] @ e1 - m.weight[r, 1] @ e2).abs().sum()


MODELS: list[tuple[Callable[[], RelationModel], Callable[..., Tensor]]] = [
    (lambda: NeuralTensorNetwork(W, R, D, K), ntn),
    (lambda: SingleLayerModel(W, R, D, K), single_layer),
    (lambda: BilinearModel(W, R, D), bilinear),
    (lambda: HadamardModel(W, R, D), hadamard),
    (lambda: DistanceModel(W, R, D), distance),
]
every_model = pytest.mark.parametrize(
    ("new", "formula"), MODELS, ids=[f.__name__ for _, f in MODELS]
)


def shaken(model: Any) -> Any:
    """Return a model with random weights: at the start some are zeros or ones."""
    with torch.no_grad():
        for p in model.parameters():
            p.normal_()
    return model


@pytest.fixture
def names() -> Names:
    return Names(
        np.array([1, 2, 3, 2, 4, 5, 6, 7, 8, 1]), np.array([0, 2, 3, 6, 8, 10])
    )


@pytest.fixture
def triples() -> Triples:
    columns = [[0, 3, 1, 4, 2], [2, 0, 2, 0, 2], [1, 2, 4, 4, 0], [1] * 5]
    return Triples(*np.array(columns))


@pytest.fixture
def batch(names: Names, triples: Triples) -> TripleBatch:
    drawn = np.array([[[0, 1, 3], [2, 2, 4]], [[4, 1, 0], [3, 0, 1]]])
    return batch_of(names, triples, drawn)[0]


def vector(model: RelationModel, batch: TripleBatch, entity: int) -> Tensor:
    """Return the mean of the vectors of an entity's words, one after the other."""
    words = batch.name.tensor_split(batch.offset[1:])[entity]
    rows = [model.embedding.weight[batch.words[w]] for w in words]
    return torch.stack(rows).mean(0)


def gradients(model: RelationModel, value: Tensor) -> list[Tensor]:
    found = torch.autograd.grad(value, list(model.parameters()), allow_unused=True)
    return [
        torch.zeros_like(p) if g is None else g.to_dense()
        for g, p in zip(found, model.parameters(), strict=True)
    ]


@every_model
def test_a_batch_is_scored_as_each_triple_by_itself(new, formula, batch):
    model = shaken(new())
    wanted, n = [], 0
    for r, size in batch.relations:
        for _ in range(size):
            e1, e2 = (vector(model, batch, end[n]) for end in (batch.head, batch.tail))
            wanted.append(formula(model, r, e1, e2))
            n += 1
    wanted, said = torch.stack(wanted), model(batch)
    assert_close(said, wanted)
    weight = torch.randn(len(said))
    assert_close(gradients(model, said @ weight), gradients(model, wanted @ weight))


@every_model
@pytest.mark.parametrize(("heads", "tails"), [(3, 7), (7, 3)])
def test_the_table_has_every_pair(new, formula, heads, tails):
    model = shaken(new())
    own = model.own()[1]
    head, tail = torch.randn(heads, D), torch.randn(tails, D)
    wanted = [formula(model, 1, e1, e2) for e1 in head for e2 in tail]
    assert_close(model.table(own, head, tail), torch.stack(wanted).view(heads, tails))
    assert_close(
        model.pairs(own, head[:3], tail[:3]),
        model.table(own, head[:3], tail[:3]).diagonal(),
    )


@every_model
def test_the_loss_is_that_of_each_corruption_by_itself(new, formula, batch):
    model = shaken(new())
    total, n = torch.zeros(()), 0
    for g, (r, size) in enumerate(batch.relations):
        for _ in range(size):
            e1, e2 = (vector(model, batch, end[n]) for end in (batch.head, batch.tail))
            true = formula(model, r, e1, e2)
            for c in batch.tails[g]:
                false = formula(model, r, e1, vector(model, batch, c))
                total = total + torch.relu(1 - true + false)
            for c in batch.heads[g]:
                false = formula(model, r, vector(model, batch, c), e2)
                total = total + torch.relu(1 - true + false)
            n += 1
    wanted, said = total / (2 * 5 * 3), model.loss(batch)
    assert_close(said, wanted)
    assert_close(gradients(model, said), gradients(model, wanted))


def test_without_its_tensor_it_is_the_single_layer_model(batch):
    model, plain = shaken(NeuralTensorNetwork(W, R, D, K)), SingleLayerModel(W, R, D, K)
    state = model.state_dict()
    state.pop("tensor").zero_()
    plain.load_state_dict(state)
    assert_close(model(batch), plain(batch))


def test_one_slice_alone_is_the_bilinear_model(batch):
    model, plain = shaken(NeuralTensorNetwork(W, R, D, 1)), BilinearModel(W, R, D)
    with torch.no_grad():
        for p in (model.weight, model.bias):
            p.zero_()
        model.tensor.mul_(0.1)  # so that tanh can be undone
        model.u.fill_(1)
        plain.weight.copy_(model.tensor[:, 0])
        plain.embedding.weight.copy_(model.embedding.weight)
    assert_close(torch.atanh(model(batch)), plain(batch))


def test_the_gradient_of_words_has_a_row_for_each_that_the_batch_has(batch):
    model = BilinearModel(W, R, D)
    model.loss(batch).backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert gradient._indices()[0].tolist() == batch.words.tolist()


def test_an_entity_begins_as_nearest_to_itself():
    own = DistanceModel(W, R, D).own()[0]
    e = torch.randn(5, D)
    assert DistanceModel(W, R, D).table(own, e, e).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_nothing_is_learned_without_corruptions(names, triples):
    batch, _ = batch_of(names, triples)
    with pytest.raises(ValueError, match="loss needs corrupted triples"):
        BilinearModel(W, R, D).loss(batch)
