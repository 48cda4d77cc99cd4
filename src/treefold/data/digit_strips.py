"""Strips of handwritten digits side by side, to be read out as words.

The digits are scikit-learn's 1,797 images of 8 x 8 pixels (Alpaydin & Kaynak, 1998),
shared out before any strip is made: no image of dev or test is seen in training, though
the same 13 people wrote all of them. A strip has 3 to 6 digits drawn at random, and 0
to 3 blank columns before each and after the last, so that digits stand in no fixed
place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn import functional as F

from treefold.data.captions import Captioned
from treefold.data.sequences import Int64, Sequences

WORDS = (
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)
SIDE = 8  # pixels of a digit
FEWEST, MOST = 3, 6  # digits of a strip
WIDEST_GAP = 3  # columns
WHITE = 16.0  # the greatest value of a pixel
TURN, SHEAR, GROW, SHIFT = math.radians(10), 0.15, 0.12, 0.12  # at most; SHIFT of 4 px


@final
@dataclass(frozen=True)
class Digits:
    """Images of digits and what they are.

    Attributes:
        image: (N, 8, 8) float32, 0 to 1, rows first.
        label: (N,) int64.
    """

    image: NDArray[np.float32]
    label: Int64

    def __len__(self) -> int:
        return len(self.label)


def split_digits(seed: int) -> dict[str, Digits]:
    """Share scikit-learn's digits out: a tenth to dev, a fifth to test, the rest train.

    Each split has about as many of each digit as its size allows.
    """
    data, label = load_digits(return_X_y=True)
    image = (data.reshape(-1, SIDE, SIDE) / WHITE).astype(np.float32)
    label = np.asarray(label, np.int64)
    numbers = np.arange(len(label))
    rest, test = train_test_split(
        numbers, test_size=0.2, random_state=seed, stratify=label
    )
    train, dev = train_test_split(
        rest, test_size=0.125, random_state=seed, stratify=label[rest]
    )
    parts = {"train": train, "dev": dev, "test": test}
    return {split: Digits(image[part], label[part]) for split, part in parts.items()}


def make_strips(
    digits: Digits,
    count: int,
    random: np.random.Generator,
    *,
    fewest: int = FEWEST,
    most: int = MOST,
    bend: bool = False,
) -> Captioned:
    """Make strips of digits drawn with replacement.

    Args:
        digits: to draw from.
        count: number of strips.
        random: draws digits, their number, and gaps.
        fewest: digits in a strip; shorter ones are an easy beginning.
        most: the same.
        bend: turn, shear, scale and shift every digit a little, to learn more from
            few.
    """
    lengths = random.integers(fewest, most + 1, count)
    drawn = random.integers(0, len(digits), lengths.sum())
    image = digits.image[drawn]
    if bend:
        image = bent(image, random)
    gaps = random.integers(0, WIDEST_GAP + 1, len(drawn) + count)
    columns, captions, at = [], [], 0
    for b, length in enumerate(lengths):
        parts = []
        for i in range(at, at + length):
            parts += [np.zeros((gaps[i], SIDE), np.float32), image[i].T]
        parts.append(np.zeros((gaps[len(drawn) + b], SIDE), np.float32))
        columns.append(np.concatenate(parts))
        words = (WORDS[k] for k in digits.label[drawn[at : at + length]])
        captions.append(tuple(words))
        at += length
    return Captioned(Sequences.of(columns), tuple(captions))


def bent(
    image: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """Turn, shear, scale and shift each of (N, 8, 8) images by a little of its own."""
    N = len(image)
    turn, shear, shift_x, shift_y, grow_x, grow_y = (
        random.uniform(-most, most, N)
        for most in (TURN, SHEAR, SHIFT, SHIFT, GROW, GROW)
    )
    cos, sin = np.cos(turn), np.sin(turn)
    rows = [
        [(1 + grow_x) * cos, shear - sin, shift_x],
        [sin, (1 + grow_y) * cos, shift_y],
    ]
    theta = torch.from_numpy(np.moveaxis(np.array(rows, np.float32), -1, 0).copy())
    pixels = torch.from_numpy(image)[:, None]
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, align_corners=False)[:, 0].numpy()
