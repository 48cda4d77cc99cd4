"""Scenes from folders of one's own: images, labels, names; what is wrong in them."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from treefold.data.errors import DataError
from treefold.data.scenes import (
    CutScene,
    Scene,
    load_scenes,
    neighbours_mean,
    read_scenes,
    stream_images,
)

NONE: dict[str, str | None] = {"train": None, "dev": None, "test": None}


def write(folder: Path, count=10, size=(12, 8)) -> Path:
    """Write images, left half dark and right half bright, with their labels."""
    wide, tall = size
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for k in range(count):
        label = np.zeros((tall, wide), np.uint8)
        label[:, wide // 2 :] = 1
        image = np.where(label[..., None] == 1, 230, 20) + np.array([0, 0, k])
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / f"{k}.png")
        Image.fromarray(label).save(folder / "labels" / f"{k}.png")
    return folder


def test_images_and_labels_are_read(tmp_path):
    scenes = read_scenes(str(write(tmp_path)), 96)
    assert [scene.name for scene in scenes] == [f"{k}.png" for k in range(10)]
    assert scenes[3].image.shape == (8, 12, 3)
    assert_allclose(scenes[3].image[0, 0], np.array([20, 20, 23]) / 255, rtol=1e-6)
    assert_array_equal(np.unique(scenes[3].label), [0, 1])


def test_a_tenth_each_is_held_out_by_seed(tmp_path):
    folder = str(write(tmp_path))
    scenes, classes = load_scenes(folder, NONE, 0, 96)
    assert {split: len(some) for split, some in scenes.items()} == {
        "train": 8,
        "dev": 1,
        "test": 1,
    }
    names = [scene.name for some in scenes.values() for scene in some]
    assert len(set(names)) == 10
    assert classes == ["class 0", "class 1"]
    again, _ = load_scenes(folder, NONE, 0, 96)
    assert again["dev"][0].name == scenes["dev"][0].name


def test_splits_may_be_folders_and_classes_may_have_names(tmp_path):
    for split, count in (("train", 3), ("dev", 2), ("test", 1)):
        write(tmp_path / split, count)
    (tmp_path / "classes.txt").write_text("night\nday\n")
    scenes, classes = load_scenes(str(tmp_path), NONE, 0, 96)
    assert [len(scenes[split]) for split in ("train", "dev", "test")] == [3, 2, 1]
    assert classes == ["night", "day"]
    given = {**NONE, "test": str(tmp_path / "dev")}
    assert len(load_scenes(str(tmp_path), given, 0, 96)[0]["test"]) == 2


def test_large_images_are_made_smaller_with_their_labels(tmp_path):
    (scene,) = read_scenes(str(write(tmp_path, 1, (120, 80))), 30)
    assert scene.image.shape == (20, 30, 3)
    assert_array_equal(np.unique(scene.label), [0, 1])
    assert_array_equal(scene.label[:, :15], 0)


def test_regions_are_connected_segments_of_one_class():
    label = np.repeat([[0, 1, 0, 255]], 3, axis=1).repeat(8, axis=0).astype(np.uint8)
    image = np.zeros((8, 12, 3), np.float32)
    image[:, 3:6] = (1, 0, 0)
    image[:, 6:9] = (0, 0, 1)
    image[:, 9:] = (0, 1, 0)
    cut = CutScene.of(Scene("", image, label), 4, 2)
    assert_array_equal(cut.region, [0, 1, 2, 3])
    assert_array_equal(cut.pixels, [[24, 0], [0, 24], [24, 0], [0, 0]])
    same = CutScene.of(Scene("", image, np.zeros_like(label)), 4, 2)
    assert_array_equal(same.region, 0)


def test_the_mean_over_neighbours_is_that_of_a_loop():
    edges = np.array([[0, 1], [0, 2], [2, 3]])
    values = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    assert_array_equal(neighbours_mean(values, edges), [[3], [1], [4.5], [4], [0]])


def test_images_to_parse_come_from_a_file_a_folder_or_standard_input(
    tmp_path, monkeypatch
):
    images = write(tmp_path) / "images"
    (one,) = stream_images(str(images / "3.png"), 96)
    assert one.name == "3.png"
    assert (one.label == 255).all()
    assert len(list(stream_images(str(images), 96))) == 10
    data = io.BytesIO((images / "3.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    (same,) = stream_images("-", 96)
    assert_array_equal(same.image, one.image)


def test_transparent_pixels_are_white_and_grey_ones_grey(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("L", (4, 4), 51).save(tmp_path / "grey.png")
    clear, grey = stream_images(str(tmp_path), 96)
    assert_allclose(clear.image, 1)
    assert_allclose(grey.image, 0.2, rtol=1e-6)


def test_what_is_wrong_with_a_folder_is_told(tmp_path):
    def refused(said: str, folder: Path = tmp_path) -> None:
        with pytest.raises(DataError, match=said):
            load_scenes(str(folder), NONE, 0, 96)

    refused("expected a folder of images and labels, found nothing", tmp_path / "no")
    (tmp_path / "file").write_text("")
    refused("found a file", tmp_path / "file")
    refused("expected a folder images in it")
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    refused("images: there is no image in it")
    Image.new("RGB", (4, 4)).save(tmp_path / "images" / "a.png")
    Image.new("L", (4, 4)).save(tmp_path / "labels" / "b.png")
    refused(r"a\.png: its labels, .*a\.png, are missing")
    Image.new("RGB", (4, 4)).save(tmp_path / "labels" / "a.png")
    refused("one number a pixel, grey or with a palette, found the mode RGB")
    Image.new("L", (5, 4)).save(tmp_path / "labels" / "a.png")
    refused(r"its size is \(5, 4\), that of its image \(4, 4\)")
    (tmp_path / "images" / "a.png").write_bytes(b"nothing")
    refused("this is no image")
    (tmp_path / "classes.txt").write_text("sky\n\n")
    refused(r"classes\.txt:2: expected a class's name, found an empty line")
    (tmp_path / "classes.txt").write_text("sky\nsky\n")
    refused(r"classes\.txt:2: .* 'sky' again")


def test_a_label_without_a_name_is_told(tmp_path):
    (write(tmp_path) / "classes.txt").write_text("dark\n")
    with pytest.raises(DataError, match=r"have the number 1, but classes\.txt names 0"):
        load_scenes(str(tmp_path), NONE, 0, 96)


def test_an_image_too_small_is_told(tmp_path):
    Image.new("RGB", (1, 4)).save(tmp_path / "thin.png")
    with pytest.raises(DataError, match=r"thin\.png: expected at least 2 by 2 pixels"):
        list(stream_images(str(tmp_path / "thin.png"), 96))


def test_an_image_too_large_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.new("RGB", (8, 8)).save(tmp_path / "vast.png")
    with pytest.raises(DataError, match=r"vast\.png: the image is too large"):
        list(stream_images(str(tmp_path / "vast.png"), 96))


def test_names_of_classes_that_are_no_text_are_told(tmp_path):
    (write(tmp_path) / "classes.txt").write_bytes(b"dark\nh\xe9\n")
    with pytest.raises(DataError, match=r"classes\.txt:2:2: expected text in UTF-8"):
        load_scenes(str(tmp_path), NONE, 0, 96)
