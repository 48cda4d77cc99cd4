"""Memory that walks hand on to each other, and never share."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell
from treefold.folding.fused import buffers
from treefold.folding.fused.buffers import ALIGNMENT, SMALL, Buffers

new = Buffers(np.zeros(0, np.float32))
KEPT = 2**22
MANY = SMALL  # numbers, more than it takes for memory to be kept


@pytest.fixture(autouse=True)
def nothing_free(monkeypatch):
    gc.collect()
    monkeypatch.setattr(buffers, "KEPT", KEPT)
    buffers._free.clear()
    buffers._free_bytes = buffers._used_bytes = buffers._most_used = 0


def test_memory_is_used_again_when_its_last_view_has_gone():
    first = new(MANY)
    address, view = first.ctypes.data, first[3:5].reshape(1, 2)
    del first
    assert new(MANY).ctypes.data != address
    del view
    assert new(MANY - 1).ctypes.data == address


def test_a_tensor_holds_its_memory():
    array = new(2, MANY)
    tensor = torch.from_numpy(array[1:])
    address = array.ctypes.data
    del array
    assert new(2, MANY).ctypes.data != address
    assert tensor.shape == (1, MANY)


@pytest.mark.parametrize("count", [1, MANY, 3 * MANY + 1])
def test_arrays_are_of_the_shape_and_dtype_asked_for(count):
    for dtype in (np.float32, np.float64):
        array = Buffers(np.zeros(0, dtype))(count, 2)
        assert array.shape == (count, 2)
        assert array.dtype == dtype
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert not new.zeros(count).any()


def test_large_arrays_begin_with_a_line_of_the_cache():
    assert all(new(MANY + n).ctypes.data % ALIGNMENT == 0 for n in range(5))


def test_no_more_is_kept_than_the_bound_and_the_latest_of_it():
    pieces = [new(KEPT // 16 // 4 + n * KEPT // 64) for n in range(12)]
    latest = pieces[-1].ctypes.data
    while pieces:
        pieces.pop(0)
    assert 0 < buffers._free_bytes <= KEPT
    assert buffers._free_bytes == sum(
        size * len(found) for size, found in buffers._free.items()
    )
    assert new(KEPT // 16 // 4 + 11 * KEPT // 64).ctypes.data == latest


def test_no_more_is_kept_than_twice_what_was_in_use_at_a_time():
    for n in range(8, 24):
        new(MANY * n // 8)
        assert 0 < buffers._free_bytes <= 2 * buffers._most_used
    pieces = sum(map(len, buffers._free.values()))
    assert 2 <= pieces <= 3


def test_a_piece_serves_what_is_a_little_smaller():
    address = new(MANY).ctypes.data
    assert new(MANY * 7 // 8).ctypes.data == address
    assert new(MANY * 6 // 8).ctypes.data != address


def test_more_than_the_bound_is_not_kept():
    new(MANY)
    array = new(KEPT // 4 + 1)
    del array
    assert list(buffers._free) == [4 * MANY]


def test_graphs_that_wait_for_backward_keep_their_states():
    torch.manual_seed(0)
    cell = NaryTreeLSTMCell(40, 50)
    forest = Forest.from_trees([("a", ("b", "c"))] * 200)
    inputs = [torch.randn(len(forest.leaves), 40) for _ in range(3)]

    def run(x: torch.Tensor) -> torch.Tensor:
        return fold(cell, forest, x, forest.leaves, algorithm="fused").h.square().sum()

    def gradients(loss: torch.Tensor) -> list[torch.Tensor]:
        return list(torch.autograd.grad(loss, list(cell.parameters())))

    expected = [gradients(run(x)) for x in inputs]
    losses = [run(x) for x in inputs]  # all alive at once
    for loss, right in reversed(list(zip(losses, expected, strict=True))):
        torch.testing.assert_close(gradients(loss), right, rtol=0, atol=0)
