"""Painted landscapes: deterministic, with all classes, none told by colour alone."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from treefold.data.generators.landscapes import (
    CLASSES,
    HEIGHT,
    HOUSE,
    MOUNTAIN,
    SKY,
    SUN,
    TREE,
    WATER,
    make_landscapes,
    paint,
)


@pytest.fixture(scope="module")
def some():
    return make_landscapes(60, 3)


def test_a_landscape_depends_on_seed_and_number_alone(some):
    again = make_landscapes(5, 3)
    for a, b in zip(some, again, strict=False):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.label, b.label)
    other = make_landscapes(1, 4)[0]
    assert (other.image != some[0].image).any()


def test_colours_are_of_0_to_1_and_labels_of_known_classes(some):
    for each in some:
        assert each.image.dtype == np.float32
        assert each.image.shape == (*each.label.shape, 3)
        assert 0 <= each.image.min() <= each.image.max() <= 1
        assert each.label.max() < len(CLASSES)


def test_every_class_is_there_and_no_landscape_is_of_one(some):
    seen = [np.unique(each.label) for each in some]
    assert set(np.concatenate(seen)) == set(range(len(CLASSES)))
    assert all(SKY in each and len(each) > 1 for each in seen)


def test_the_sky_is_above_and_water_below(some):
    row = {
        k: np.mean([np.nonzero(e.label == k)[0].mean() for e in some if k in e.label])
        for k in (SKY, SUN, MOUNTAIN, WATER)
    }
    assert row[SKY] < HEIGHT / 3
    assert row[SUN] < row[MOUNTAIN] < row[WATER]


def test_near_things_hide_far_ones():
    # Trees and houses are painted last: where they are, nothing else is seen.
    found = [paint(np.random.default_rng([9, k])) for k in range(40)]
    hiding = [
        each
        for each in found
        if np.isin(each.label, (TREE, HOUSE)).any() and (each.label == WATER).any()
    ]
    assert hiding
    assert any(np.isin(each.label[-1], (TREE, HOUSE)).any() for each in hiding)


def test_colour_alone_does_not_tell_the_class(some):
    colour = np.concatenate([e.image.reshape(-1, 3)[::7] for e in some])
    label = np.concatenate([e.label.ravel()[::7] for e in some])
    half = len(label) // 2
    nearest = KNeighborsClassifier(15).fit(colour[:half], label[:half])
    right = nearest.predict(colour[half:]) == label[half:]
    assert 0.4 < right.mean() < 0.8


def test_a_landscape_may_have_another_size():
    small = paint(np.random.default_rng(0), 20, 30)
    assert small.label.shape == (20, 30)
