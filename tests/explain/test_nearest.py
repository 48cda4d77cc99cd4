"""What is near in state space, beside comparing one state after another."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.explain.cases import coded, model_of, random_document
from treefold.explain.nearest import Neighbours, states


def subtree(document, node):
    """A subtree as nested tuples, to tell whether two are equal."""
    below = [subtree(document, c) for c, p in enumerate(document.parent) if p == node]
    return (document.content[node], *below)


@pytest.fixture
def given():
    return coded(*(random_document(seed) for seed in range(12)))


def test_states_are_those_of_one_document_after_another(given):
    model = model_of(given)
    found = states(model, given)
    assert_allclose(
        found,
        np.concatenate([states(model, given, np.array([b])) for b in range(12)]),
    )
    batch = given.batch([3])
    offset = given.documents.corpus.tree_offset
    assert_allclose(found[offset[3] : offset[4]], model.states(batch).detach())


def test_every_distinct_subtree_is_kept_once_beside_all_roots(given):
    near = Neighbours.of(model_of(given), given)
    documents = list(given.documents)
    kept = [
        subtree(documents[b], v)
        for b, v in zip(near.number, near.node, strict=True)
        if v
    ]
    every = {
        subtree(d, v) for d in documents for v in range(1, len(d)) if v in d.parent
    }
    assert len(kept) == len(set(kept))
    assert set(kept) == every
    assert near.number[near.roots].tolist() == list(range(12))
    assert (near.node[near.roots] == 0).all()


def test_the_nearest_are_those_of_a_loop(given):
    model = model_of(given)
    near = Neighbours.of(model, given)
    roots = np.array([states(model, given, np.array([b]))[-1] for b in range(12)])
    asked = roots[5] - near.centre
    cosines = [
        (r - near.centre)
        @ asked
        / np.linalg.norm(r - near.centre)
        / np.linalg.norm(asked)
        for r in roots
    ]
    found = near.documents(roots[5], 4)
    assert [each.number for each in found] == np.argsort(cosines)[::-1][:4].tolist()
    assert_allclose([each.cosine for each in found], np.sort(cosines)[::-1][:4])
    assert found[0].number == 5
    assert found[0].cosine == pytest.approx(1)


def test_a_subtree_of_training_is_nearest_to_itself(given):
    model = model_of(given)
    near = Neighbours.of(model, given)
    k = int(np.flatnonzero(near.node > 0)[3])
    state = near.state[k] + near.centre
    best = near.subtrees(state, 1)[0]
    assert (best.number, best.node) == (near.number[k], near.node[k])


def test_documents_and_subtrees_are_bounded(given):
    near = Neighbours.of(model_of(given), given, documents=4, subtrees=5)
    assert set(near.number.tolist()) == {0, 4, 7, 11}
    assert len(near.roots) == 4
    assert len(near.number) <= 9
