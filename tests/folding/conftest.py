"""In the tests of folds, memory that nobody wrote to holds NaN."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def poisoned_memory() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)  # makes torch.empty fill with NaN
    yield
    torch.use_deterministic_algorithms(False)
