"""A small task and a run on it, made by the command itself."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from treefold.cli import main

SMALL = ["--input-size", "6", "--hidden_size", "8", "--epochs", "3", "--threads=1"]


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture(scope="session")
def default_dtype() -> torch.dtype:
    return torch.float32


@pytest.fixture
def treefold(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line, in this process."""

    def call(*words: object) -> Said:
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def phrase(random: np.random.Generator, depth: int) -> tuple[int, str]:
    """A phrase about the weather, labelled 0 to 4, in brackets."""
    if depth == 0:
        label = int(random.integers(5))
        word = ("storm", "clouds", "weather", "sun", "summer")[label]
        return label, f"({label} {word})"
    label, inner = phrase(random, depth - 1)
    if random.random() < 0.3:
        return 4 - label, f"({4 - label} (2 no) {inner})"
    other, beside = phrase(random, 0)
    label = min(max(label + other - 2, 0), 4)
    return label, f"({label} {inner} {beside})"


def write_phrases(path: Path, count: int = 90, seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    lines = [phrase(random, int(random.integers(1, 4)))[1] for _ in range(count)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phrases(tmp_path_factory.mktemp("weather") / "weather.txt")


@pytest.fixture(scope="session")
def finished(trees: Path) -> Path:
    """A run of two seeds; tests must leave it as it is."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    out = trees.with_name("run")
    assert main(["train", str(trees), "--out", str(out), "--seeds", "2", *SMALL]) == 0
    torch.set_default_dtype(before)
    return out


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of the test's own."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def one_message(said: Said) -> str:
    """The one message of a command that failed, without a traceback."""
    assert "Traceback" not in said.err, said.err
    assert "bug in treefold" not in said.err, said.err
    lines = [line for line in said.err.splitlines() if line.startswith("treefold: ")]
    assert len(lines) == 1, said.err
    return lines[0]
