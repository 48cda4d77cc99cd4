"""Sounds as frames."""

import numpy as np
import pytest

from treefold.data.audio import Frames, delta
from treefold.data.examples import Sound


def tone(hertz, rate=8000, seconds=0.5):
    time = np.arange(int(rate * seconds)) / rate
    return Sound(np.sin(2 * np.pi * hertz * time).astype(np.float32), rate)


def test_a_tone_is_loudest_in_the_band_it_lies_in():
    frames = Frames(8000, bands=20, deltas=False)
    pitch = np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 22)[1:-1]
    for band in (3, 9, 15):
        hertz = 700 * (10 ** (pitch[band] / 2595) - 1)
        assert (frames(tone(hertz)).argmax(axis=1) == band).all()


def test_there_is_a_frame_every_hundredth_of_a_second():
    frames = Frames(8000, bands=10, deltas=False)
    assert frames(tone(440, seconds=1.0)).shape == (98, 10)  # the last begin whole
    assert frames(tone(440, seconds=0.001)).shape == (1, 10)


def test_loudness_does_not_matter_where_sounds_are_levelled():
    sound = tone(440)
    quiet = Sound(sound.samples * np.float32(0.01), sound.rate)
    level = Frames(8000, bands=16)
    np.testing.assert_allclose(level(sound), level(quiet), atol=0.02)
    as_it_is = Frames(8000, bands=16, level=False, deltas=False)
    change = (as_it_is(sound) - as_it_is(quiet)).max()
    assert change == pytest.approx(np.log(1e4), rel=0.01)


def test_a_sound_of_another_rate_is_resampled():
    frames = Frames(8000, bands=16, deltas=False)
    fast, slow = frames(tone(440, rate=16000)), frames(tone(440, rate=8000))
    assert abs(len(fast) - len(slow)) <= 1
    assert (fast.argmax(axis=1) == slow[0].argmax()).all()


def test_the_change_of_a_straight_line_is_its_slope():
    line = 3.0 * np.arange(10.0)[:, None] + 1
    np.testing.assert_allclose(delta(line)[2:-2], 3.0)
    np.testing.assert_allclose(delta(np.ones((4, 2))), 0.0)


def test_silence_has_finite_frames():
    silence = Sound(np.zeros(4000, np.float32), 8000)
    for kind in ("log-mel", "mfcc"):
        assert np.isfinite(Frames(8000, kind=kind)(silence)).all()


def test_a_cepstrum_of_all_coefficients_keeps_distances():
    bands = Frames(8000, bands=12, deltas=False)
    cepstrum = Frames(8000, kind="mfcc", bands=12, coefficients=12, deltas=False)
    rng = np.random.default_rng(0)
    sound = Sound(rng.normal(size=4000).astype(np.float32), 8000)
    x, y = bands(sound), cepstrum(sound)
    np.testing.assert_allclose(
        np.linalg.norm(x[3] - x[7]), np.linalg.norm(y[3] - y[7]), rtol=1e-4
    )
