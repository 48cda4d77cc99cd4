"""A worker that times a fold over one forest, and says how much memory it took.

    python benchmarks/forest_worker.py trees|chain SIZE INPUT HIDDEN

SIZE is a number of random binary trees, or of steps. Inputs are at the leaves of trees
and at every step of a chain. It answers JSON lines, see `common.Worker`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from shapes import binary_trees, chain
from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell

KINDS = {"trees": (binary_trees, 2), "chain": (chain, 1)}


class Work:
    """One forest, a Tree-LSTM and random inputs."""

    def __init__(self, forest: Forest, cell: NaryTreeLSTMCell):
        self.forest, self.cell = forest, cell
        self.nodes = None if cell.max_arity == 1 else forest.leaves
        rows = forest.num_nodes if self.nodes is None else len(self.nodes)
        self.x = torch.randn(rows, cell.input_size, requires_grad=True)

    def infer(self) -> None:
        with torch.no_grad():
            fold(self.cell, self.forest, self.x, self.nodes)

    def train(self) -> None:
        state = fold(self.cell, self.forest, self.x, self.nodes)
        state.h[self.forest.roots].sum().backward()
        for tensor in (self.x, *self.cell.parameters()):
            tensor.grad = None


def peak() -> float:
    """Return the most memory that this process has held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the most of who started us
        lines = status.read_text().splitlines()
        return next(int(s.split()[1]) for s in lines if s.startswith("VmHWM")) / 2**10
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found / 2 ** (20 if sys.platform == "darwin" else 10)


def main() -> None:
    kind, *sizes = sys.argv[1:5]
    size, features, hidden = map(int, sizes)
    make, arity = KINDS[kind]
    torch.manual_seed(0)
    cell = NaryTreeLSTMCell(features, hidden, arity=arity)
    if "compile" not in sys.argv:
        # What compilation takes at its peak would hide what the fold takes: it is left
        # to a process of its own, and the code is read from disk.
        subprocess.run([sys.executable, *sys.argv, "compile"], check=True)
    warm = Work(make(2), cell)
    warm.infer()
    warm.train()
    if "compile" in sys.argv:
        return
    before = peak()
    forest = make(size)
    work = Work(forest, cell)
    print(
        json.dumps({"nodes": forest.num_nodes, "levels": len(forest.levels)}),
        flush=True,
    )
    for line in sys.stdin:
        request = json.loads(line)
        run = getattr(work, request["run"])
        begin = time.perf_counter()
        for _ in range(request["repeat"]):
            run()
        seconds = (time.perf_counter() - begin) / request["repeat"]
        answer = {"seconds": seconds, "memory_mib": peak() - before}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
