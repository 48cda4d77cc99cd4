"""In the tests of folds, memory that nobody wrote to holds NaN."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from treefold.folding.fused.buffers import Buffers

unfilled = Buffers.__call__


def poisoned(self: Buffers, *shape: int) -> np.ndarray:
    array = unfilled(self, *shape)
    array.fill(np.nan)
    return array


@pytest.fixture(autouse=True)
def poisoned_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Buffers, "__call__", poisoned)
    torch.use_deterministic_algorithms(True)  # makes torch.empty fill with NaN
    yield
    torch.use_deterministic_algorithms(False)
