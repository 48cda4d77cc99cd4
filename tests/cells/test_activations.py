"""The cells' tanh is torch's, to rounding."""

import pytest
import torch
from torch.testing import assert_close

from treefold.cells.activations import MANY, tanh


@pytest.mark.parametrize("size", [0, 5, MANY - 1, MANY, 3 * MANY])
def test_tanh_is_that_of_torch_in_values_and_gradients(size):
    x = torch.linspace(-30, 30, size, dtype=torch.float32, requires_grad=True)
    got, wanted = tanh(x), torch.tanh(x)
    assert got.dtype == torch.float32
    assert_close(got, wanted, rtol=0, atol=2e-7)
    ones = torch.ones_like(x)
    got_g, wanted_g = (torch.autograd.grad(y, x, ones)[0] for y in (got, wanted))
    assert_close(got_g, wanted_g, rtol=0, atol=5e-7)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 1e38])
def test_tanh_of_what_is_not_finite_or_very_large(value):
    x = torch.full((MANY,), value, dtype=torch.float32)
    assert_close(tanh(x), torch.tanh(x), equal_nan=True)


def test_tanh_in_float64_is_exact():
    x = torch.linspace(-3, 3, 2 * MANY, dtype=torch.float64)
    assert torch.equal(tanh(x), torch.tanh(x))
