"""Nets of the laboratory compute in float32, as users' do."""

import pytest
import torch


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32
