r"""Exponential, sigmoid and tanh that a compiler can turn into vector code.

In float32 they are polynomials, correct to about two units in the last place,
relatively, however small the result: a state of 1e-6 keeps all its digits. NaN stays
NaN. In float64 they are the C library's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.core.extending import overload

from treefold.folding.fused.compiled import kernel

_f = np.float32
_ONE, _HALF = _f(1.0), _f(0.5)


@kernel
def _exp32(x: Any) -> Any:
    r"""Cody and Waite: :math:`e^x = 2^n e^f` with :math:`|f| \le \ln(2) / 2`."""
    x = _f(-87.0) if x < _f(-87.0) else x  # written so that NaN passes
    x = _f(88.0) if x > _f(88.0) else x
    shifted = x * _f(1.44269504088896341) + _f(12582912.0)  # 1.5 * 2^23: rounds
    n = shifted - _f(12582912.0)
    f = x - n * _f(0.693145751953125)
    f = f - n * _f(1.42860682030941723e-6)
    p = _f(1.9875691500e-4)
    p = p * f + _f(1.3981999507e-3)
    p = p * f + _f(8.3334519073e-3)
    p = p * f + _f(4.1665795894e-2)
    p = p * f + _f(1.6666665459e-1)
    p = p * f + _f(5.0000001201e-1)
    p = p * f * f + f + _ONE
    power = (_f(shifted).view(np.int32) << np.int32(23)) + np.int32(0x3F800000)
    return p * np.int32(power).view(np.float32)


@kernel
def _tanh32(x: Any) -> Any:
    """An odd rational function of degree 13 over 6, on the range where tanh < 1."""
    x = _f(-7.90531110763549805) if x < _f(-7.90531110763549805) else x
    x = _f(7.90531110763549805) if x > _f(7.90531110763549805) else x
    s = x * x
    p = _f(-2.76076847742355e-16)
    p = p * s + _f(2.00018790482477e-13)
    p = p * s + _f(-8.60467152213735e-11)
    p = p * s + _f(5.12229709037114e-08)
    p = p * s + _f(1.48572235717979e-05)
    p = p * s + _f(6.37261928875436e-04)
    p = p * s + _f(4.89352455891786e-03)
    q = _f(1.19825839466702e-06)
    q = q * s + _f(1.18534705686654e-04)
    q = q * s + _f(2.26843463243900e-03)
    q = q * s + _f(4.89352518554385e-03)
    return x * p / q


def exp(x: Any) -> Any:
    """Return e to the x, for use in compiled code."""
    return math.exp(x)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)), for use in compiled code."""
    return 1 / (1 + math.exp(-x))


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent, for use in compiled code."""
    return math.tanh(x)


@overload(exp, inline="always")
def _exp(x):
    if x == types.float32:
        return lambda x: _exp32(x)
    return lambda x: math.exp(x)


@overload(sigmoid, inline="always")
def _sigmoid(x):
    if x == types.float32:
        return lambda x: _ONE / (_ONE + _exp32(-x))
    return lambda x: 1 / (1 + math.exp(-x))


@overload(tanh, inline="always")
def _tanh(x):
    if x == types.float32:
        return lambda x: _tanh32(x)
    return lambda x: math.tanh(x)
