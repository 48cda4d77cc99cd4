"""Time and memory of forward and backward against the number of nodes.

    python benchmarks/scaling.py [--quick] [--threads 2] [--picture]

Forests of random binary trees of 37 nodes on average, from 10,000 nodes to ten million,
and one chain of 1,000 to a million steps, both with a Tree-LSTM of 8 features; and the
trees again with inputs of 300 and states of 150, as far as memory goes. Every size has
a process of its own; memory is its peak beyond what it held after a first small fold:
the forest, the inputs, the states and all that backward needs. The exponents are slopes
of straight lines through the logarithms: 1 means that twice the nodes take twice as
much. The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common import HERE, OUT, Worker, WorkerError, machine, write_lines

NODES_A_TREE = 37
SEEN = 2  # MiB from which a peak can be told from chance


class Series(NamedTuple):
    """Forests of one kind, from small to large.

    Attributes:
        what: in words.
        kind: for the worker.
        features: I.
        hidden: H.
        nodes: about how many, in each.
    """

    what: str
    kind: str
    features: int
    hidden: int
    nodes: tuple[int, ...]


SERIES = {
    "trees": Series(
        "trees, 8 features", "trees", 8, 8, tuple(10**k for k in range(4, 8))
    ),
    "wide": Series(
        "trees, 300 and 150 features", "trees", 300, 150, (10_000, 100_000, 1_000_000)
    ),
    "chain": Series(
        "one chain, 8 features", "chain", 8, 8, tuple(10**k for k in range(3, 7))
    ),
}


def measure(series: Series, nodes: int, threads: int, rounds: int) -> dict[str, Any]:
    """Run a forest in a process of its own.

    Raises:
        WorkerError: it died, as for want of memory.
    """
    size = max(1, nodes // NODES_A_TREE) if series.kind == "trees" else nodes
    script = HERE / "forest_worker.py"
    arguments = [series.kind, str(size), str(series.features), str(series.hidden)]
    worker = Worker([sys.executable, script, *arguments], threads)
    try:
        hello = worker.start(timeout=300).hello
        # The peak is taken after one run; what later ones reuse is no longer counted.
        first = worker.ask({"run": "train", "repeat": 1})
        repeat = max(1, min(50, round(0.2 / first["seconds"])))
        seconds = [
            worker.ask({"run": "train", "repeat": repeat})["seconds"]
            for _ in range(rounds)
        ]
    finally:
        worker.stop()
    return {**hello, "seconds": seconds, "memory_mib": first["memory_mib"]}


def exponent(nodes: Sequence[float], taken: Sequence[float]) -> float:
    """Return the slope of a straight line through the logarithms."""
    slope, _ = np.polyfit(np.log(nodes), np.log(taken), 1)
    return round(float(slope), 3)


def exponents(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the exponents of one series' time and memory by their keys."""
    prefix = "" if name == "trees" else f"{name}_"
    # Less than that fits into what the process held before.
    seen = [row for row in rows if row["memory_mib"] >= SEEN]
    fitted = (("time", "median", rows), ("memory", "memory_mib", seen))
    return {
        f"{prefix}{what}_exponent": exponent(
            [row["nodes"] for row in used], [row[field] for row in used]
        )
        for what, field, used in fitted
        if len(used) > 1
    }


def draw(path: Path, rows: Sequence[dict[str, Any]], threads: int) -> None:
    """Draw seconds and MiB against nodes, with a line of slope 1 to compare."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for axis, field, unit in zip(
        axes, ("median", "memory_mib"), ("seconds", "MiB"), strict=True
    ):
        for name, series in SERIES.items():
            # What is too small to be seen, a measured 0, has no logarithm.
            mine = [r for r in rows if r["series"] == name and r[field] > 0]
            if mine:
                points = zip(*((r["nodes"], r[field]) for r in mine), strict=True)
                axis.loglog(*points, "o-", label=series.what)
        low, high = min(r["nodes"] for r in rows), max(r["nodes"] for r in rows)
        end = max(*(row[field] for row in rows if row["nodes"] == high), 1e-3)
        axis.loglog(
            [low, high], [end * low / high, end], ls="--", c="gray", label="linear"
        )
        axis.set_xlabel("nodes")
        axis.set_ylabel(unit)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=8, frameon=False)
    figure.suptitle(f"Forward and backward of a Tree-LSTM, {threads} threads")
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Time and memory of a fold against the number of nodes."
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="one round, a million nodes at most")
    add("--rounds", type=int, help="3 by default, 1 with --quick")
    add("--threads", type=int, default=2)
    add("--most", type=int, help="nodes of the largest forest")
    add("--series", nargs="*", choices=SERIES, default=list(SERIES))
    add("--json", type=Path, nargs="?", const=OUT / "scaling.jsonl")
    add("--picture", type=Path, nargs="?", const=OUT / "scaling.svg")
    args = parser.parse_args(arguments)
    most = args.most or (10**6 if args.quick else 10**7)
    rounds = args.rounds or (1 if args.quick else 3)
    facts = machine(args.threads)
    print(f"{facts['processor']}, {facts['cores']} cores, {args.threads} threads")
    print(", ".join(f"{name} {found}" for name, found in facts["versions"].items()))
    print(f"\n{'':30}{'nodes':>12}{'levels':>10}{'s':>9}{'us/node':>9}", end="")
    print(f"{'MiB':>9}{'B/node':>8}")

    rows: list[dict[str, Any]] = []
    found: dict[str, float] = {}
    for name in args.series:
        series = SERIES[name]
        # Compiling takes memory: let it be done where that does not count.
        measure(series, NODES_A_TREE, args.threads, 1)
        for nodes in series.nodes:
            if nodes > most or (args.quick and name == "wide" and nodes > 10**5):
                continue
            try:
                row = measure(series, nodes, args.threads, rounds)
            except WorkerError as error:
                print(f"{series.what:30}{nodes:12,}  not run: {error}")
                continue
            row |= {"series": name, "median": statistics.median(row["seconds"])}
            rows.append(row)
            print(
                f"{series.what:30}{row['nodes']:12,}{row['levels']:10,}"
                f"{row['median']:9.3f}{1e6 * row['median'] / row['nodes']:9.2f}"
                f"{row['memory_mib']:9,.0f}"
                f"{row['memory_mib'] * 2**20 / row['nodes']:8,.0f}",
                flush=True,
            )
        found |= exponents(name, [row for row in rows if row["series"] == name])
    for row in rows:
        if row["series"] == "chain" and row["nodes"] == 10**6:
            found["chain_1e6_seconds"] = round(row["median"], 3)
    if args.json:
        write_lines(args.json, [facts, *rows])
        print(f"wrote {args.json}")
    if args.picture and rows:
        draw(args.picture, rows, args.threads)
        print(f"wrote {args.picture}")
    print(json.dumps({"benchmark": "scaling", **found}))


if __name__ == "__main__":
    main()
