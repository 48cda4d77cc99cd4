"""Learn from the text of documents as it is written, without its tree: to compare with.

The usual models of text: n-grams of tokens (words, numbers, signs), weighed by TF-IDF,
under a linear model; and boosted trees on the counts of those that tell most. Each is
chosen on dev and measured on test.

    python examples/text_rivals.py queries --column query --target log_rows
    python examples/text_rivals.py pages

DATA is a folder as the examples write them: train, dev and test, each a table, or a
folder of files with labels.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, root_mean_squared_error
from sklearn.svm import LinearSVC

SPLITS = ("train", "dev", "test")
TOKEN = r"</?[\w-]+|[\w.]+|[^\s\w]"
MOST_COUNTS = 1000


def read(folder: Path, column: str | None, target: str) -> tuple[list[str], list[str]]:
    """Return the texts of a split, and what is to be told of each."""
    table = folder.with_suffix(".csv") if column else folder / "labels.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if column:
        return [row[column] for row in rows], [row[target] for row in rows]
    texts = [(folder / row["path"]).read_text(encoding="utf-8") for row in rows]
    return texts, [row[target] for row in rows]


def main() -> None:
    """Fit the models and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--column")
    parser.add_argument("--target", default="label")
    given = parser.parse_args()
    parts = [read(given.data / split, given.column, given.target) for split in SPLITS]
    try:
        targets = [np.array(target, np.float64) for _, target in parts]
        told = "rmse"
    except ValueError:
        targets = [np.array(target) for _, target in parts]
        told = "accuracy"
    best: dict[str, list[tuple[float, float]]] = {}
    for longest in (1, 3, 5):
        vectorizer = TfidfVectorizer(
            token_pattern=TOKEN, ngram_range=(1, longest), min_df=2, sublinear_tf=True
        )
        x = vectorizer.fit_transform(parts[0][0])
        rest = [vectorizer.transform(texts) for texts, _ in parts[1:]]
        for strength in (0.1, 1.0, 10.0):
            model = (
                Ridge(1 / strength) if told == "rmse" else LinearSVC(C=strength)
            ).fit(x, targets[0])
            best.setdefault("n-grams, linear", []).append(
                figures(told, model, rest, targets)
            )
        score = f_regression if told == "rmse" else f_classif
        chosen = SelectKBest(score, k=min(MOST_COUNTS, x.shape[1]))
        dense = chosen.fit_transform(x, targets[0]).toarray()
        tops = [chosen.transform(part).toarray() for part in rest]
        boosted = (
            HistGradientBoostingRegressor
            if told == "rmse"
            else HistGradientBoostingClassifier
        )
        model = boosted(max_iter=200, random_state=0).fit(dense, targets[0])
        best.setdefault("n-grams, boosted", []).append(
            figures(told, model, tops, targets)
        )
    pick = min if told == "rmse" else max
    for name, found in best.items():
        dev, test = pick(found)
        print(f"{name:20} {told}  dev {dev:.3f}  test {test:.3f}")


def figures(told: str, model, parts, targets) -> tuple[float, float]:
    """Return a model's figure on dev and on test."""
    measure = root_mean_squared_error if told == "rmse" else accuracy_score
    dev, test = (
        float(measure(target, model.predict(part)))
        for part, target in zip(parts, targets[1:], strict=True)
    )
    return dev, test


if __name__ == "__main__":
    main()
