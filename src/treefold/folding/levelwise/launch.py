"""The pointwise steps of `aten`, each as one kernel for a whole level."""

# pyright: reportMissingImports=false

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import triton
from torch import Tensor

from treefold.folding.levelwise import gru_kernels, kernels
from treefold.folding.levelwise.span import Span

COLUMNS = 64  # of 3 x 64, a hidden size of 150 leaves a fifth idle
WARPS = 2  # of 32 lanes, one for each column


def lstm_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    gates: Tensor, forget: Tensor, h: Tensor, c: Tensor,
) -> None:  # fmt: skip
    """See `aten.lstm_up`."""
    of_input = (span.level.slot, x, x.stride(0), products, bias)
    _launch(kernels.lstm_up, span, h.shape[1], *of_input, gates, forget, h, c, K=slots)


def lstm_down(
    span: Span, slots: int, gates: Tensor, forget: Tensor, c: Tensor,
    to_h: Tensor, to_c: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """See `aten.lstm_down`."""
    kept = (span.level.slot, gates, forget, c)
    to = (to_h, to_c, to_x, to_products)
    _launch(kernels.lstm_down, span, c.shape[1], *kept, *to, K=slots)


def recursive_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    activation: str, h: Tensor,
) -> None:  # fmt: skip
    """See `aten.recursive_up`."""
    args = (x, x.stride(0), products, bias, h)
    _launch(
        kernels.recursive_up, span, h.shape[1], *args, K=slots, ACTIVATION=activation
    )


def recursive_down(
    span: Span, slots: int, activation: str, h: Tensor,
    to_h: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """See `aten.recursive_down`."""
    args = (h, to_h, to_x, to_products)
    _launch(
        kernels.recursive_down, span, h.shape[1], *args, K=slots, ACTIVATION=activation
    )


def gru_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    mixed: Tensor, edges: Tensor, h: Tensor,
) -> None:  # fmt: skip
    """See `aten.gru_up`."""
    args = (span.level.slot, x, x.stride(0), products, bias, mixed, edges, h)
    _launch(gru_kernels.up, span, h.shape[1], *args, K=slots)


def gru_down(
    span: Span, slots: int, mixed: Tensor, edges: Tensor, h: Tensor,
    to_h: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """See `aten.gru_down`."""
    args = (span.level.slot, mixed, edges, h, to_h, to_x, to_products)
    _launch(gru_kernels.down, span, h.shape[1], *args, K=slots)


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
