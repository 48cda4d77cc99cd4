"""Labelled sequences from files: tables, JSON lines, npz, .ts and wav."""

import gzip
import io
import tarfile

import numpy as np
import pytest
from scipy.io import wavfile

from treefold.data.errors import DataError
from treefold.data.readers.lines import open_lines
from treefold.data.readers.table import (
    read_csv,
    read_json_lines,
    read_npz,
    read_tsv,
)
from treefold.data.readers.timeseries import read_ts
from treefold.data.readers.wav import read_sounds, read_wav


@pytest.fixture
def write(tmp_path):
    def write(text, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


# ----------------------------------------------------------------------- tables


def test_a_label_a_tab_and_a_text(write):
    file = write("\ufeffgood\ta fine\u00a0film\r\n\nbad\tno\tfilm\n")
    found = list(read_tsv(file))
    # A no-break space is part of a word, and a second tab white space.
    assert [(e.label, e.value) for e in found] == [
        ("good", ["a", "fine\u00a0film"]),
        ("bad", ["no", "film"]),
    ]
    assert found[1].place == f"{file}:3"


def test_a_gzipped_table_is_read(write):
    file = write(gzip.compress(b"good\tfine\n"), "file.tsv.gz")
    assert next(read_tsv(file)).value == ["fine"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("good fine\n", r":1: expected LABEL<TAB>TEXT, found no tab"),
        ("good\tfine\n\tbad\n", r":2: expected a label before the text"),
        ("good\t \n", r":1: expected a text, found none"),
    ],
)
def test_a_bad_line_of_a_table_is_told(write, text, message):
    with pytest.raises(DataError, match=message):
        list(read_tsv(write(text)))


def test_a_line_that_is_not_utf_8_is_told_with_its_column(write):
    with pytest.raises(DataError, match=r":2:3: expected text in UTF-8, found .* 0xff"):
        list(open_lines(write(b"one\nab\xff\n")))


def test_a_missing_file_is_told_with_the_name_most_like_it(write):
    file = write("a\tb\n", "reviews.tsv")
    with pytest.raises(DataError, match=r"no such file; did you mean .*reviews.tsv"):
        list(open_lines(file.with_name("review.tsv")))


def test_csv_with_named_columns_and_quotes(write):
    file = write('text,label\n"well, ""fine""",good\nno,bad\n')
    assert [(e.label, e.value) for e in read_csv(file)] == [
        ("good", ["well,", '"fine"']),
        ("bad", ["no"]),
    ]


def test_csv_without_names_has_the_label_first(write):
    assert next(read_csv(write("good,very fine\n"))).label == "good"


def test_csv_with_one_column_is_told(write):
    with pytest.raises(DataError, match=r":2: expected a label and a text"):
        list(read_csv(write("good,fine\nbad\n")))


# ------------------------------------------------------------------- JSON, npz


def test_json_lines_of_texts_and_sequences(write):
    file = write(
        '{"label": "good", "text": "very fine"}\n'
        '{"label": 3, "text": ["New York"]}\n'
        '{"label": "up", "sequence": [[1, 2], [3, 4]]}\n'
        '{"label": "up", "sequence": [1, 2, 3]}\n'
    )
    found = list(read_json_lines(file))
    assert [e.label for e in found] == ["good", "3", "up", "up"]
    assert found[1].value == ["New York"]
    np.testing.assert_array_equal(found[2].value, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(found[3].value, [[1], [2], [3]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"label": "a", "text"', ":1: expected an object in JSON"),
        ("[1, 2]", ":1: expected an object such as"),
        ('{"text": "fine"}', ':1: expected a "label"'),
        ('{"label": "a", "sequence": [[1], [2, 3]]}', "list of as many numbers"),
        ('{"label": "a", "sequence": []}', r"array of shape \(0, 1\)"),
        ('{"label": "a", "sequence": [[1, NaN]]}', "with NaN"),
        ('{"label": "a", "text": 3}', '"text" to be a string'),
        ('{"label": "a", "text": " "}', "expected a text, found none"),
    ],
)
def test_a_bad_object_is_told(write, line, message):
    with pytest.raises(DataError, match=message):
        list(read_json_lines(write(line)))


def test_npz_is_read_as_it_was_laid(tmp_path):
    file = tmp_path / "data.npz"
    step = np.arange(10.0).reshape(5, 2)
    np.savez(file, step=step, offset=np.array([0, 2, 5]), label=np.array(["a", "b"]))
    found = read_npz(file)
    assert [e.label for e in found] == ["a", "b"]
    np.testing.assert_array_equal(found[1].value, step[2:])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"step": np.zeros((3, 2))}, "expected the arrays step, offset, label"),
        (
            {"step": np.zeros((3, 2)), "offset": [0, 4], "label": [1]},
            "offset must end with the number of steps, 3, got 4",
        ),
        (
            {"step": np.zeros((3, 2)), "offset": [0, 3, 3], "label": [1, 2]},
            "sequence 1 has no steps",
        ),
        (
            {"step": np.zeros((3, 2)), "offset": [0, 3], "label": [1, 2]},
            "a label for each of 1 sequences, found 2",
        ),
        (
            {"step": np.array([["a"]]), "offset": [0, 1], "label": [1]},
            "step must be numbers",
        ),
    ],
)
def test_bad_arrays_are_told(tmp_path, arrays, message):
    file = tmp_path / "data.npz"
    np.savez(file, **arrays)
    with pytest.raises(DataError, match=message):
        read_npz(file)


# -------------------------------------------------------------------------- .ts

HEADER = "# a comment\n@problemName x\n@timeStamps false\n@classLabel true a b\n@data\n"


def test_ts_has_a_dimension_for_each_part_between_colons(write):
    found = list(read_ts(write(HEADER + "1,2,3:4,5,6:a\n7:8:b\n")))
    np.testing.assert_array_equal(found[0].value, [[1, 4], [2, 5], [3, 6]])
    assert [e.label for e in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "1,2:3:a\n", ":6: dimension 2 has 1 values, dimension 1 has 2"),
        (HEADER + "1,x:3,4:a\n", ":6: dimension 1: expected numbers"),
        (HEADER + "1,2:3,4:a\n1,2:b\n", ":7: expected 2 dimensions, found 1"),
        (HEADER + "1,2:3,4:c\n", ":6: expected one of the classes a, b, found 'c'"),
        (HEADER + "1,NaN:3,4:a\n", "missing or infinite"),
        ("@timeStamps true\n", ":1: expected values without time stamps"),
        ("1,2:a\n", ":1: expected a line of the header"),
        ("@classLabel maybe\n", "expected true or false"),
        ("@timeStamps false\n", "expected a line @data, found the end"),
    ],
)
def test_a_bad_line_of_ts_is_told(write, text, message):
    with pytest.raises(DataError, match=message):
        list(read_ts(write(text)))


# -------------------------------------------------------------------------- wav


def wav(samples, rate=8000):
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def test_samples_are_between_minus_one_and_one(write):
    for dtype, low in ((np.int16, -(2**15)), (np.int32, -(2**31))):
        sound = read_wav(write(wav(np.array([low, 0, -low // 2], dtype)), "a.wav"))
        np.testing.assert_allclose(sound.samples, [-1, 0, 0.5], atol=1e-6)
    sound = read_wav(write(wav(np.array([0, 128, 192], np.uint8)), "a.wav"))
    np.testing.assert_allclose(sound.samples, [-1, 0, 0.5], atol=1e-6)
    assert sound.rate == 8000


def test_channels_are_averaged(write):
    two = np.array([[0.5, 0.1], [-0.5, 0.5]], np.float32)
    sound = read_wav(write(wav(two), "a.wav"))
    np.testing.assert_allclose(sound.samples, [0.3, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no sound at all", "expected a wav file"),
        (wav(np.zeros(100, np.int16))[:30], "expected a wav file"),
        (wav(np.zeros(0, np.int16)), "found no samples"),
    ],
)
def test_what_is_no_sound_is_told(write, content, message):
    with pytest.raises(DataError, match=message):
        read_wav(write(content, "a.wav"))


def test_sub_folders_are_classes(tmp_path):
    for name in ("cat/1.wav", "dog/2.wav", "dog/.hidden.wav", "dog/readme.txt"):
        path = tmp_path / "sounds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(np.ones(4, np.int16)))
    assert [e.label for e in read_sounds(tmp_path)] == ["cat", "dog"]


def test_in_an_archive_names_tell_the_class_before_the_first_underscore(tmp_path):
    path = tmp_path / "sounds.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("recordings/7_jane_0.wav", "recordings/3_jane_1.wav"):
            content = wav(np.ones(4, np.int16))
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    found = read_sounds(path)
    assert [e.label for e in found] == ["3", "7"]
    assert found[0].place.endswith("sounds.tgz: 3_jane_1.wav")


def test_a_damaged_archive_is_told(write):
    with pytest.raises(DataError, match="archive cannot be read"):
        read_sounds(write(b"\x1f\x8b no archive", "a.tgz"))


def test_a_folder_without_sounds_is_told(tmp_path):
    with pytest.raises(DataError, match="expected wav files, found none"):
        read_sounds(tmp_path)
