"""Leaving out subtrees, beside doing it to one document after another."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.explain.cases import coded, model_of, random_document
from treefold.data.document_batches import CodedDocuments
from treefold.data.documents import Document, Documents
from treefold.data.schema import Schema
from treefold.explain.answers import answers
from treefold.explain.occlusion import occlusion
from treefold.explain.variants import Subtrees, without


def below(document: Document, node: int) -> set[int]:
    found = {node}
    for v, parent in enumerate(document.parent):
        if parent in found:
            found.add(v)
    return found


def cut(document: Document, gone: set[int]) -> Document:
    """The document without some nodes, built anew, what is left as it was."""
    left = Document(document.place, document.target)
    number = {-1: -1}
    for v, parent in enumerate(document.parent):
        if v not in gone:
            number[v] = left.add(number[parent], "", label=document.label[v])
            left.content[number[v]] = document.content[v]
    return left


def again(given: CodedDocuments, document: Document) -> CodedDocuments:
    """One document, encoded by features that were learned of others."""
    schema = Schema.learn(given.documents)
    return CodedDocuments.of(
        Documents.of([document]),
        schema,
        np.zeros(1),
        classes=given.documents.corpus.labels,
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_variant_is_the_document_built_without_the_subtree(seed):
    packed = Documents.of([random_document(seed)])
    document = packed.document(0)
    variants = without(packed, range(1, len(document)), Subtrees(document.parent))
    for v, variant in enumerate(variants, 1):
        expected = cut(document, below(document, v))
        assert variant.parent == expected.parent
        assert variant.content == expected.content
        assert variant.label == expected.label
        assert (variant.place, variant.target) == (document.place, document.target)


@pytest.mark.parametrize("share", [False, True])
def test_each_change_is_that_of_the_document_built_without_the_subtree(share):
    documents = [random_document(seed) for seed in range(3)]
    given = coded(*documents)
    model = model_of(given, share=share)
    for number, document in enumerate(documents):
        found = occlusion(model, given, number)
        whole = answers(model, again(given, document))[0]
        assert_allclose(found.whole, whole)
        assert found.tried == len(document) - 1
        assert np.isnan(found.change[0]).all()
        for v in range(1, len(document)):
            rest = cut(document, below(document, v))
            said = answers(model, again(given, rest))[0]
            assert_allclose(found.change[v], whole - said, atol=1e-12)


def test_a_node_is_asked_without_the_subtrees_that_do_not_hold_it():
    document = random_document(5, 15)
    names = ("root", "value", "word")
    given = coded(document, classes=names)
    model = model_of(given, "nodes")
    asked = 9
    found = occlusion(model, given, node=asked)
    above = {v for v in range(15) if asked in below(document, v)}
    assert set(np.flatnonzero(np.isnan(found.change[:, 0]))) == above
    for v in set(range(15)) - above:
        gone = below(document, v)
        rest, number = cut(document, gone), asked - sum(u < asked for u in gone)
        said = answers(model, again(given, rest), np.array([number]))[0]
        assert_allclose(found.change[v], found.whole - said, atol=1e-12)


def test_many_batches_are_as_one(monkeypatch):
    given = coded(random_document(7, 20))
    model = model_of(given)
    whole = occlusion(model, given).change
    monkeypatch.setattr("treefold.explain.occlusion.AT_ONCE", 45)
    assert_allclose(occlusion(model, given).change, whole, atol=1e-12)


def test_work_is_bounded_and_begins_at_the_top():
    document = random_document(3, 40)
    given = coded(document)
    found = occlusion(model_of(given), given, work=40 * 8)
    tried = np.flatnonzero(~np.isnan(found.change[:, 0]))
    depth = Subtrees(document.parent).depth
    assert len(tried) == found.tried < 20
    left = np.setdiff1d(np.arange(1, 40), tried)
    assert depth[tried].max() <= depth[left].min() + 1


def test_what_is_promising_is_tried_first():
    given = coded(random_document(3, 40))
    first = np.zeros(40)
    first[[17, 31]] = 1.0, 2.0
    found = occlusion(model_of(given), given, first=first, work=78)
    assert set(np.flatnonzero(~np.isnan(found.change[:, 0]))) >= {17, 31}


def test_a_document_of_one_node_has_nothing_to_leave_out():
    given = coded(random_document(0, 1))
    assert occlusion(model_of(given), given).tried == 0


def test_work_and_promise_are_checked():
    given = coded(random_document(0))
    model = model_of(given)
    with pytest.raises(ValueError, match="work must be at least 1"):
        occlusion(model, given, work=0)
    with pytest.raises(ValueError, match="first needs one entry per node: 12, got 2"):
        occlusion(model, given, first=np.zeros(2))
