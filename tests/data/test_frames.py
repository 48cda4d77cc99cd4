"""Frames from CSV and npz: what is read, and what is said of what cannot be."""

import numpy as np
import pytest

from treefold.data.errors import DataError
from treefold.data.readers.frames import read_frames

TEXT = "sequence,x,y,label\na,0.5,2,Rest\na,0.25,-1e1,Stroke\nb,3,4,Rest\n"


def written(folder, text, name="some.csv"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_columns_have_their_meaning_from_their_names(tmp_path):
    frames = read_frames(written(tmp_path, TEXT))
    assert frames.columns == ("x", "y")
    assert frames.names == ("a", "b")
    assert frames.x[0].tolist() == [[0.5, 2], [0.25, -10]]
    assert frames.x.step.dtype == np.float32
    assert frames.label is not None
    assert frames.label.tolist() == ["Rest", "Stroke", "Rest"]


def test_the_only_column_of_words_is_the_label(tmp_path):
    frames = read_frames(written(tmp_path, "x,phase\n1,Rest\n2,Hold\n"))
    assert frames.columns == ("x",)
    assert frames.label is not None
    assert frames.label.tolist() == ["Rest", "Hold"]
    assert frames.names == ("some",)


def test_numbers_without_names_are_a_series(tmp_path):
    frames = read_frames(written(tmp_path, "1,2\n3,4\n"))
    assert frames.columns == ("1", "2")
    assert frames.x.step.tolist() == [[1, 2], [3, 4]]
    assert frames.label is None


def test_wanted_columns_come_in_the_order_asked_for(tmp_path):
    path = written(tmp_path, TEXT)
    assert read_frames(path, columns=("y", "x")).x[1].tolist() == [[4, 3]]
    assert read_frames(path, ignore=("y",)).columns == ("x",)


def test_npz_is_read_alike(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(
        path,
        x=np.array([[0.5, 2], [0.25, -10], [3, 4]]),
        label=np.array(["Rest", "Stroke", "Rest"]),
        sequence=np.array(["a", "a", "b"]),
        columns=np.array(["x", "y"]),
    )
    ours, theirs = read_frames(path), read_frames(written(tmp_path, TEXT))
    assert ours.columns == theirs.columns
    assert ours.names == theirs.names
    assert ours.x.step.tolist() == theirs.x.step.tolist()
    assert ours.x.offset.tolist() == theirs.x.offset.tolist()
    assert ours.label is not None
    assert ours.label.tolist() == ["Rest", "Stroke", "Rest"]


BAD = {
    "x,y\n1,2\n3\n": r"some.csv:3: expected 2 columns between commas, found 1",
    "x,y\n1,2\n3,nan\n": r"some.csv:3: expected a finite number in .* 'y', found 'nan'",
    "x,y\n1,\n3,4\n": r"some.csv:2: expected a finite number .* 'y', found ''",
    "x,x\n1,2\n": r"some.csv:1: the column 'x' stands there twice",
    "x,y\n": r"expected a line for each frame",
    "": r"expected a line of column names",
    "label\nRest\n": r"expected columns of numbers, found none",
    "sequence,x\na,1\nb,2\na,3\n": r"sequence 'a' do not stand together",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=range(len(BAD)))
def test_what_cannot_be_read_is_told(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_frames(written(tmp_path, text), columns=None)


def test_a_column_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="expected the column 'z', found x, y"):
        read_frames(written(tmp_path, TEXT), columns=("x", "z"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros(3)}, r"expected numbers x \(V, F\), found y \(3,\)"),
        ({"x": np.zeros(3)}, r"expected numbers x"),
        ({"x": np.array([[0.0], [np.inf]])}, r"x\[1, 0\] is inf"),
        ({"x": np.zeros((3, 1)), "label": np.zeros(2)}, r"expected label of shape"),
        ({"x": np.zeros((3, 1)), "columns": np.array(["a", "b"])}, r"expected 1 names"),
    ],
)
def test_npz_of_other_arrays_are_told(tmp_path, arrays, message):
    np.savez(tmp_path / "some.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_frames(tmp_path / "some.npz")


def test_no_object_is_unpickled(tmp_path):
    np.savez(tmp_path / "some.npz", x=np.array([[1], ["a"]], dtype=object))
    with pytest.raises(DataError, match="cannot be read as npz"):
        read_frames(tmp_path / "some.npz")
