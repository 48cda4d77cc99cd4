"""Every model over structures against the node-by-node code that it replaces.

    python benchmarks/structures.py
    python benchmarks/structures.py raam parser --rounds 3

Each model of ``benchmarks/twins`` does the same work twice, on the same weights: with
treefold, batched, and one node at a time in plain PyTorch, as it is written by hand.
That both return the same is checked first. Times are medians over rounds in turn.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from tqdm import tqdm

import twins
from common import OUT, machine, write_lines
from timing import medians
from twins import Twin

TOLERANCE = 1e-4  # of float32, relative to the largest value


def names() -> list[str]:
    """Return the modules of the twins."""
    return sorted(module.name for module in pkgutil.iter_modules(twins.__path__))


def load(name: str) -> Twin:
    """Make the twin of a module, from the same random numbers each time."""
    torch.manual_seed(0)
    return importlib.import_module(f"twins.{name}").twin()


def difference(twin: Twin) -> float:
    """Return by how much the two ways differ, relative to the largest value."""
    batched, single = twin.batched().detach(), twin.single().detach()
    if batched.shape != single.shape:
        return float("inf")
    largest = float(single.abs().max().clamp(min=1e-12))
    return float((batched - single).abs().max()) / largest


def measure(chosen: Sequence[str], rounds: int) -> Iterator[dict[str, Any]]:
    """Check and time twins, one after another.

    Raises:
        SystemExit: the two ways do not do the same.
    """
    for name in tqdm(chosen, unit="model", disable=not sys.stderr.isatty()):
        twin = load(name)
        apart = difference(twin)
        if not apart < TOLERANCE:
            sys.exit(f"{twin.name}: the two ways differ by {apart:.1e}")
        seconds = medians({"batched": twin.batched, "single": twin.single}, rounds)
        yield {
            "model": twin.name,
            "work": twin.work,
            **seconds,
            "ratio": seconds["single"] / seconds["batched"],
            "difference": apart,
        }


def main() -> None:
    """Print a table, and write it to benchmarks/out/structures.jsonl."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="which; all of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    unknown = sorted({*arguments.models} - {*names()})
    if unknown:
        parser.error(f"there is no model {unknown[0]}. There are {', '.join(names())}.")
    torch.set_num_threads(arguments.threads)
    rows = []
    print("| model | work | node by node | treefold | times as fast |")
    print("| :-- | :-- | --: | --: | --: |")
    for row in measure(arguments.models or names(), arguments.rounds):
        single, batched = (f"{1e3 * row[way]:.1f} ms" for way in ("single", "batched"))
        cells = [row["model"], row["work"], single, batched, f"{row['ratio']:.0f}"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        rows.append(row)
    write_lines(OUT / "structures.jsonl", [machine(arguments.threads), *rows])


if __name__ == "__main__":
    main()
