"""How fast a cell is folded on this machine, and how near to the limit.

`measure` times every way to fold; `treefold.report.write_bench_page` draws what it
found.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any, get_args

import numpy as np
import torch

import treefold
from treefold.bench.schedule import filled
from treefold.bench.timing import (
    MOST,
    Algorithm,
    Limit,
    Stretch,
    Work,
    settled,
    time_in_turn,
    using,
)
from treefold.bench.work import BACKWARD, Products, products
from treefold.cells import Cell
from treefold.data.batching import collate
from treefold.data.corpus import Corpus
from treefold.folding.fused.tile import ROWS
from treefold.report.bench import ALGORITHMS, MODES, Benchmark, Size

__all__ = ["SIZES", "measure"]

SIZES = (1, 4, 16, 64, 256)
UNSTEADY = 1.5  # the best round over the worst, where there must be a reason
TREES = 1024  # those that batches are drawn from: more would tell no more


def measure(
    cell: Cell[Any],
    corpus: Corpus,
    *,
    title: str = "",
    sizes: Sequence[int] | None = None,
    threads: int | None = None,
    rounds: int = 5,
    seconds: float = 25.0,
    command: str = "",
    progress: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Benchmark:
    """Time the folds of a cell over batches of trees, on the processor, in float32.

    Every way to fold that serves the cell gets the same batches, in turn: node by node
    (while that takes no longer than a few seconds), level by level, and fused.

    Args:
        cell: any; its weights are left as they are.
        corpus: the trees; their words get random vectors.
        title: of the report.
        sizes: trees in a batch, by default `SIZES`; those larger than the corpus are
            left out.
        threads: of the processor; None: as many as torch takes.
        rounds: the most that medians are taken over.
        seconds: after which no further round begins.
        command: what a report says to type to get all this again.
        progress: show a bar on standard error.
        say: takes lines of news.

    Raises:
        ValueError: no trees, or a cell and trees that do not fit each other.
    """
    if not len(corpus):
        raise ValueError("there are no trees to fold")
    random = np.random.default_rng(0)
    facts = _of_corpus(corpus)
    trees = random.permutation(len(corpus))[:TREES]
    corpus = corpus[np.sort(trees)]
    sizes = [size for size in sorted(sizes or SIZES) if size <= len(corpus)] or [1]
    batches = {size: _draw(random, len(corpus), size) for size in sizes}
    generator = torch.Generator().manual_seed(0)
    shape = len(corpus.tokens), cell.input_size
    vectors = torch.randn(*shape, generator=generator, dtype=torch.float32) * 0.1
    work = Work(deepcopy(cell).float(), corpus, vectors)

    with using(threads) as used:
        limit = Limit()
        say(
            "Warming up. What is compiled at the first use on a machine, which may "
            "take a minute, is kept on disk."
        )
        algorithms, notes = _serving(work, batches[sizes[0]][0])
        stretches = settled(work, batches, algorithms)
        say(
            f"Measuring on {used} thread{'s' * (used != 1)}, for half a minute at most."
        )
        done = time_in_turn(
            work, stretches, limit, rounds=rounds, seconds=seconds, progress=progress
        )
    formula = products(cell)
    if formula is None:
        notes.append(
            f"The products of {type(cell).__name__} are not known, nor is the limit."
        )
    notes += _left_out(stretches, sizes) + _unsteady(stretches)
    return Benchmark(
        title or f"{type(cell).__name__}, measured",
        [
            _size(work, batches[size], formula, limit.gflops, stretches, used)
            for size in sizes
        ],
        limit.gflops,
        ROWS,
        {
            "cell": f"{type(cell).__name__}({cell.extra_repr()})",
            **facts,
            "rounds": f"{done}",
            "threads": f"{used}",
            "processor": _processor(),
            "cores": f"{os.cpu_count()}",
            "treefold": treefold.__version__,
            "torch": torch.__version__,
        },
        notes,
        command,
    )


def _draw(random: np.random.Generator, total: int, size: int) -> list[np.ndarray]:
    """Draw batches, more of small ones, whose trees differ more."""
    count = max(4, 256 // size)
    return [random.choice(total, size, replace=False) for _ in range(count)]


def _serving(work: Work, trees: np.ndarray) -> tuple[list[Algorithm], list[str]]:
    """Return the ways to fold that serve the cell, and why others do not."""
    ways: list[Algorithm] = ["recursive", "batched"]
    for way in ways:
        work.run(trees, way, backward=True)
    try:
        for backward in (False, True):
            work.run(trees, "fused", backward=backward)
    except ValueError as error:
        return ways, [f"Not fused: {error}"]
    return [*ways, "fused"], []


def _left_out(stretches: list[Stretch], sizes: Sequence[int]) -> list[str]:
    """Say which batches took too long to be timed."""
    notes = []
    for way in get_args(Algorithm):
        for backward, mode in enumerate(MODES):
            of_way = [
                s for s in stretches if (s.algorithm, s.backward) == (way, backward)
            ]
            if 0 < len(of_way) < len(sizes):
                largest = max(len(s.batches[0]) for s in of_way)
                notes.append(
                    f"{ALGORITHMS[way].capitalize()}, {mode}: batches of more than "
                    f"{largest} would take longer than {MOST[way]:g} s each, and were "
                    "left out."
                )
    return notes


def _unsteady(stretches: list[Stretch]) -> list[str]:
    """Say whether the rounds differ so much that something else must be running."""
    spread = median(max(s.paces) / min(s.paces) for s in stretches)
    if spread < UNSTEADY:
        return []
    return [
        f"The rounds differ by a factor of {spread:.1f}: something else uses the "
        "processor, and the figures are lower than they would be without it."
    ]


def _size(
    work: Work,
    batches: list[np.ndarray],
    formula: Products | None,
    gflops: float,
    stretches: list[Stretch],
    threads: int,
) -> Size:
    """Put together what is known of the batches of one size."""
    levels = [collate(work.corpus, trees).forest.levels.sizes[1:] for trees in batches]
    rows = sum(int(sizes.sum()) for sizes in levels)
    count = sum(len(sizes) for sizes in levels)
    full = [filled(sizes.tolist(), threads) for sizes in levels]
    together = work.corpus[np.concatenate(batches)]
    limit: dict[str, float] = {}
    if formula is not None and (flops := formula.operations(together)):
        forward = gflops * 1e9 * together.num_nodes / flops
        limit |= zip(MODES, (forward, forward / BACKWARD), strict=True)
    paces: dict[str, dict[str, float]] = {mode: {} for mode in MODES}
    for s in stretches:
        if s.batches is batches:
            paces[MODES[s.backward]][s.algorithm] = s.pace
    return Size(
        trees=len(batches[0]),
        nodes=together.num_nodes / len(batches),
        levels=count / len(batches),
        rows=rows / max(count, 1),
        filled=float(np.average(full, weights=[int(s.sum()) + 1 for s in levels])),
        limit=limit,
        pace=paces,
    )


def _of_corpus(corpus: Corpus) -> dict[str, str]:
    words = len(np.unique(corpus.token[corpus.token >= 0]))
    return {
        "trees": f"{len(corpus):,}",
        "nodes a tree": f"{corpus.num_nodes / len(corpus):.1f}",
        "height of a tree": f"{corpus.height[corpus.roots].mean():.1f}",
        "distinct words": f"{words:,}",
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = (line.split(":")[1].strip() for line in lines if "model name" in line)
    return next(names, platform.processor() or platform.machine())
