"""Scenes from a folder of one's own: learned, measured, finished, and drawn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from treefold.cli import main
from treefold.data.errors import DataError
from treefold.data.generators.landscapes import CLASSES, paint
from treefold.data.scenes import Scene
from treefold.forest import Forest
from treefold.models.scene_rivals import linear
from treefold.report.scene import ParsedImage, scene_svg
from treefold.tasks import task_class
from treefold.tasks.base import TaskRun
from treefold.tasks.scene import SceneConfig, SceneTask, pixel_figures
from treefold.tasks.scene_findings import parsed_images
from treefold.training import runner
from treefold.training.errors import RunError
from treefold.training.run import DataSpec

CONFIG = SceneConfig(
    segments=12, hidden_size=16, inner_size=0, cell="recursive", epochs=3, batch_size=4
)

FIGURES = {"pixels": 0.5, "classes": 0.5, "merges": 0.5}
RIVALS = {"nothing": {"dev": FIGURES, "test": FIGURES, "seconds": 0.0}}


@pytest.fixture
def default_dtype():
    return torch.float32


@pytest.fixture
def folder(tmp_path):
    """Thirty small landscapes."""
    place = tmp_path / "views"
    for name in ("images", "labels"):
        (place / name).mkdir(parents=True)
    for k in range(30):
        view = paint(np.random.default_rng(k), 12, 16)
        pixels = (255 * view.image).astype(np.uint8)
        Image.fromarray(pixels).save(place / "images" / f"{k:02}.png")
        Image.fromarray(view.label).save(place / "labels" / f"{k:02}.png")
    (place / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return place


@pytest.fixture
def task(folder):
    return SceneTask.load(CONFIG, DataSpec(str(folder)))


def test_it_is_the_task_called_scene():
    assert task_class("scene") is SceneTask


def test_a_run_writes_its_folder_and_predicts(folder, tmp_path, monkeypatch):
    out = tmp_path / "run"
    # The other rivals take a while, and are in the tests of every kind.
    few = {"logistic regression": linear}
    monkeypatch.setattr("treefold.tasks.scene_rivals.KINDS", few)
    result = runner.begin(
        lambda: SceneTask.load(CONFIG, DataSpec(str(folder))),
        *("cpu", out, False, "treefold train"),
    )
    rivals = result["baselines"]
    lines = (out / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["train_loss"] for line in lines]
    assert losses[-1] < 0.95 * losses[0]
    bound = rivals["best class of each segment"]["test"]["pixels"]
    assert all(each["test"].get("pixels", 0) <= bound for each in rivals.values())
    assert set(rivals["merges by colour"]["test"]) == {"merges"}
    page = (out / "report.html").read_text()
    assert "an image, its 12 segments" in page.lower()
    assert "://" not in page.replace("http://www.w3.org", "")
    run = TaskRun.open(SceneTask.of_folder(out), out)
    (said,) = run.predict(run.task.read(str(folder / "images" / "03.png")))
    assert json.loads(json.dumps(said)) == said
    assert sum(said["classes"].values()) == pytest.approx(1, abs=1e-3)
    assert len(said["nodes"]) == 23
    root = said["nodes"][-1]
    assert root["box"] == [0, 0, 1, 1]
    assert root["share"] == 1
    assert said["tree"].count("(") == 23


def test_the_figures_are_those_of_pixels(task):
    scenes = task.data["dev"]
    label = np.concatenate([scene.scene.label.ravel() for scene in scenes])
    said = [np.arange(len(scene.segments)) % len(CLASSES) for scene in scenes]
    given = np.concatenate(
        [
            s[scene.segments.number].ravel()
            for s, scene in zip(said, scenes, strict=True)
        ]
    )
    found = pixel_figures(np.concatenate(said), scenes)
    assert found["pixels"] == pytest.approx((given == label).mean())
    recall = [(given[label == k] == k).mean() for k in np.unique(label)]
    assert found["classes"] == pytest.approx(np.mean(recall))


def test_features_are_standardised_by_those_of_training(task):
    batch = task.batch(task.data["train"])
    assert batch.features.mean(dim=0).abs().max() < 1e-3
    varied = task.deviation != 1
    assert (batch.features.std(dim=0)[varied] - 1).abs().max() < 0.01


def test_neighbours_are_seen_where_wanted(folder, task):
    wide = SceneTask.load(replace(CONFIG, neighbours=True), DataSpec(str(folder)))
    features = wide.batch(wide.data["dev"]).features
    assert features.shape[1] == 2 * task.batch(task.data["dev"]).features.shape[1]


def test_seed_and_epoch_fix_the_batches(task):
    first, again, other = (
        next(iter(task.batches(0, epoch))).features for epoch in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_edge_joins_segments_of_one_image(task):
    batch = task.batch(task.data["train"][:5])
    assert (batch.structure[batch.edges[0]] == batch.structure[batch.edges[1]]).all()


def test_labels_that_were_not_learned_are_told(task, folder, tmp_path):
    other = tmp_path / "other"
    for name in ("images", "labels"):
        (other / name).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(other / "images" / "a.png")
    Image.new("L", (8, 8), 9).save(other / "labels" / "a.png")
    with pytest.raises(DataError, match="have the number 9, but the model knows"):
        task.with_data(DataSpec(str(other), test=str(other)))
    measured = task.with_data(DataSpec("other", test=str(folder)))
    assert len(measured.data["test"]) == 30


def test_images_may_be_of_any_size(task):
    model, random = task.made_model(), np.random.default_rng(0)
    for height, width in ((2, 2), (5, 30), (30, 5)):
        image = random.random((height, width, 3)).astype(np.float32)
        scene = Scene("", image, np.full((height, width), 255, np.uint8))
        (said,) = task.predict(model, [scene])
        assert len(said["nodes"]) == 2 * min(12, height * width) - 1


def test_nothing_to_learn_is_told(task):
    task.data["dev"] = []
    with pytest.raises(RunError, match=r"too small: .* 0 dev"):
        task.describe()


@pytest.mark.parametrize(
    ("name", "value"), [("pure", 0.5), ("segments", 0), ("dropout", 1.0), ("side", 1)]
)
def test_settings_out_of_range_are_told(name, value):
    with pytest.raises(RunError, match=name):
        replace(CONFIG, **{name: value})


def test_a_picture_names_every_region(task):
    model, cuts = task.made_model(), task.data["test"][:1]
    (image,) = parsed_images(cuts, [next(task.parses(model, cuts))[1]])
    svg = scene_svg(image, CLASSES, "a")
    assert svg.startswith("<svg")
    assert "<title>An image, its 12 segments" in svg
    found = {CLASSES[k] for k in image.label}
    assert all(f">{name}</text>" in svg for name in found)
    assert "true classes" in svg
    assert scene_svg(image, CLASSES, "a") == svg


def test_an_image_of_one_segment_is_drawn():
    image = np.full((4, 6, 3), 0.5)
    number, label = np.zeros((4, 6), np.int64), np.array([1])
    svg = scene_svg(ParsedImage(image, number, Forest([[]]), label), CLASSES, "b")
    assert "its 1 segments" in svg
    assert "true classes" not in svg


def test_show_draws_what_a_run_finds_in_images(folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    words = ["train", str(folder), "--task", "scene", "--out", str(out)]
    flags = "--epochs 1 --segments 6 --hidden-size 4 --inner-size 0 --threads 1"
    # Rivals are of no matter here.
    monkeypatch.setattr(SceneTask, "baselines", lambda task, progress: RIVALS)
    assert main([*words, *flags.split()]) == 0
    images = folder / "images"
    picture = tmp_path / "one.svg"
    assert main(["show", str(out), str(images / "03.png"), "--out", str(picture)]) == 0
    assert "its 6 segments and their tree" in picture.read_text()
    page = tmp_path / "all.html"
    words = ["show", str(out), str(images), "--out", str(page), "--trees", "2"]
    assert main(words) == 0
    assert page.read_text().count("<svg") == 2
    assert "The first 2 of 30" in page.read_text()
    capsys.readouterr()
