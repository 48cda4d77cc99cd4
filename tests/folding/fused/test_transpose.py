"""The transpose of a block, and weights packed by it."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_array_equal

from treefold.folding.fused.product import pack, pack_transposed, packed_size
from treefold.folding.fused.tile import VECTOR_BYTES
from treefold.folding.fused.transpose import transpose

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@njit
def transposed(a, b):
    transpose(a[0, 0], a.ctypes.data, a.strides[0], b.ctypes.data, b.strides[0])


@each_dtype
def test_a_block_is_transposed_and_nothing_else_is_written(dtype):
    n = VECTOR_BYTES // np.dtype(dtype).itemsize
    a = np.random.default_rng(0).standard_normal((n, n + 5)).astype(dtype)
    b = np.full((n + 1, n + 3), np.nan, dtype)
    transposed(a, b)
    assert_array_equal(b[:n, :n], a[:, :n].T)
    assert np.isnan(b[n:]).all()
    assert np.isnan(b[:, n:]).all()


@njit
def packed_both_ways(weight, turned, packed, packed_turned, threads):
    for me in range(threads):
        pack(turned, packed, me, threads)
        pack_transposed(weight, packed_turned, me, threads)


@each_dtype
@pytest.mark.parametrize("width", [1, 15, 16, 48, 50, 97, 150])
@pytest.mark.parametrize("depth", [1, 15, 16, 17, 40])
def test_a_matrix_is_packed_like_its_transpose(depth, width, dtype):
    weight = np.random.default_rng(1).standard_normal((width, depth)).astype(dtype)
    size = packed_size(depth, width, weight.itemsize)
    one, other = (np.full(size, np.nan, dtype) for _ in range(2))
    packed_both_ways(weight, np.ascontiguousarray(weight.T), one, other, 2)
    assert_array_equal(one, other)
