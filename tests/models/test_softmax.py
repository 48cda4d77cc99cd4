"""The cross-entropy of a linear layer is torch's, in value and in every gradient."""

import pytest
import torch
from torch.nn import functional as F

from treefold.models import softmax
from treefold.models.softmax import linear_cross_entropy


def layer(N=7, H=3, C=5):
    h = torch.randn(N, H, requires_grad=True)
    weight = torch.randn(C, H, requires_grad=True)
    bias = torch.randn(C, requires_grad=True)
    return (h, weight, bias), torch.randint(C, (N,))


def value_and_gradients(loss, tensors):
    # A factor, so that the gradient from above counts.
    return loss, torch.autograd.grad(2.5 * loss, tensors)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("at_once", [1, 11, 1000])
def test_it_is_cross_entropy_of_the_linear_layer(at_once, smoothing, monkeypatch):
    monkeypatch.setattr(softmax, "AT_ONCE", at_once)
    tensors, target = layer()
    h, weight, bias = tensors
    target[[0, 4]] = -100
    expected = F.cross_entropy(
        F.linear(h, weight, bias),
        target,
        ignore_index=-100,
        label_smoothing=smoothing,
    )
    loss = linear_cross_entropy(h, weight, bias, target, label_smoothing=smoothing)
    torch.testing.assert_close(
        value_and_gradients(loss, tensors), value_and_gradients(expected, tensors)
    )


def test_gradcheck():
    tensors, target = layer(N=3, H=2, C=4)
    assert torch.autograd.gradcheck(
        lambda h, weight, bias: linear_cross_entropy(h, weight, bias, target), tensors
    )


def test_where_no_target_counts_there_is_no_loss_and_no_gradient():
    tensors, target = layer()
    loss = linear_cross_entropy(*tensors, torch.full_like(target, -100))
    assert loss == 0
    assert all(not g.any() for g in torch.autograd.grad(loss, tensors))


def test_under_autocast_the_loss_is_rounded_little_and_kept_in_full_precision():
    tensors, target = layer(N=40, H=16, C=30)
    low = [t.detach().float().requires_grad_() for t in tensors]
    h, weight, bias = tensors
    exact = linear_cross_entropy(h, weight, bias, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = linear_cross_entropy(low[0], low[1], low[2], target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), exact, rtol=0.02, atol=0)
    for found, wanted in zip(
        torch.autograd.grad(loss, low), torch.autograd.grad(exact, tensors), strict=True
    ):
        assert found.dtype == torch.float32
        assert (found.double() - wanted).norm() < 0.02 * wanted.norm()
