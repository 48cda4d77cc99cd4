"""Threads change nothing but the time that a fold takes."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from signal import SIGINT, default_int_handler, raise_signal, signal
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.core_cases import CELLS, FUSED, nodes_with_input, total
from treefold import Cell, Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, NaryTreeGRUCell, NaryTreeLSTMCell
from treefold.folding.stand_ins import call_with, taking_turns

TREE = (("a", ("b", "c")), (("d", "e"), "f"))
FOREST = Forest.cat(
    [Forest.from_trees([TREE] * 70), Forest.from_lengths([9, 1, 30]), Forest([[]] * 3)]
)


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def results(cell: Cell[Any], forest: Forest, x: Tensor, nodes: Any) -> list[Tensor]:
    state = fold(cell, forest, x, nodes, algorithm="fused")
    ends = [x, *cell.parameters()]
    return [*state, *torch.autograd.grad(total(state), ends)]


def assert_equal(got: list[Tensor], wanted: list[Tensor]) -> None:
    for one, other in zip(got, wanted, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", FUSED)
def test_the_number_of_threads_changes_no_bit(name):
    cell = CELLS[name]()
    nodes = nodes_with_input(cell, FOREST)
    rows = FOREST.num_nodes if nodes is None else len(nodes)
    x = torch.randn(rows, cell.input_size, requires_grad=True)
    alone, *others = [
        torch.set_num_threads(threads) or results(cell, FOREST, x, nodes)
        for threads in (1, 2, 3)
    ]
    for other in others:
        assert_equal(other, alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("I", "H"), [(1, 1), (3, 17), (50, 48), (7, 49)])
@pytest.mark.parametrize("new", [NaryTreeLSTMCell, NaryTreeGRUCell])
def test_a_tree_has_one_state_in_whatever_company(new, I, H, dtype):  # noqa: E741
    cell = new(I, H, arity=2).to(dtype)
    tree = Forest.from_trees([TREE])
    x = torch.randn(tree.num_nodes, I, dtype=dtype)
    torch.set_num_threads(1)
    (alone, *_) = fold(cell, tree, x, algorithm="fused")
    torch.set_num_threads(2)
    others = torch.randn(FOREST.num_nodes, I, dtype=dtype)
    many = Forest.cat([FOREST, tree, FOREST])
    (together, *_) = fold(cell, many, torch.cat([others, x, others]), algorithm="fused")
    start = FOREST.num_nodes
    assert torch.equal(together[start : start + tree.num_nodes], alone)


def test_python_threads_may_fold_at_once():
    torch.set_num_threads(2)
    cell = ChildSumTreeLSTMCell(3, 20)
    inputs = [torch.randn(FOREST.num_nodes, 3, requires_grad=True) for _ in range(24)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda x: results(cell, FOREST, x, None), inputs))
    for got, x in zip(together, inputs, strict=True):
        assert_equal(got, results(cell, FOREST, x, None))


def test_a_fold_waits_while_another_thread_has_other_parameters_in_the_cell():
    # As gradients with a graph of their own have, for a while.
    cell = ChildSumTreeLSTMCell(3, 4)
    weight, x = cell.weight_hh, torch.randn(FOREST.num_nodes, 3)
    swapped, folded = threading.Event(), threading.Event()

    def hold(_: Cell[Any]) -> None:
        swapped.set()
        folded.wait(timeout=0.3)

    def swap() -> None:
        with taking_turns():
            call_with({"weight_hh": weight.detach().clone()}, cell, hold)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(swap)
        swapped.wait()
        h = fold(cell, FOREST, x, algorithm="fused").h
        folded.set()
        other.result()
    torch.autograd.grad(h.sum(), weight)  # fails if the weight is not in the graph


def test_an_interrupt_arrives(request: pytest.FixtureRequest):
    # Whoever began the tests in the background may have let them ignore it.
    before = signal(SIGINT, default_int_handler)
    request.addfinalizer(lambda: signal(SIGINT, before))
    cell = NaryTreeLSTMCell(3, 4, arity=2)
    x = torch.randn(FOREST.num_nodes, 3)

    def fold_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            fold(cell, FOREST, x, algorithm="fused")

    threading.Timer(0.2, raise_signal, [SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        fold_for(20)


def run(script: str, **environment: str) -> str:
    """Run a script in a process of its own, for half a minute at most."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SETTING) + textwrap.dedent(script)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SETTING = """
    import os, torch
    from treefold import Forest, fold
    from treefold.cells import NaryTreeLSTMCell

    cell = NaryTreeLSTMCell(3, 20, arity=2)
    forest = Forest.from_trees([(("a", ("b", "c")), "d")] * 99)
    x = torch.randn(forest.num_nodes, 3)

    def states(algorithm):
        h = fold(cell, forest, x, algorithm=algorithm).h
        (g,) = torch.autograd.grad(h.sum(), cell.bias)
        return torch.cat([h.flatten(), g])
"""


@pytest.mark.parametrize(
    "limits", [{"OMP_THREAD_LIMIT": "1"}, {"OMP_DYNAMIC": "true"}], ids=str
)
def test_a_team_smaller_than_asked_for_leaves_no_work_undone(limits):
    script = """
        torch.set_num_threads(4)
        torch.testing.assert_close(states("fused"), states("batched"))
    """
    run(script, **limits)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_folds_as_the_workers_of_a_loader_do():
    script = """
        torch.set_num_threads(2)
        before = states("fused")
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            os._exit(0 if torch.equal(states("fused"), before) else 1)
        _, status = os.waitpid(child, 0)
        print(status)
    """
    assert run(script).strip() == "0"
