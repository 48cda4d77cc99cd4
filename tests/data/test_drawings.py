"""Drawings from files of numpy arrays and lines of JSON."""

import numpy as np
import pytest

from treefold.data.drawings import (
    FOLDER,
    load_drawings,
    read_drawings,
    stream_drawings,
)
from treefold.data.errors import DataError
from treefold.data.places import folders

POINTS = np.array([[1, 2, 0], [3, 4, 1], [5, 6, 1]], np.int16)
OFFSETS = np.array([0, 2, 3])
NONE = {"train": None, "dev": None, "test": None}


def write(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


@pytest.fixture
def whole(tmp_path):
    points = np.tile(np.array([[1, 0, 0], [0, 1, 1]]), (30, 1))
    points[:, 0] += np.repeat(np.arange(30), 2)
    return write(tmp_path / "all.npz", strokes=points, offsets=np.arange(31) * 2)


@pytest.mark.parametrize("dev", ["dev", "valid"])
def test_splits_are_read_by_name(tmp_path, dev):
    parts = {"train": 2, dev: 1, "test": 2}
    arrays = {f"{name}_strokes": POINTS[: OFFSETS[n]] for name, n in parts.items()}
    arrays |= {f"{name}_offsets": OFFSETS[: n + 1] for name, n in parts.items()}
    found = load_drawings(write(tmp_path / "a.npz", **arrays), NONE, 0)
    assert {split: len(each) for split, each in found.items()} == {
        "train": 2,
        "dev": 1,
        "test": 2,
    }
    np.testing.assert_array_equal(found["train"].points[0], POINTS[:2])
    assert found["train"].kinds == ("", "")


def test_a_file_without_splits_is_shared_out(whole):
    found = load_drawings(whole, NONE, 0)
    assert [len(found[split]) for split in ("train", "dev", "test")] == [24, 3, 3]
    first = [d[0, 0] for each in found.values() for d in each.points]
    assert sorted(first) == list(range(1, 31))
    again = load_drawings(whole, NONE, 0)
    np.testing.assert_array_equal(found["dev"].points.step, again["dev"].points.step)


def test_classes_come_with_the_drawings(tmp_path):
    file = write(
        tmp_path / "a.npz", strokes=POINTS, offsets=OFFSETS, classes=["cat", "dog"]
    )
    assert read_drawings(file).kinds == ("cat", "dog")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"strokes": POINTS[:, :2]}, r"three numbers each, found .*\(3, 2\)"),
        ({"strokes": POINTS + 0.5}, "up = 0 or 1, found .* at point 0"),
        ({"offsets": np.array([0, 2])}, "must end with the number of steps, 3"),
        ({"offsets": np.array([0, 0, 3])}, "drawing 0 has no points"),
        ({"classes": ["cat"]}, "1 classes for 2 drawings"),
    ],
)
def test_arrays_that_are_no_drawings_are_told(tmp_path, arrays, message):
    good = {"strokes": POINTS, "offsets": OFFSETS}
    with pytest.raises(DataError, match=message):
        read_drawings(write(tmp_path / "a.npz", **(good | arrays)))


def test_what_is_missing_is_told(tmp_path):
    with pytest.raises(DataError, match="strokes has no offsets"):
        read_drawings(write(tmp_path / "a.npz", strokes=POINTS))
    with pytest.raises(DataError, match=r"expected the array .*strokes, found"):
        read_drawings(write(tmp_path / "b.npz", points=POINTS))
    with pytest.raises(DataError, match="there is no file"):
        read_drawings(str(tmp_path / "c.npz"))
    arrays = {"train_strokes": POINTS, "train_offsets": OFFSETS}
    with pytest.raises(DataError, match="expected dev_strokes"):
        load_drawings(write(tmp_path / "d.npz", **arrays), NONE, 0)


def test_arrays_of_python_objects_are_refused(tmp_path):
    strokes = np.array([[1, 2, None]], object)
    file = write(tmp_path / "a.npz", strokes=strokes, offsets=np.array([0, 1]))
    with pytest.raises(DataError, match="plain numpy arrays"):
        read_drawings(file)


def test_beginnings_are_read_line_by_line(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('[]\n\n[[1, 2, 0]]\n{"class": "cat", "points": [[0, 1, 1]]}\n')
    found = [(kind, points.tolist()) for kind, points in stream_drawings(str(file))]
    assert found == [("", []), ("", [[1, 2, 0]]), ("cat", [[0, 1, 1]])]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[[1, 2", r"a\.jsonl:2: expected JSON"),
        ("[[1, 2], [3]]", r"a\.jsonl:2: expected a list of points"),
        ("[[1, 2, 5]]", r"a\.jsonl:2: .*up = 0 or 1"),
        ("3", r"a\.jsonl:2: expected a list of points"),
    ],
)
def test_a_line_that_is_no_drawing_is_told(tmp_path, line, message):
    file = tmp_path / "a.jsonl"
    file.write_text("[]\n" + line)
    with pytest.raises(DataError, match=message):
        list(stream_drawings(str(file)))


def test_the_sets_have_the_sizes_that_their_source_states():
    if not any(folder.exists() for folder in folders(FOLDER)):
        pytest.skip("the strokes are not on this machine: set TREEFOLD_DATA")
    found = load_drawings("strokes-kanji", NONE, 0)
    sizes = [len(found[split]) for split in ("train", "dev", "test")]
    assert sizes == [10_000, 600, 500]
    last = found["test"].points.offset[1:] - 1
    assert (found["test"].points.step[last, 2] == 1).all()


def test_a_set_that_is_nowhere_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="strokes-sheep is not on this machine"):
        load_drawings("strokes-sheep", NONE, 0)
