"""The pointwise steps as Triton kernels: `aten` says what each one does.

One program makes BLOCK columns of one node, and meets its edges one by one. What a node
sends its children is added atomically, as a child may have several parents. Numbers and
slices of buffers are not specialised on: every level would compile a kernel of its own.
"""

# pyright: reportMissingImports=false, reportInvalidTypeForm=false

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from treefold.folding.levelwise.span import Span

COLUMNS = 64  # of 3 x 64, a hidden size of 150 leaves a fifth idle
WARPS = 2  # of 32 lanes, one for each column
_VARYING = (
    *("start", "edge", "x", "x_stride", "products", "child", "slot"),
    *("gates", "forget", "to_x", "to_products"),
)


@triton.jit
def _tanh(x):
    # As the cells have it: to an absolute error of 2e-7 in float32.
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit(do_not_specialize=_VARYING)
def _lstm_up(
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
    i, u, o = tl.sigmoid(i), _tanh(u), tl.sigmoid(o)
    own = gates + n * 3 * H + j
    tl.store(own, i, on)
    tl.store(own + H, u, on)
    tl.store(own + 2 * H, o, on)
    kept += i * u
    tl.store(c + v * H + j, kept, on)
    tl.store(h + v * H + j, o * _tanh(kept), on)


@triton.jit(do_not_specialize=_VARYING)
def _lstm_down(
    start, edge, child, offset, slot, gates, forget, c, to_h, to_c, to_x, to_products,
    H: tl.constexpr, K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    own = gates + n * 3 * H + j
    i, u = tl.load(own, on, 0), tl.load(own + H, on, 0)
    o, t = tl.load(own + 2 * H, on, 0), _tanh(tl.load(c + v * H + j, on, 0))
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


@triton.jit(do_not_specialize=_VARYING)
def _recursive_up(
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
        z = _tanh(z)
    elif ACTIVATION == "relu":
        z = tl.where(z < 0, 0.0, z)  # NaN stays NaN
    tl.store(h + v * H + j, z, on)


@triton.jit(do_not_specialize=_VARYING)
def _recursive_down(
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


def lstm_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    gates: Tensor, forget: Tensor, h: Tensor, c: Tensor,
) -> None:  # fmt: skip
    """See `aten.lstm_up`."""
    of_input = (span.level.slot, x, x.stride(0), products, bias)
    _launch(_lstm_up, span, h.shape[1], *of_input, gates, forget, h, c, K=slots)


def lstm_down(
    span: Span, slots: int, gates: Tensor, forget: Tensor, c: Tensor,
    to_h: Tensor, to_c: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """See `aten.lstm_down`."""
    kept = (span.level.slot, gates, forget, c)
    to = (to_h, to_c, to_x, to_products)
    _launch(_lstm_down, span, c.shape[1], *kept, *to, K=slots)


def recursive_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    activation: str, h: Tensor,
) -> None:  # fmt: skip
    """See `aten.recursive_up`."""
    args = (x, x.stride(0), products, bias, h)
    _launch(_recursive_up, span, h.shape[1], *args, K=slots, ACTIVATION=activation)


def recursive_down(
    span: Span, slots: int, activation: str, h: Tensor,
    to_h: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """See `aten.recursive_down`."""
    args = (h, to_h, to_x, to_products)
    _launch(_recursive_down, span, h.shape[1], *args, K=slots, ACTIVATION=activation)


def _launch(
    kernel: Any, span: Span, hidden_size: int, *args: Any, **constants: Any
) -> None:
    """Run a kernel on every node of a level, on the GPU where the level is."""
    level, device = span.level, span.offset.device
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        kernel[(span.num_nodes, triton.cdiv(hidden_size, COLUMNS))](
            *(level.start, span.edge, level.child, span.offset, *args),
            **constants,
            H=hidden_size,
            BLOCK=COLUMNS,
            num_warps=WARPS,
        )
