"""Curves and matrices as inline SVG, by matplotlib without its global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg import ink, sequential
from treefold.svg.text import clean, cut


def learning_curve(
    history: Sequence[Sequence[Mapping[str, Any]]],
    *,
    baselines: Mapping[str, float] | None = None,
    metric: str = "dev_root_accuracy",
    loss: str = "train_loss",
) -> str:
    """Draw a metric over the epochs beside the baselines, and the loss.

    Args:
        history: for each seed a mapping for each epoch. Its `epoch` counts by itself
            where it is missing; entries that are missing or None leave a hole.
        baselines: names and values of the horizontal lines.
        metric: name of the entry on the left.
        loss: name of the entry on the right, left out if no epoch has it.

    Returns:
        An ``<svg>`` element, the same for the same input.
    """
    left, right = _series(history, metric), _series(history, loss)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6 if right else 7.0, 3.8), layout=layout())
        ratios = [1.7, 1.0] if right else [1.0]
        axes = figure.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0]
        _lines(axes[0], left, BLUE, metric)
        _levels(axes[0], left, baselines or {})
        if right:
            _lines(axes[1], right, ORANGE, loss)
        parts = [f"{len(history)} seeds" if len(history) != 1 else "one seed"]
        if left:
            last = np.mean([ys[-1] for _, ys in left])
            parts.append(f"{_words(metric)} ends at {last:.3f}")
        parts += [f"{name} {value:.3f}" for name, value in (baselines or {}).items()]
        title = f"Learning curve: {_words(metric)} by epoch"
        return as_svg(figure, "curve", title, "; ".join(parts))


def confusion_matrix(counts: Any, classes: Sequence[str]) -> str:
    """Draw how often each class (row) was taken for each (column).

    The shade is the share of the row; counts and shares are printed too, shares only
    where there is room.

    Args:
        counts: (C, C) whole numbers, row i for true class i.
        classes: the C names.
    """
    counts = np.asarray(counts)
    C = len(classes)
    if counts.shape != (C, C):
        raise ValueError(f"counts must have shape ({C}, {C}), got {counts.shape}.")
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(max(2.6, 1.0 + 0.72 * C), 11.0)
    names = [cut(clean(name), 18) for name in classes]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(side + 0.9, side), layout=layout())
        axes = figure.subplots()
        shades = [sequential(i / 16) for i in range(17)]
        shading = LinearSegmentedColormap.from_list("shares", shades)
        # Cells are shapes, not an image: an image would be inlined as a PNG.
        axes.pcolormesh(share, cmap=shading, vmin=0, vmax=1, edgecolors="w", lw=2)
        axes.set(aspect="equal", ylim=(C, 0), xlabel="the model said", ylabel="truth")
        middles = np.arange(C) + 0.5
        turn = (
            {"rotation": 40, "ha": "right"}
            if max(map(len, names), default=0) > 7
            else {}
        )
        axes.set_xticks(middles, names, parse_math=False, **turn)
        axes.set_yticks(middles, names, parse_math=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for i, j in np.ndindex(C, C) if C <= 12 else ():
            text = f"{counts[i, j]:,}" + (f"\n{share[i, j]:.0%}" if C <= 6 else "")
            colour = ink(sequential(share[i, j]))
            axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=colour)
        right, total = int(np.trace(counts)), int(counts.sum())
        said = f"{right:,} of {total:,} on the diagonal, that is right. "
        said += "; ".join(
            f"{names[i]}: "
            + ", ".join(f"{counts[i, j]} as {names[j]}" for j in range(C))
            for i in range(C if C <= 6 else 0)
        )
        return as_svg(figure, "confusion", "Confusion matrix", said)


def _series(
    history: Sequence[Sequence[Mapping[str, Any]]], name: str
) -> list[tuple[list[float], list[float]]]:
    """Return (epochs, values) of each seed that has any."""
    found = []
    for epochs in history:
        points = [
            (float(row.get("epoch", i + 1)), float(row[name]))
            for i, row in enumerate(epochs)
            if row.get(name) is not None and np.isfinite(row[name])
        ]
        if points:
            xs, ys = zip(*points, strict=True)
            found.append((list(xs), list(ys)))
    return found


def _lines(
    axes: Axes,
    series: list[tuple[list[float], list[float]]],
    colour: str,
    name: str,
) -> None:
    """Draw a faint line for each seed, and a strong one for their mean."""
    several = len(series) > 1
    for xs, ys in series:
        style = {"alpha": 0.3, "lw": 1.0} if several else {"lw": 2.0}
        axes.plot(xs, ys, color=colour, marker="." if len(xs) < 3 else "", **style)  # type: ignore[arg-type]
    if several:
        at: dict[float, list[float]] = {}
        for xs, ys in series:
            for x, y in zip(xs, ys, strict=True):
                at.setdefault(x, []).append(y)
        # Seeds that stopped early would make the mean jump: it ends with the first.
        xs = [x for x in sorted(at) if len(at[x]) == len(series)]
        means = [float(np.mean(at[x])) for x in xs]
        axes.plot(xs, means, color=colour, lw=2.2)
    axes.set_title(_words(name), loc="left", fontsize=10.5, parse_math=False)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[attr-defined]
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _levels(
    axes: Axes,
    series: list[tuple[list[float], list[float]]],
    baselines: Mapping[str, float],
) -> None:
    """Draw the baselines, their names at the right edge, apart from each other."""
    labels = [(value, f"{name} {value:.3f}", GREY) for name, value in baselines.items()]
    for value in baselines.values():
        axes.axhline(value, color=GREY, lw=1.1, ls=(0, (5, 3)))
    if series:
        last = float(np.mean([ys[-1] for _, ys in series]))
        labels.append((last, f"last epoch {last:.3f}", BLUE))
    axes.margins(y=0.08)
    low, high = axes.get_ylim()
    below = -np.inf
    for value, text, colour in sorted(labels):
        below = max(value, below + 0.075 * (high - low))
        axes.annotate(
            cut(clean(text), 34),
            (1.0, below),
            (6, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=9,
            parse_math=False,
        )


def _words(name: str) -> str:
    return clean(name.replace("_", " "))
