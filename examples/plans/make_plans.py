"""Make plans as PostgreSQL's EXPLAIN (ANALYZE, FORMAT JSON) writes them.

No database is asked: the plans are drawn, and their run times follow from a rule that
is hidden in them. Every operator has the optimizer's estimates, which are wrong in ways
that a model can learn: some tables lie on a slow disk, an index scan of one that is
cached costs next to nothing, a sort or a hash of too many bytes goes to disk, a nested
loop pays for its inner side once a row of the outer one, and a regular expression in a
filter costs more than any other comparison. Chance adds 5 % to each operator.

    python examples/plans/make_plans.py FOLDER [NUMBER [SEED]]

writes FOLDER/train.plans, dev.plans and test.plans (8:1:1), a plan on each line, with
the field log_ms, the natural logarithm of its run time, beside the plan. Joins in
train have up to 3 tables, half of those in test 4 or 5.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

# Rows, bytes of a row, and milliseconds for a unit of cost.
TABLES = {
    "customers": (20_000, 90, 0.004),
    "orders": (300_000, 60, 0.004),
    "items": (1_200_000, 40, 0.02),  # on the slow disk
    "products": (5_000, 120, 0.001),
    "visits": (900_000, 30, 0.004),
    "countries": (200, 30, 0.001),
}
CACHED = ("products", "countries", "customers")
MEMORY = 4 << 20  # bytes for a sort or a hash
CHANCE = 0.05
SPLITS = {"train": 0.8, "dev": 0.1, "test": 0.1}

Node = dict[str, Any]


class Maker:
    """Makes plans; each node has a hidden time beside the optimizer's estimates."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)

    def plan(self, tables: int) -> Node:
        """Make a plan of so many tables."""
        names = self.random.choice(list(TABLES), tables, replace=False).tolist()
        node = self.scan(names[0])
        for name in names[1:]:
            node = self.join(node, name)
        kind = self.random.random()
        if kind < 0.4:
            node = self.aggregate(node)
        elif kind < 0.8:
            node = self.sort(node)
        return node

    def node(
        self, kind: str, rows: float, width: float, cost: float, ms: float, *below: Node
    ) -> Node:
        """Make a node of its own cost and time, and add those of what is below."""
        for child, role in zip(below, ("Outer", "Inner"), strict=False):
            child["Parent Relationship"] = role
        cost += sum(child["Total Cost"] for child in below)
        ms *= math.exp(CHANCE * self.random.normal())
        ms += sum(child["Actual Total Time"] for child in below)
        return {
            "Node Type": kind,
            "Startup Cost": 0.0,
            "Total Cost": round(cost, 2),
            "Plan Rows": max(1, round(rows)),
            "Plan Width": round(width),
            "Actual Total Time": round(ms, 3),
            "Plans": list(below),
        }

    def scan(self, name: str, share: float | None = None) -> Node:
        rows, width, rate = TABLES[name]
        share = share or float(self.random.choice([1, 0.3, 0.05, 0.002]))
        slow = self.random.random() < 0.2
        if share < 0.01:
            cost = 4 * rows * share
            ms = cost * (0.001 if name in CACHED else 10 * rate)
            node = self.node("Index Scan", rows * share, width, cost, ms)
            node["Index Name"] = f"{name}_pkey"
        else:
            cost = rows * width / 8192 + 0.01 * rows
            ms = cost * rate + slow * rows * 1e-3
            node = self.node("Seq Scan", rows * share, width, cost, ms)
        node["Relation Name"] = name
        if share < 1 or slow:
            node["Filter"] = "(name ~ '^A.*b$')" if slow else f"(day < {share:g})"
        return node

    def join(self, outer: Node, name: str) -> Node:
        count = outer["Plan Rows"]
        if count < 500:
            inner = self.scan(name, 0.002)
            once, each = inner["Actual Total Time"] / 50, inner["Total Cost"] / 50
            own = (count * each, count * once)
            node = self.node("Nested Loop", count * 2, 80, *own, outer, inner)
        else:
            hashed = self.scan(name)
            rows, width = hashed["Plan Rows"], hashed["Plan Width"]
            spilled = 6 if rows * width > MEMORY else 1
            inner = self.node("Hash", rows, width, 0, rows * 2e-4 * spilled, hashed)
            own = (0.01 * (count + rows), 3e-4 * count * spilled)
            node = self.node("Hash Join", count, 100, *own, outer, inner)
            node["Hash Cond"] = f"(id = {name}.id)"
        node["Join Type"] = "Inner"
        return node

    def aggregate(self, below: Node) -> Node:
        rows = below["Plan Rows"]
        own = (0.01 * rows, 2e-4 * rows)
        node = self.node("Aggregate", rows**0.5, 16, *own, below)
        node["Strategy"] = "Hashed"
        return node

    def sort(self, below: Node) -> Node:
        rows, width = below["Plan Rows"], below["Plan Width"]
        work = rows * math.log2(rows + 1)
        spilled = 8 if rows * width > MEMORY else 1
        node = self.node(
            "Sort", rows, width, 0.005 * work, 4e-5 * work * spilled, below
        )
        node["Sort Key"] = ["day"]
        if self.random.random() < 0.3:
            node = self.node("Limit", 10, width, 0, 0.001, node)
        return node


def plans(number: int, seed: int = 0) -> dict[str, list[Node]]:
    """Return records of plans by split, with the logarithms of their times."""
    maker, found = Maker(seed), dict[str, list[Node]]()
    for split, share in SPLITS.items():
        found[split] = []
        for k in range(round(share * number)):
            wide = split == "test" and k % 2
            tables = int(
                maker.random.integers(4, 6) if wide else maker.random.integers(1, 4)
            )
            plan = maker.plan(tables)
            time = plan["Actual Total Time"]
            record = {"Plan": plan, "Execution Time": time}
            found[split].append({**record, "log_ms": round(math.log(time + 0.01), 4)})
    return found


def main(folder: str, number: str = "4000", seed: str = "0") -> None:
    """Write the splits."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    for split, made in plans(int(number), int(seed)).items():
        lines = (json.dumps(record) + "\n" for record in made)
        (path / f"{split}.plans").write_text("".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
