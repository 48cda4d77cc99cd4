"""Triton kernels of the Tree-LSTMs and the recursive cell; see `aten`.

One program makes BLOCK columns of one node, and meets its edges one by one. What a node
sends its children is added atomically, as a child may have several parents.
"""

# ruff: noqa: D103 (`aten` says what each of them does)
# pyright: reportMissingImports=false, reportInvalidTypeForm=false

from __future__ import annotations

import triton
import triton.language as tl

# Numbers and slices of buffers, not specialised on: else every level would compile
# kernels of its own.
VARYING = (
    *("start", "edge", "x", "x_stride", "products", "child", "slot"),
    *("gates", "forget", "edges", "mixed", "to_x", "to_products"),
)


@triton.jit
def tanh_(x):
    # As the cells have it: to an absolute error of 2e-7 in float32.
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit(do_not_specialize=VARYING)
def lstm_up(
    start, edge, child, offset, slot, x, x_stride, products, bias, gates, forget, h, c,
    H: tl.constexpr, K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    row = x + n * x_stride + j
    i = tl.load(row, on, 0) + tl.load(bias + j, on, 0)
    u = tl.load(row + H, on, 0) + tl.load(bias + H + j, on, 0)
    o = tl.load(row + 2 * H, on, 0) + tl.load(bias + 2 * H + j, on, 0)
    x_f = tl.load(row + 3 * H, on, 0) + tl.load(bias + 3 * H + j, on, 0)
    first, last = tl.load(offset + v) - edge, tl.load(offset + v + 1) - edge
    if K:
        made = products + n * (3 + K) * H + j
        i += tl.load(made, on, 0)
        u += tl.load(made + H, on, 0)
        o += tl.load(made + 2 * H, on, 0)
    kept = tl.zeros_like(i)
    for e in range(first, last):
        below = tl.load(child + e)
        if K:
            z = tl.load(products + (n * (3 + K) + 3 + tl.load(slot + e)) * H + j, on, 0)
        else:
            made = products + below * 4 * H + j
            i += tl.load(made, on, 0)
            u += tl.load(made + H, on, 0)
            o += tl.load(made + 2 * H, on, 0)
            z = tl.load(made + 3 * H, on, 0)
        f = tl.sigmoid(x_f + z)
        tl.store(forget + e * H + j, f, on)
        kept += f * tl.load(c + below * H + j, on, 0)
    i, u, o = tl.sigmoid(i), tanh_(u), tl.sigmoid(o)
    own = gates + n * 3 * H + j
    tl.store(own, i, on)
    tl.store(own + H, u, on)
    tl.store(own + 2 * H, o, on)
    kept += i * u
    tl.store(c + v * H + j, kept, on)
    tl.store(h + v * H + j, o * tanh_(kept), on)


@triton.jit(do_not_specialize=VARYING)
def lstm_down(
    start, edge, child, offset, slot, gates, forget, c, to_h, to_c, to_x, to_products,
    H: tl.constexpr, K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    own = gates + n * 3 * H + j
    i, u = tl.load(own, on, 0), tl.load(own + H, on, 0)
    o, t = tl.load(own + 2 * H, on, 0), tanh_(tl.load(c + v * H + j, on, 0))
    dh, dc = tl.load(to_h + v * H + j, on, 0), tl.load(to_c + v * H + j, on, 0)
    dc += dh * o * (1 - t * t)
    di, du, do = dc * u * i * (1 - i), dc * i * (1 - u * u), dh * t * o * (1 - o)
    row = to_x + n * 4 * H + j
    tl.store(row, di, on)
    tl.store(row + H, du, on)
    tl.store(row + 2 * H, do, on)
    first, last = tl.load(offset + v) - edge, tl.load(offset + v + 1) - edge
    if K:
        made = to_products + n * (3 + K) * H + j
        tl.store(made, di, on)
        tl.store(made + H, du, on)
        tl.store(made + 2 * H, do, on)
    total = tl.zeros_like(di)
    for e in range(first, last):
        below = tl.load(child + e)
        f = tl.load(forget + e * H + j, on, 0)
        df = dc * tl.load(c + below * H + j, on, 0) * f * (1 - f)
        total += df
        tl.atomic_add(to_c + below * H + j, dc * f, on)
        if K:
            made = to_products + (n * (3 + K) + 3 + tl.load(slot + e)) * H + j
            tl.atomic_add(made, df, on)
        else:
            made = to_products + below * 4 * H + j
            tl.atomic_add(made, di, on)
            tl.atomic_add(made + H, du, on)
            tl.atomic_add(made + 2 * H, do, on)
            tl.atomic_add(made + 3 * H, df, on)
    tl.store(row + 3 * H, total, on)


@triton.jit(do_not_specialize=VARYING)
def recursive_up(
    start, edge, child, offset, x, x_stride, products, bias, h,
    H: tl.constexpr, K: tl.constexpr, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    z = tl.load(x + n * x_stride + j, on, 0) + tl.load(bias + j, on, 0)
    first, last = tl.load(offset + v) - edge, tl.load(offset + v + 1) - edge
    if K:
        z += tl.load(products + n * H + j, on, 0)
    else:
        for e in range(first, last):
            z += tl.load(products + tl.load(child + e) * H + j, on, 0)
    if ACTIVATION == "tanh":
        z = tanh_(z)
    elif ACTIVATION == "relu":
        z = tl.where(z < 0, 0.0, z)  # NaN stays NaN
    tl.store(h + v * H + j, z, on)


@triton.jit(do_not_specialize=VARYING)
def recursive_down(
    start, edge, child, offset, h, to_h, to_x, to_products,
    H: tl.constexpr, K: tl.constexpr, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    d, own = tl.load(to_h + v * H + j, on, 0), tl.load(h + v * H + j, on, 0)
    if ACTIVATION == "tanh":
        d *= 1 - own * own
    elif ACTIVATION == "relu":
        d = tl.where(own > 0, d, 0.0)
    tl.store(to_x + n * H + j, d, on)
    first, last = tl.load(offset + v) - edge, tl.load(offset + v + 1) - edge
    if K:
        tl.store(to_products + n * H + j, d, on)
    else:
        for e in range(first, last):
            tl.atomic_add(to_products + tl.load(child + e) * H + j, d, on)
