"""A small task with a rule: "not" turns the sign of what stands beside it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from treefold.data import Dataset, load_dataset
from treefold.training import Config


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32


def phrase(random: np.random.Generator, depth: int) -> tuple[int, str]:
    """A labelled phrase in brackets: its sign, 0 or 1, and its text."""
    if depth == 0:
        sign = int(random.integers(2))
        return sign, f"({sign} {('dull', 'bright')[sign]})"
    sign, inner = phrase(random, depth - 1)
    if random.random() < 0.5:
        return 1 - sign, f"({1 - sign} (0 not) {inner})"
    return sign, f"({sign} (1 quite) {inner})"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    lines = [phrase(random, int(random.integers(1, 4)))[1] for _ in range(120)]
    path = tmp_path / "phrases.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def dataset(trees: Path) -> Dataset:
    return load_dataset(trees)


@pytest.fixture
def config() -> Config:
    return Config(
        input_size=6,
        hidden_size=8,
        input_dropout=0.1,
        output_dropout=0.1,
        epochs=4,
        patience=None,
        batch_size=10,
    )
