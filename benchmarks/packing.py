"""Time from text to a packed corpus, and for an epoch of collation, on SST.

Beside them, in the same run, a parser in plain Python that splits the text into words
and keeps a stack. Collation is all that stands between the corpus and the model: the
merged forest in level order, the distinct words, and who has which. Needs the treebank:
see `treefold download sst`.

    python benchmarks/packing.py [--rounds 9]

The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from treefold.data import Vocabulary, batches, locate
from treefold.data.places import split_file
from treefold.data.readers.brackets import parse_brackets

LIMITS = {"pack": 0.15, "epoch": 0.10}  # seconds
NODES_PER_SECOND = 10_000_000  # of collation, wanted


def plain_python(data: bytes) -> tuple[np.ndarray, ...]:
    """Parse to arrays of parent, label, word and height; number the words."""
    parts = data.decode().replace("(", " ( ").replace(")", " ) ").split(" ")
    parts = [part for part in parts if part and part != "\n"]
    parent, label, word, height = [], [], [], []
    vocabulary: dict[str, int] = {}
    stack: list[int] = []
    i = 0
    while i < len(parts):
        if parts[i] == "(":
            parent.append(stack[-1] if stack else -1)
            stack.append(len(label))
            label.append(parts[i + 1])
            word.append(-1)
            height.append(0)
            i += 2
        elif parts[i] == ")":
            node = stack.pop()
            if stack:
                height[stack[-1]] = max(height[stack[-1]], height[node] + 1)
            i += 1
        else:
            word[stack[-1]] = vocabulary.setdefault(parts[i], len(vocabulary))
            i += 1
    return (
        np.array(parent),
        np.array([int(name) for name in label]),
        np.array(word),
        np.array(height),
    )


def pack(data: bytes):
    corpus = parse_brackets(data)
    vocabulary = Vocabulary.build(corpus)
    return corpus.recode(vocabulary, "01234")


def median_seconds(function: Callable[[], object], rounds: int) -> float:
    function()  # warm
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time packing and collation on SST.")
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds

    path = split_file(locate("sst"), "train")
    assert path is not None
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    corpus = pack(data)
    parent, *_, height = plain_python(data)
    assert len(parent) == corpus.num_nodes
    assert np.sort(height).tolist() == np.sort(corpus.height).tolist()

    def epoch(batch_size: int) -> None:
        for _ in batches(corpus, batch_size=batch_size, seed=0):
            pass

    seconds = {
        "plain": median_seconds(lambda: plain_python(data), rounds),
        "pack": median_seconds(lambda: pack(data), rounds),
        "epoch": median_seconds(lambda: epoch(25), rounds),
        "epoch_256": median_seconds(lambda: epoch(256), rounds),
    }
    plain = seconds["plain"]
    print(f"{len(corpus):,} trees, {corpus.num_nodes:,} nodes; medians of {rounds}")
    print(f"{'':44}{'seconds':>9}{'times plain':>13}{'limit':>8}")
    for name, what in (
        ("plain", "text to arrays, plain Python"),
        ("pack", "text to packed corpus with vocabulary"),
        ("epoch", "an epoch of collation, batches of 25"),
        ("epoch_256", "an epoch of collation, batches of 256"),
    ):
        limit = f"{LIMITS[name]:8.2f}" if name in LIMITS else ""
        print(f"{what:44}{seconds[name]:9.4f}{plain / seconds[name]:13.1f}{limit}")
    rate = {
        "25": corpus.num_nodes / seconds["epoch"],
        "256": corpus.num_nodes / seconds["epoch_256"],
    }
    for size, value in rate.items():
        print(
            f"collation at batch {size}: {value / 1e6:.1f} million nodes/s "
            f"(wanted: {NODES_PER_SECOND / 1e6:.0f})"
        )
    print(
        json.dumps(
            {
                "benchmark": "packing",
                "trees": len(corpus),
                "nodes": corpus.num_nodes,
                "seconds": {name: round(value, 5) for name, value in seconds.items()},
                "nodes_per_second": {size: round(rate[size]) for size in rate},
                "ratios": {
                    "plain/pack": round(plain / seconds["pack"], 2),
                    "pack/limit": round(seconds["pack"] / LIMITS["pack"], 3),
                    "epoch/limit": round(seconds["epoch"] / LIMITS["epoch"], 3),
                    "rate_25/wanted": round(rate["25"] / NODES_PER_SECOND, 2),
                    "rate_256/wanted": round(rate["256"] / NODES_PER_SECOND, 2),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
