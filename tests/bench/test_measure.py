"""Measuring: what is timed, what is said, and what is left as it was."""

import json
from typing import Any

import pytest
import torch

from treefold import Cell, State, cells
from treefold.bench import measure, timing
from treefold.bench.work import BACKWARD, products
from treefold.data.generators.sentences import random_sentences
from treefold.report.bench import MODES, summary

FORWARD, BOTH = MODES
QUICK: dict[str, Any] = {"sizes": (1, 4), "rounds": 2, "threads": 1}


@pytest.fixture(autouse=True)
def short(monkeypatch) -> None:
    monkeypatch.setattr(timing, "STRETCH", 0.002)
    monkeypatch.setattr(timing, "SIDE", 64)


@pytest.fixture(scope="module")
def default_dtype() -> torch.dtype:
    return torch.float32


class Mean(Cell):
    """A user's own cell."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.linear = torch.nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, children):
        below = children.mean(children.state.h)
        return State(self.linear(torch.cat([x, below], dim=-1)).tanh())


def test_every_fold_is_timed_at_every_size():
    corpus = random_sentences(20)
    cell = cells.NaryTreeLSTMCell(6, 4)
    found = measure(cell, corpus, **QUICK)
    assert [size.trees for size in found.sizes] == [1, 4]
    for size in found.sizes:
        for mode in MODES:
            assert set(size.pace[mode]) == {"recursive", "batched", "fused"}
            assert min(size.pace[mode].values()) > 0
            share = size.share(mode, "fused")
            assert share == size.pace[mode]["fused"] / size.limit[mode]
    assert found.sizes[1].nodes > 3 * found.sizes[0].nodes
    assert found.facts["threads"] == "1"
    json.dumps(found.to_dict())


def test_the_limit_is_the_pace_of_the_products():
    corpus = random_sentences(20)
    cell = cells.NaryTreeLSTMCell(6, 4)
    found = measure(cell, corpus, **{**QUICK, "sizes": (20,)})
    formula = products(cell)
    assert formula is not None
    seconds = formula.operations(corpus) / (found.gflops * 1e9)
    limit = found.sizes[0].limit
    assert limit[FORWARD] == pytest.approx(corpus.num_nodes / seconds)
    assert limit[BOTH] == pytest.approx(limit[FORWARD] / BACKWARD)


def test_levels_and_rows_are_those_of_the_trees():
    corpus = random_sentences(1)
    found = measure(cells.NaryTreeGRUCell(6, 4), corpus, **{**QUICK, "sizes": (1,)})
    (size,) = found.sizes
    assert size.nodes == corpus.num_nodes
    assert size.levels == corpus.height.max()
    assert size.rows == pytest.approx((corpus.height > 0).sum() / size.levels)


def test_a_cell_of_ones_own_has_no_fused_fold_and_no_known_limit():
    found = measure(Mean(6, 4), random_sentences(5), **QUICK)
    assert found.algorithms == ["recursive", "batched"]
    assert found.sizes[0].limit == {}
    said = " ".join(found.notes)
    assert "cannot be run fused" in said
    assert "products of Mean are not known" in said
    assert "products alone" not in summary(found)


def test_what_takes_too_long_is_left_out_and_named(monkeypatch):
    monkeypatch.setitem(timing.MOST, "recursive", 1e-9)
    found = measure(cells.NaryTreeLSTMCell(6, 4), random_sentences(9), **QUICK)
    first, second = found.sizes
    assert "recursive" in first.pace[BOTH]
    assert "recursive" not in second.pace[BOTH]
    assert "Naive, forward: batches of more than 1" in " ".join(found.notes)
    assert "times the naive fold in batches of 1" in summary(found)


def test_batches_are_no_larger_than_the_corpus():
    found = measure(Mean(6, 4), random_sentences(3), **QUICK)
    assert [size.trees for size in found.sizes] == [1]


def test_rounds_end_in_time():
    found = measure(Mean(6, 4), random_sentences(3), **{**QUICK, "seconds": 0.0})
    assert found.facts["rounds"] == "1"


def test_cell_and_threads_are_left_as_they_were():
    cell = cells.NaryTreeLSTMCell(6, 4).double()
    before = {name: p.clone() for name, p in cell.named_parameters()}
    threads = torch.get_num_threads()
    measure(cell, random_sentences(4), **{**QUICK, "threads": threads + 1})
    assert torch.get_num_threads() == threads
    for name, p in cell.named_parameters():
        assert p.grad is None
        torch.testing.assert_close(p.detach(), before[name], rtol=0, atol=0)


def test_no_trees_are_told():
    with pytest.raises(ValueError, match="no trees to fold"):
        measure(Mean(6, 4), random_sentences(2)[:0])


@pytest.mark.parametrize(("paces", "told"), [([90.0, 100.0], False), ([50, 100], True)])
def test_rounds_that_differ_much_are_told(monkeypatch, paces, told):
    monkeypatch.setattr(timing.Stretch, "time", lambda *_: rounds.pop(0))
    corpus, rounds = random_sentences(2), [100.0] * 8 + [paces[0]] * 4 + [paces[1]] * 4
    found = measure(Mean(6, 4), corpus, **{**QUICK, "sizes": (1,)})
    assert ("something else uses" in " ".join(found.notes)) == told
