"""The benchmark of depth: equal models, and accuracy that is that of each depth."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

depth = importlib.import_module("depth")


@pytest.fixture
def default_dtype() -> torch.dtype:
    return torch.float32  # what the benchmark has


def coded(name="logic", count=40, depths=(1, 2, 3, 4)):
    given = depth.made(name, count, depths, seed=3)
    symbols = sorted({t for string in given.strings for t in [*string, *given.said]})
    values = sorted(set(given.value))
    return depth.Coded.of(given, symbols, values), symbols, values


def test_models_have_nearly_the_same_number_of_weights():
    sizes = [
        depth.count(depth.of_size(name, 20, 5, weights=20_000)) for name in depth.MODELS
    ]
    assert max(sizes) < 1.2 * min(sizes)
    assert all(abs(size - 20_000) < 2_500 for size in sizes)


@pytest.mark.parametrize("name", depth.MODELS)
def test_models_learn_shallow_formulas(name):
    data, symbols, values = coded(count=64, depths=(1,))
    model = depth.of_size(name, len(symbols), len(values), 2_000)
    depth.train(model, data, 150, seed=0)
    assert depth.accuracy(model, data)[1] > 0.9


@pytest.mark.parametrize("name", ["LSTM", "Transformer"])
def test_padding_is_not_seen(name):
    data, symbols, values = coded()
    model = depth.of_size(name, len(symbols), len(values), 2_000).eval()
    alone = torch.cat([model(data, np.array([b])) for b in range(8)])
    together = model(data, np.arange(8))
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


def test_accuracy_is_told_for_each_depth(monkeypatch):
    class Shallow(nn.Module):
        """Right on formulas of one level alone."""

        def forward(self, data, chosen):
            wrong = torch.from_numpy(data.depth[chosen] > 1).long()
            return nn.functional.one_hot((data.target[chosen] + wrong) % 2, 2)

    monkeypatch.setattr(depth, "LEAST", 1)
    data, *_ = coded()
    found = depth.accuracy(Shallow(), data)
    assert found == {1: 1.0, 2: 0.0, 3: 0.0, 4: 0.0}


def test_what_was_measured_is_drawn(tmp_path):
    rows = [
        {
            "set": "logic",
            "model": name,
            "chance": 0.5,
            "accuracy": {str(d): 1 / d for d in range(1, 7)},
        }
        for name in depth.MODELS
    ]
    depth.draw(json.loads(json.dumps(rows)), str(tmp_path / "depth.png"))
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")
