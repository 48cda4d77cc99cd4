"""Forecasts, from the command line on series of one's own."""

import io
import json

import numpy as np
import pytest
import torch

from treefold.cli import main
from treefold.data.sequences import Sequences
from treefold.tasks.forecast import ForecastConfig, ForecastTask
from treefold.tasks.forecast_rivals import autoregression, by_number, lagged, measure
from treefold.training.errors import RunError
from treefold.training.run import DataSpec


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def waves(tmp_path):
    """A series of two waves, the second of a longer period, and a little noise."""
    t = np.arange(300)
    noise = np.random.default_rng(0).normal(scale=0.02, size=(300, 2))
    x = np.stack([np.sin(t / 3), 5 + 2 * np.cos(t / 7)], axis=1) + noise
    path = tmp_path / "waves.csv"
    rows = "".join(f"{a:.5f},{b:.5f}\n" for a, b in x)
    path.write_text("one,two\n" + rows)
    return path


def a_task(file, **settings):
    settings = {"horizon": 5, "hidden_size": 8, "window": 40, **settings}
    return ForecastTask.load(ForecastConfig(**settings), DataSpec(str(file)))


def test_series_from_training_to_prediction(waves, tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    size = ["--horizon=5", "--hidden-size=16", "--window=40", "--batch-size=4"]
    rate = ["--epochs=12", "--learning-rate=0.02", "--threads=1", "--dropout=0"]
    main(["train", str(waves), "--task=forecast", f"--out={out}", *size, *rate])
    assert "linear autoregression" in capsys.readouterr().out
    result = json.loads((out / "result.json").read_text())
    assert (
        result["test"]["rmse"]["mean"]
        < (result["baselines"]["persistence"]["test"]["rmse"])
    )
    page = (out / "report.html").read_text()
    assert "How errors grow" in page
    assert "A forecast beside the truth" in page

    main(["evaluate", str(out), str(waves)])
    assert "rmse" in json.loads(capsys.readouterr().out.splitlines()[-1])["test"]

    main(["predict", str(out), str(waves)])
    line = json.loads(capsys.readouterr().out)
    assert line["sequence"] == "waves"
    assert line["columns"] == ["one", "two"]
    assert np.shape(line["next"]) == (5, 2)
    t = np.arange(300, 305)
    truth = np.stack([np.sin(t / 3), 5 + 2 * np.cos(t / 7)], axis=1)
    assert np.abs(np.array(line["next"]) - truth).max() < 1.5  # in units of the file

    text = waves.read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    main(["predict", str(out), "-"])
    assert json.loads(capsys.readouterr().out)["next"] == line["next"]


def test_persistence_has_no_skill_and_a_perfect_forecast_has_all(waves):
    task = a_task(waves)
    assert measure(task)["persistence"]["test"]["skill"] == 0.0
    x = task.coded("test")
    ahead = np.minimum(np.arange(len(x.step))[:, None] + np.arange(1, 6), 29)
    figures = task.compare("test", x.step[ahead])
    assert figures["skill"] == 1.0
    assert figures["rmse"] == figures["rmse_1"] == figures["rmse_5"] == 0.0
    assert "rmse_10" not in figures


def test_errors_are_in_deviations_of_the_training_data(waves):
    task = a_task(waves)
    x = task.coded("test")
    said = np.repeat(x.step[:, None], 5, axis=1)
    error = (x.step[1:] - x.step[:-1]).astype(np.float64)
    figures = task.compare("test", said)
    assert figures["rmse_1"] == pytest.approx(np.sqrt((error**2).mean()))
    assert by_number(task, said, "test")[0] == pytest.approx(figures["rmse_1"])


def test_a_linear_autoregression_knows_a_wave(waves):
    task = a_task(waves)
    figures = task.compare("test", autoregression(task)["test"])
    assert figures["skill"] > 0.9


def test_lags_look_back_within_their_series():
    x = Sequences(np.array([[1.0], [3], [9], [4]]), np.array([0, 3, 4]))
    assert lagged(x, 2).tolist() == [[1, 0, 0], [3, 2, 2], [9, 6, 8], [4, 0, 0]]


def test_a_horizon_that_no_series_reaches_is_told(waves):
    with pytest.raises(RunError, match="must be more than the horizon, 30"):
        a_task(waves, horizon=30, window=None).describe()


def test_a_window_must_be_longer_than_the_horizon():
    with pytest.raises(RunError, match="window must be more than the horizon, 10"):
        ForecastConfig(window=10)
