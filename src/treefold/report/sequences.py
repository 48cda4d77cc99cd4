"""Pictures of sequences and of what a model says of them while it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg import sequential
from treefold.svg.text import clean, cut

SHADES = LinearSegmentedColormap.from_list(
    "shares", [sequential(i / 16) for i in range(17)]
)
MOST_CELLS = 4_000  # of a heat map; each is a shape


def belief(
    probability: Any,
    classes: Sequence[str],
    label: str,
    *,
    steps: Any = None,
    words: Sequence[str] | None = None,
    seconds: float | None = None,
    name: str = "belief",
) -> str:
    """Draw the probability of every class after each step of one sequence.

    Args:
        probability: (T, C), after the first step, after the second, ...
        classes: the C names.
        label: the name of the true class.
        steps: (T, F), what was read, drawn above: a spectrogram.
        words: T words, written below the steps they are.
        seconds: from step to step, where the steps are of a sound.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    probability = np.asarray(probability)
    T, C = probability.shape
    scale = 1.0 if seconds is None else seconds
    rows = 2 if steps is not None else 1
    wide = min(max(4.5, 0.42 * T), 11.0) if words is not None else 7.0
    with mpl.rc_context(STYLE):
        tall = 0.24 * C + 1.1 if C > 2 else 2.2
        figure = Figure(figsize=(wide, tall + 1.7 * (rows - 1)), layout=layout())
        axes = figure.subplots(
            rows, 1, sharex=True, squeeze=False, height_ratios=[1.6, tall][2 - rows :]
        )[:, 0]
        edges = np.arange(T + 1) * scale
        if steps is not None:
            _heat(axes[0], edges, np.asarray(steps))
        low = axes[-1]
        names = [cut(clean(each), 14) for each in classes]
        low.pcolormesh(
            edges, np.arange(C + 1), probability.T, cmap=SHADES, vmin=0, vmax=1
        )
        low.set_ylim(C, 0)
        low.set_yticks(np.arange(C) + 0.5, names, parse_math=False)
        low.tick_params(length=0)
        low.spines[:].set_visible(False)
        for each, tick in zip(classes, low.get_yticklabels(), strict=True):
            if each == label:
                tick.set(color=ORANGE, fontweight="bold")
        if words is not None:
            said = [cut(clean(word), 16) for word in words]
            low.set_xticks(edges[:-1] + 0.5, said, rotation=55, ha="right", fontsize=9)
        else:
            low.set_xlabel("steps read" if seconds is None else "seconds heard")
        final = int(probability[-1].argmax())
        decided = _decided(probability.argmax(axis=1))
        text = (
            f"True class {label}. At the end the model says {classes[final]} with "
            f"probability {probability[-1, final]:.2f}; it has said so since step "
            f"{decided + 1} of {T}."
        )
        return as_svg(figure, name, f"What is believed after each step: {label}", text)


def drawings(
    sequences: Sequence[Any],
    said: Sequence[str],
    truth: Sequence[str],
    *,
    name: str = "drawings",
) -> str:
    """Draw trajectories (T, 2) of a pen in a grid, with what they were taken for.

    Where that is wrong, it is written in orange, with the truth.
    """
    with mpl.rc_context(STYLE):
        figure, grid = _grid(len(sequences))
        for axes, points, told, true in zip(grid, sequences, said, truth, strict=False):
            points = np.asarray(points)
            axes.plot(*points.T, color=BLUE, lw=2.4, solid_capstyle="round")
            axes.plot(*points[0], "o", color=GREY, ms=4)
            axes.set_aspect("equal")
            _titled(axes, told, true)
        return as_svg(
            figure, name, "Pen strokes and what they were taken for", _told(said, truth)
        )


def images(
    pixels: Sequence[Any],
    said: Sequence[str],
    truth: Sequence[str],
    *,
    name: str = "images",
) -> str:
    """Draw square images, given as P greys, with what they were taken for."""
    with mpl.rc_context(STYLE):
        figure, grid = _grid(len(pixels))
        for axes, greys, told, true in zip(grid, pixels, said, truth, strict=False):
            picture = np.ravel(greys)
            side = round(len(picture) ** 0.5)
            picture = picture.reshape(side, side)
            axes.pcolormesh(picture, cmap="Greys")
            axes.set(aspect="equal", ylim=(side, 0))
            _titled(axes, told, true)
        return as_svg(
            figure, name, "Images and what they were taken for", _told(said, truth)
        )


def _heat(axes: Axes, edges: Any, steps: Any) -> None:
    """Draw features (T, F) over time, the first below."""
    T, F = steps.shape
    # Neighbours are averaged where there are more cells than a page should hold.
    few = max(1, -(-T * F // MOST_CELLS))
    while F % few and few < F:
        few += 1
    means = steps.reshape(T, F // few, few).mean(axis=2)
    axes.pcolormesh(edges, np.arange(means.shape[1] + 1), means.T, cmap="magma")
    axes.set_yticks([])
    axes.set_ylabel("pitch", fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _decided(said: Any) -> int:
    """Return the step after which what is said stays."""
    other = np.flatnonzero(said != said[-1])
    return int(other[-1]) + 1 if len(other) else 0


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 8) or 1
    rows = -(-count // columns) or 1
    figure = Figure(figsize=(1.15 * columns, 1.35 * rows), layout=layout())
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(color=FAINT)
    for axes in grid[count:]:
        axes.set_visible(False)
    return figure, list(grid)


def _titled(axes: Axes, told: str, true: str) -> None:
    wrong = told != true
    text = f"{told}, is {true}" if wrong else told
    axes.set_title(
        cut(clean(text), 14),
        color=ORANGE if wrong else GREY,
        fontsize=9.5,
        parse_math=False,
    )


def _told(said: Sequence[str], truth: Sequence[str]) -> str:
    each = (
        f"{true} taken for {told}" if told != true else told
        for told, true in zip(said, truth, strict=True)
    )
    return "; ".join(each)
