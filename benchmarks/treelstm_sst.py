"""Trees per second of a Tree-LSTM on the sentiment treebank, beside everything else.

    python benchmarks/treelstm_sst.py [--quick] [--threads 2] [--hidden 150]
        [--peers dgl dynet jax pytorch_tree_lstm torchfold] [--environments FOLDER]

The work: the treebank's 8,544 binary trees, a binary Tree-LSTM with inputs of 300
(random vectors, trained) and states of 150 features, cross-entropy of five classes at
every node, Adagrad. A training step is collation, forward, backward and the optimizer's
step; inference is collation and the logits of all nodes. Every engine runs in a process
of its own, from the same weights; its loss, states and gradients on one batch must
agree with treefold's before it is timed. Rounds go through all engines in turn, and
medians over the rounds are reported. The limit is what the products alone would take at
the pace of the best 2048-cubed product of any library in the same run.

The last line of output is one JSON object. `peers/README.md` tells how the peers'
environments are made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import OUT, Limit, draw_bars, machine, write_lines
from engines import (
    BATCHES,
    CELLS,
    CLASSES,
    FEATURES,
    OURS,
    OWN,
    PEERS,
    SLOW,
    WHAT,
    Contender,
    absence,
    start,
    write_work,
)
from treefold.data import Corpus, DataError, load_dataset


def work(corpus: Corpus, hidden: int) -> float:
    """Return the floating-point operations of the products in an epoch's forward."""
    leaves = int((corpus.height == 0).sum())
    inner = corpus.num_nodes - leaves
    return 2.0 * (
        leaves * FEATURES * 3 * hidden
        + inner * 2 * hidden * 5 * hidden
        + corpus.num_nodes * hidden * CLASSES
    )


def run_rounds(
    contenders: dict[str, Contender],
    absent: dict[str, str],
    limit: Limit,
    most: int,
    *,
    rounds: int,
    quick: bool,
) -> None:
    """Time every engine once a round; one that fails drops out and is named."""
    for name, contender in contenders.items():
        with absence(name, absent):
            contender.settle(most, 0.2 if quick else 1.0, compiles=name in PEERS)
    for number in range(rounds):
        limit.measure()
        turn = list(contenders.items())
        begin = number % len(turn)  # nobody is always first
        for name, contender in turn[begin:] + turn[:begin]:
            if name in absent:
                continue
            with absence(name, absent):
                for cell, trees in contender.trees.items():
                    taken = contender.seconds[cell]
                    if quick and taken and taken[0] > SLOW:
                        continue  # node by node: once must do
                    taken.append(contender.time(cell, trees))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    for name in absent:
        contenders.pop(name, None)
    if OURS in absent:
        sys.exit(f"treefold itself failed: {absent[OURS]}")


def ratios(
    contenders: dict[str, Contender], most: dict[str, float]
) -> dict[str, float]:
    """Return our shares of the limit, and our pace in training over the others'."""
    ours = contenders[OURS]
    found = {
        f"{mode}_share_{batch}": ours.rate((mode, batch)) / most[mode]
        for mode, batch in CELLS
    }
    for name, contender in contenders.items():
        if name != OURS:
            for batch in BATCHES:
                cell = ("train", batch)
                found[f"vs_{name}_{batch}"] = ours.rate(cell) / contender.rate(cell)
    return {name: round(value, 3) for name, value in found.items()}


def print_table(
    contenders: dict[str, Contender],
    absent: dict[str, str],
    limit: Limit,
    most: dict[str, float],
) -> None:
    """Print trees/s of every engine, and its share of the limit."""
    heads = [f"{mode} {batch}" for mode, batch in CELLS]
    print(f"\n{'trees/s (share of the limit)':34}", end="")
    print("".join(f"{head:>16}" for head in heads) + f"{'memory MiB':>12}")
    for name, contender in contenders.items():
        rates = [(contender.rate(cell), most[cell[0]]) for cell in CELLS]
        shown = "".join(f"{rate:8,.0f} ({rate / top:4.0%})" for rate, top in rates)
        print(f"{WHAT[name]:34}{shown}{contender.memory:12,.0f}")
    print(
        f"{'the limit':34}" + "".join(f"{most[mode]:9,.0f}       " for mode, _ in CELLS)
    )
    paces = ", ".join(f"{name} {pace:.0f}" for name, pace in limit.gflops.items())
    print(f"\nGFLOP/s of the best 2048-cubed product: {paces}")
    print("memory: of a training step at batch 256, beyond what was loaded")
    for name, why in {**limit.absent, **absent}.items():
        print(f"not run: {WHAT.get(name, name)}: {why}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Trees/s of a Tree-LSTM on SST, beside every peer."
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a rougher answer, without the peers")
    add("--rounds", type=int, help="5 by default, 3 with --quick")
    add("--threads", type=int, default=2)
    add("--hidden", type=int, default=150)
    add("--peers", nargs="*", choices=PEERS, help="which; all by default")
    add("--environments", type=Path, default=OUT / "environments", metavar="FOLDER")
    add("--json", type=Path, nargs="?", const=OUT / "treelstm_sst.jsonl")
    add("--picture", type=Path, nargs="?", const=OUT / "treelstm_sst.svg")
    args = parser.parse_args(arguments)
    peers = args.peers if args.peers is not None else ([] if args.quick else PEERS)

    try:
        dataset = load_dataset("sst")
    except DataError as error:
        sys.exit(str(error))
    corpus = dataset.train
    facts = machine(args.threads)
    flops = work(corpus, args.hidden)
    print(f"{facts['processor']}, {facts['cores']} cores, {args.threads} threads")
    print(", ".join(f"{name} {found}" for name, found in facts["versions"].items()))
    print(
        f"{len(corpus):,} trees, {corpus.num_nodes:,} nodes, hidden {args.hidden}: "
        f"{flops / 1e9:.1f} GFLOP forward, {3 * flops / 1e9:.1f} with backward",
        flush=True,
    )

    limit = Limit(args.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_work(folder, corpus, len(dataset.vocabulary), args.hidden)
        first = np.random.default_rng(1).choice(len(corpus), BATCHES[0], replace=False)
        contenders, absent = start(
            [*OWN, *peers], folder, args.environments, args.threads, first.tolist()
        )
        limit.start()
        begin = time.perf_counter()
        run_rounds(
            contenders,
            absent,
            limit,
            len(corpus),
            rounds=args.rounds or (3 if args.quick else 5),
            quick=args.quick,
        )
        facts["seconds"] = round(time.perf_counter() - begin, 1)
    limit.stop()
    for contender in contenders.values():
        contender.worker.stop()

    epoch = {"infer": flops, "train": 3 * flops}
    most = {mode: limit.best * 1e9 * len(corpus) / work for mode, work in epoch.items()}
    print_table(contenders, absent, limit, most)
    facts.update(gflops=limit.gflops, absent=absent, hidden=args.hidden)
    if args.json:
        write_lines(args.json, [facts, *lines(contenders, most)])
        print(f"wrote {args.json}")
    if args.picture:
        panels = {
            f"{mode}, batch {batch}": {
                WHAT[name]: c.rate((mode, batch)) for name, c in contenders.items()
            }
            for mode, batch in CELLS
        }
        draw_bars(
            args.picture,
            panels,
            {f"{mode}, batch {batch}": most[mode] for mode, batch in CELLS},
            unit="trees/s",
            title=f"Tree-LSTM {FEATURES}/{args.hidden} on SST, {args.threads} threads; "
            "dashed: the limit of the products",
        )
        print(f"wrote {args.picture}")
    print(json.dumps({"benchmark": "treelstm_sst", **ratios(contenders, most)}))


def lines(
    contenders: dict[str, Contender], most: dict[str, float]
) -> list[dict[str, Any]]:
    """Return a row for every engine, way and batch size."""
    return [
        {
            "engine": name,
            "run": mode,
            "batch": batch,
            "trees": contender.trees[mode, batch],
            "seconds": contender.seconds[mode, batch],
            "trees_per_second": round(contender.rate((mode, batch)), 1),
            "share": round(contender.rate((mode, batch)) / most[mode], 4),
            "memory_mib": contender.memory,
            "versions": contender.worker.hello["versions"],
        }
        for name, contender in contenders.items()
        for mode, batch in CELLS
    ]


if __name__ == "__main__":
    main()
