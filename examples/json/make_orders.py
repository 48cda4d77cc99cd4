"""Orders of a shop as nested records: JSON lines, made by rule, to learn from.

    python examples/json/make_orders.py orders.jsonl

An order is to be inspected if one of its items is fragile and comes three times or
more. Orders that are not have as many fragile items, and as many that come three times:
whether one item is both, only the structure tells.
"""

import argparse
import json
from pathlib import Path
from random import Random
from typing import Any

THINGS = ("lamp", "vase", "rug", "clock", "mirror", "desk", "mug", "shelf")
MATERIALS = ("glass", "oak", "steel", "wool")


def order(random: Random) -> dict[str, Any]:
    """Make an order; whether it is inspected is in the field ``inspect``."""
    inspect = random.random() < 0.5
    both, neither = (True, True), (False, False)  # fragile, and many
    one, other = (True, False), (False, True)
    kinds = [both, neither] if inspect else [one, other]
    kinds += random.choices([one, other, neither], k=random.randint(1, 4))
    random.shuffle(kinds)
    items = [item(random, *kind) for kind in kinds]
    if random.random() < 0.3:  # some come in a box
        items = [*items[:2], {"box": random.randrange(100), "items": items[2:]}]
    record = {
        "id": random.randrange(10**6),
        "customer": {
            "since": random.randint(2010, 2026),
            "club": random.random() < 0.3,
        },
        "items": items,
        "inspect": "yes" if inspect else "no",
    }
    if random.random() < 0.3:
        record["note"] = random.choice(["call first", "a gift", None])
    return record


def item(random: Random, fragile: bool, many: bool) -> dict[str, Any]:
    """Make an item of an order."""
    return {
        "name": f"{random.choice(MATERIALS)} {random.choice(THINGS)}",
        "price": round(random.uniform(5, 200), 2),
        "quantity": random.randint(3, 6) if many else random.randint(1, 2),
        "care": {"fragile": fragile, "upright": random.random() < 0.5},
    }


def main() -> None:
    """Make a file of orders."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random = Random(args.seed)
    orders = (json.dumps(order(random)) + "\n" for _ in range(args.count))
    args.file.write_text("".join(orders), "utf-8")


if __name__ == "__main__":
    main()
