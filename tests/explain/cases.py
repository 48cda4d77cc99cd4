"""Small documents and models, not trained, to be explained."""

import numpy as np
import torch

from treefold.cells import ChildSumTreeLSTMCell
from treefold.data.document_batches import CodedDocuments
from treefold.data.documents import Document, Documents, Goal
from treefold.data.schema import Schema
from treefold.models.content import ContentEncoder
from treefold.models.document import DocumentModel

NAMES = ("ann", "bob", "carol", "dan")


def random_document(seed: int, size: int = 12) -> Document:
    """A record of any shape, added in no particular order, labelled at its nodes."""
    random = np.random.default_rng(seed)
    document = Document(f"made:{seed}", target="even" if seed % 2 else "odd")
    document.add(-1, "object", label="root")
    for v in range(1, size):
        parent = int(random.integers(0, v))
        role = NAMES[int(random.integers(4))]
        if random.random() < 0.5:
            value = float(random.normal())
            document.add(parent, "number", role=role, number=value, label="value")
        else:
            text = NAMES[int(random.integers(4))]
            document.add(parent, "string", role=role, text=text, label="word")
    return document


def coded(*documents: Document, classes: tuple[str, ...] = ()) -> CodedDocuments:
    packed = Documents.of(documents)
    target = np.zeros(len(documents), np.int64)
    return CodedDocuments.of(packed, Schema.learn(packed), target, classes=classes)


def model_of(
    given: CodedDocuments, goal: Goal = "classify", sizes=(3,), **options
) -> DocumentModel:
    torch.manual_seed(1)
    features = Schema.learn(given.documents).num_features
    encoder = ContentEncoder(features, 5)
    cell = ChildSumTreeLSTMCell(5, 6)
    return DocumentModel(encoder, cell, goal, sizes, **options).eval()
