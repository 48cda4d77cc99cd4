"""The cross-entropy of a linear layer, without keeping logits for backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

AT_ONCE = 1 << 20  # logits that are looked at together: they stay in the cache


def linear_cross_entropy(
    h: Tensor,
    weight: Tensor,
    bias: Tensor,
    target: Tensor,
    *,
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Mean cross-entropy of ``h @ weight.T + bias``, over the targets that count.

    It is ``F.cross_entropy(F.linear(h, weight, bias), target, ignore_index=-100)``.
    The gradient of the logits, softmax minus one-hot, is made in the same pass as the
    loss, a slice of rows at a time: with 10,000 classes, reading and writing logits
    takes as long as the products, and autograd would read and write them five times.
    Under autocast the products, and the logits' gradient, are of its dtype; the loss
    and what is added up are of h's.

    Args:
        h: (N, H).
        weight: (C, H).
        bias: (C,).
        target: (N,) int64; negative where there is nothing to tell.
        label_smoothing: share of the target that is spread over all classes.

    Returns:
        A scalar; 0 where no target counts.
    """
    kind = h.device.type
    low = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if low else h.dtype
    with torch.autocast(kind, enabled=False):
        return _LinearCrossEntropy.apply(
            h, weight, bias, target, dtype, label_smoothing
        )


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        weight: Tensor,
        bias: Tensor,
        target: Tensor,
        dtype: torch.dtype,
        spread: float,
    ) -> Tensor:
        N, C = len(h), len(weight)
        counts = target >= 0
        size = counts.sum().clamp(min=1).to(h.dtype)
        weight_, h_ = weight.to(dtype), h.to(dtype)
        slope = torch.empty(N, C, dtype=dtype, device=h.device)  # of the logits
        bias_slope = torch.zeros_like(bias)
        loss = h.new_zeros(())
        rows = max(AT_ONCE // C, 1)
        for start in range(0, N, rows):
            part = slice(start, start + rows)
            some, place = counts[part, None], target[part, None].clamp(min=0)
            logits = (h_[part] @ weight_.T).to(h.dtype).add_(bias)
            log_p = logits.log_softmax(dim=1)
            loss -= (1 - spread) * (log_p.gather(1, place) * some).sum()
            if spread:
                loss -= spread * (log_p.mean(dim=1, keepdim=True) * some).sum()
            p = log_p.exp_()
            p.scatter_add_(1, place, p.new_full(place.shape, spread - 1.0))
            if spread:
                p -= spread / C
            p *= some / size
            bias_slope += p.sum(dim=0)
            slope[part] = p
        ctx.save_for_backward(slope, h_, weight_, bias_slope)
        ctx.dtype = h.dtype
        return loss / size

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor | None, ...]:
        slope, h, weight, bias_slope = ctx.saved_tensors
        (upstream,) = grad
        of_h = (slope @ weight).to(ctx.dtype) * upstream
        of_weight = (slope.T @ h).to(ctx.dtype) * upstream
        return of_h, of_weight, bias_slope * upstream, None, None, None
