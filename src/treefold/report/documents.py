"""Pictures of what documents are, and of how well they were told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg.text import clean, cut

Float = NDArray[np.float64]
BINS = 24  # of a distribution
MOST_POINTS = 1_000  # of a scatter; each is a shape
CONFIDENT = 1.96  # standard deviations: 95 % of a normal distribution


class Group(NamedTuple):
    """Documents of like depth or size, and how well they were told.

    Attributes:
        name: such as "4" or "10 to 19".
        count: how many.
        value: their accuracy, or mean absolute error.
        low: the lower end of its 95 % interval.
        high: the upper end.
    """

    name: str
    count: int
    value: float
    low: float
    high: float


def distributions(
    columns: Sequence[tuple[str, Any]], *, name: str = "distributions"
) -> str:
    """Draw how often each size occurs, a panel for each of several sizes.

    Args:
        columns: names, and whole numbers, 0 or above; what has none is left out.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    columns = [(title, given) for title, given in columns if len(given)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.5 * len(columns), 2.7), layout=layout())
        panels = figure.subplots(1, len(columns), squeeze=False)[0]
        told = []
        for axes, (title, given) in zip(panels, columns, strict=True):
            value = np.asarray(given)
            _histogram(axes, value)
            axes.set_title(title, loc="left", fontsize=10.5)
            _quiet(axes)
            low, middle, high = np.percentile(value, [0, 50, 100])
            told.append(f"{title}: {low:g} to {high:g}, half are at most {middle:g}")
        panels[0].set_ylabel("how many")
        return as_svg(figure, name, "Distributions of sizes", "; ".join(told))


def _histogram(axes: Axes, value: NDArray[Any]) -> None:
    low, high = int(value.min()), int(value.max())
    if high - low < BINS:
        at, count = np.unique(value, return_counts=True)
        axes.bar(at, count, width=0.9, color=BLUE)
    elif high > 50 * max(low, 1):
        edges = np.geomspace(max(low, 1), high + 1, BINS + 1)
        count, edges = np.histogram(np.maximum(value, 1), edges)
        axes.bar(edges[:-1], count, np.diff(edges), align="edge", color=BLUE)
        axes.set_xscale("log")
    else:
        count, edges = np.histogram(value, BINS)
        axes.bar(edges[:-1], count, np.diff(edges), align="edge", color=BLUE)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def calibration(
    sure: Any, right: Any, *, bins: int = 10, name: str = "calibration"
) -> tuple[str, float]:
    r"""Draw how often a model is right against how sure it is.

    The expected calibration error is :math:`\sum_b \frac{n_b}{n} |acc_b - conf_b|` over
    equal bins of confidence (Guo et al., 2017).

    Args:
        sure: (N,) the probability of what was said.
        right: (N,) whether it was right.
        bins: of equal width.
        name: of the picture.

    Returns:
        An ``<svg>`` element, and the error.
    """
    sure, right = np.asarray(sure, np.float64), np.asarray(right, np.float64)
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    full = count > 0
    confidence = np.bincount(place, sure, bins)[full] / count[full]
    accuracy = np.bincount(place, right, bins)[full] / count[full]
    error = float((count[full] / len(sure) * np.abs(accuracy - confidence)).sum())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 5.0), layout=layout())
        axes, below = figure.subplots(2, 1, height_ratios=[3.4, 1.0], sharex=True)
        axes.plot([0, 1], [0, 1], color=GREY, lw=1.1, ls=(0, (5, 3)))
        low, high = wilson(accuracy * count[full], count[full])
        axes.vlines(confidence, low, high, color=BLUE, lw=1.2, alpha=0.6)
        axes.plot(confidence, accuracy, color=BLUE, lw=2.0, marker="o", ms=5)
        axes.set(ylabel="how often it is right", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"calibration error {error:.3f}", loc="left", fontsize=10.5)
        below.bar((np.arange(bins) + 0.5) / bins, count, 0.92 / bins, color=ORANGE)
        below.set(xlabel="how sure it is", ylabel="how many")
        below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        _quiet(axes)
        _quiet(below)
        told = "; ".join(
            f"{c:.2f} sure, {a:.2f} right ({n:,})"
            for c, a, n in zip(confidence, accuracy, count[full], strict=True)
        )
        title = f"Calibration, expected error {error:.3f}"
        return as_svg(figure, name, title, told), error


def wilson(right: Any, count: Any) -> tuple[Float, Float]:
    """Return the 95 % intervals of shares (Wilson, 1927), as lower and upper ends."""
    n, z = np.asarray(count, np.float64), CONFIDENT
    p = np.asarray(right) / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def grouped(size: Any, score: Any, *, share: bool, most: int = 8) -> list[Group]:
    """Part documents by a size into groups of about equal number.

    Args:
        size: (N,) whole numbers.
        score: (N,) whether each was told right, or by how much it was missed.
        share: whether scores are 0 or 1.
        most: the most groups.
    """
    size, score = np.asarray(size), np.asarray(score, np.float64)
    values, count = np.unique(size, return_counts=True)
    if len(values) > most:
        # Cut where the next share of the documents is full.
        place = np.minimum(np.cumsum(count) * most // (len(size) + 1), most - 1)
    else:
        place = np.arange(len(values))
    groups = []
    for k in np.unique(place):
        mine = values[place == k]
        inside = score[(size >= mine[0]) & (size <= mine[-1])]
        name = f"{mine[0]:,}" + (f" to {mine[-1]:,}" if len(mine) > 1 else "")
        mean, n = float(inside.mean()), len(inside)
        if share:
            low, high = (float(end) for end in wilson(inside.sum(), n))
        else:
            half = CONFIDENT * float(inside.std()) / np.sqrt(n)
            low, high = max(mean - half, 0.0), mean + half
        groups.append(Group(name, n, mean, low, high))
    return groups


def by_size(
    panels: Sequence[tuple[str, Sequence[Group]]],
    *,
    measure: str,
    percent: bool,
    level: float,
    name: str = "by-size",
) -> str:
    """Draw how well groups were told, a panel for each way to part documents.

    Args:
        panels: what they are parted by, and the groups.
        measure: what their values are.
        percent: whether to show percents.
        level: the value over all, a dashed line.
        name: of the picture.

    Returns:
        An ``<svg>`` element.
    """
    factor = 100.0 if percent else 1.0
    with mpl.rc_context(STYLE):
        wide = 0.9 + 0.62 * sum(max(len(groups), 4) for _, groups in panels)
        figure = Figure(figsize=(min(max(wide, 6.0), 11.0), 3.5), layout=layout())
        ratios = [max(len(groups), 4) for _, groups in panels]
        columns = figure.subplots(
            1, len(panels), squeeze=False, width_ratios=ratios, sharey=True
        )[0]
        told = []
        for axes, (title, groups) in zip(columns, panels, strict=True):
            at = np.arange(len(groups))
            value = factor * np.array([group.value for group in groups])
            low = factor * np.array([group.low for group in groups])
            high = factor * np.array([group.high for group in groups])
            axes.axhline(factor * level, color=GREY, lw=1.1, ls=(0, (5, 3)))
            axes.vlines(at, low, high, color=BLUE, lw=1.4, alpha=0.6)
            axes.plot(at, value, color=BLUE, marker="o", ms=5, lw=1.6)
            names = [f"{group.name}\n({group.count:,})" for group in groups]
            axes.set_xticks(at, names, fontsize=8.5, rotation=0)
            if max(map(len, [group.name for group in groups]), default=0) > 7:
                axes.tick_params(axis="x", rotation=35)
            axes.set(xlim=(-0.5, len(groups) - 0.5))
            axes.set_xlabel(title)
            _quiet(axes)
            told += [f"{title} {g.name}: {factor * g.value:.3g}" for g in groups]
        columns[0].set_ylabel(measure + (", %" if percent else ""))
        title = f"{measure} by {' and by '.join(title for title, _ in panels)}"
        return as_svg(figure, name, title, "; ".join(told))


def residuals(right: Any, said: Any, *, name: str = "residuals") -> str:
    """Draw numbers that were told against the right ones, and by how much they miss.

    Args:
        right: (N,) numbers.
        said: (N,) what a model says.
        name: of the picture.

    Returns:
        An ``<svg>`` element.
    """
    right, said = np.asarray(right, np.float64), np.asarray(said, np.float64)
    some = np.linspace(0, len(right) - 1, min(len(right), MOST_POINTS))
    some = some.round().astype(int)
    ends = [min(right.min(), said.min()), max(right.max(), said.max())]
    error = said - right
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 4.3), layout=layout())
        axes, aside = figure.subplots(1, 2, width_ratios=[1.0, 1.0])
        axes.plot(ends, ends, color=GREY, lw=1.1, ls=(0, (5, 3)))
        axes.scatter(right[some], said[some], s=8, color=BLUE, alpha=0.4, lw=0)
        axes.set(xlabel="right", ylabel="the model's")
        width = max(np.abs(np.percentile(error, [1, 99])).max(), 1e-12)
        clipped = np.clip(error, -1.15 * width, 1.15 * width)
        aside.hist(clipped, 41, color=ORANGE)
        aside.axvline(0, color=GREY, lw=1.1, ls=(0, (5, 3)))
        aside.set(xlabel="the model's less the right", ylabel="how many")
        for panel in (axes, aside):
            _quiet(panel)
        text = (
            f"{len(right):,} numbers from {right.min():.4g} to {right.max():.4g}; "
            f"half of the errors are within {np.median(np.abs(error)):.3g}, nine of "
            f"ten within {np.percentile(np.abs(error), 90):.3g}; their mean is "
            f"{error.mean():+.3g}"
        )
        return as_svg(figure, name, "Numbers told against the right ones", text)


def most_confused(
    counts: Any, classes: Sequence[str], *, most: int = 15, name: str = "confused"
) -> str:
    """Draw the pairs of classes that are most often taken for each other.

    Args:
        counts: (C, C) whole numbers, row i for true class i.
        classes: the C names.
        most: how many pairs.
        name: of the picture.

    Returns:
        An ``<svg>`` element.
    """
    counts = np.array(counts)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = [(int(k) // len(classes), int(k) % len(classes)) for k in order]
    pairs = [(i, j) for i, j in pairs if counts[i, j]]
    value = [int(counts[i, j]) for i, j in pairs]
    names = [
        f"{cut(clean(classes[i]), 24)} taken for {cut(clean(classes[j]), 24)}"
        for i, j in pairs
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 0.9 + 0.27 * len(pairs)), layout=layout())
        axes = figure.subplots()
        at = np.arange(len(pairs))
        axes.barh(at, value, color=ORANGE, height=0.7)
        for y, n in zip(at, value, strict=True):
            axes.annotate(f"{n:,}", (n, y), (4, 0), textcoords="offset points",
                          va="center", fontsize=9)  # fmt: skip
        axes.set_yticks(at, names, parse_math=False)
        axes.set(ylim=(len(pairs) - 0.4, -0.6), xlabel="how often")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        told = "; ".join(f"{n}: {v}" for n, v in zip(names, value, strict=True))
        return as_svg(figure, name, "The most confused classes", told)


def _quiet(axes: Axes) -> None:
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
