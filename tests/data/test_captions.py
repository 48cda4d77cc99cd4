"""Images with captions, from files, and strips of digits, by rule."""

import numpy as np
import pytest

from treefold.data.captions import load_captions, read_captions, stream_images
from treefold.data.digit_strips import WORDS, bent, make_strips, split_digits
from treefold.data.errors import DataError

IMAGES = np.arange(24).reshape(2, 3, 4)  # two of height 3, width 4
NONE = {"train": None, "dev": None, "test": None}


def write(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_images_of_one_size_become_columns(tmp_path):
    file = write(tmp_path / "a.npz", images=IMAGES, captions=["a cat", "no dog"])
    found = read_captions(file)
    np.testing.assert_array_equal(found.columns[1], IMAGES[1].T)
    assert found.captions == (("a", "cat"), ("no", "dog"))
    assert found.height == 3


def test_images_of_several_widths_are_columns_already(tmp_path):
    columns, offsets = np.ones((5, 3)), np.array([0, 2, 5])
    file = write(
        tmp_path / "a.npz", columns=columns, offsets=offsets, captions=["a", "b c"]
    )
    assert read_captions(file).columns.lengths.tolist() == [2, 3]


def test_a_file_without_splits_is_shared_out(tmp_path):
    images = np.arange(30)[:, None, None] + np.zeros((30, 2, 2))
    captions = [f"w{i}" for i in range(30)]
    file = write(tmp_path / "a.npz", images=images, captions=captions)
    found = load_captions(file, NONE, 0)
    assert [len(found[split]) for split in ("train", "dev", "test")] == [24, 3, 3]
    for each in found.values():
        for columns, words in zip(each.columns, each.captions, strict=True):
            assert words == (f"w{int(columns[0, 0])}",)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES[0], "captions": ["a"]}, "must be .images, height, width."),
        ({"images": IMAGES, "captions": ["a"]}, "1 captions for 2 images"),
        ({"images": IMAGES * np.nan, "captions": ["a", "b"]}, "finite pixels"),
        ({"columns": np.ones((5, 3)), "captions": ["a"]}, "offsets"),
        ({"pictures": IMAGES}, "expected the array images"),
    ],
)
def test_arrays_that_are_no_captioned_images_are_told(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        read_captions(write(tmp_path / "a.npz", **arrays))


def test_images_are_read_line_by_line(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text("[[1, 2, 3], [4, 5, 6]]\n\n[[7], [8]]\n")
    found = [columns.tolist() for columns in stream_images(str(file))]
    assert found == [[[1, 4], [2, 5], [3, 6]], [[7, 8]]]


@pytest.mark.parametrize("line", ["[[1, 2], [3]]", "[1, 2]", "nonsense", "[[]]"])
def test_a_line_that_is_no_image_is_told(tmp_path, line):
    file = tmp_path / "a.jsonl"
    file.write_text("[[1]]\n" + line)
    with pytest.raises(DataError, match=r"a\.jsonl:2: expected"):
        list(stream_images(str(file)))


def test_no_digit_is_in_two_splits_and_all_are_in_one():
    digits = split_digits(0)
    assert {split: len(each) for split, each in digits.items()} == {
        "train": 1257,
        "dev": 180,
        "test": 360,
    }
    images = np.concatenate([each.image for each in digits.values()])
    assert len(np.unique(images.reshape(-1, 64), axis=0)) == 1797


def test_a_strip_is_its_digits_with_gaps_between():
    digits = split_digits(0)["dev"]
    strips = make_strips(digits, 40, np.random.default_rng(0))
    word = {
        image.T.tobytes(): WORDS[k] for image, k in zip(*parts(digits), strict=True)
    }
    for columns, words in zip(strips.columns, strips.captions, strict=True):
        assert 3 <= len(words) <= 6
        assert readable(columns, words, word)


def parts(digits):
    return digits.image, digits.label


def readable(columns, words, word):
    """Whether a strip is these digits, in order, after gaps of 0 to 3 blank columns."""
    if not words:
        return len(columns) <= 3 and not columns.any()
    return any(
        not columns[:gap].any()
        and word.get(columns[gap : gap + 8].tobytes()) == words[0]
        and readable(columns[gap + 8 :], words[1:], word)
        for gap in range(4)
        if len(columns) >= gap + 8
    )


def test_the_random_numbers_decide_a_strip():
    digits = split_digits(0)["dev"]
    first, again, other = (
        make_strips(digits, 5, np.random.default_rng(seed)).columns.step
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_bent_digits_are_others_but_alike():
    image = split_digits(0)["dev"].image
    found = bent(image, np.random.default_rng(0))
    assert found.shape == image.shape
    assert (found != image).any(axis=(1, 2)).all()
    away = np.abs(found - image).mean(axis=(1, 2))
    mixed = np.abs(image[1:] - image[:-1]).mean(axis=(1, 2))
    assert away.mean() < 0.6 * mixed.mean()
