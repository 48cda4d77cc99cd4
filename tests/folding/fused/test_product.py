"""Products of packed weights and gathered rows are numpy's, whatever their shape."""

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose, assert_array_equal

from treefold.folding.fused import product
from treefold.folding.fused.product import (
    multiply,
    pack,
    pack_transposed,
    point,
    point_to,
    weight_gradient,
)

# As many roundings as there are steps, each of at most half a unit.
TOLERANCES = {np.float32: 1e-5, np.float64: 1e-14}
ROWS, WIDTHS, DEPTHS = 20, 130, 70

each_dtype = pytest.mark.parametrize("dtype", TOLERANCES)


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    """Nothing here is torch's."""


def random(dtype: type, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def room(dtype: type, depth: int, width: int) -> np.ndarray:
    size = product.packed_size(depth, width, np.dtype(dtype).itemsize)
    return np.full(size, np.nan, dtype)


@njit
def product_of(c, a, b, packed):
    """Make C = A B in the first columns of C."""
    pack(b, packed, 0, 1)
    rows = np.empty((1, max(len(a), 1)), np.int64)
    point(rows, a.reshape(a.size), 0, a.shape[1], len(a))
    multiply(
        *(c.reshape(c.size), 0, c.shape[1], rows, 1, len(a), len(b), packed),
        *(b.shape[1], 0, 1, 0),
    )


@each_dtype
def test_all_small_products_are_those_of_numpy(dtype):
    a, b = random(dtype, ROWS, DEPTHS), random(dtype, DEPTHS, WIDTHS)
    for depth in range(DEPTHS + 1):
        some = np.ascontiguousarray(a[:, :depth])
        wanted = some.astype(np.float64) @ b[:depth]
        for width in range(1, WIDTHS + 1):
            c = np.full((ROWS, width + 3), np.nan, dtype)
            weights = np.ascontiguousarray(b[:depth, :width])
            product_of(c, some, weights, room(dtype, depth, width))
            assert_allclose(
                c[:, :width], wanted[:, :width], rtol=0, atol=TOLERANCES[dtype] * 10
            )
            assert np.isnan(c[:, width:]).all()  # beyond the width nothing is written


@each_dtype
def test_a_row_has_one_product_in_whatever_company(dtype):
    for depth, width in [(1, 1), (3, 47), (17, 130), (70, 49)]:
        a, b = random(dtype, ROWS, depth), random(dtype, depth, width)
        together = np.empty((ROWS, width), dtype)
        product_of(together, a, b, room(dtype, depth, width))
        for count in range(1, ROWS):
            c = np.full((ROWS, width), np.nan, dtype)
            product_of(c, a[-count:].copy(), b, room(dtype, depth, width))
            assert_array_equal(c[:count], together[-count:])
            assert np.isnan(c[count:]).all()


@njit
def product_of_gathered(c, a, index, weight, packed, threads):
    """Add A[index] W^T to C; W is packed, and columns are made, in turns."""
    for me in range(threads):
        pack_transposed(weight, packed, me, threads)
    K, H = index.shape[1], a.shape[1]
    rows = np.empty((K, len(index)), np.int64)
    point_to(rows, a, index, 0, len(index))
    for me in range(threads):
        multiply(
            *(c.reshape(c.size), 0, c.shape[1], rows, K, len(index), H, packed),
            *(len(weight), me, threads, 1),
        )


@each_dtype
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("K", [1, 2, 5])
def test_rows_are_gathered_piece_by_piece(K, threads, dtype):
    for H, width in [(1, 1), (15, 16), (47, 100), (49, 200)]:
        a, weight = random(dtype, 9, H), random(dtype, width, K * H)
        index = np.random.default_rng(1).integers(0, 9, (13, K))
        c = random(dtype, 13, width)
        wanted = c + a[index].reshape(13, K * H).astype(np.float64) @ weight.T
        packed = room(dtype, K * H, width)
        product_of_gathered(c, a, index, weight, packed, threads)
        assert_allclose(c, wanted, rtol=0, atol=TOLERANCES[dtype] * 50)


@njit
def gradient(c, a, b, index, threads):
    for me in range(threads):
        weight_gradient(c, a, b, index, me, threads)


@each_dtype
@pytest.mark.parametrize("S", [1, 2, 5])
def test_gradients_of_weights_are_sums_of_outer_products(S, dtype):
    D = product.DEPTH
    random_index = np.random.default_rng(2)
    for N in [0, 1, 2, 17, D - 1, D, D + 1, 2 * D + 3]:
        for M, H in [(1, 1), (4, 16), (7, 15), (8, 17), (9, 48), (20, 49), (33, 130)]:
            a, b = random(dtype, N, M), random(dtype, 11, H)
            index = random_index.integers(0, 11, (N, S))
            wanted = a.T.astype(np.float64) @ b[index].reshape(N, S * H)
            for threads in (1, 3, 8):
                c = np.full((M, S * H), np.nan, dtype)
                gradient(c, a, b, index, threads)
                assert_allclose(
                    c, wanted, rtol=0, atol=TOLERANCES[dtype] * 10 * max(N, 1) ** 0.5
                )
