"""The pages of a run: ``report.html`` and the model card."""

from __future__ import annotations

from typing import Any

import numpy as np

from treefold.data.datasets import Dataset
from treefold.models.classifier import NodeClassifier
from treefold.report.card import write_model_card
from treefold.report.content import Report, Row, TreePicture
from treefold.report.page import write_report
from treefold.report.trees import Reading, corpus_picture, most_confident
from treefold.training.evaluation import predictions
from treefold.training.files import read_json_lines
from treefold.training.run import REPORT, Run
from treefold.training.trainer import METRICS

MOST_NODES = 150  # a larger tree is no picture for a page of twenty

LISTOPS = (
    "The training set is not the published one: it was drawn anew by the published "
    "rule. Figures of papers were had on the other."
)
NOT_THIS = {
    "listops": LISTOPS,
    "listops-arity": LISTOPS,
    "python-swaps": (
        "This is not a bug finder. Operands were swapped by us, in code that works; "
        "nothing says that a real mistake looks like this, and the share of swapped "
        "examples, one half, is none of real life."
    ),
    "": (
        "These figures hold for data like the test trees. A class is the label that "
        "the annotators would likely give, not a fact."
    ),
}


def write_summary(run: Run, dataset: Dataset, result: dict[str, Any]) -> None:
    """Write the report and the model card of a finished run."""
    evaluation = run.evaluate(dataset.test)
    C = len(run.classes)
    known = evaluation.root_label >= 0
    said = evaluation.root_probability.argmax(axis=1)
    confusion = np.zeros((C, C), np.int64)
    np.add.at(confusion, (evaluation.root_label[known], said[known]), 1)
    reading = reading_of(run.classes)
    small = np.where(dataset.test.sizes <= MOST_NODES, evaluation.root_label, -1)
    right, wrong = most_confident(evaluation.root_probability, small)
    seeds, mean = result["seconds_per_seed"], result["test"]["root_accuracy"]["mean"]
    report = Report(
        title=f"{result['model']} on {dataset.name}",
        summary=(
            f"A {result['model']} was trained on {len(dataset.train):,} trees and "
            f"tells the root's class of {100 * mean:.1f} % of {len(dataset.test):,} "
            f"test trees. {dataset.note} Training took "
            f"{np.mean(seeds):.0f} s a seed."
        ),
        not_this=NOT_THIS.get(dataset.name, NOT_THIS[""]),
        results=result_rows(result),
        history=[
            read_json_lines(run.folder / f"seed-{k}" / METRICS)
            for k in range(len(seeds))
        ],
        metric=f"dev_{run.manifest.config.metric}",
        baselines={
            name: each["dev"]["root_accuracy"]
            for name, each in result["baselines"].items()
            if run.manifest.config.metric == "root_accuracy"
        },
        confusion=confusion,
        classes=run.classes,
        right=_pictures(run.model, dataset, right, reading),
        wrong=_pictures(run.model, dataset, wrong, reading),
        legend=reading.legend,
        data=facts(dataset),
        config=run.manifest.config.to_dict(),
        versions=result["versions"],
        command=result["command"],
    )
    write_report(run.folder / REPORT, report)
    write_model_card(
        run.folder / "README.md",
        report,
        use="Research, teaching, and as a starting point for trees of your own.",
        limits=[
            f"It knows {len(run.vocabulary) - 1:,} words; others are all one to it.",
        ],
        tags=["recursive-neural-network", result["model"], dataset.name],
    )


def result_rows(result: dict[str, Any]) -> list[Row]:
    """Make the table of a result: baselines first, then the model."""
    rows = []
    for name, each in result["baselines"].items():
        test = each["test"]
        columns = (
            {"every node": test["node_accuracy"]} if "node_accuracy" in test else {}
        )
        rows.append(
            Row(
                name,
                test["root_accuracy"],
                "baseline",
                columns | each.get("groups", {}),
            )
        )
    columns = {}
    if any("every node" in row.columns for row in rows):
        columns["every node"] = result["test"]["node_accuracy"]["seeds"]
    columns |= {name: each["seeds"] for name, each in result["groups"].items()}
    accuracy = result["test"]["root_accuracy"]["seeds"]
    return [*rows, Row(result["model"], accuracy, "model", columns)]


def reading_of(classes: tuple[str, ...]) -> Reading:
    """Show numbered classes as a scale, two as its ends, others by colours."""
    numbered = all(name.lstrip("+-").isdigit() for name in classes)
    return Reading(classes, ordered=numbered or len(classes) == 2)


def facts(dataset: Dataset) -> dict[str, Any]:
    """Describe a data set in a few figures."""
    found: dict[str, Any] = {}
    for name, corpus in (
        ("train", dataset.train),
        ("dev", dataset.dev),
        ("test", dataset.test),
    ):
        deepest = int(corpus.height.max(initial=0))
        found[name] = (
            f"{len(corpus):,} trees, {corpus.num_nodes:,} nodes, up to {deepest} deep"
        )
    found["words"] = f"{len(dataset.vocabulary):,}"
    if dataset.skipped:
        found["left out"] = f"{dataset.skipped:,} trees that could not be read"
    return found


def _pictures(
    model: NodeClassifier, dataset: Dataset, trees: np.ndarray, reading: Reading
) -> list[TreePicture]:
    if len(trees) == 0:
        return []
    corpus = dataset.test[trees]
    pictures: dict[int, TreePicture] = {}
    for batch, p in predictions(model, corpus):
        tree_of = batch.forest.tree.cpu().numpy()
        for b, tree in enumerate(batch.trees):
            own = p[tree_of == b].double().cpu().numpy()
            pictures[int(tree)] = corpus_picture(corpus, int(tree), reading, own)
    return [pictures[k] for k in range(len(trees))]
