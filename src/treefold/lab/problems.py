"""Problems with memory in them: adding, copying, and digits pixel by pixel."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cache
from typing import ClassVar, NamedTuple, final

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F


class Draw(NamedTuple):
    """Some cases of a problem.

    Attributes:
        x: (B, T, I), T steps each.
        target: what the readout is compared with.
    """

    x: Tensor
    target: Tensor


class Problem(ABC):
    """What is learned: cases without end, a loss, and when it counts as solved.

    Attributes:
        name: as ``result.json`` has it.
        title: as pictures have it.
        input_size: I.
        output_size: C, features of the readout.
        at_end: read the last state, or the root's; else every step's.
        lengths: T of the whole grid.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    input_size: ClassVar[int]
    output_size: ClassVar[int]
    at_end: ClassVar[bool] = True
    lengths: ClassVar[tuple[int, ...]] = (100, 200, 400)

    def steps(self, length: int) -> int:
        """Steps of a sequence of that T."""
        return length

    @abstractmethod
    def draw(
        self, count: int, length: int, generator: torch.Generator, test: bool = False
    ) -> Draw:
        """Draw cases, of those kept for testing or of the others."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss of outputs (B, C), or (B, T, C) where every step is read."""

    @abstractmethod
    def baseline(self, length: int) -> float:
        """Loss of the best answer that knows nothing of the input."""

    @abstractmethod
    def mark(self, length: int) -> float:
        """Loss below which the problem counts as solved."""


@final
class Adding(Problem):
    """Add the two numbers that are marked (Hochreiter & Schmidhuber, 1997).

    As Le, Jaitly & Hinton (2015) have it: T numbers from U(0, 1), one marked in the
    first half and one in the second. Whoever always says 1 has the variance of the sum
    of two, 1/6, as mean squared error.
    """

    name, title = "adding", "the adding problem"
    input_size, output_size = 2, 1

    def draw(
        self, count: int, length: int, generator: torch.Generator, test: bool = False
    ) -> Draw:
        value = torch.rand(count, length, generator=generator)
        half, row = length // 2, torch.arange(count)
        first = torch.randint(half, (count,), generator=generator)
        second = torch.randint(half, length, (count,), generator=generator)
        marked = torch.zeros(count, length)
        marked[row, first] = marked[row, second] = 1
        target = value[row, first] + value[row, second]
        return Draw(torch.stack([value, marked], dim=2), target)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output[:, 0], target)

    def baseline(self, length: int) -> float:
        return 1 / 6

    def mark(self, length: int) -> float:
        return 0.02


@final
class Copying(Problem):
    """Say ten symbols again after T blanks (Hochreiter & Schmidhuber, 1997).

    As Arjovsky, Shah & Bengio (2016, arXiv:1511.06464) have it: ten of eight symbols,
    T - 1 blanks, a sign to begin, ten blanks; to be said: T + 10 blanks, and the ten.
    Whoever guesses the ten has a mean cross-entropy of 10 ln 8 / (T + 20).
    """

    name, title = "copying", "the copying task"
    symbols, blank, sign, span = 8, 8, 9, 10
    input_size, output_size = 10, 9
    at_end = False

    def steps(self, length: int) -> int:
        return length + 2 * self.span

    def draw(
        self, count: int, length: int, generator: torch.Generator, test: bool = False
    ) -> Draw:
        said = torch.randint(self.symbols, (count, self.span), generator=generator)
        heard = torch.full((count, self.steps(length)), self.blank)
        target = heard.clone()
        heard[:, : self.span] = said
        heard[:, -self.span - 1] = self.sign
        target[:, -self.span :] = said
        return Draw(F.one_hot(heard, self.input_size).float(), target)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.flatten(0, 1), target.flatten())

    def baseline(self, length: int) -> float:
        return self.span * math.log(self.symbols) / self.steps(length)

    def mark(self, length: int) -> float:
        return 0.1 * self.baseline(length)


@final
class Digits(Problem):
    """Read a handwritten digit pixel by pixel: scikit-learn's, of 8 x 8 pixels.

    Solved is a mean cross-entropy of 0.3 on images that were not learned from, every
    fifth of all.
    """

    name, title = "digits", "digits, pixel by pixel"
    input_size, output_size = 1, 10
    lengths = (64,)

    def draw(
        self, count: int, length: int, generator: torch.Generator, test: bool = False
    ) -> Draw:
        pixels, digit = _digits()
        which = (torch.arange(len(digit)) % 5 == 0) == test
        pixels, digit = pixels[which], digit[which]
        some = torch.randperm(len(digit), generator=generator)[:count]
        return Draw(pixels[some, :length, None], digit[some])

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    def baseline(self, length: int) -> float:
        return math.log(10)

    def mark(self, length: int) -> float:
        return 0.3


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """Return pixels (1797, 64) in 0..1, and the digits."""
    pixels, digit = load_digits(return_X_y=True)
    pixels = (np.asarray(pixels) / 16).astype(np.float32)
    return torch.from_numpy(pixels), torch.from_numpy(np.asarray(digit)).long()


PROBLEMS: dict[str, Problem] = {p.name: p for p in (Adding(), Copying(), Digits())}
