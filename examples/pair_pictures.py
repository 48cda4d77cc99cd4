r"""Draw what docs/pairs.md shows, from trained runs, and print accuracy by operators.

    python examples/pair_pictures.py docs/images --logic runs/logic-rnn \
        runs/logic-gated runs/logic-tree-lstm --sick runs/sick-dependency

The runs are those of recipes/logic-*.yaml and of recipes/sick-dependency.yaml.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from treefold.data.tree_pairs import Pair, Side
from treefold.report.figure import FAINT, GREY, STYLE, layout
from treefold.svg import categorical
from treefold.tasks import load
from treefold.tasks.base import TaskRun
from treefold.tasks.compare_findings import BY_GROUP, OPERATORS, two_trees

NAMES = {"rnn": "TreeRNN", "gated": "gated cell", "tree-lstm": "Tree-LSTM"}
# Sentences of our own, and what each word depends on.
LEFT = ("two dogs are chasing a red ball", [2, 4, 4, 0, 7, 7, 4])
RIGHT = ("a ball is being chased by two dogs", [2, 5, 5, 5, 0, 5, 8, 6])


def accuracies(runs: list[TaskRun]) -> dict[str, dict[str, float]]:
    """Return the accuracy of each run by the number of operators."""
    found = {}
    for run in runs:
        groups = run.result["groups"]
        name = NAMES.get(run.task.config.to_dict()["model"], run.task.headline)
        found[name] = {group: each["mean"] for group, each in groups.items()}
    return found


def table(ours: dict[str, dict[str, float]]) -> str:
    """Write accuracies in percent as a table in Markdown."""
    published = {
        name: dict(zip(OPERATORS, values, strict=True))
        for name, values in BY_GROUP["logic"].items()
    }
    lines = [["operators", *OPERATORS], [":--", *["--:"] * len(OPERATORS)]]
    for name, each in {**ours, **published}.items():
        lines.append([name, *(f"{100 * each[n]:.1f}" for n in OPERATORS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def curves(ours: dict[str, dict[str, float]], to: Path) -> None:
    """Draw accuracy by the number of operators, ours and what was published."""
    groups = list(next(iter(ours.values())))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.2), layout=layout())
        axes = figure.subplots()
        for k, (name, each) in enumerate(ours.items()):
            values = [100 * each[group] for group in groups]
            axes.plot(range(len(groups)), values, color=categorical(k), lw=2.2,
                      marker="o", ms=4, label=name)  # fmt: skip
        at = [groups.index(group) for group in OPERATORS]
        for k, (name, values) in enumerate(BY_GROUP["logic"].items()):
            axes.plot(at, 100 * np.array(values), color=categorical((0, 2, 1, 6)[k]),
                      lw=1.2, ls=(0, (4, 2)), label=name)  # fmt: skip
        axes.axvspan(-0.4, 6.5, color=FAINT, alpha=0.6, lw=0)
        axes.annotate("as long as in training", (0.02, 0.04), color=GREY,
                      xycoords="axes fraction")  # fmt: skip
        axes.set_xticks(range(len(groups)), groups)
        axes.set(xlabel="operators of the longer formula", ylabel="accuracy, %")
        axes.set_xlim(-0.4, len(groups) - 0.6)
        axes.grid(axis="y", color=FAINT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.savefig(to, dpi=110, metadata={"Software": None})


def pair(run: TaskRun, to: Path) -> None:
    """Draw two sentences of our own, compared by a run on dependency trees."""
    left, right = (
        Side(tuple(text.split()), heads=tuple(heads)) for text, heads in (LEFT, RIGHT)
    )
    both = Pair(left, right)
    score = run(both)["score"]
    pairs = run.task.coded([both])  # type: ignore[attr-defined]
    title = f"Two sentences and their trees; the model's score is {score:.2f}"
    image = two_trees(run.task, run.model, pairs, 0, title)  # type: ignore[arg-type]
    to.write_text(image + "\n", encoding="utf-8")
    print(f"{LEFT[0]} / {RIGHT[0]}: {score:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--logic", nargs="+", default=[], metavar="RUN")
    parser.add_argument("--sick", metavar="RUN")
    given = parser.parse_args()
    if given.logic:
        measured = accuracies([load(run) for run in given.logic])
        print(table(measured))
        curves(measured, given.folder / "operators.png")
    if given.sick:
        pair(load(given.sick), given.folder / "pair.svg")
    print(f"Wrote {given.folder}.")
