"""The engines of the Tree-LSTM benchmark: started, compared with ours, and timed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from common import HERE, Worker, WorkerError
from treefold.data import Corpus

FEATURES, CLASSES = 300, 5
BATCHES = (25, 256)
MODES = ("train", "infer")
CELLS = [(mode, batch) for mode in MODES for batch in BATCHES]
SLOW = 2.0  # seconds for one batch: beyond it warming up changes nothing
TOLERANCE = 1e-4  # relative, of losses, states and norms of gradients

OURS = "treefold"
OWN = {
    OURS: ("treefold", "shipped"),
    "batched": ("treefold", "own-cell"),
    "levels": ("levels", "growing"),
    "levels_preallocated": ("levels", "preallocated"),
    "naive": ("naive",),
}
PEERS = ("dgl", "dynet", "jax", "pytorch_tree_lstm", "torchfold")
SUMMED = ("pytorch_tree_lstm",)  # has the child-sum cell only: compared with our own
WHAT = {
    OURS: "treefold",
    "batched": "treefold, a user's own cell",
    "levels": "PyTorch by levels, growing state",
    "levels_preallocated": "PyTorch by levels, preallocated",
    "naive": "PyTorch node by node",
    "dgl": "DGL",
    "dynet": "DyNet, autobatching",
    "jax": "JAX, tuned by hand",
    "pytorch_tree_lstm": "pytorch-tree-lstm (child-sum)",
    "torchfold": "torchfold",
}


@dataclass
class Contender:
    """An engine in its process, and what was measured of it.

    Attributes:
        worker: the process.
        trees: (mode, batch) -> length of the stretch that is timed.
        seconds: (mode, batch) -> what it took, a value a round.
        memory: MiB that training took at its peak, beyond what was loaded.
    """

    worker: Worker
    trees: dict[tuple[str, int], int] = field(default_factory=dict)
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    memory: float = 0.0

    def time(self, cell: tuple[str, int], trees: int) -> float:
        """Return the seconds that a stretch took."""
        mode, batch = cell
        answer = self.worker.ask({"run": mode, "batch": batch, "trees": trees})
        if cell == CELLS[1]:
            self.memory = max(self.memory, answer["memory_mib"])
        return answer["seconds"]

    def settle(self, most: int, target: float, *, compiles: bool) -> None:
        """Warm up, and choose stretches of about `target` seconds.

        Args:
            most: trees in the corpus.
            target: seconds.
            compiles: run the stretch chosen once, so that all its shapes are known.
        """
        for cell in CELLS:
            batch = cell[1]
            seconds = self.time(cell, batch)
            if seconds < SLOW:  # the first was slow for having been the first
                seconds = self.time(cell, batch)
            trees = batch * max(1, round(target / seconds))
            self.trees[cell] = min(trees, most // batch * batch)
            self.seconds[cell] = [seconds] if seconds > SLOW else []
            if compiles and trees > batch:
                self.time(cell, self.trees[cell])

    def rate(self, cell: tuple[str, int]) -> float:
        """Return trees/s, the median of the rounds."""
        return self.trees[cell] / median(self.seconds[cell])


def write_work(folder: Path, corpus: Corpus, words: int, hidden: int) -> None:
    """Write trees and initial weights for the workers."""
    inner = np.diff(corpus.child_offset) == 2
    assert len(corpus.child) == 2 * inner.sum()
    children = np.full((corpus.num_nodes, 2), -1)
    children[inner] = corpus.child.reshape(-1, 2)
    generator = np.random.default_rng(0)
    np.savez(
        folder / "corpus.npz",
        offset=corpus.tree_offset,
        left=children[:, 0],
        right=children[:, 1],
        height=corpus.height.astype(np.int64),
        word=corpus.token.astype(np.int64),
        label=corpus.label.astype(np.int64),
        order=generator.permutation(len(corpus)),
    )
    corpus.save(folder / "trees")

    def uniform(*shape: int) -> np.ndarray:
        bound = hidden**-0.5
        return generator.uniform(-bound, bound, shape).astype(np.float32)

    np.savez(
        folder / "weights.npz",
        embedding=generator.normal(0, 0.1, (words, FEATURES)).astype(np.float32),
        weight_ih=uniform(4 * hidden, FEATURES),
        weight_hh=uniform(5 * hidden, 2 * hidden),
        sum_weight_hh=uniform(4 * hidden, hidden),
        bias=uniform(4 * hidden),
        output=uniform(CLASSES, hidden),
    )


def difference(check: dict[str, Any], reference: dict[str, Any]) -> float:
    """Return the largest relative difference between two engines on a batch."""
    roots, expected = np.array(check["roots"]), np.array(reference["roots"])
    found = [
        abs(check["loss"] / reference["loss"] - 1),
        float(np.abs(roots - expected).max() / np.abs(expected).max()),
    ]
    found += [
        abs(norm / reference["norms"][name] - 1)
        for name, norm in check["norms"].items()
    ]
    return max(found)


def command(name: str, folder: Path, environments: Path) -> list[str | Path]:
    """Return how an engine's process is started."""
    if name in OWN:
        script, *kind = OWN[name]
        return [sys.executable, HERE / "peers" / script / "worker.py", folder, *kind]
    python = environments / name / "bin" / "python"
    if not python.exists():
        raise WorkerError(
            f"there is no {python}; make it with benchmarks/peers/build.sh {name}"
        )
    return [python, HERE / "peers" / name / "worker.py", folder]


def start(
    names: Sequence[str],
    folder: Path,
    environments: Path,
    threads: int,
    batch: list[int],
) -> tuple[dict[str, Contender], dict[str, str]]:
    """Start the engines and compare what they compute.

    Args:
        names: which engines, ours first.
        folder: what `write_work` wrote to.
        environments: where the peers' are.
        threads: for each engine.
        batch: the trees to compare on.

    Returns:
        Those that agree with ours; and for the others, why they are not timed.
    """
    contenders: dict[str, Contender] = {}
    absent: dict[str, str] = {}
    references: dict[bool, dict[str, Any]] = {}
    request = {"run": "check", "trees": batch}
    for name in names:
        with absence(name, absent):
            worker = Worker(command(name, folder, environments), threads)
            contenders[name] = Contender(worker)
    for name, contender in list(contenders.items()):
        with absence(name, absent):
            check = contender.worker.start().ask(request)
            summed = name in SUMMED
            if summed not in references:
                references[summed] = (
                    check if name == OURS else _summed(folder, threads, request)
                )
            off = difference(check, references[summed])
            if not off < TOLERANCE:
                raise WorkerError(
                    f"does not compute what treefold does: differs by {off:.1e}"
                )
        if name in absent:
            contender.worker.stop()
            del contenders[name]
    if OURS not in contenders:
        sys.exit(f"treefold itself does not run: {absent[OURS]}")
    return contenders, absent


def _summed(folder: Path, threads: int, request: dict[str, Any]) -> dict[str, Any]:
    """Return what treefold's child-sum cell makes of a batch."""
    script = HERE / "peers" / "treefold" / "worker.py"
    worker = Worker([sys.executable, script, folder, "sum"], threads).start()
    answer = worker.ask(request)
    worker.stop()
    return answer


@contextlib.contextmanager
def absence(name: str, absent: dict[str, str]) -> Iterator[None]:
    """Note why an engine cannot take part."""
    try:
        yield
    except WorkerError as error:
        absent[name] = str(error)
