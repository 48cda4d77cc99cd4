"""Triton kernels of the Tree-GRUs; see `aten` and `kernels`."""

# ruff: noqa: D103 (`aten` says what each of them does)
# pyright: reportMissingImports=false, reportInvalidTypeForm=false

from __future__ import annotations

import triton
import triton.language as tl

from treefold.folding.levelwise.kernels import VARYING, tanh_


@triton.jit(do_not_specialize=VARYING)
def up(
    start, edge, child, offset, slot, x, x_stride, products, bias, mixed, edges, h,
    H: tl.constexpr, K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    row = x + n * x_stride + j
    x_r = tl.load(row, on, 0) + tl.load(bias + j, on, 0)
    x_z = tl.load(row + H, on, 0) + tl.load(bias + H + j, on, 0)
    new = tl.load(row + 2 * H, on, 0) + tl.load(bias + 2 * H + j, on, 0)
    b_hn = tl.load(bias + 3 * H + j, on, 0)
    # The softmax over {0, a_1, ...} in one pass: `total` and `below` are scaled by
    # exp(-top), and `top` is the largest entry so far.
    top, below = tl.zeros_like(new), tl.zeros_like(new)
    total = top + 1
    for e in range(tl.load(offset + v) - edge, tl.load(offset + v + 1) - edge):
        place = tl.load(child + e)
        if K:
            made, step = products + (n * 3 * K + tl.load(slot + e)) * H + j, K * H
        else:
            made, step = products + place * 3 * H + j, H
        r = tl.sigmoid(x_r + tl.load(made, on, 0))
        a = x_z + tl.load(made + step, on, 0)
        m = tl.load(made + 2 * step, on, 0) + b_hn
        kept = edges + e * 3 * H + j
        tl.store(kept, r, on)
        tl.store(kept + H, a, on)
        tl.store(kept + 2 * H, m, on)
        new += r * m
        higher = tl.maximum(top, a)
        scale, z = tl.exp(top - higher), tl.exp(a - higher)
        total = total * scale + z
        below = below * scale + z * tl.load(h + place * H + j, on, 0)
        top = higher
    new = tanh_(new)
    tl.store(mixed + n * 2 * H + j, new, on)
    tl.store(mixed + n * 2 * H + H + j, top + tl.log(total), on)
    tl.store(h + v * H + j, (tl.exp(-top) * new + below) / total, on)


@triton.jit(do_not_specialize=VARYING)
def down(
    start, edge, child, offset, slot, mixed, edges, h, to_h, to_x, to_products,
    H: tl.constexpr, K: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    n, j = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    on, v = j < H, start + n
    d, own = tl.load(to_h + v * H + j, on, 0), tl.load(h + v * H + j, on, 0)
    new = tl.load(mixed + n * 2 * H + j, on, 0)
    log_total = tl.load(mixed + n * 2 * H + H + j, on, 0)
    dn = d * tl.exp(-log_total) * (1 - new * new)
    to_r, to_z, to_hn = tl.zeros_like(dn), tl.zeros_like(dn), tl.zeros_like(dn)
    for e in range(tl.load(offset + v) - edge, tl.load(offset + v + 1) - edge):
        place, kept = tl.load(child + e), edges + e * 3 * H + j
        r, m = tl.load(kept, on, 0), tl.load(kept + 2 * H, on, 0)
        z = tl.exp(tl.load(kept + H, on, 0) - log_total)
        dr, dm = dn * m * r * (1 - r), dn * r
        da = z * d * (tl.load(h + place * H + j, on, 0) - own)
        to_r += dr
        to_z += da
        to_hn += dm
        tl.atomic_add(to_h + place * H + j, z * d, on)
        if K:
            made = to_products + (n * 3 * K + tl.load(slot + e)) * H + j
            tl.store(made, dr, on)
            tl.store(made + K * H, da, on)
            tl.store(made + 2 * K * H, dm, on)
        else:
            made = to_products + place * 3 * H + j
            tl.atomic_add(made, dr, on)
            tl.atomic_add(made + H, da, on)
            tl.atomic_add(made + 2 * H, dm, on)
    row = to_x + n * 4 * H + j
    tl.store(row, to_r, on)
    tl.store(row + H, to_z, on)
    tl.store(row + 2 * H, dn, on)
    tl.store(row + 3 * H, to_hn, on)
