"""What there is to tell of a transducer: how right it is, by height, and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from treefold.data.graphs import Graph
from treefold.forest import Forest
from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg import tree_svg
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.models.transducer import Transducer
    from treefold.tasks.transduce import TransduceTask

MOST_NODES = 60  # of a structure that is drawn
MOST_CLASSES = 12  # of a matrix that can be read
RIGHT, WRONG, GIVEN = "#d8efe0", "#f6c9c2", "#eef1f5"


def findings(
    task: TransduceTask, model: Transducer, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model."""
    assert task.data is not None
    test = task.data.splits["test"]
    coded = task.coded("test")
    said = task.say(model, coded).argmax(axis=1)
    known = coded.target >= 0
    few = len(task.classes) <= MOST_CLASSES
    mean = {name: each["mean"] for name, each in result["test"].items()}
    what = "structures" if coded.whole else "nodes"
    return Findings(
        summary=(
            f"A {task.headline} tells {mean['accuracy']:.2%} of the test {what} "
            f"rightly. {task.data.note}"
        ),
        not_this="The figures hold for structures like those of the test set.",
        pictures=[_by_height(task, said), *_drawn(task, test, said)],
        samples=[("By height", table(task, said))],
        confusion=(
            confusion_matrix(
                coded.target[known], said[known], labels=range(len(task.classes))
            )
            if few
            else None
        ),
        classes=task.classes if few else (),
        data=_statistics(task),
        limits=["Every node is given one of the classes that training had."],
    )


def heights(task: TransduceTask, said: NDArray[np.int64]) -> list[dict[str, float]]:
    """Measure the test structures of each height."""
    coded = task.coded("test")
    known, right = coded.target >= 0, said == coded.target
    of = coded.graph_of_target
    wrong = np.bincount(of[known & ~right], minlength=len(coded))
    rows = []
    for height in np.unique(coded.height):
        here = coded.height == height
        at = known & here[of]
        if at.any():
            rows.append(
                {
                    "height": int(height),
                    "structures": int(here.sum()),
                    "accuracy": float(right[at].mean()),
                    "whole": float((wrong[here] == 0).mean()),
                }
            )
    return rows


def table(task: TransduceTask, said: NDArray[np.int64]) -> str:
    """Write the figures of each height."""
    lines = [f"{'height':>6} {'structures':>11} {'accuracy':>9} {'all right':>10}"]
    for row in heights(task, said):
        beyond = "  higher than in training" * (row["height"] > task.assets["height"])
        lines.append(
            f"{row['height']:6} {row['structures']:11,} {row['accuracy']:9.2%} "
            f"{row['whole']:10.1%}{beyond}"
        )
    return "\n".join(lines)


def _by_height(task: TransduceTask, said: NDArray[np.int64]) -> Picture:
    """Draw accuracy over height."""
    rows = heights(task, said)
    caption = (
        "Right labels, and structures without any mistake, by height. Training had "
        f"none higher than {task.assets['height']}, where the line is."
    )
    with rc_context(STYLE):
        figure = Figure(figsize=(7.0, 2.8), layout=layout())
        axes = figure.subplots()
        x = [row["height"] for row in rows]
        for name, title, line, colour in (
            ("accuracy", "labels", "o-", BLUE),
            ("whole", "structures", "s--", ORANGE),
        ):
            y = [100 * row[name] for row in rows]
            axes.plot(x, y, line, color=colour, label=title, markersize=4)
        axes.axvline(task.assets["height"] + 0.5, color=GREY, linewidth=1)
        axes.set(xlabel="height of the structure", ylabel="all right, %")
        axes.set_ylim(0, 104)
        axes.grid(axis="y", color=FAINT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="lower left", frameon=False)
        svg = as_svg(figure, "heights", "Accuracy by height", caption)
    return Picture(svg, caption, "By height")


def _drawn(task: TransduceTask, test: Any, said: NDArray[np.int64]) -> list[Picture]:
    """Draw a structure higher than those of training, with what was told of it."""
    coded = task.coded("test")
    small = np.diff(coded.offset) <= MOST_NODES
    high = coded.height > task.assets["height"]
    some = (
        np.flatnonzero(small & high) if (small & high).any() else np.flatnonzero(small)
    )
    if not len(some) or coded.whole:
        return []
    b = int(some[0])
    here = slice(coded.offset[b], coded.offset[b + 1])
    names = [task.classes[k] for k in said[here]]
    svg = drawing(test[b], names)
    caption = (
        f"{test[b].place}: each node with what the model tells of it; red where it is "
        "wrong, with the truth behind it; grey where nothing was asked."
    )
    return [Picture(svg, caption, "A structure")]


def drawing(graph: Graph, said: list[str]) -> str:
    """Draw a structure with what is told of its nodes."""
    forest = Forest(graph.children)
    text, fill = [], []
    targets = graph.targets
    for v, (label, ours) in enumerate(zip(graph.nodes, said, strict=True)):
        true = targets[v] if targets is not None else None
        if true is None:
            text.append(label)
            fill.append(GIVEN)
        else:
            text.append(f"{label}\n{ours}" + f" ({true})" * (ours != true))
            fill.append(RIGHT if ours == true else WRONG)
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=text,
        fill=fill,
        title="A structure and what is told of its nodes",
    )


def _statistics(task: TransduceTask) -> dict[str, Any]:
    assert task.data is not None
    found: dict[str, Any] = {}
    for split in task.data.splits:
        coded = task.coded(split)
        V, paths = len(coded.label), unfolded(coded)
        found[split] = (
            f"{len(coded):,} structures, {V:,} nodes, {len(coded.child):,} edges; "
            f"unfolded to trees {paths:.3g} nodes"
        )
    return found


def unfolded(coded: Any) -> float:
    """Count the nodes of the trees that the structures unfold to: one for each path."""
    below = np.ones(len(coded.label))
    parent = np.repeat(np.arange(len(below)), np.diff(coded.child_offset))
    height = np.zeros(len(below), np.int64)
    for _ in range(int(coded.height.max(initial=0))):  # settles from the leaves up
        np.maximum.at(height, parent, height[coded.child] + 1)
    inner = np.ones(len(below), bool)
    inner[coded.child] = False
    for level in range(1, int(height.max(initial=0)) + 1):
        edges = height[parent] == level
        np.add.at(below, parent[edges], below[coded.child[edges]])
    return float(below[inner].sum())
