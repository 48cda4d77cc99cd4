"""What a benchmark found, as plain values and in tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Mode = Literal["forward", "forward and backward"]
MODES: tuple[Mode, ...] = ("forward", "forward and backward")
# What each way to fold is called, slowest first.
ALGORITHMS = {"recursive": "naive", "batched": "batched", "fused": "fused"}


@dataclass(frozen=True)
class Size:
    """Batches of one size.

    Attributes:
        trees: in a batch.
        nodes: in a batch, on average.
        levels: of a batch that have children below, on average.
        rows: nodes of such a level, on average: the rows of its product.
        filled: the share of rows that have a node, in the tiles of the fused walk.
        limit: nodes/s by mode, were there nothing but products at the pace of a large
            one; empty where the products are not known.
        pace: nodes/s by mode and algorithm; what was not measured is missing.
    """

    trees: int
    nodes: float
    levels: float
    rows: float
    filled: float
    limit: Mapping[str, float]
    pace: Mapping[str, Mapping[str, float]]

    def share(self, mode: Mode, algorithm: str) -> float | None:
        """Return the share of the limit, None where one of the two is not known."""
        pace = self.pace[mode].get(algorithm)
        return pace / self.limit[mode] if pace and mode in self.limit else None


@dataclass(frozen=True)
class Benchmark:
    """Folds of one cell, by batch size.

    Attributes:
        title: what was folded, over what.
        sizes: of the batches, small ones first.
        gflops: of the best large product, in 10⁹ operations a second.
        tile: rows of a tile of the fused walk.
        facts: the machine, the software and the data, by name.
        notes: what is missing, and why.
        command: what to type to get all this again.
    """

    title: str
    sizes: Sequence[Size]
    gflops: float
    tile: int
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    command: str = ""

    @property
    def algorithms(self) -> list[str]:
        """Return those that were measured, slowest first."""
        some = [pace for size in self.sizes for pace in size.pace.values()]
        return [name for name in ALGORITHMS if any(name in pace for pace in some)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the shares of the limit."""
        content = asdict(self)
        for plain, size in zip(content["sizes"], self.sizes, strict=True):
            plain["share"] = {
                mode: {name: size.share(mode, name) for name in size.pace[mode]}
                for mode in MODES
                if mode in size.limit
            }
        return content


def summary(bench: Benchmark) -> str:
    """Say in a sentence how the fastest way does on the largest batches."""
    size, mode = bench.sizes[-1], MODES[-1]
    pace = size.pace[mode]
    if not pace:
        return "No batch was quick enough to be measured."
    best = max(pace, key=lambda name: pace[name])
    said = [f"{pace[best]:,.0f} nodes/s"]
    for name in reversed(bench.algorithms):
        measured = [s for s in bench.sizes if name in s.pace[mode]]
        if name != best and measured:
            last = measured[-1]  # the naive fold is too slow for large batches
            at = "" if last is size else f" in batches of {last.trees}"
            times = pace[best] / last.pace[mode][name]
            said.append(f"{times:,.1f} times the {ALGORITHMS[name]} fold{at}")
    share = size.share(mode, best)
    if share is not None:
        said.append(f"{share:.0%} of what the products alone would reach")
    return (
        f"In batches of {size.trees}, {mode}, the {ALGORITHMS[best]} fold runs "
        f"{'; '.join(said)}."
    )


def pace_table(bench: Benchmark, mode: Mode) -> tuple[list[str], list[list[str]]]:
    """Return header and cells: nodes/s by batch size, and the share of the limit."""
    names = bench.algorithms
    shared = [name for name in names if name != "recursive"]
    limited = any(mode in size.limit for size in bench.sizes)
    header = ["trees a batch", *(ALGORITHMS[name] for name in names)]
    if limited:
        header += ["the limit", *(f"{ALGORITHMS[name]}, % of it" for name in shared)]
    cells = []
    for size in bench.sizes:
        pace = size.pace[mode]
        line = [f"{size.trees:,}", *(_whole(pace.get(name)) for name in names)]
        if limited:
            shares = [size.share(mode, name) for name in shared]
            line += [_whole(size.limit[mode])]
            line += ["–" if s is None else f"{100 * s:.1f}" for s in shares]
        cells.append(line)
    return header, cells


def schedule_table(bench: Benchmark) -> tuple[list[str], list[list[str]]]:
    """Return header and cells: levels and rows by batch size."""
    header = ["trees a batch", "nodes", "levels", "rows a level", "filled %"]
    cells = [
        [
            f"{size.trees:,}",
            _whole(size.nodes),
            f"{size.levels:.1f}",
            f"{size.rows:.1f}",
            f"{100 * size.filled:.1f}",
            f"{100 - 100 * size.filled:.1f}",
        ]
        for size in bench.sizes
    ]
    return [*header, "wasted %"], cells


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
