"""Make SQL queries and how many rows each returns, by running it in sqlite.

A shop's database of customers, orders, items and products is made by a seed, in memory.
Queries of nested conditions, joins, subqueries, groups and unions are made by a grammar
and run; what is written is the query and the number of rows that it returned: labels
from execution, not from a rule. How many rows there are depends on how the conditions
are nested: the same words under AND, OR, NOT or a NOT IN return other numbers.

    python examples/sql/make_queries.py FOLDER [NUMBER [SEED]]

writes FOLDER/train.csv, dev.csv and test.csv (8:1:1; no query is in two of them) with
the columns query, rows, and log_rows = ln(1 + rows).
"""

from __future__ import annotations

import csv
import math
import sqlite3
import sys
from pathlib import Path

import numpy as np

CUSTOMERS, ORDERS, ITEMS, PRODUCTS = 1000, 4000, 9000, 200
COUNTRIES = ["AT", "BE", "CZ", "DE", "ES", "FR", "IT", "NL", "PL", "SE"]
TIERS = ["basic", "silver", "gold"]
STATUS = ["open", "paid", "sent", "returned"]
CATEGORIES = ["books", "games", "garden", "music", "shoes", "tools"]
SPLITS = {"train": 0.8, "dev": 0.1, "test": 0.1}

# Of each table its columns: words, or numbers between two ends.
COLUMNS = {
    "customers": {"country": COUNTRIES, "tier": TIERS, "age": (18, 90)},
    "orders": {"status": STATUS, "day": (1, 730), "total": (5, 600)},
    "items": {"quantity": (1, 9), "price": (1, 200)},
    "products": {"category": CATEGORIES, "weight": (1, 40), "cost": (1, 150)},
}
# A table's column that refers to the id of another.
REFERS = {
    "orders": ("customer_id", "customers"),
    "items": ("order_id", "orders"),
}


def database(rng: np.random.Generator) -> sqlite3.Connection:
    """Fill the tables; columns depend on each other, as in life."""
    base = sqlite3.connect(":memory:")
    country = rng.choice(len(COUNTRIES), CUSTOMERS, p=skewed(len(COUNTRIES)))
    age = rng.normal(44, 15, CUSTOMERS).clip(18, 90).astype(int)
    tier = ((age - 18) / 40 + rng.random(CUSTOMERS)).clip(0, 2.9).astype(int)
    fill(base, "customers", [COUNTRIES, country], [TIERS, tier], age)

    customer = rng.choice(CUSTOMERS, ORDERS, p=skewed(CUSTOMERS, 0.4))
    day = (730 * rng.beta(2, 1, ORDERS)).astype(int) + 1
    late = (day / 730 + rng.normal(0, 0.3, ORDERS)).clip(0, 0.99)
    status = (3 - (4 * late).astype(int)).clip(0, 3)
    total = rng.lognormal(3.5 + 0.4 * tier[customer], 0.7).clip(5, 600).round(2)
    fill(base, "orders", [STATUS, status], day, total, customer)

    cost = rng.lognormal(3, 0.9, PRODUCTS).clip(1, 150).round(2)
    kind = rng.choice(len(CATEGORIES), PRODUCTS, p=skewed(len(CATEGORIES)))
    weight = (cost / 6 + 3 * kind * rng.random(PRODUCTS)).clip(1, 40).astype(int)
    fill(base, "products", [CATEGORIES, kind], weight, cost)

    order = rng.choice(ORDERS, ITEMS)
    product = rng.choice(PRODUCTS, ITEMS, p=skewed(PRODUCTS, 0.6))
    price = (cost[product] * rng.uniform(1.1, 1.6, ITEMS)).clip(1, 200).round(2)
    quantity = rng.geometric(0.45, ITEMS).clip(1, 9)
    fill(base, "items", quantity, price, order, product)
    for table, column in (("orders", "customer_id"), ("items", "order_id")):
        base.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
    return base


def skewed(number: int, power: float = 0.8) -> np.ndarray:
    """Return shares that fall as a power of the rank."""
    share = np.arange(1, number + 1) ** -power
    return share / share.sum()


def fill(base: sqlite3.Connection, table: str, *columns) -> None:
    """Make a table of columns: numbers, or names and which of them."""
    names = ["id", *COLUMNS[table]]
    names += {"orders": ["customer_id"], "items": ["order_id", "product_id"]}.get(
        table, []
    )
    values = [
        [column[0][k] for k in column[1]] if isinstance(column, list) else column
        for column in columns
    ]
    rows = [
        (number, *(v.item() if isinstance(v, np.generic) else v for v in row))
        for number, row in enumerate(zip(*values, strict=True))
    ]
    base.execute(f"CREATE TABLE {table} ({', '.join(names)}, PRIMARY KEY (id))")
    marks = ", ".join("?" * len(names))
    base.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


class Grammar:
    """Makes queries.

    Args:
        rng: decides.
    """

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def one(self, *of):
        """Return one of several."""
        return of[int(self.rng.integers(len(of)))]

    def query(self) -> str:
        """Make a query."""
        table = self.one(*COLUMNS)
        kind = self.rng.random()
        if kind < 0.55 or table == "products":
            return f"SELECT id FROM {table} WHERE {self.condition(table, 3)}"
        if kind < 0.7 and table in REFERS:
            return self.join(table)
        if kind < 0.85:
            word = self.one("UNION", "INTERSECT", "EXCEPT")
            one, two = (
                f"SELECT id FROM {table} WHERE {self.condition(table, 1)}"
                for _ in range(2)
            )
            return f"{one} {word} {two}"
        return self.groups(table)

    def join(self, table: str) -> str:
        """Make a query of a table and the one that it refers to."""
        column, other = REFERS[table]
        on = f"{table} JOIN {other} ON {table}.{column} = {other}.id"
        where = self.one("AND", "AND", "OR").join(
            f" {self.condition(t, 1, f'{t}.')} " for t in (table, other)
        )
        return f"SELECT {table}.id FROM {on} WHERE{where}".rstrip()

    def groups(self, table: str) -> str:
        """Make a query that returns a row a group."""
        reference = REFERS.get(table, ("country", ""))[0]
        some = self.rng.integers(1, 8)
        return (
            f"SELECT {reference} FROM {table} WHERE {self.condition(table, 2)} "
            f"GROUP BY {reference} HAVING COUNT(*) {self.one('>', '>=', '<')} {some}"
        )

    def condition(self, table: str, depth: int, prefix: str = "") -> str:
        """Make a condition on the rows of a table."""
        kind = self.rng.random()
        if depth and kind < 0.6:
            word = f" {self.one('AND', 'OR')} "
            parts = [
                self.condition(table, depth - 1, prefix) for _ in range(self.one(2, 3))
            ]
            inside = f"({word.join(parts)})"
            return f"NOT {inside}" if self.rng.random() < 0.25 else inside
        if depth and kind < 0.8 and table in REFERS:
            column, other = REFERS[table]
            word = self.one("IN", "IN", "NOT IN")
            inner = f"SELECT id FROM {other} WHERE {self.condition(other, depth - 1)}"
            return f"{prefix}{column} {word} ({inner})"
        if depth and kind < 0.8 and table in ("customers", "orders"):
            other = {"customers": "orders", "orders": "items"}[table]
            inner = (
                f"SELECT {REFERS[other][0]} FROM {other} "
                f"WHERE {self.condition(other, depth - 1)}"
            )
            return f"{prefix}id {self.one('IN', 'NOT IN')} ({inner})"
        return self.comparison(table, prefix)

    def comparison(self, table: str, prefix: str) -> str:
        """Make a condition on one column."""
        name, values = self.one(*COLUMNS[table].items())
        column = f"{prefix}{name}"
        if isinstance(values, list):
            if self.rng.random() < 0.5:
                return f"{column} {self.one('=', '=', '<>')} '{self.one(*values)}'"
            some = self.rng.choice(values, self.one(2, 3), replace=False)
            listed = ", ".join(f"'{value}'" for value in some)
            return f"{column} {self.one('IN', 'NOT IN')} ({listed})"
        low, high = sorted(self.rng.integers(*values, 2, endpoint=True))
        if self.rng.random() < 0.3:
            return f"{column} BETWEEN {low} AND {high}"
        return f"{column} {self.one('<', '<=', '>', '>=')} {self.one(low, high)}"


def queries(number: int, seed: int = 0) -> dict[str, int]:
    """Return different queries, and the number of rows that each returns."""
    rng = np.random.default_rng(seed)
    base, grammar = database(rng), Grammar(rng)
    found: dict[str, int] = {}
    while len(found) < number:
        query = grammar.query()
        if query not in found:
            counted = f"SELECT COUNT(*) FROM ({query})"
            found[query] = base.execute(counted).fetchone()[0]
    return found


def write(folder: Path, number: int, seed: int = 0) -> None:
    """Write the queries of each split."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(queries(number, seed).items())
    ends = [round(number * share) for share in np.cumsum([*SPLITS.values()])]
    for split, begin, end in zip(SPLITS, [0, *ends], ends, strict=False):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["query", "rows", "log_rows"])
            table.writerows([q, n, round(math.log1p(n), 4)] for q, n in rows[begin:end])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    given = [int(word) for word in sys.argv[2:4]]
    number, seed = given + [10_000, 0][len(given) :]
    write(Path(sys.argv[1]), number, seed)
