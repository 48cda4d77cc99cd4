"""Pictures of negation: distributions over sentiments, and how negation moves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg.colour import diverging


def grid_picture(
    answers: Sequence[Any],
    grid: Sequence[Sequence[str]],
    gold: Mapping[str, tuple[str, bool]],
) -> str:
    """Draw for each phrase and model the probabilities of the classes as one bar.

    Args:
        answers: of the models.
        grid: phrases, in groups.
        gold: the treebank's labels of some of them.

    Returns:
        An ``<svg>`` element, the same for the same input.
    """
    phrases = [phrase for group in grid for phrase in group]
    gaps = np.repeat(np.arange(len(grid)), [len(group) for group in grid])
    y = np.arange(len(phrases)) + 0.7 * gaps
    with mpl.rc_context(STYLE):
        tall = 0.2 * (y[-1] + 1) + 0.9
        figure = Figure(figsize=(1.9 + 1.5 * len(answers), tall), layout=layout())
        axes = figure.subplots(1, len(answers), sharey=True, squeeze=False)[0]
        for axis, each in zip(axes, answers, strict=True):
            p = np.array([each.table[phrase] for phrase in phrases])
            left = np.zeros(len(phrases))
            for k in range(p.shape[1]):
                colour = diverging(k, 0, p.shape[1] - 1)
                axis.barh(y, p[:, k], 0.86, left, color=colour, ec="#b9c3ce", lw=0.3)
                left += p[:, k]
            axis.set_title(each.name, fontsize=9.5, loc="left")
            axis.set_xlim(0, 1)
            axis.set_xticks([0, 0.5, 1], ["0", "½", "1"])
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
            axis.axvline(0.5, color="#16202b", lw=0.6, alpha=0.45)
        labels = [f"{p} ({gold[p][0]})" if p in gold else p for p in phrases]
        axes[0].set_yticks(y, labels, fontsize=9)
        axes[0].set_ylim(y[-1] + 0.8, -0.8)
        said = "; ".join(
            f"{each.name}: " + ", ".join(f"{p} {_mean(each, p):+.1f}" for p in phrases)
            for each in answers
        )
        title = "What models feel in adverbs before adjectives"
        return as_svg(figure, "grid", title, f"Mean polarity. {said}")


def changes_picture(answers: Sequence[Any]) -> str:
    """Draw how negation changes what models give a phrase, set by set.

    Returns:
        An ``<svg>`` element, the same for the same input.
    """
    sets = (
        ("positive_change", "Negated positive phrases: change of P(positive)", ORANGE),
        ("negative_change", "Negated negative: change of P(not negative)", BLUE),
    )
    with mpl.rc_context(STYLE):
        tall = 0.38 * len(answers) + 1.1
        figure = Figure(figsize=(10.6, tall), layout=layout())
        axes = figure.subplots(1, 2, sharey=True)
        said = []
        for axis, (name, title, colour) in zip(axes, sets, strict=True):
            axis.axvline(0, color=GREY, lw=0.9)
            for row, each in enumerate(answers):
                change = getattr(each, name)
                if not len(change):
                    continue
                # Spread by rank, so that equal changes do not hide each other.
                spread = 0.26 * np.sin(2.4 * np.arange(len(change)))
                axis.scatter(change, row + spread, 9, color=colour, alpha=0.4, lw=0)
                mean = change.mean()
                axis.plot([mean, mean], [row - 0.36, row + 0.36], color="#16202b", lw=2)
                said.append(f"{each.name} {title.split(':')[0]} {mean:+.2f}")
            axis.set_title(title, fontsize=10, loc="left")
            axis.set_xlim(-1.04, 1.04)
            axis.grid(axis="x", color=FAINT)
            axis.set_axisbelow(True)
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
        axes[0].set_yticks(range(len(answers)), [each.name for each in answers])
        axes[0].set_ylim(len(answers) - 0.4, -0.6)
        title = "How negation moves the models"
        return as_svg(figure, "changes", title, "; ".join(said))


def _mean(answers: Any, phrase: str) -> float:
    """Mean polarity of a phrase, from -1 to 1."""
    p = answers.table[phrase]
    return float(p @ np.linspace(-1, 1, len(p)))
