"""Shapes that are unlike a batch of sentences: one tree, a comb; and ways to run one.

The parts of `chains.py` that have no rival in torch.nn. Each prints what it finds and
returns it by the keys of the JSON object.
"""

from __future__ import annotations

import statistics
import sys
from typing import Literal

import numpy as np
import torch

import shapes
from common import HERE, Worker
from shapes import binary_tree, binary_trees, node_by_node
from timing import medians
from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell

INPUT, HIDDEN = 300, 150
COMB = 10_000  # leaves
THREADS = (1, 2, 4)
Algorithm = Literal["fused", "batched"]


def one_tree(rounds: int, quick: bool) -> dict[str, float]:
    """Forward through one tree of 37 nodes, made into a forest each time."""
    del quick
    torch.manual_seed(0)
    cell = NaryTreeLSTMCell(INPUT, HIDDEN)
    parents = np.array(binary_tree(19, np.random.default_rng(0)))
    forest = Forest.from_parents(parents).sort()[0]
    x = torch.randn(19, INPUT)

    def from_scratch() -> None:
        tree = Forest.from_parents(parents).sort()[0]
        fold(cell, tree, x, tree.leaves)

    steps = {
        "latency_ms": from_scratch,
        "latency_fold_ms": lambda: fold(cell, forest, x, forest.leaves),
        "latency_loop_ms": lambda: node_by_node(cell, forest, x),
    }
    with torch.no_grad():
        off = fold(cell, forest, x, forest.leaves).h - node_by_node(cell, forest, x)
        assert float(off.abs().max()) < 1e-5
        found = {name: 1e3 * s for name, s in medians(steps, rounds).items()}
    print(
        f"\none tree of 37 nodes, forward: {found['latency_ms']:.3f} ms from its "
        f"parents, {found['latency_fold_ms']:.3f} ms the fold, "
        f"{found['latency_loop_ms']:.3f} ms node by node in PyTorch"
    )
    return {name: round(ms, 4) for name, ms in found.items()}


def comb(rounds: int, quick: bool) -> dict[str, float]:
    """Forward and backward through the highest tree of 10,000 leaves."""
    torch.manual_seed(0)
    cell = NaryTreeLSTMCell(INPUT, HIDDEN)
    forest = shapes.comb(COMB)
    x = torch.randn(COMB, INPUT, requires_grad=True)

    def train(algorithm: Algorithm) -> None:
        state = fold(cell, forest, x, forest.leaves, algorithm=algorithm)
        state.h[forest.roots].sum().backward()
        for tensor in (x, *cell.parameters()):
            tensor.grad = None

    steps = {
        "comb_fused_s": lambda: train("fused"),
        "comb_generic_s": lambda: train("batched"),
    }
    found = medians(steps, 1 if quick else rounds)
    print(
        f"\ncomb of {COMB:,} leaves, forward and backward: "
        f"{found['comb_fused_s']:.3f} s fused, {found['comb_generic_s']:.3f} s generic"
    )
    return {name: round(seconds, 4) for name, seconds in found.items()}


def threads_compared(rounds: int, quick: bool) -> dict[str, float]:
    """Random trees on 1, 2 and 4 threads, each in a process of its own."""
    del quick
    work = HERE / "forest_worker.py"
    cases = [(count, batch) for count in THREADS for batch in (25, 256)]
    workers = {
        (count, batch): Worker(
            [sys.executable, work, "trees", str(batch), str(INPUT), str(HIDDEN)], count
        )
        for count, batch in cases
    }
    rates: dict[str, list[float]] = {}
    for worker in workers.values():
        worker.start()
    for number in range(rounds + 1):
        for (count, batch), worker in workers.items():
            for mode in ("train", "infer"):
                request = {"run": mode, "repeat": 640 // batch}
                seconds = worker.ask(request)["seconds"]
                if number:  # the first round warms up
                    key = f"threads_{count}_{batch}_{mode}"
                    rates.setdefault(key, []).append(batch / seconds)
    for worker in workers.values():
        worker.stop()
    found = {key: statistics.median(values) for key, values in rates.items()}
    print(
        f"\n{'trees/s, random trees of 37 nodes':40}"
        + "".join(f"{count:>7} threads" for count in THREADS)
    )
    for mode in ("train", "infer"):
        for batch in (25, 256):
            row = [found[f"threads_{count}_{batch}_{mode}"] for count in THREADS]
            print(f"{mode} {batch:<34}" + "".join(f"{rate:15,.0f}" for rate in row))
    return {key: round(rate, 1) for key, rate in found.items()}


def bfloat16(rounds: int, quick: bool) -> dict[str, float]:
    """What autocast to bfloat16 costs or brings; it takes the level-by-level fold."""
    found: dict[str, float] = {}
    print(f"\n{'256 random trees, forward and backward':40}{'float32':>10}", end="")
    print(f"{'by levels':>11}{'bfloat16':>10}{'off by: h':>12}{'gradient':>10}")
    for hidden in (HIDDEN,) if quick else (HIDDEN, 512):
        torch.manual_seed(0)
        cell = NaryTreeLSTMCell(INPUT, hidden)
        forest = binary_trees(256)
        x = torch.randn(len(forest.leaves), INPUT, requires_grad=True)

        def run(
            algorithm: Algorithm | None, autocast: bool, cell=cell, forest=forest, x=x
        ) -> tuple[torch.Tensor, torch.Tensor]:
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                h = fold(cell, forest, x, forest.leaves, algorithm=algorithm).h
                h[forest.roots].float().sum().backward()
            gradient = cell.weight_hh.grad
            assert gradient is not None
            for tensor in (x, *cell.parameters()):
                tensor.grad = None
            return h.detach().float(), gradient.float()

        exact, rough = run(None, False), run(None, True)
        off = [
            float((r - e).norm() / e.norm()) for e, r in zip(exact, rough, strict=True)
        ]
        seconds = medians(
            {
                "fused": lambda run=run: run(None, False),
                "levels": lambda run=run: run("batched", False),
                "bfloat16": lambda run=run: run(None, True),
            },
            rounds,
        )
        shown = "".join(
            f"{1e3 * seconds[name]:{width}.1f}"
            for name, width in (("fused", 10), ("levels", 11), ("bfloat16", 10))
        )
        print(f"hidden {hidden}, ms{'':{30 - len(str(hidden))}}{shown}", end="")
        print(f"{off[0]:12.1e}{off[1]:10.1e}")
        found |= {
            f"bfloat16_{hidden}": round(seconds["fused"] / seconds["bfloat16"], 3),
            f"bfloat16_over_levels_{hidden}": round(
                seconds["levels"] / seconds["bfloat16"], 3
            ),
            f"bfloat16_error_h_{hidden}": float(f"{off[0]:.2e}"),
            f"bfloat16_error_gradient_{hidden}": float(f"{off[1]:.2e}"),
        }
    return found
