"""Estimators are tested as users have them, in 32 bits."""

import pytest
import torch


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32
