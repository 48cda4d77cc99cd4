"""The operations that are counted are those that torch counts."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from treefold import cells, fold
from treefold.bench.work import BACKWARD, products
from treefold.data.batching import collate
from treefold.data.corpus import Corpus
from treefold.data.generators.sentences import random_sentences

I, H = 6, 4  # noqa: E741
CELLS = {
    "plain": lambda: cells.RecursiveCell(H, H),
    "plain, affine": lambda: cells.RecursiveCell(I, H, input="affine"),
    "plain, a sum": lambda: cells.RecursiveCell(I, H, arity=None, input="affine"),
    "tensor": lambda: cells.RNTNCell(H, H),
    "tensor, affine": lambda: cells.RNTNCell(I, H, input="affine"),
    "matrix": lambda: cells.MVRNNCell(H, rank=2),
    "lstm": lambda: cells.NaryTreeLSTMCell(I, H, arity=2),
    "lstm, a sum": lambda: cells.ChildSumTreeLSTMCell(I, H),
    "gru": lambda: cells.NaryTreeGRUCell(I, H, arity=2),
    "gru, a sum": lambda: cells.ChildSumTreeGRUCell(I, H),
}


def everywhere_a_word(corpus: Corpus) -> Corpus:
    """The same trees with a word at inner nodes, too."""
    return Corpus.from_parents(
        np.array([0, 3, 4]),
        np.array([-1, 0, 0, -1]),
        np.array([0, 1, 2, 1]),
        np.full(4, -1),
        corpus.tokens[:3],
        (),
    )


def counted(cell, corpus: Corpus, algorithm, *, backward: bool = False) -> int:
    """What torch counts."""
    batch = collate(corpus, np.arange(len(corpus)))
    x = torch.randn(len(batch.rows), cell.input_size, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        h = fold(cell, batch.forest, x, batch.nodes, algorithm=algorithm).h
        if backward:
            h.sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("name", CELLS)
def test_the_operations_are_those_that_torch_counts(name):
    cell, corpus = CELLS[name](), random_sentences(5)
    formula = products(cell)
    assert formula is not None
    ours, leaves = formula.operations(corpus), int((corpus.height == 0).sum())
    if "lstm" in name:  # all gates are projected; a leaf needs no forget gate
        ours += 2 * leaves * H * I
    assert ours == counted(cell, corpus, "batched")


@pytest.mark.parametrize("name", ["plain, affine", "lstm", "lstm, a sum", "gru"])
def test_inputs_of_inner_nodes_count(name):
    cell, corpus = CELLS[name](), everywhere_a_word(random_sentences(1))
    formula = products(cell)
    assert formula is not None
    ours = formula.operations(corpus)
    if "lstm" in name:
        ours += 2 * 3 * H * I  # as above, of three leaves
    assert ours == counted(cell, corpus, "batched")


@pytest.mark.parametrize("name", ["plain, affine", "lstm", "lstm, a sum", "gru, a sum"])
def test_gradients_take_twice_as_many(name):
    cell, corpus = CELLS[name](), random_sentences(5)
    # Torch's counter does not follow gradients inside of gradients, as "batched" has.
    forward = counted(cell, corpus, "recursive")
    assert counted(cell, corpus, "recursive", backward=True) == BACKWARD * forward


def test_of_other_cells_nothing_is_known():
    assert products(cells.Dropout(CELLS["gru"](), 0.5)) is None
