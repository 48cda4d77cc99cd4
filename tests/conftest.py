"""What every test starts from: one seed, float64, one thread."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

settings.register_profile(
    "treefold",
    max_examples=30,
    deadline=None,  # the first example pays for compiling the loops
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("treefold")
torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than five seconds")


@pytest.fixture
def default_dtype() -> torch.dtype:
    """Let a folder or module that needs float32 say so with a fixture of this name."""
    return torch.float64


@pytest.fixture(autouse=True)
def reproducible(default_dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(default_dtype)
    yield
    torch.set_default_dtype(before)
