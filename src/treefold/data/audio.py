"""Sounds as sequences of vectors: a frame every hundredth of a second.

The short-time spectrum's energy in bands that lie as the ear hears them: the mel scale
(Stevens et al., 1937) and its cepstrum (Davis & Mermelstein, 1980).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import resample_poly

from treefold.data.examples import Sound

Float32 = NDArray[np.float32]
QUIET = 1e-7  # energy that is added, lest silence have a logarithm without bound


@final
@dataclass(frozen=True)
class Frames:
    """How a sound becomes a sequence of vectors; call it with one.

    Args:
        rate: samples a second that the frames are made of; other sounds are resampled.
        kind: "log-mel", the logarithm of the energy in `bands`; or "mfcc", the first
            `coefficients` of its cosine transform.
        bands: how many bands there are between 0 and half the rate.
        coefficients: of "mfcc".
        deltas: add the change of every feature over time, and the change of that.
        level: scale every sound to the same mean energy first.
        window: seconds that a frame looks at.
        hop: seconds from frame to frame.

    Example:
        >>> import numpy as np
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
        >>> Frames(8000, bands=20, deltas=False)(Sound(tone, 8000)).shape
        (98, 20)
    """

    rate: int
    kind: Literal["log-mel", "mfcc"] = "log-mel"
    bands: int = 32
    coefficients: int = 13
    deltas: bool = True
    level: bool = True
    window: float = 0.025
    hop: float = 0.010

    def __call__(self, sound: Sound) -> Float32:
        """Return the frames (T, F) of a sound; T is at least 1."""
        samples = sound.samples.astype(np.float64)
        if sound.rate != self.rate:
            shared = gcd(sound.rate, self.rate)
            samples = resample_poly(samples, self.rate // shared, sound.rate // shared)
        if self.level:
            samples = samples / np.sqrt(np.mean(samples**2) + QUIET)
        found = np.log(self._energy(samples) @ self._filters().T + QUIET)
        if self.kind == "mfcc":
            found = np.asarray(dct(found, axis=1, norm="ortho"))
            found = found[:, : self.coefficients]
        if self.deltas:
            first = delta(found)
            found = np.concatenate([found, first, delta(first)], axis=1)
        return found.astype(np.float32)

    def _energy(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power spectrum (T, N // 2 + 1) of windows of N samples."""
        size, hop = round(self.window * self.rate), round(self.hop * self.rate)
        if len(samples) < size:
            samples = np.pad(samples, (0, size - len(samples)))
        windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
        windows = windows - windows.mean(axis=1, keepdims=True)
        return np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)) ** 2 / size

    def _filters(self) -> NDArray[np.float64]:
        """Return the triangular bands' weights, (bands, N // 2 + 1)."""
        size = round(self.window * self.rate)
        frequency = np.fft.rfftfreq(size, 1 / self.rate)
        edges = hertz(np.linspace(0, mel(self.rate / 2), self.bands + 2))
        low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
        rising = (frequency - low) / (middle - low)
        falling = (high - frequency) / (high - middle)
        return np.maximum(np.minimum(rising, falling), 0)


def mel(hertz: float) -> float:
    """Return the pitch, in mel, that a frequency is heard as."""
    return float(2595 * np.log10(1 + hertz / 700))


def hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the frequencies of pitches in mel."""
    return 700 * (10 ** (mel / 2595) - 1)


def delta(x: NDArray[np.float64], reach: int = 2) -> NDArray[np.float64]:
    r"""Return the slope of each feature over 2 · reach + 1 steps, by regression.

    .. math:: d_t = \sum_{n=1}^{N} n (x_{t+n} - x_{t-n}) / (2 \sum_n n^2)

    Before the first and after the last step their values go on.
    """
    T = len(x)
    wide = np.pad(x, ((reach, reach), (0, 0)), mode="edge")
    slope = sum(
        n * (wide[reach + n : reach + n + T] - wide[reach - n : reach - n + T])
        for n in range(1, reach + 1)
    )
    return np.asarray(slope) / (2 * sum(n * n for n in range(1, reach + 1)))
