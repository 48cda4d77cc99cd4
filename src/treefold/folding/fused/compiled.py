"""How the walks are compiled."""

from __future__ import annotations

from functools import partial

from numba import njit

_internal = {
    "cache": True,
    "error_model": "numpy",  # no check for division by zero
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

# A function that only compiled code calls.
kernel = partial(njit, **_internal)

# One whose products and sums may become fused multiply-adds. Nothing else of what
# `fastmath` allows: NaN and infinity stay what they are.
pointwise = partial(njit, **_internal, fastmath={"contract"})

# One that Python calls, free of the interpreter's lock.
entry = partial(njit, cache=True, error_model="numpy", nogil=True)
