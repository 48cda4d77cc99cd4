"""A worker that times the product of two square float32 matrices with one library.

    python benchmarks/product.py torch|onednn|scipy

torch is `torch.mm` as it comes; onednn is the same call where the precision "medium"
sends it to oneDNN; scipy is the BLAS that SciPy ships. A library that rounds to
bfloat16 on the way has another limit, and is refused.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np

SIZE = 2048
ERROR = 1e-4  # relative; float32 stays at 1e-6, bfloat16 at 4e-3


def library(name: str, a: np.ndarray, b: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a function that multiplies a and b."""
    if name == "scipy":
        from scipy.linalg.blas import sgemm  # pyright: ignore[reportAttributeAccessIssue]

        # Fortran's order, which is the library's own: nothing is copied.
        left, right = np.asfortranarray(a), np.asfortranarray(b)
        return lambda: sgemm(1.0, left, right)

    import torch

    if name == "onednn":
        torch.set_float32_matmul_precision("medium")
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    out = torch.empty(SIZE, SIZE)
    return lambda: torch.mm(x, y, out=out).numpy()


def main() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, SIZE, SIZE), np.float32)
    multiply = library(sys.argv[1], a, b)
    exact = a[:64].astype(np.float64) @ b.astype(np.float64)
    error = np.abs(multiply()[:64] - exact).max() / np.abs(exact).max()
    if error > ERROR:
        sys.exit(f"computes with a relative error of {error:.1e}: not float32")
    print(json.dumps({"error": float(error)}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["repeat"]):
            begin = time.perf_counter()
            multiply()
            seconds.append(time.perf_counter() - begin)
        print(json.dumps({"gflops": 2 * SIZE**3 / min(seconds) / 1e9}), flush=True)


if __name__ == "__main__":
    main()
