"""Images in segments: connected, numbered in reading order, described as they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import label as parts

from treefold.data.segments import FEATURES, segment, to_lab

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 0.8, 0.0), (0.1, 0.1, 0.9)


def flag(*colours, height=8, stripe=6):
    """Stripes from left to right."""
    return np.repeat(np.array(colours)[None], stripe, axis=1).repeat(height, axis=0)


@given(
    arrays(np.float32, (7, 9, 3), elements=st.floats(0, 1, width=32)),
    st.integers(1, 63),
)
def test_segments_are_connected_and_numbered_by_their_first_pixel(image, count):
    found = segment(image, count)
    numbers, first = np.unique(found.number, return_index=True)
    assert_array_equal(numbers, np.arange(count))
    assert (np.diff(first) > 0).all()
    for k in range(count):
        _, pieces = parts(found.number == k)  # type: ignore[misc]
        assert pieces == 1
    assert found.features.shape == (count, len(FEATURES))
    assert np.isfinite(found.features).all()


@given(arrays(np.float32, (6, 5, 3), elements=st.floats(0, 1, width=32)))
def test_edges_join_exactly_the_segments_that_touch(image):
    found = segment(image, 9)
    wanted = set()
    for y in range(6):
        for x in range(5):
            for beside in ((y, x + 1), (y + 1, x)):
                if beside[0] < 6 and beside[1] < 5:
                    pair = sorted((found.number[y, x], found.number[beside]))
                    wanted.add(tuple(map(int, pair)))
    wanted = {pair for pair in wanted if pair[0] != pair[1]}
    assert list(map(tuple, found.edges.tolist())) == sorted(wanted)


def test_a_flag_falls_into_its_stripes():
    found = segment(flag(RED, GREEN, BLUE), 3)
    assert_array_equal(found.number, flag((0,), (1,), (2,))[..., 0])
    assert_array_equal(found.edges, [[0, 1], [1, 2]])


def test_features_say_where_a_segment_lies_and_how_it_looks():
    found = segment(flag(RED, GREEN, BLUE), 3)
    of = dict(zip(FEATURES, found.features.T, strict=True))
    assert_allclose(of["column"], np.array([2.5, 8.5, 14.5]) / 18, rtol=1e-6)
    assert_allclose(of["row"], 3.5 / 8, rtol=1e-6)
    assert_allclose(of["log of area"], np.log(1 / 3), rtol=1e-6)
    assert_allclose(of["share of its box"], 1)
    assert_allclose(of["on the left edge"], [1, 0, 0])
    assert_allclose(of["on the right edge"], [0, 0, 1])
    assert_allclose(of["on the top"], 1 / 3, rtol=1e-6)
    # Sides of pixels that face another segment or the outside: 2 · (6 + 8) of 48.
    assert_allclose(of["border by root of area"], 28 / np.sqrt(48), rtol=1e-6)
    lab = to_lab([RED, GREEN, BLUE]) / 50
    assert_allclose(of["lightness"], lab[:, 0], rtol=1e-5)
    assert_allclose(of["green to red"], lab[:, 1], rtol=1e-5)
    for name in ("steps across", "steps down", "spread of lightness"):
        assert_allclose(of[name], 0, atol=1e-5)


def test_a_texture_is_seen_in_its_direction():
    image = flag(RED, GREEN, height=8)
    image[::2, :6] *= 0.9  # the rows of the left stripe alternate
    of = dict(zip(FEATURES, segment(image, 2).features.T, strict=True))
    assert of["steps down"][0] > 0.1
    assert of["steps across"][0] < 1e-6
    assert of["roughness"][0] > of["roughness"][1]


def test_pixels_are_counted_by_segment_and_class():
    found = segment(flag(RED, GREEN), 2)
    label = np.zeros((8, 12), int)
    label[:2] = 2
    assert_array_equal(found.count(label, 3), [[36, 0, 12], [36, 0, 12]])


def test_known_colours_have_their_published_coordinates():
    # CIE L*a*b* of the corners of sRGB under D65 (Lindbloom).
    colours = [(0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    wanted = [
        (0, 0, 0),
        (100, 0, 0),
        (53.24, 80.09, 67.20),
        (87.74, -86.18, 83.18),
        (32.30, 79.19, -107.86),
    ]
    assert_allclose(to_lab(colours), wanted, atol=0.15)


def test_the_same_image_is_cut_the_same_way():
    image = np.random.default_rng(0).random((10, 12, 3))
    assert_array_equal(segment(image, 7).number, segment(image, 7).number)


@pytest.mark.parametrize(
    ("shape", "count", "said"),
    [
        ((4, 4), 2, "image must be"),
        ((4, 4, 4), 2, "image must be"),
        ((1, 9, 3), 2, "at least 2 by 2"),
        ((4, 4, 3), 0, "count must be from 1 to 16"),
        ((4, 4, 3), 17, "count must be from 1 to 16"),
    ],
)
def test_what_cannot_be_cut_is_told(shape, count, said):
    with pytest.raises(ValueError, match=said):
        segment(np.zeros(shape), count)
