"""The estimators with their defaults, beside what one would take for a table.

Data: tables that scikit-learn brings (breast cancer, wine, digits, diabetes), as rows
of an array and as nested records, in which columns are fields of several objects; and
generated records (`treefold.data.generators.nested`). Rivals get rows: of nested
records every path from the root is a column, items of lists by their number and pooled,
texts one-hot. Splits are drawn by seed, a quarter to test; figures are means of seeds.

    python benchmarks/estimators.py                      # all
    python benchmarks/estimators.py wine diabetes --seeds 3
    python benchmarks/estimators.py records-count --vectors

prints a table and, in its last line, JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from treefold import TreeClassifier, TreeRegressor, TreeVectorizer
from treefold.data.generators.nested import NAMES, make_records

TABLES: dict[str, Callable[[], Any]] = {
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
    "digits": datasets.load_digits,
}
NUMBERS = ("diabetes", "records-sum")  # what is told is a number
IN_AN_OBJECT = 5  # columns of a table, as nested records


def nested(table: Any) -> list[Any]:
    """Make a record of each row: objects of a few columns each."""
    names = [str(name) for name in table.feature_names]
    parts = [
        range(k, min(k + IN_AN_OBJECT, len(names)))
        for k in range(0, len(names), IN_AN_OBJECT)
    ]
    return [
        {f"part {p}": {names[k]: row[k] for k in part} for p, part in enumerate(parts)}
        for row in table.data.tolist()
    ]


def flat(record: Any) -> dict[str, Any]:
    """Return what is at each path of a record, and the pooled numbers of lists."""
    found: dict[str, Any] = {}
    pools: dict[str, list[float]] = defaultdict(list)
    for place, path, value in walk(record, "", ""):
        if isinstance(value, (int, float)):
            found[place] = float(value)
            pools[path].append(float(value))
        elif value is not None:
            found[place] = str(value)
            found[f"count {path}={value}"] = found.get(f"count {path}={value}", 0) + 1
    for path, values in pools.items():
        for pool in (sum, min, max, len):
            found[f"{pool.__name__} {path}"] = float(pool(values))
    return found


def walk(value: Any, place: str, path: str) -> Iterator[tuple[str, str, Any]]:
    """Go through the leaves: with their items' numbers, and without."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{place}.{key}", f"{path}.{key}")
    elif isinstance(value, list):
        for k, inner in enumerate(value):
            yield from walk(inner, f"{place}[{k}]", f"{path}[]")
    else:
        yield place, path, value


def models(name: str, kind: str, seed: int, vectors: bool) -> dict[str, Any]:
    """Return what is compared: estimators by name."""
    number = name in NUMBERS
    ours = TreeRegressor if number else TreeClassifier
    boosted = (
        HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
    )

    def linear() -> Any:
        return RidgeCV(np.logspace(-2, 3, 11)) if number else logistic()

    found: dict[str, Any] = {ours.__name__: ours(random_state=seed)}
    if kind == "rows":
        found["linear"] = make_pipeline(StandardScaler(), linear())
        found["boosting"] = boosted(random_state=seed)
    else:
        found["linear"] = make_pipeline(*flattened(True), MaxAbsScaler(), linear())
        found["boosting"] = make_pipeline(*flattened(False), boosted(random_state=seed))
    if vectors:
        for way in (True, False):
            rows = TreeVectorizer(supervised=way, random_state=seed)
            told = "learned" if way else "drawn"
            found[f"vectors {told}, linear"] = make_pipeline(
                rows, StandardScaler(), linear()
            )
    return found


def logistic() -> LogisticRegression:
    return LogisticRegression(C=1.0, max_iter=2000)


def flattened(sparse: bool) -> list[Any]:
    """Return the steps from records to rows."""
    return [
        FunctionTransformer(lambda X: [flat(record) for record in X]),
        DictVectorizer(sparse=sparse),
    ]


def measure(name: str, kind: str, seeds: int, size: int, vectors: bool) -> list[Any]:
    """Return a row for each model: data, form, model, score, deviation, seconds."""
    if name in TABLES:
        table = TABLES[name]()
        X, y = (table.data if kind == "rows" else nested(table)), table.target
    else:
        made = make_records(name, size)
        X, y = [record for record, _ in made], np.array([label for _, label in made])
    scores, seconds = defaultdict(list), defaultdict(list)
    for seed in range(seeds):
        strata = None if name in NUMBERS else y
        split = train_test_split(
            X, y, test_size=0.25, random_state=seed, stratify=strata
        )
        for model, estimator in models(name, kind, seed, vectors).items():
            begun = time.process_time()
            estimator.fit(split[0], split[2])
            seconds[model].append(time.process_time() - begun)
            scores[model].append(estimator.score(split[1], split[3]))
    return [
        {
            "data": name,
            "trees": len(y),
            "as": kind,
            "model": model,
            "score": float(np.mean(found)),
            "deviation": float(np.std(found)),
            "cpu_seconds": float(np.mean(seconds[model])),
        }
        for model, found in scores.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*TABLES, *NAMES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1000, help="of generated sets")
    parser.add_argument("--vectors", action="store_true", help="TreeVectorizer, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("accuracy, or R² of numbers; CPU seconds of a fit")
    print(f"{'data':<16}{'as':<9}{'model':<26}{'score':>7}{'±':>7}{'seconds':>9}")
    rows = []
    for name in given.names:
        for kind in ("rows", "records") if name in TABLES else ("records",):
            found = measure(name, kind, given.seeds, given.size, given.vectors)
            rows += found
            for row in found:
                print(
                    f"{row['data']:<16}{row['as']:<9}{row['model']:<26}"
                    f"{row['score']:7.3f}{row['deviation']:7.3f}"
                    f"{row['cpu_seconds']:9.1f}",
                    flush=True,
                )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
