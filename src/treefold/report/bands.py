"""Pictures of what happens over time: bands of labels, and curves that go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from treefold.report.figure import BLUE, GREY, ORANGE, STYLE, as_svg, layout
from treefold.svg.text import clean, cut

# Apart also for the colour-blind (Okabe & Ito, 2008), pale first.
COLOURS = (
    "#dfe5ec",
    "#56b4e9",
    "#d55e00",
    "#e69f00",
    "#009e73",
    "#0072b2",
    "#cc79a7",
    "#f0e442",
    "#5a6876",
)

# Colour, dash and width of one's own line and its rivals'.
STROKES = ((BLUE, "-", 1.8), (ORANGE, "--", 1.2), (GREY, ":", 1.2))


def bands(rows: Mapping[str, Any], classes: Sequence[str], *, name: str) -> str:
    """Draw a label for every step, a row for each who said it.

    Args:
        rows: who said it, and (T,) numbers of classes, -1 for none of them.
        classes: the C names; the first is drawn palest.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 0.75 + 0.42 * len(rows)), layout=layout())
        axes = figure.subplots()
        T = 0
        for y, label in enumerate(rows.values()):
            label = np.asarray(label)
            T = max(T, len(label))
            cuts = np.flatnonzero(np.diff(label)) + 1
            begins, ends = np.append(0, cuts), np.append(cuts, len(label))
            for k in range(len(classes)):
                runs = [
                    (a, b - a)
                    for a, b in zip(begins, ends, strict=True)
                    if label[a] == k
                ]
                colour = COLOURS[k % len(COLOURS)]
                axes.broken_barh(runs, (y - 0.42, 0.84), color=colour, lw=0)
        axes.set(xlim=(0, T), ylim=(len(rows) - 0.5, -0.5), xlabel="step")
        axes.set_yticks(range(len(rows)), [cut(clean(r), 24) for r in rows])
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        handles = [
            Patch(color=COLOURS[k % len(COLOURS)], label=cut(clean(each), 20))
            for k, each in enumerate(classes)
        ]
        figure.legend(
            handles=handles, loc="outside upper center", ncols=9, frameon=False
        )
        text = f"{' and '.join(rows)}: {', '.join(classes)} over {T} steps"
        return as_svg(figure, name, "Labels over time", text)


def continued(
    past: Any,
    truth: Any,
    forecasts: Mapping[str, Any],
    columns: Sequence[str],
    *,
    name: str,
) -> str:
    """Draw how series went, went on, and were thought to go on.

    Args:
        past: (T, F), up to now.
        truth: (H, F), the steps after now.
        forecasts: who made it, and (H, F); the first is drawn strongest.
        columns: the F names, a plot each.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    past, truth = np.asarray(past), np.asarray(truth)
    F, H = len(columns), len(truth)
    with mpl.rc_context(STYLE):
        wide = min(F, 3)
        tall = -(-F // wide)
        figure = Figure(figsize=(3.5 * wide, 0.6 + 1.9 * tall), layout=layout())
        plots = figure.subplots(tall, wide, squeeze=False, sharex=True).flatten()
        before, after = np.arange(1 - len(past), 1), np.arange(H + 1)
        for k, plot in enumerate(plots):
            if k >= F:
                plot.set_axis_off()
                continue
            now = past[-1:, k]
            plot.plot(before, past[:, k], color="#16202b", lw=1)
            plot.plot(
                after, np.append(now, truth[:, k]), color="#16202b", lw=1, label="truth"
            )
            for (who, said), (colour, dash, lw) in zip(
                forecasts.items(), STROKES, strict=False
            ):
                way = np.append(now, np.asarray(said)[:, k])
                plot.plot(after, way, dash, color=colour, lw=lw, label=who)
            plot.axvline(0, color="#c5ced8", lw=0.8)
            plot.set_title(cut(clean(columns[k]), 20), fontsize=10)
            plot.spines[["top", "right"]].set_visible(False)
        handles, labels = plots[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside upper center", ncols=5, frameon=False
        )
        text = f"{', '.join(columns)}: {H} steps ahead by {', '.join(forecasts)}"
        return as_svg(figure, name, "A forecast beside the truth", text)


def growth(errors: Mapping[str, Any], *, name: str) -> str:
    """Draw errors by how many steps ahead a forecast is.

    Args:
        errors: who made the forecasts, and (H,) errors; the first is drawn strongest.
        name: of the picture, different from others of a page.

    Returns:
        An ``<svg>`` element.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.2), layout=layout())
        axes = figure.subplots()
        for (who, error), (colour, dash, lw) in zip(
            errors.items(), STROKES, strict=False
        ):
            ahead = np.arange(1, len(error) + 1)
            axes.plot(
                ahead, error, dash, color=colour, lw=lw, marker="o", ms=3, label=who
            )
        axes.set(xlabel="steps ahead", ylabel="RMSE, deviations")
        axes.set_ylim(bottom=0)
        axes.grid(color="#dfe5ec", lw=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        parts = [f"{who} {e[0]:.3f} to {e[-1]:.3f}" for who, e in errors.items()]
        return as_svg(figure, name, "Errors by steps ahead", "; ".join(parts))
