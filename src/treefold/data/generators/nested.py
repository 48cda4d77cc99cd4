"""Nested records made by rule: orders whose label needs their structure, or does not.

A record is what an interface on the web might give: the account that ordered, and lists
of what was offered, paid and bought, some of it in bundles one level deeper. Keys are
optional, values may be null, some change their type (an id that is a number or a
string), and most of what is there has nothing to do with the label.

========================  ============================================================
``records-largest``       the grade in the terms of the offer with the largest score
``records-equal``         does any payment's card come from its merchant's country?
``records-count``         how many items are in stock, five or more of them?
``records-sum``           what the items cost: the sum of price times quantity
``records-flat``          does the account leave? A rule on plain fields, with chance
========================  ============================================================

The first four tell apart what belongs to one element from what belongs to another.
Their values are drawn so that the fields by themselves, counted over all paths, say
little of the label. In the last, no list matters but by its length.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Any

import numpy as np

from treefold.data.documents import Document, Documents, DocumentSet
from treefold.data.readers.values import add_value

GRADES = ("A", "B", "C", "D", "E")
COUNTRIES = ("AT", "BR", "CA", "DE", "FR", "IN", "JP", "KE", "NO", "US")
PLANS = ("free", "basic", "team", "enterprise")
PEOPLE = ("Ada", "Bela", "Chen", "Dora", "Emil", "Fatou", "Goran", "Hana", "Ivo", "Jun")
THINGS = ("lamp", "chair", "kettle", "rug", "clock", "shelf", "mug", "desk", "vase")
LOOKS = ("red", "old", "small", "oak", "steel", "blue", "folding", "heavy")
REMARKS = ("leave at the door", "gift", "call first", "fragile", "second floor")
MANY = 5  # in stock, of records-count
LEAD = 0.3  # of the largest score over the second
SIZE = 8000  # training records where a data set's name has no number
MOST_DEV, TEST = 1000, 2000

Random = np.random.Generator
Record = dict[str, Any]
Target = str | float


def make_records(
    name: str, count: int, seed: int = 0, *, start: int = 0
) -> list[tuple[Record, Target]]:
    """Make records with their labels; number i depends on the seed and on i alone.

    Args:
        name: one of `NAMES`.
        count: how many.
        seed: another one makes other records.
        start: the number of the first.

    Raises:
        ValueError: there is no rule of that name.

    Example:
        >>> (record, label), *_ = make_records("records-count", 3, seed=1)
        >>> label in "012345", type(record)
        (True, <class 'dict'>)
    """
    if name not in RULES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}.")
    rule = RULES[name]
    return [rule(np.random.default_rng([seed, i])) for i in range(start, start + count)]


def load_records(name: str, seed: int = 0) -> DocumentSet:
    """Make a data set: ``"records-sum"``, or ``"records-sum-500"`` to learn from 500.

    The 2,000 test records are the same at every size.

    Args:
        name: a rule's, and the number of training records, 8,000 where there is none.
        seed: another one makes other records.

    Raises:
        ValueError: there is no rule of that name.
    """
    rule, _, size = name.rpartition("-")
    rule, count = (rule, int(size)) if size.isdecimal() else (name, SIZE)
    dev = min(max(count // 4, 1), MOST_DEV)
    return DocumentSet(
        name,
        train=_documents(rule, "train", seed, TEST + dev, count),
        dev=_documents(rule, "dev", seed, TEST, dev),
        test=_documents(rule, "test", seed, 0, TEST),
        goal="regress" if rule == "records-sum" else "classify",
        note=f"Records made by the rule {rule} from seed {seed}.",
    )


def _documents(name: str, split: str, seed: int, start: int, count: int) -> Documents:
    found = []
    for k, (record, label) in enumerate(make_records(name, count, seed, start=start)):
        document = Document(f"{name}, {split}:{k + 1}", label)
        add_value(document, -1, record)
        found.append(document)
    return Documents.of(found)


def _largest(random: Random) -> tuple[Record, Target]:
    """One offer leads; a score that is missing is no score."""
    scores = random.uniform(0, 10, random.integers(3, 9)).round(1)
    best = int(scores.argmax())
    scores = np.where(np.arange(len(scores)) == best, scores, scores - LEAD).round(1)
    grades = random.choice(GRADES, len(scores)).tolist()
    offers = []
    for k, (score, grade) in enumerate(zip(scores.tolist(), grades, strict=True)):
        unknown = k != best and random.random() < 0.1
        offer: Record = {
            "seller": {"name": _pick(random, PEOPLE), "since": _year(random)},
            "score": None if unknown else max(score, 0.0),
            "terms": {"days": int(random.integers(1, 30)), "grade": grade},
        }
        offers.append(_with_noise(random, offer))
    return _order(random, {"offers": _bundled(random, offers)}), grades[best]


def _equal(random: Random) -> tuple[Record, Target]:
    """Two payments share a country, be it within one of them or across the two."""
    number, equal = int(random.integers(2, 7)), bool(random.random() < 0.5)
    pairs = [random.choice(COUNTRIES, 2, replace=False) for _ in range(number)]
    a, b = random.choice(number, 2, replace=False).tolist()
    if equal:
        pairs[a][0] = pairs[a][1]
    elif pairs[a][1] != pairs[b][1]:
        pairs[a][0] = pairs[b][1]
    payments = []
    for issuer, country in pairs:
        payment: Record = {
            "amount": _price(random),
            "card": {"issuer": str(issuer)},
            "merchant": {
                "name": _pick(random, PEOPLE),
                "address": {"country": str(country), "street": _street(random)},
            },
        }
        payments.append(_with_noise(random, payment))
    return _order(random, {"payments": _bundled(random, payments)}), str(equal)


def _count(random: Random) -> tuple[Record, Target]:
    """One half of the items is in stock, one is many: the label is how they overlap."""
    number = int(random.integers(4, 11))
    half = number // 2
    wanted = int(random.integers(half + 1))
    items = []
    for k in random.permutation(number).tolist():
        in_stock = k < half
        many = half - wanted <= k < number - wanted - number % 2
        low, high = (MANY, 10) if many else (1, MANY)
        item = _item(random)
        item["stock"]["available"] = in_stock
        item["quantity"] = int(random.integers(low, high))
        items.append(_with_noise(random, item))
    return _order(random, {"items": _bundled(random, items)}), str(wanted)


def _sum(random: Random) -> tuple[Record, Target]:
    items, total = [], 0.0
    for _ in range(random.integers(1, 9)):
        item = _item(random)
        item["price"], item["quantity"] = _price(random), int(random.integers(1, 10))
        total += item["price"] * item["quantity"]
        items.append(_with_noise(random, item))
    return _order(random, {"items": _bundled(random, items)}), round(total, 2)


def _flat(random: Random) -> tuple[Record, Target]:
    """A step, slopes, a category, a list's length, and two fields that interact."""
    items = [_with_noise(random, _item(random)) for _ in range(random.integers(1, 9))]
    record = _order(random, {"items": _bundled(random, items)})
    account, use = record["account"], record["account"]["use"]
    odds = -1.0 + 2.5 * (use["days_idle"] > 30) - 0.25 * len(items)
    odds += {"free": 1.5, "basic": 0.5, "team": -0.5, "enterprise": -1.5}[
        account["plan"]
    ]
    odds += 0.8 * use["tickets"] * (-1 if account["active"] else 1)
    odds += 2 * (account["discount"] is None)
    return record, "leaves" if random.random() < 1 / (1 + exp(-2 * odds)) else "stays"


RULES: dict[str, Callable[[Random], tuple[Record, Target]]] = {
    "records-largest": _largest,
    "records-equal": _equal,
    "records-count": _count,
    "records-sum": _sum,
    "records-flat": _flat,
}
NAMES = tuple(RULES)


def _order(random: Random, content: Record) -> Record:
    """Return a record of what an order holds besides the part that matters."""
    record: Record = {
        "id": int(random.integers(10**6)) if random.random() < 0.7 else _code(random),
        "placed": f"{_year(random)}-{random.integers(1, 13):02d}-"
        f"{random.integers(1, 29):02d}T{random.integers(24):02d}:00:00Z",
        "account": {
            "owner": {"name": _pick(random, PEOPLE), "country": _country(random)},
            "plan": _pick(random, PLANS),
            "active": bool(random.random() < 0.5),
            "discount": _optional(random, round(random.uniform(0, 0.5), 2)),
            "use": {
                "days_idle": int(random.exponential(30)),
                "tickets": int(random.integers(4)),
            },
        },
    }
    if random.random() < 0.3:
        record["remark"] = _pick(random, REMARKS)
    if random.random() < 0.4:
        record["tags"] = random.choice(LOOKS, random.integers(4)).tolist()
    if random.random() < 0.2:
        extra = {"score": round(random.uniform(0, 10), 1), "grade": _grade(random)}
        record["survey"] = extra if random.random() < 0.8 else None
    record |= content
    keys = list(record)
    random.shuffle(keys)  # an object's keys have no order
    return {key: record[key] for key in keys}


def _bundled(random: Random, elements: list[Record]) -> list[Record]:
    """Put some neighbours together, one level deeper."""
    placed, k = [], 0
    while k < len(elements):
        if random.random() < 0.15 and k + 1 < len(elements):
            inside = elements[k : k + int(random.integers(2, 4))]
            placed.append({"bundle": _code(random), "parts": inside})
            k += len(inside)
        else:
            placed.append(elements[k])
            k += 1
    return placed


def _with_noise(random: Random, element: Record) -> Record:
    """Add keys that some elements have, and that say nothing."""
    if random.random() < 0.3:
        element["note"] = _optional(random, _pick(random, REMARKS))
    if random.random() < 0.3:
        element["flags"] = {"new": bool(random.random() < 0.5), "views": _views(random)}
    return element


def _item(random: Random) -> Record:
    return {
        "name": f"{_pick(random, LOOKS)} {_pick(random, THINGS)}",
        "price": _price(random),
        "quantity": int(random.integers(1, 10)),
        "stock": {
            "available": bool(random.random() < 0.5),
            "shelf": int(random.integers(40)),
        },
    }


def _optional(random: Random, value: Any) -> Any:
    return value if random.random() < 0.7 else None


def _pick(random: Random, among: tuple[str, ...]) -> str:
    return among[random.integers(len(among))]


def _country(random: Random) -> str:
    return _pick(random, COUNTRIES)


def _grade(random: Random) -> str:
    return _pick(random, GRADES)


def _code(random: Random) -> str:
    return f"{random.integers(16**6):06x}"


def _price(random: Random) -> float:
    return round(float(random.uniform(1, 100)), 2)


def _street(random: Random) -> str:
    return f"{random.integers(1, 200)} {_pick(random, PEOPLE)} Street"


def _views(random: Random) -> int:
    return int(random.lognormal(5, 2))


def _year(random: Random) -> int:
    return int(random.integers(2015, 2027))
