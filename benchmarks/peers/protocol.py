"""How a worker is asked and answers: JSON lines on stdin and stdout.

The driver starts a worker with the path of a folder that holds ``corpus.npz`` and
``weights.npz``. The worker loads both, builds its engine, and then answers

- ``{"run": "check", "trees": [...]}``: loss, roots' states and norms of gradients on
  one batch from the initial weights, to be compared with other engines';
- ``{"run": "train" | "infer", "batch": 25, "trees": 1000}``: seconds for that many
  trees, batch by batch, collation included.

Needs Python 3.8 and numpy only, so that a peer can live in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple

import numpy as np

Weights = Dict[str, np.ndarray]
RATE = 0.05  # Adagrad's


class Corpus(NamedTuple):
    """Binary trees in flat arrays; each tree's own nodes by height, its root last.

    Attributes:
        offset: (B+1,) tree b has the nodes ``offset[b]:offset[b+1]``.
        left: (V,) a node's first child, as a number within its tree; -1 at leaves.
        right: (V,) the second child.
        height: (V,) 0 at leaves.
        word: (V,) the word at a leaf; -1 elsewhere.
        label: (V,) 0 to 4.
        order: (B,) the trees, shuffled: every engine times the same stretch of these.
    """

    offset: np.ndarray
    left: np.ndarray
    right: np.ndarray
    height: np.ndarray
    word: np.ndarray
    label: np.ndarray
    order: np.ndarray


class Check(NamedTuple):
    """What an engine makes of a batch.

    Attributes:
        loss: summed over nodes, averaged over trees.
        roots: (B, H) states h of the roots.
        norms: of the loss's gradients, by the weights' names.
    """

    loss: float
    roots: np.ndarray
    norms: dict[str, float]


class Engine(ABC):
    """What a peer implements; `trees` are (B,) numbers of trees in the corpus."""

    @abstractmethod
    def train(self, trees: np.ndarray) -> None:
        """Collate, go forward and backward, and make one step of Adagrad."""

    @abstractmethod
    def infer(self, trees: np.ndarray) -> Any:
        """Collate, and return the logits of all nodes."""

    @abstractmethod
    def check(self, trees: np.ndarray) -> Check:
        """Make the loss and its gradients, and step nowhere."""

    def finish(self) -> None:  # noqa: B027 (most engines have nothing to wait for)
        """Wait until all that was begun is done; for engines that run ahead."""


def load(folder: Path) -> tuple[Corpus, Weights]:
    """Read what the driver wrote."""
    with np.load(folder / "corpus.npz") as file:
        corpus = Corpus(**{name: file[name] for name in Corpus._fields})
    with np.load(folder / "weights.npz") as file:
        return corpus, dict(file)


def serve(
    new_engine: Callable[[Corpus, Weights], Engine], versions: dict[str, str]
) -> None:
    """Answer requests until stdin ends."""
    # What libraries print goes to stderr: stdout is for answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    corpus, weights = load(Path(sys.argv[1]))
    engine = new_engine(corpus, weights)
    loaded = _memory("VmRSS")
    answer({"versions": versions})
    for line in sys.stdin:
        request = json.loads(line)
        if request["run"] == "check":
            check = engine.check(np.array(request["trees"]))
            answer({**check._asdict(), "roots": np.asarray(check.roots).tolist()})
        else:
            seconds = _stretch(engine, corpus, request)
            peak = _memory("VmHWM") - loaded
            answer({"seconds": seconds, "memory_mib": round(peak / 1024, 1)})


def _stretch(engine: Engine, corpus: Corpus, request: dict[str, Any]) -> float:
    """Run one engine over a stretch of trees and return the seconds it took."""
    run = engine.train if request["run"] == "train" else engine.infer
    trees, batch = corpus.order[: request["trees"]], request["batch"]
    begin = time.perf_counter()
    for k in range(0, len(trees), batch):
        run(trees[k : k + batch])
    engine.finish()
    return time.perf_counter() - begin


def _memory(field: str) -> int:
    """Return this process's resident memory, now or at most, in KiB; 0 if unknown."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    lines = status.read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))
