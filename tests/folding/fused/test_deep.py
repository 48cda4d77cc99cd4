"""Deep and wide structures, in time and memory that grow with the nodes alone."""

import time

import pytest
import torch
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import (
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    """Leave memory as it is: to fill it costs as much as the folds."""


CELLS = {
    "recursive": lambda: RecursiveCell(4, 8, arity=2, input="affine"),
    "lstm-child-sum": lambda: ChildSumTreeLSTMCell(4, 8),
    "lstm-nary": lambda: NaryTreeLSTMCell(4, 8, arity=2),
    "gru-child-sum": lambda: ChildSumTreeGRUCell(4, 8),
    "gru-nary": lambda: NaryTreeGRUCell(4, 8, arity=2),
}


def seconds_to_train(cell, forest: Forest) -> float:
    x = torch.randn(forest.num_nodes, 4, requires_grad=True)
    assert len(forest.levels)  # made once for a forest
    start = time.perf_counter()
    h = fold(cell, forest, x, algorithm="fused").h
    h[forest.roots].sum().backward()
    took = time.perf_counter() - start
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad[forest.roots].abs().max() > 0
    return took


def comb(L: int) -> Forest:
    children = [[] for _ in range(L)] + [[L + i - 1, i + 1] for i in range(L - 1)]
    children[L] = [0, 1]
    return Forest(children, trees=True)


@pytest.mark.parametrize("name", CELLS)
def test_a_chain_of_100_000_nodes_trains(name):
    cell = CELLS[name]()
    seconds_to_train(cell, Forest.from_lengths([10]))  # compiles
    # Takes 0.1 to 0.3 s: a Python step a node, or a sweep over all nodes for each
    # level, would take far longer than this.
    assert seconds_to_train(cell, Forest.from_lengths([100_000])) < 5


@pytest.mark.parametrize("name", CELLS)
def test_a_comb_of_10_000_leaves_trains(name):
    cell = CELLS[name]()
    seconds_to_train(cell, Forest.from_lengths([10]))
    assert seconds_to_train(cell, comb(10_000)) < 2


@pytest.mark.parametrize("name", ["lstm-child-sum", "gru-child-sum"])
def test_a_node_with_100_000_children_agrees_with_the_batched_fold(name):
    star = Forest([*([[]] * 100_000), list(range(100_000))])
    cell = CELLS[name]()
    x = torch.randn(star.num_nodes, 4, requires_grad=True)
    given = [x, *cell.parameters()]
    got, wanted = (
        torch.autograd.grad(fold(cell, star, x, algorithm=way).h[-1].sum(), given)
        for way in ("fused", "batched")
    )
    assert_close(got, wanted, rtol=1e-6, atol=1e-9)  # sums of 100,000 in other orders


def test_a_chain_shares_its_memory_with_nothing_quadratic():
    import resource

    cell, forest = CELLS["lstm-nary"](), Forest.from_lengths([100_000])
    seconds_to_train(cell, Forest.from_lengths([10]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds_to_train(cell, forest)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    rows = grown / (forest.num_nodes * cell.hidden_size * 8)
    assert rows < 60  # numbers of H for each node, indices included
