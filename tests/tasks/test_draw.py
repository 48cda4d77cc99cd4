"""Drawings from a file of one's own: learned, measured, finished."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from treefold.data.errors import DataError
from treefold.svg.strokes import strokes_svg
from treefold.tasks import task_class
from treefold.tasks.base import TaskRun
from treefold.tasks.draw import DrawConfig, DrawTask, make_batch
from treefold.training import runner
from treefold.training.errors import RunError
from treefold.training.run import DataSpec

CONFIG = DrawConfig(
    class_size=2,
    hidden_size=24,
    num_mixtures=3,
    learning_rate=0.01,
    epochs=6,
    batch_size=8,
    max_points=12,
)


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def spec(tmp_path):
    """Squares of several sizes: a corner, three sides, and the pen is lifted."""
    random, sides = np.random.default_rng(0), [(1, 0), (0, 1), (-1, 0), (0, -1)]
    strokes, offsets = [], [0]
    for _ in range(80):
        size = random.integers(8, 30)
        points = [[*(size * np.array(side)), 0] for side in sides]
        points[-1][2] = 1
        strokes += points
        offsets.append(len(strokes))
    path = tmp_path / "squares.npz"
    np.savez(path, strokes=np.array(strokes), offsets=np.array(offsets))
    return DataSpec(str(path))


@pytest.fixture
def task(spec):
    return DrawTask.load(CONFIG, spec)


def test_it_is_the_task_called_draw():
    assert task_class("draw") is DrawTask


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_a_run_writes_its_folder_and_beats_one_gaussian(spec, tmp_path):
    out = tmp_path / "run"
    result = runner.begin(
        lambda: DrawTask.load(CONFIG, spec), "cpu", out, False, "treefold train"
    )
    found = result["test"]["nats"]["mean"]
    assert found < result["baselines"]["one Gaussian"]["test"]["nats"]
    assert len(result["baselines"]) == 3
    assert (
        "Drawings of the test set and of the net" in (out / "report.html").read_text()
    )
    run = TaskRun.open(DrawTask.of_folder(out), out)
    begun = np.array([[10, 0, 0], [0, 10, 0]], np.float32)
    made = run(("", begun))
    assert made["drawing"][:2] == begun.tolist()
    assert made["drawing"][-1][2] == 1
    assert np.isfinite(made["nats_of_given"])
    assert json.loads(json.dumps(made)) == made
    assert run(("", begun[:0]))["nats_of_given"] is None


def test_the_figure_is_the_mean_over_all_points(task):
    model = task.made_model().eval()
    batch = next(iter(task.batches(0, 1)))
    assert model.nats(batch).mean().item() == pytest.approx(model.loss(batch).item())
    nats, points = 0.0, task.points["dev"]
    for number in range(len(points)):
        one = make_batch(points, task.kinds["dev"], np.array([number]))
        nats += model.nats(one).sum().item()
    mean = nats / len(points.step)
    assert task.evaluate(model, "dev")["nats"] == pytest.approx(mean, rel=1e-5)


def test_whole_numbers_get_noise_of_one_unit_and_others_none(task, tmp_path):
    noise = task.points["dev"].step * [task.scale, task.scale, 1]
    noise = noise - task.data["dev"].points.step
    assert 0.3 < np.abs(noise[:, :2]).max() <= 0.5 + 1e-5
    assert not noise[:, 2].any()

    path = tmp_path / "smooth.npz"
    step = np.array([[0.5, 0.25, 1]] * 30)
    np.savez(path, strokes=step, offsets=np.arange(31))
    smooth = DrawTask.load(CONFIG, DataSpec(str(path)))
    assert not smooth.assets["whole"]
    given = smooth.points["dev"].step[:, :2] * smooth.scale
    np.testing.assert_allclose(given, smooth.data["dev"].points.step[:, :2], rtol=1e-6)


def test_training_drawings_are_stretched_anew_in_every_epoch(task):
    first, second = (
        next(iter(task.batches(0, epoch))).point.std().item() for epoch in (1, 2)
    )
    assert first != second
    again = next(iter(task.batches(0, 1))).point.std().item()
    assert first == again


def test_other_data_are_measured_as_ours_are_coded(task, spec):
    other = task.with_data(DataSpec("other", test=spec.data))
    assert other.scale == task.scale
    assert len(other.data["test"]) == 80


def test_a_class_that_was_not_learned_is_told(task, tmp_path):
    file = tmp_path / "ask.jsonl"
    file.write_text('{"class": "cat", "points": []}\n')
    with pytest.raises(DataError, match="the class 'cat' is not among"):
        list(task.read(str(file)))


def test_settings_out_of_range_are_told():
    with pytest.raises(RunError, match="stretch"):
        replace(CONFIG, stretch=1.0)


def test_a_picture_breaks_lines_where_the_pen_was_lifted():
    drawing = [(5, 5, 0), (10, 0, 1), (0, 10, 0), (-10, 0, 1)]
    svg = strokes_svg([("a & b", [drawing])], "title")
    (path,) = [part for part in svg.split('"') if part.startswith("M")]
    assert path.count("M") == path.count("L") == 2
    assert "a &amp; b" in svg


def test_a_picture_keeps_proportions_and_shows_dots():
    svg = strokes_svg([("", [[(0, 0, 0), (20, 0, 0), (0, 5, 1), (3, 3, 1)], []])], "t")
    path = next(part for part in svg.split('"') if part.startswith("M"))
    assert "h0" in path
    numbers = path.replace("h0", "").replace("M", " ").replace("L", " ").split()
    x, y = np.array(numbers, float).reshape(-1, 2).T
    # 23 wide and 8 high: the width fills the cell.
    assert np.ptp(x) / np.ptp(y) == pytest.approx(23 / 8, rel=0.01)
