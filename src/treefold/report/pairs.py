"""Pictures of how two structures were compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg import categorical
from treefold.svg.text import clean, cut

MOST_POINTS = 1_000  # of a scatter; each is a shape
BINS = 8


def scatter(right: Any, said: Any, *, name: str = "scatter") -> str:
    """Draw scores that were said against the right ones, and their mean in bins.

    Args:
        right: (P,) scores.
        said: (P,) what a model says.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    right, said = np.asarray(right), np.asarray(said)
    P = len(right)
    some = np.linspace(0, P - 1, min(P, MOST_POINTS)).round().astype(int)
    low, high = float(min(right.min(), said.min())), float(max(right.max(), said.max()))
    edges = np.linspace(right.min(), right.max(), BINS + 1)
    place = np.clip(np.digitize(right, edges) - 1, 0, BINS - 1)
    full = [k for k in range(BINS) if (place == k).sum() > 1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 5.2), layout=layout())
        axes = figure.subplots()
        axes.plot([low, high], [low, high], color=GREY, lw=1.1, ls=(0, (5, 3)))
        axes.scatter(right[some], said[some], s=8, color=BLUE, alpha=0.35, lw=0)
        means = [said[place == k].mean() for k in full]
        middle = [right[place == k].mean() for k in full]
        axes.plot(middle, means, color=ORANGE, lw=2.0, marker="o", ms=4)
        if full:  # a few points may each stand alone
            axes.annotate("mean", (middle[0], means[0]), (0, 10), color=ORANGE,
                          textcoords="offset points")  # fmt: skip
        axes.set(xlabel="right score", ylabel="the model's score", aspect="equal")
        axes.grid(color=FAINT, lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        several = ", ".join(
            f"{a:.1f} told {b:.1f}" for a, b in zip(middle, means, strict=True)
        )
        text = f"{len(some):,} of {P:,} pairs."
        text += f" On average, of scores around {several}." if full else ""
        return as_svg(figure, name, "Scores said against the right ones", text)


def by_group(
    ours: Mapping[str, float],
    others: Mapping[str, Mapping[str, float]],
    *,
    label: str,
    seen: Sequence[str] = (),
    name: str = "groups",
) -> str:
    """Draw the accuracy on each group in order, a curve for each model.

    Args:
        ours: accuracy by group, in the order in which they are drawn.
        others: the same of rivals and of the literature, some groups may be missing.
        label: what the groups are.
        seen: those groups that training had, which get a ground of their own.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    groups = list(ours)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.6, 4.2), layout=layout())
        axes = figure.subplots()
        ends = []
        for k, (title, each) in enumerate({"this model": ours, **others}.items()):
            at = [groups.index(group) for group in groups if group in each]
            values = [100 * each[groups[x]] for x in at]
            colour = BLUE if k == 0 else categorical(k)
            width = 2.4 if k == 0 else 1.2
            style = "-" if k == 0 else (0, (4, 2))
            axes.plot(at, values, color=colour, lw=width, ls=style, marker="o", ms=3)
            if at:
                ends.append((values[-1], at[-1], cut(clean(title), 42), colour))
        inside = [x for x, group in enumerate(groups) if group in seen]
        if inside:
            axes.axvspan(-0.5, max(inside) + 0.5, color=FAINT, alpha=0.5, lw=0)
            axes.annotate("as in training", (0.01, 0.02), color=GREY, fontsize=9,
                          xycoords="axes fraction")  # fmt: skip
        bottom, top = axes.get_ylim()
        below = -np.inf
        for value, x, title, colour in sorted(ends):
            below = max(value, below + 0.06 * (top - bottom))
            axes.annotate(title, (x, below), (8, 0), va="center", color=colour,
                          textcoords="offset points", fontsize=9)  # fmt: skip
        axes.set_xticks(range(len(groups)), groups)
        axes.set(xlabel=label, ylabel="accuracy, %", xlim=(-0.5, len(groups) - 0.5))
        axes.grid(axis="y", color=FAINT, lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        said = ", ".join(f"{group}: {100 * v:.1f} %" for group, v in ours.items())
        return as_svg(figure, name, f"Accuracy by {label}", f"This model. {said}")
