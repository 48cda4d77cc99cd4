"""Every cell that is run fused, as a share of what its products allow; and by levels.

    python benchmarks/cells.py [--quick] [--threads 2] [--rounds 5]

The work is that of `treelstm_sst.py`: the treebank's trees, vectors that are trained,
cross-entropy of five classes at every node, Adagrad; here with each cell of
`treefold.cells` that has a compiled walk, at the sizes of the papers. The share is that
of the limit, which is the operations of a cell's products at the pace of the best
2048-cubed product of any library in the same run. "by levels" is the same model in the
fold that takes any cell: a ratio of 2 says that the fused fold is twice as fast.

The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

from common import OUT, Limit, machine, write_lines
from timing import in_turn
from treefold.cells import (
    Cell,
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
    RNTNCell,
)
from treefold.data import Corpus, DataError, load_dataset
from treefold.data.batching import collate
from treefold.models import NodeClassifier
from treefold.training.config import Config
from treefold.training.optim import Optimizer

BATCHES = (25, 256)
CLASSES = 5


class Case(NamedTuple):
    """A cell and the multiplications of its products.

    Attributes:
        make: the cell.
        leaf: of a leaf's input.
        inner: of an inner node, with two children.
    """

    make: Callable[[], Cell[Any]]
    leaf: int
    inner: int


I, H, D, T = 300, 150, 50, 30  # noqa: E741  # the papers' sizes
CASES = {
    "tree-lstm": Case(lambda: NaryTreeLSTMCell(I, H), 3 * H * I, 10 * H * H),
    "sum-lstm": Case(lambda: ChildSumTreeLSTMCell(I, H), 3 * H * I, 5 * H * H),
    "tree-gru": Case(lambda: NaryTreeGRUCell(I, H), 2 * H * I, 10 * H * H),
    "sum-gru": Case(lambda: ChildSumTreeGRUCell(I, H), 2 * H * I, 6 * H * H),
    "recursive": Case(lambda: RecursiveCell(D, D), 0, 2 * D * D),
    "rntn": Case(lambda: RNTNCell(T, T), 0, 2 * T * T + 4 * T**3),
}


def own(cell: Cell[Any]) -> Cell[Any]:
    """Return the cell as a user's: of a class that no compiled walk knows."""
    cell.__class__ = type("Own", (type(cell),), {})
    return cell


def stepping(
    cell: Cell[Any], words: int, corpus: Corpus, batches: list[np.ndarray]
) -> dict[str, Callable[[], object]]:
    """Return what trains a classifier of nodes on the batches, and what infers them."""
    model = NodeClassifier(cell, words, CLASSES)
    config = Config(optimizer="adagrad", learning_rate=0.05, l2=0.0)
    optimizer = Optimizer(model, config)

    def train() -> None:
        for trees in batches:
            model.loss(collate(corpus, trees)).backward()
            optimizer.step(0.0)
            optimizer.zero_grad()

    @torch.no_grad()
    def infer() -> None:
        for trees in batches:
            model(collate(corpus, trees))

    return {"train": train, "infer": infer}


def flops(case: Case, corpus: Corpus, batches: list[np.ndarray]) -> float:
    """Return the floating-point operations of the products in a forward pass."""
    nodes, leaves = 0, 0
    for trees in batches:
        forest = collate(corpus, trees).forest
        nodes += forest.num_nodes
        leaves += len(forest.leaves)
    output = nodes * case.make().hidden_size * CLASSES
    return 2.0 * (leaves * case.leaf + (nodes - leaves) * case.inner + output)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="three rounds, less work in each")
    add("--rounds", type=int, help="5 by default, 3 with --quick")
    add("--threads", type=int, default=2)
    add("--json", type=Path, nargs="?", const=OUT / "cells.jsonl")
    args = parser.parse_args(arguments)
    try:
        dataset = load_dataset("sst")
    except DataError as error:
        sys.exit(str(error))
    corpus, words = dataset.train, len(dataset.vocabulary)
    rounds = args.rounds or (3 if args.quick else 5)
    torch.set_num_threads(args.threads)
    facts = machine(args.threads)
    print(f"{facts['processor']}, {facts['cores']} cores, {args.threads} threads")

    order = np.random.default_rng(0).permutation(len(corpus))[
        : 256 if args.quick else 1024
    ]
    steps, work = dict[str, Callable[[], object]](), dict[str, float]()
    for batch in BATCHES:
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        for name, case in CASES.items():
            for way, cell in (("fused", case.make()), ("levels", own(case.make()))):
                for mode, step in stepping(cell, words, corpus, batches).items():
                    steps[f"{name} {mode} {batch} {way}"] = step
            forward = flops(case, corpus, batches)
            work |= {f"{name} train {batch}": 3 * forward}
            work |= {f"{name} infer {batch}": forward}

    limit = Limit(args.threads).start()
    limit.measure()
    seconds = {name: median(found) for name, found in in_turn(steps, rounds).items()}
    limit.measure()
    limit.stop()

    columns = [f"{mode} {batch}" for mode in ("train", "infer") for batch in BATCHES]
    print(f"\n{'trees/s (share; over levels)':30}", end="")
    print("".join(f"{column:>26}" for column in columns))
    found = dict[str, float]()
    for name in CASES:
        print(f"{name:30}", end="")
        for column in columns:
            cell = f"{name} {column}"
            fused, levels = seconds[f"{cell} fused"], seconds[f"{cell} levels"]
            share = work[cell] / fused / limit.best / 1e9
            shown = f"{len(order) / fused:,.0f} ({share:.0%}; {levels / fused:.1f}x)"
            print(f"{shown:>26}", end="")
            key = cell.replace("-", "_").replace(" ", "_")
            found |= {f"{key}_share": round(share, 3)}
            found |= {f"{key}_over_levels": round(levels / fused, 2)}
        print()
    paces = ", ".join(f"{name} {pace:.0f}" for name, pace in limit.gflops.items())
    print(f"\nGFLOP/s of the best 2048-cubed product: {paces}")
    if args.json:
        write_lines(args.json, [facts, {"seconds": seconds}, found])
        print(f"wrote {args.json}")
    print(json.dumps({"benchmark": "cells", **found}))


if __name__ == "__main__":
    main()
