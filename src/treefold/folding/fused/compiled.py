"""How the walks are compiled, and how long what was compiled is good for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import extending

_sources = sorted(Path(__file__).parent.glob("*.py"))
_stamp = hashlib.sha256(b"".join(p.read_bytes() for p in _sources)).hexdigest()


def _stamped(dispatcher: Any) -> Any:
    """Let what numba has cached on disk be good for these sources only.

    numba asks whether the file of a function has changed. A walk is made of functions
    of several files, and must be compiled anew when one of them changes.
    """
    file = getattr(dispatcher._cache, "_cache_file", None)
    if file is not None:
        file._source_stamp = _stamp
    return dispatcher


def _decorator(**options: Any) -> Callable[..., Any]:
    def decorate(function: Callable[..., Any]) -> Any:
        # error_model: no check for division by zero.
        return _stamped(njit(cache=True, error_model="numpy", **options)(function))

    return decorate


_internal = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# A function that only compiled code calls.
kernel = _decorator(**_internal)

# One whose products and sums may become fused multiply-adds. Nothing else of what
# `fastmath` allows: NaN and infinity stay what they are.
pointwise = _decorator(**_internal, fastmath={"contract"})

# One that Python calls, free of the interpreter's lock.
entry = _decorator(nogil=True)

# One that writes its own code; numba adds the first argument.
intrinsic: Callable[[Callable[..., Any]], Any] = extending.intrinsic
