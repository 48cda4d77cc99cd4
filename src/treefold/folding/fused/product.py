"""Matrix products for a team of threads, over packed weights and gathered rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from treefold.folding.fused.compiled import kernel
from treefold.folding.fused.tile import ROWS, VECTOR_BYTES, VECTORS, tile
from treefold.folding.fused.transpose import transpose

# Rows whose product and gates stay in a core's cache between the two.
BLOCK = 96
# With fewer rows for each thread than this, threads share out columns instead, so that
# each reads only its part of the weights.
NARROW = 24
# Rows of a product over nodes that are packed at a time, and how many of them are read
# together: so many that whole lines of the cache are written.
DEPTH = 512
STRIP = 8


@kernel
def share(start: int, stop: int, rank: int, threads: int) -> Any:
    """Return the part of start..stop that is this thread's."""
    n = stop - start
    return start + n * rank // threads, start + n * (rank + 1) // threads


@kernel
def num_panels(width: int, itemsize: int) -> int:
    """Return how many panels of VECTORS vectors a matrix of `width` columns has."""
    panel = VECTORS * VECTOR_BYTES // itemsize
    return (width + panel - 1) // panel


def packed_size(depth: int, width: int, itemsize: int) -> int:
    """Return how many elements a packed matrix takes."""
    lanes = VECTOR_BYTES // itemsize
    return depth * ((width + lanes - 1) // lanes * lanes)


@kernel
def panel_of(packed, p, depth, width):
    """Return panel p of a packed matrix, (depth, vectors), and how much is used.

    The last panel is as narrow as it can be, and filled up with zeros.
    """
    lanes = VECTOR_BYTES // packed.itemsize
    start = p * VECTORS * lanes
    used = min(VECTORS * lanes, width - start)
    wide = (used + lanes - 1) // lanes * lanes
    panel = packed[start * depth : (start + wide) * depth].reshape(depth, wide)
    for k in range(depth):
        for j in range(used, wide):
            panel[k, j] = 0
    return panel, start, used


@kernel
def pack(b, packed, rank, threads):
    """Pack a matrix (depth, width) by panels: what a tile reads stands in a row."""
    depth, width = b.shape
    first, last = share(0, num_panels(width, b.itemsize), rank, threads)
    for p in range(first, last):
        panel, start, used = panel_of(packed, p, depth, width)
        for k in range(depth):
            row, source = panel[k], b[k, start : start + used]
            for j in range(used):
                row[j] = source[j]


@kernel
def pack_transposed(b, packed, rank, threads):
    """Pack the transpose of a matrix (width, depth), see `pack`."""
    width, depth = b.shape
    size, like = b.itemsize, packed[0]
    lanes = VECTOR_BYTES // size
    first, last = share(0, num_panels(width, size), rank, threads)
    for p in range(first, last):
        panel, start, used = panel_of(packed, p, depth, width)
        columns, rows = used // lanes * lanes, depth // lanes * lanes
        for j in range(0, columns, lanes):
            for k in range(0, rows, lanes):
                transpose(
                    like,
                    b.ctypes.data + (start + j) * b.strides[0] + k * size,
                    b.strides[0],
                    panel.ctypes.data + (k * panel.shape[1] + j) * size,
                    panel.strides[0],
                )
        for j in range(used):
            row = b[start + j]
            for k in range(rows if j < columns else 0, depth):
                panel[k, j] = row[k]


@kernel
def multiply(c, at, ld, rows, segments, count, depth, packed, width, part, parts, add):
    """Multiply rows, wherever they are, by a packed matrix: C = A B, or C += A B.

    Args:
        c: flat array that holds C.
        at: where in it C begins.
        ld: elements from one row of C to the next.
        rows: (segments, >= count) int64 addresses of the rows of A; a row is made of
            `segments` pieces of `depth` numbers.
        segments: how many pieces a row of A has.
        count: number of rows.
        depth: numbers in a piece.
        packed: B, of (segments * depth, width), packed.
        width: columns of B.
        part: which part of C to make, by columns.
        parts: how many there are, of equal work.
        add: 0 to set C, else to add to it.
    """
    size = c.itemsize
    lanes = VECTOR_BYTES // size
    panel = VECTORS * lanes
    like = c[0]
    work = (width + lanes - 1) // lanes * count  # vectors
    begin, end = share(0, work, part, parts)
    for p in range(num_panels(width, size)):
        used = min(panel, width - p * panel)
        vectors = (used + lanes - 1) // lanes
        before = p * VECTORS * count
        r = _row_of(begin - before, vectors, count)
        stop = _row_of(end - before, vectors, count)
        tiles = (stop - r + ROWS - 1) // ROWS
        b = packed.ctypes.data + p * panel * segments * depth * size
        for t in range(tiles):
            m = (stop - r + tiles - t - 1) // (tiles - t)  # even heights
            for s in range(segments):
                tile(
                    like,
                    vectors,
                    m,
                    c.ctypes.data + (at + r * ld + p * panel) * size,
                    ld,
                    rows.ctypes.data + s * rows.strides[0] + r * 8,
                    1,
                    b + s * depth * vectors * VECTOR_BYTES,
                    depth,
                    used,
                    add + s,
                )
            r += m


@kernel
def _row_of(work, vectors, count):
    """Return the row at which a part ends in a panel: where a tile does, or the panel.

    Args:
        work: what there is to do up to there, in vectors of the panel's rows.
        vectors: of a row.
        count: rows.
    """
    if work >= vectors * count:
        return count
    return min(count, max(0, (work // vectors + ROWS // 2) // ROWS * ROWS))


@kernel
def point(rows, a, at, ld, count):
    """List the addresses of `count` rows of a flat array, from `at`, `ld` apart."""
    for r in range(count):
        rows[0, r] = a.ctypes.data + (at + r * ld) * a.itemsize


@kernel
def point_to(rows, a, index, start, count):
    """List the addresses of the rows ``index[start + r, s]`` of a matrix."""
    for s in range(index.shape[1]):
        for r in range(count):
            rows[s, r] = a.ctypes.data + index[start + r, s] * a.strides[0]


@kernel
def multiply_rows(c, a, packed, rank, threads):
    """Multiply all rows of a matrix: C = A B; each thread takes its share of rows."""
    depth, width = a.shape[1], c.shape[1]
    flat_a, flat_c = a.reshape(a.size), c.reshape(c.size)
    rows = np.empty((1, BLOCK), np.int64)
    start, stop = share(0, len(a), rank, threads)
    for r in range(start, stop, BLOCK):
        count = min(BLOCK, stop - r)
        point(rows, flat_a, r * depth, depth, count)
        multiply(
            *(flat_c, r * width, width),
            *(rows, 1, count, depth, packed, width, 0, 1, 0),
        )


@kernel
def weight_gradient(c, a, b, index, rank, threads):
    r"""Add up outer products: :math:`C = \sum_n a_n^T b_n`, for a gradient of weights.

    Args:
        c: (M, S * H), set.
        a: (N, M), a row per node.
        b: (…, H), of which node n takes the rows ``index[n]``, one after another.
        index: (N, S) int64.
        rank: which thread this is; each makes its share of the rows of C.
        threads: how many there are.
    """
    size, like = c.itemsize, c[0, 0]
    panel = VECTORS * VECTOR_BYTES // size
    (M, width), N = c.shape, len(index)
    first, last = share(0, (M + ROWS - 1) // ROWS, rank, threads)
    panels = num_panels(width, size)
    of_a = np.empty((last - first, DEPTH, ROWS), c.dtype)
    of_b = np.empty(DEPTH * panels * panel, c.dtype)
    rows = np.empty(ROWS, np.int64)
    for n0 in range(0, max(N, 1), DEPTH):  # once even for no nodes: zeros
        depth = min(DEPTH, N - n0)
        nodes = index[n0 : n0 + depth]
        _pack_columns(of_a, a[n0 : n0 + depth, first * ROWS : min(last * ROWS, M)])
        for p in range(panels):
            room, start, used = panel_of(of_b, p, depth, width)
            _pack_rows(room, b, nodes, start, used)
            vectors = room.shape[1] * size // VECTOR_BYTES
            for t in range(last - first):
                at = (first + t) * ROWS
                for i in range(ROWS):
                    rows[i] = of_a.ctypes.data + (t * DEPTH * ROWS + i) * size
                tile(
                    like,
                    vectors,
                    min(ROWS, M - at),
                    c.ctypes.data + (at * width + start) * size,
                    width,
                    rows.ctypes.data,
                    ROWS,
                    room.ctypes.data,
                    depth,
                    used,
                    n0,
                )


# Loops of a fixed length become a few vector instructions without a branch.


@kernel
def _pack_columns(of_a, a):
    """Store a matrix tile by tile, several rows at a time, as they lie in a line."""
    depth, width = a.shape
    whole, deep = width // ROWS * ROWS, depth // STRIP * STRIP
    for k in range(0, deep, STRIP):
        for t in range(whole // ROWS):
            place = of_a[t, k : k + STRIP]
            source = a[k : k + STRIP, t * ROWS : (t + 1) * ROWS]
            for s in range(STRIP):
                for i in range(ROWS):
                    place[s, i] = source[s, i]
    for k in range(depth):
        for j in range(0 if k >= deep else whole, width):
            of_a[j // ROWS, k, j % ROWS] = a[k, j]


@kernel
def _pack_rows(room, b, nodes, start, used):
    """Store what begins at column `start` of the rows of nodes, one after another."""
    panel = VECTORS * VECTOR_BYTES // b.itemsize
    H = b.shape[1]
    s, h = start // H, start % H
    if used == panel and h + panel <= H:
        for k in range(len(nodes)):
            row, source = room[k], b[nodes[k, s], h : h + panel]
            for j in range(panel):
                row[j] = source[j]
        return
    for k in range(len(nodes)):
        j = 0
        while j < used:
            s, h = (start + j) // H, (start + j) % H
            run = min(used - j, H - h)
            row, source = room[k, j : j + run], b[nodes[k, s], h : h + run]
            for i in range(run):
                row[i] = source[i]
            j += run
