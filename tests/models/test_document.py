"""The model of documents: batched as one by one, and able to learn."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.data.test_documents import any_documents
from torch.nn import functional as F

from treefold.cells import ChildSumTreeLSTMCell
from treefold.data import Document, Documents, Schema
from treefold.data.document_batches import CodedDocuments
from treefold.models import ContentEncoder, DeepRecursive, DocumentModel
from treefold.training.optim import Optimizer
from treefold.training.settings import Settings


def coded(found: list[Document], target: np.ndarray, **options) -> CodedDocuments:
    documents = Documents.of(found)
    return CodedDocuments.of(documents, Schema.learn(documents), target, **options)


def model_of(data: CodedDocuments, goal="classify", sizes=(3,), **options):
    schema = Schema.learn(data.documents)
    encoder = ContentEncoder(schema.num_features, 5)
    cell = ChildSumTreeLSTMCell(5, 4)
    return DocumentModel(encoder, cell, goal, sizes, **options)


def numbered(found: list[Document]) -> np.ndarray:
    return np.arange(len(found)) % 3


# ------------------------------------------------------------------ the encoder


def test_a_content_is_the_weighted_sum_of_its_features():
    encoder = ContentEncoder(6, 3)
    E = encoder.embedding.weight
    offset, index = torch.tensor([0, 2, 2]), torch.tensor([1, 4, 1])
    weight = torch.tensor([2.0, -1.0, 0.5])
    x = encoder(offset, index, weight)
    wanted = torch.stack([2 * E[1] - E[4], torch.zeros(3), 0.5 * E[1]])
    torch.testing.assert_close(x, wanted)
    (x[0] * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    gradient = encoder.embedding.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    torch.testing.assert_close(gradient.to_dense()[4], -torch.tensor([1.0, 2.0, 3.0]))


# ------------------------------------------------------------------ batches


@given(any_documents(), st.sampled_from(["root", "all"]))
def test_documents_together_are_told_as_one_by_one(found, readout):
    data = coded(found, numbered(found))
    model = model_of(data, readout=readout)
    together = model(data.batch(slice(None)))
    single = [model(data.batch([b])) for b in range(len(found))]
    torch.testing.assert_close(together, torch.cat(single))


@given(any_documents())
def test_the_loss_is_the_mean_over_documents(found):
    data = coded(found, numbered(found))
    model = model_of(data)
    parts = [model.loss(data.batch([b])) for b in range(len(found))]
    torch.testing.assert_close(
        model.loss(data.batch(slice(None))), sum(parts) / len(found)
    )


@given(any_documents())
def test_equal_subtrees_may_be_folded_once(found):
    data = coded(found, numbered(found))
    model = model_of(data, share=True)
    gradients = []
    for share in (True, False):
        model.share = share
        model.zero_grad()
        loss = model.loss(data.batch(slice(None)))
        loss.backward()
        gradients.append(
            [loss.detach(), *(p.grad.to_dense().clone() for p in model.parameters())]
        )
    torch.testing.assert_close(*gradients)


@given(any_documents())
def test_what_is_read_of_a_document_is_its_root_mean_and_maximum(found):
    data = coded(found, numbered(found))
    model = model_of(data)
    batch = data.batch(slice(None))
    h = model.states(batch)
    summary = model.summary(batch.forest, h)
    for b in range(len(found)):
        mine = h[batch.forest.tree == b]
        wanted = torch.cat([h[batch.forest.roots[b]], mine.mean(0), mine.amax(0)])
        torch.testing.assert_close(summary[b], wanted)


def test_weights_of_documents_weigh_their_loss():
    found = [Document(), Document()]
    for k, document in enumerate(found):
        document.add(-1, "word", text="ab"[k])
    target = np.array([0, 1])
    plain = coded(found, target)
    model = model_of(plain)
    heavy = coded(found, target, importance=np.array([3.0, 0.0], np.float64))
    torch.testing.assert_close(
        model.loss(heavy.batch([0, 1])), model.loss(plain.batch([0]))
    )


def test_targets_that_are_not_known_bear_no_loss():
    document = Document()
    document.add(-1, "word")
    data = coded([document], np.array([-1]))
    assert model_of(data).loss(data.batch([0])).item() == 0


def test_several_outputs_are_told_apart():
    document = Document()
    document.add(-1, "word")
    data = coded([document], np.array([[1, 0]]))
    model = model_of(data, sizes=(3, 2))
    said = model(data.batch([0]))
    wanted = F.cross_entropy(said[:, :3], torch.tensor([1]))
    wanted = wanted + F.cross_entropy(said[:, 3:], torch.tensor([0]))
    torch.testing.assert_close(model.loss(data.batch([0])), wanted)
    found = model.predict(data.batch([0]))
    torch.testing.assert_close(found[:, :3].sum(), torch.tensor(1.0))
    torch.testing.assert_close(found[:, 3:].sum(), torch.tensor(1.0))


def test_numbers_are_told_on_their_own_scale():
    document = Document()
    document.add(-1, "word")
    data = coded([document], np.array([110.0]))
    model = model_of(data, "regress", (1,))
    model.mean.fill_(100)
    model.deviation.fill_(10)
    said = model(data.batch([0]))
    torch.testing.assert_close(
        model.loss(data.batch([0])), (said - 1).square()[0, 0] / 2
    )
    torch.testing.assert_close(model.predict(data.batch([0])), said * 10 + 100)


# ------------------------------------------------------------------ nodes


@given(any_documents())
def test_labelled_nodes_are_told_each(found):
    packed = Documents.of(found)
    data = CodedDocuments.of(packed, Schema.learn(packed), classes=("x", "y"))
    model = model_of(data, "nodes", (2,))
    batch = data.batch(slice(None))
    said = model(batch)
    assert said.shape == (batch.forest.num_nodes, 2)
    label = batch.batch.label
    if (label >= 0).any():
        wanted = F.cross_entropy(said[label >= 0], label[label >= 0])
        torch.testing.assert_close(model.loss(batch), wanted)


def test_with_a_pass_down_a_node_knows_what_is_above():
    def said_of_leaf(above: str) -> torch.Tensor:
        document = Document()
        document.add(-1, "word", text=above)
        document.add(0, "leaf")
        features = schema.encode(Documents.of([document]).contents)
        data = CodedDocuments(Documents.of([document]), features, np.zeros((1, 0)))
        return model(data.batch([0]))[0]  # leaves come first

    train = []
    for text in "aabb":
        train.append(Document())
        train[-1].add(-1, "word", text=text)
    schema = Schema.learn(Documents.of(train))
    encoder = ContentEncoder(schema.num_features, 5)
    net = DeepRecursive(lambda size: ChildSumTreeLSTMCell(size, 4), 5, ("up", "down"))
    model = DocumentModel(encoder, net, "nodes", [2])
    assert not model.may_share
    assert not torch.allclose(said_of_leaf("a"), said_of_leaf("b"))


# ------------------------------------------------------------------ learning


def test_it_learns_which_item_has_the_largest_score():
    random = np.random.default_rng(0)
    found = []
    for _ in range(200):
        document = Document()
        document.add(-1, "array")
        scores, names = random.random(3), random.permutation(3)
        for score, name in zip(scores, names, strict=True):
            item = document.add(0, "object")
            document.add(item, "number", role="score", number=score)
            document.add(item, "string", role="name", text="abc"[name])
        document.target = int(names[scores.argmax()])
        found.append(document)
    data = coded(found, np.array([d.target for d in found]))
    schema = Schema.learn(data.documents)
    encoder = ContentEncoder(schema.num_features, 16)
    model = DocumentModel(encoder, ChildSumTreeLSTMCell(16, 24), "classify", [3])
    optimizer = Optimizer(model, Settings(learning_rate=0.01, clip=1.0))
    for epoch in range(25):
        for batch in data.epoch(20, 0, epoch):
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step(epoch / 25)
    right = model.predict(data.batch(slice(None))).argmax(1).numpy()
    assert (right == data.target[:, 0]).mean() > 0.9
