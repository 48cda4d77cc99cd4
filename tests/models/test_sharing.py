"""Equal subtrees folded once: the same model in less work."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from treefold.cells import ChildSumTreeLSTMCell, GatedRecursiveCell, PooledCell
from treefold.data.readers.listops import parse_listops
from treefold.data.vocabulary import Vocabulary
from treefold.models import NodeClassifier
from treefold.training import Config, RunError

LINES = ["3\t[MAX 1 3 [MIN 2 4 ] ]", "2\t[MIN 2 4 ]", "6\t[SM [MIN 2 4 ] 4 ]", "4\t4"]
NEW = {
    "binary": lambda: GatedRecursiveCell(5, 4),
    "arity": lambda: PooledCell(5, 4),
    "any": lambda: ChildSumTreeLSTMCell(5, 4),
}


def batch_of(form):
    corpus = parse_listops(list(enumerate(LINES, 1)), form)
    vocabulary = Vocabulary.build(corpus)
    coded = corpus.recode(vocabulary, ("2", "3", "4", "6"))
    return coded.batch(np.arange(4)), len(vocabulary)


@pytest.mark.parametrize("name", NEW)
def test_losses_states_and_gradients_are_those_without_sharing(name):
    batch, W = batch_of("arity" if name == "arity" else "binary")
    model = NodeClassifier(NEW[name](), W, 4, embedding_std=1.0)

    def measured(share):
        model.share = share
        model.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        grads = [p.grad.to_dense().clone() for p in model.parameters()]
        return loss.detach(), model.states(batch).detach(), grads

    assert_close(measured(True), measured(False))


def test_a_shared_batch_has_a_node_for_each_distinct_subtree():
    batch, _ = batch_of("arity")
    shared, node_of = batch.shared()
    # 1, 2, 3, 4, [MIN 2 4], and the two lists over it
    assert shared.forest.num_nodes == 7
    assert batch.forest.num_nodes == 15
    assert node_of[batch.forest.roots].unique().numel() == 4
    assert torch.equal(shared.token[node_of], batch.token)


def test_noise_of_each_node_and_states_from_above_are_refused():
    still = {"share": True, "input_dropout": 0.0}
    assert Config(**still).share
    with pytest.raises(RunError, match="Set both to 0"):
        Config(share=True)
    with pytest.raises(RunError, match='Set passes="up"'):
        Config(**still, passes="up down")
