"""Rows of the schedule, beside the compiled walk's own arithmetic."""

import pytest

from treefold.bench.schedule import filled, tiles
from treefold.folding.fused import product
from treefold.folding.fused.tile import ROWS


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("nodes", [1, 7, 8, 9, 47, 48, 95, 96, 97, 200, 1000])
def test_tiles_are_those_of_the_walk(nodes, threads):
    if threads == 1 or nodes >= product.NARROW * threads:
        share = product.share.py_func
        parts = [share(0, nodes, rank, threads) for rank in range(threads)]
    else:
        parts = [(0, nodes)]
    count = 0
    for start, stop in parts:
        for begin in range(start, stop, product.BLOCK):
            rows = min(product.BLOCK, stop - begin)
            count += len(range(0, rows, ROWS))
    assert tiles(nodes, threads) == count


def test_full_tiles_waste_nothing():
    assert filled([ROWS, 3 * ROWS], 1) == 1.0
    assert filled([1], 1) == 1 / ROWS
    assert filled([ROWS, ROWS + 1], 1) == pytest.approx((2 * ROWS + 1) / (3 * ROWS))


def test_trees_of_single_nodes_have_no_rows():
    assert filled([], 2) == 1.0
