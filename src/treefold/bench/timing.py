"""Nodes a second: every way to fold, on the same batches, in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from treefold.cells import Cell
from treefold.data.batching import collate
from treefold.data.corpus import Corpus
from treefold.folding import fold

Algorithm = Literal["recursive", "batched", "fused"]

STRETCH = 0.1  # seconds that are timed at once, where a batch takes less
# Seconds: batches that would take longer are left out. Node by node they are no faster
# for being large.
MOST: dict[Algorithm, float] = {"recursive": 1.0, "batched": 3.0, "fused": 3.0}
SIDE = 2048  # of the matrices of the limit
PRODUCTS = 3  # of them at a time


@dataclass(frozen=True)
class Work:
    """A cell, trees, and the vectors of their tokens."""

    cell: Cell[Any]
    corpus: Corpus
    vectors: Tensor

    def run(self, trees: NDArray, algorithm: Algorithm, *, backward: bool) -> None:
        """Fold a batch, from its trees to states or on to all gradients."""
        batch = collate(self.corpus, trees)
        forest, nodes, rows = batch.forest, batch.nodes, batch.rows
        x = self.vectors[batch.words].requires_grad_(backward)
        with torch.set_grad_enabled(backward):
            h = fold(self.cell, forest, x, nodes, rows=rows, algorithm=algorithm).h
        if backward:
            wanted = [x, *self.cell.parameters()]
            torch.autograd.grad(h, wanted, torch.ones_like(h), allow_unused=True)


@dataclass
class Stretch:
    """One way to fold the batches of one size, and what it took.

    Attributes:
        algorithm: the way.
        backward: whether gradients are made, too.
        batches: the trees of each.
        count: batches that are timed at once.
        done: batches so far; the next begins where the last ended.
        paces: nodes/s, a value a round.
    """

    algorithm: Algorithm
    backward: bool
    batches: list[NDArray]
    count: int = 1
    done: int = 0
    paces: list[float] = field(default_factory=list)

    @property
    def pace(self) -> float:
        """Nodes/s, the median of the rounds."""
        return median(self.paces)

    def time(self, work: Work) -> float:
        """Return nodes/s over `count` batches."""
        total = len(self.batches)
        chosen = [self.batches[(self.done + i) % total] for i in range(self.count)]
        self.done += self.count
        begin = time.perf_counter()
        for trees in chosen:
            work.run(trees, self.algorithm, backward=self.backward)
        seconds = time.perf_counter() - begin
        return sum(int(work.corpus.sizes[trees].sum()) for trees in chosen) / seconds

    def settle(self, work: Work) -> float:
        """Warm up, choose how many batches to time at once, and return nodes/s."""
        nodes = np.mean([work.corpus.sizes[trees].sum() for trees in self.batches])
        pace = 0.0
        for _ in range(2):  # the first is slow for being the first
            pace = self.time(work)
            self.count = max(1, round(STRETCH * pace / nodes))
        return pace


class Limit:
    """The best product of two large square matrices that torch makes.

    Attributes:
        gflops: 10⁹ operations a second, the best so far.
    """

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self._a, self._b = torch.randn(
            2, SIDE, SIDE, generator=generator, dtype=torch.float32
        )
        self._out = torch.empty(SIDE, SIDE, dtype=torch.float32)
        self.gflops = 0.0

    def measure(self) -> None:
        """Time a few products."""
        for _ in range(PRODUCTS):
            begin = time.perf_counter()
            torch.mm(self._a, self._b, out=self._out)
            seconds = time.perf_counter() - begin
            self.gflops = max(self.gflops, 2 * SIDE**3 / seconds / 1e9)


def settled(
    work: Work, batches: dict[int, list[NDArray]], algorithms: list[Algorithm]
) -> list[Stretch]:
    """Return the stretches that are worth timing, warm.

    Args:
        work: what to fold.
        batches: batch size -> the trees of each batch, small sizes first.
        algorithms: the ways.
    """
    found = []
    for algorithm in algorithms:
        for backward in (False, True):
            pace = float("inf")
            for chosen in batches.values():
                most = max(int(work.corpus.sizes[trees].sum()) for trees in chosen)
                if most / pace > MOST[algorithm]:
                    break  # larger ones take longer still
                stretch = Stretch(algorithm, backward, chosen)
                pace = stretch.settle(work)
                found.append(stretch)
    return found


def time_in_turn(
    work: Work,
    stretches: list[Stretch],
    limit: Limit,
    *,
    rounds: int,
    seconds: float,
    progress: bool,
) -> int:
    """Time all stretches, round by round, and return how many rounds there were.

    Args:
        work: what to fold.
        stretches: what to time.
        limit: measured in every round, too.
        rounds: the most; there is one at least.
        seconds: after which no round begins that would not end in time.
        progress: show a bar on standard error.
    """
    begin = time.perf_counter()
    longest = 0.0
    total = rounds * len(stretches)
    with tqdm(total=total, unit="fold", disable=None if progress else True) as bar:
        for number in range(rounds):
            start = time.perf_counter()
            if number and start + longest > begin + seconds:
                return number
            limit.measure()
            for stretch in stretches:
                stretch.paces.append(stretch.time(work))
                bar.update()
            longest = max(longest, time.perf_counter() - start)
    return rounds


@contextmanager
def using(threads: int | None) -> Iterator[int]:
    """Let torch compute on so many threads for a while; None: as many as it does."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
