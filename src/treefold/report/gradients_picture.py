"""Pictures of the laboratory of gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout

COLOURS = {
    "tanh": "#16202b",
    "wide": "#6b7280",
    "orthogonal": ORANGE,
    "irnn": "#2e7d32",
    "leaky": "#7b3fa0",
    "leaky-learned": "#a877c9",
    "skip": "#00838f",
    "lstm": BLUE,
    "lstm-forget": "#5b9bd5",
    "gru": "#c0282d",
    "echo": "#8d6e63",
}
LEAST = 1e-12  # what is smaller is drawn here: float32 has long lost it
SHAPES = ("chain", "tree")


class Setting(NamedTuple):
    """A task and a length."""

    task: str
    length: int


def reach_picture(result: Mapping[str, Any], setting: Setting) -> str:
    """Draw |dL/dh| against the distance from the loss, untrained: chain and tree.

    Returns:
        An ``<svg>`` element, the same for the same input.
    """
    found = cells(result, setting)
    tanh = {c["shape"]: c["gradient_norms"]["before"] for c in found["tanh"].values()}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 4.9), layout=layout())
        axes = figure.subplots(1, 2, sharey=True, width_ratios=[2.2, 1])
        ends: list[list[tuple[str, float, float, str]]] = [[], []]
        for name, shapes in found.items():
            for side, shape in enumerate(SHAPES):
                if shape not in shapes:
                    continue
                norms = shapes[shape]["gradient_norms"]["before"]
                if name != "tanh" and norms == tanh.get(shape):
                    continue  # clipping and the like begin as the tanh RNN
                colour = COLOURS.get(name, GREY)
                ys = np.maximum(norms, LEAST)
                marker = "o" if shape == "tree" else None
                axes[side].plot(ys, color=colour, lw=1.8, marker=marker, ms=3.5)
                title = result["remedies"][name]["title"]
                ends[side].append((title, len(ys) - 1, float(ys[-1]), colour))
        for side, shape in enumerate(SHAPES):
            deepest = max((x for _, x, _, _ in ends[side]), default=1)
            axes[side].set_yscale("log")
            _finish(axes[side], "edges between a node and the loss")
            leaves = f"{setting.length} steps"
            words = "Chain" if shape == "chain" else "Balanced tree"
            title = f"{words} over {leaves}: {deepest:.0f} edges deep"
            axes[side].set_title(title, loc="left", fontsize=10.5)
        axes[0].set_ylabel("norm of dL/dh, mean over nodes")
        axes[0].set_ylim(LEAST / 3, 5 * axes[0].get_ylim()[1])
        axes[0].yaxis.set_major_locator(LogLocator(numticks=8))
        axes[0].yaxis.set_minor_locator(NullLocator())
        for side in range(2):
            _labels(axes[side], ends[side])
        said = "; ".join(
            f"{title} {y:.1g} after {x:.0f} edges" for title, x, y, _ in ends[0]
        )
        title = f"Gradients before training, {setting.task} at T = {setting.length}"
        return as_svg(figure, f"reach{setting.length}", title, said)


def before_after_picture(result: Mapping[str, Any], setting: Setting) -> str:
    """Draw for each remedy |dL/dh| before and after training, chain and tree."""
    found = cells(result, setting)
    across = 4
    down = math.ceil(len(found) / across)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 2.15 * down + 0.5), layout=layout())
        grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        flat = list(grid.flat)
        for axes, (name, shapes) in zip(flat, found.items(), strict=False):
            for shape, colour in zip(SHAPES, (BLUE, ORANGE), strict=True):
                norms = shapes.get(shape, {}).get("gradient_norms", {})
                for when, width, dash in (
                    ("before", 1.3, (0, (2, 1.5))),
                    ("after", 2.0, "-"),
                ):
                    if norms.get(when):
                        ys = np.maximum(norms[when], LEAST)
                        xs = np.arange(len(ys)) + 1
                        label = f"{shape}, {when} training"
                        axes.plot(xs, ys, color=colour, lw=width, ls=dash, label=label)
            axes.set(xscale="log", yscale="log", ylim=(LEAST / 3, 1e3))
            title = result["remedies"][name]["title"]
            axes.set_title(title, loc="left", fontsize=10)
            _finish(axes, "")
            axes.xaxis.set_major_locator(LogLocator(numticks=4))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_locator(LogLocator(numticks=6))
            axes.yaxis.set_minor_locator(NullLocator())
        for axes in flat[len(found) :]:
            axes.set_visible(False)
        handles = {
            label: line
            for axes in flat[: len(found)]
            for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside upper left",
            ncols=4,
            frameon=False,
            fontsize=9,
        )
        figure.supxlabel(
            "edges between a node and the loss, + 1", fontsize=10, color=GREY
        )
        figure.supylabel("norm of dL/dh", fontsize=10, color=GREY)
        title = f"Gradients before and after training, {setting.task}"
        said = f"T = {setting.length}; {len(found)} remedies, chain and tree."
        return as_svg(figure, "training", title, said)


def curves_picture(result: Mapping[str, Any], setting: Setting) -> str:
    """Draw the loss over the steps of training, chain and tree, and the baseline."""
    found = cells(result, setting)
    known = result["problems"][setting.task]["lengths"][str(setting.length)]
    shown = [s for s in SHAPES if any(s in shapes for shapes in found.values())]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 4.6), layout=layout())
        axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        said = []
        for side, shape in enumerate(shown):
            ends = []
            for name, shapes in found.items():
                if shape not in shapes or not shapes[shape]["curves"]:
                    continue
                cell = shapes[shape]
                ys = smooth(cell["curves"][0])
                xs = result["curve_every"] * (np.arange(len(ys)) + 1)
                won = bool(cell["success_rate"])
                colour = COLOURS.get(name, GREY) if won else "#b9c2cc"
                axes[side].plot(
                    xs, ys, color=colour, lw=1.9 if won else 1.2, zorder=1 + won
                )
                if won:
                    title = result["remedies"][name]["title"]
                    ends.append((title, float(xs[-1]), float(ys[-1]), colour))
            # An explosion would press all else together; it leaves the picture.
            axes[side].set(
                yscale="log", ylim=(known["mark"] / 20, 6 * known["baseline"])
            )
            for value, words in (
                (known["baseline"], f"knows nothing: {known['baseline']:.4f}"),
                (known["mark"], f"solved: {known['mark']:.3g}"),
            ):
                axes[side].axhline(value, color=GREY, lw=1.1, ls=(0, (4, 3)), zorder=3)
                axes[side].annotate(
                    words,
                    (1, value),
                    (-2, 4),
                    xycoords=("axes fraction", "data"),
                    textcoords="offset points",
                    ha="right",
                    fontsize=9,
                    color=GREY,
                )
            _finish(axes[side], "steps of training")
            axes[side].yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
            axes[side].set_title(
                "On the chain"
                if shape == "chain"
                else "On the tree over the same leaves",
                loc="left",
                fontsize=10.5,
            )
            _beside(axes[side], ends)
            said.append(f"{shape}: solved by {', '.join(e[0] for e in ends) or 'none'}")
        axes[0].set_ylabel("training loss")
        words = result["problems"][setting.task]["title"]
        title = f"Learning {words} at T = {setting.length}"
        prefix = f"curves{setting.task}{setting.length}"
        return as_svg(figure, prefix, title, "; ".join(said))


def cells(
    result: Mapping[str, Any], setting: Setting
) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Arrange the cells of a task and length by remedy and shape."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for cell in result["cells"]:
        if (cell["task"], cell["length"]) == tuple(setting):
            found.setdefault(cell["remedy"], {})[cell["shape"]] = cell
    return found


def smooth(curve: Sequence[float | None], width: int = 3) -> np.ndarray:
    """Running mean over the last `width` points; what is no number ends the curve."""
    values = [v for v in curve if v is not None]
    return np.array(
        [np.mean(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]
    )


def _labels(axes: Axes, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write names to the right of where lines end, apart from each other."""
    if not ends:
        return
    ends = sorted(ends, key=lambda end: end[2])
    low, high = np.log10(axes.get_ylim())
    wanted = np.log10([y for *_, y, _ in ends])
    gap = 0.05 * (high - low)
    places = wanted.copy()
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    places -= (places - wanted).mean()
    places -= max(places[-1] - high, 0)  # all of them below the top
    for i in range(len(places) - 2, -1, -1):
        places[i] = min(places[i], places[i + 1] - gap)
    for (title, x, y, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            title,
            (x, y),
            (1.015, 10**place),
            xycoords="data",
            textcoords=("axes fraction", "data"),
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
        )


def _beside(axes: Axes, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """List the names of the lines that are coloured, in the lower left corner."""
    for row, (title, *_, colour) in enumerate(reversed(ends)):
        axes.annotate(
            title,
            (0.02, 0.03 + 0.055 * row),
            xycoords="axes fraction",
            color=colour,
            fontsize=9.5,
            fontweight="bold",
        )


def _finish(axes: Axes, xlabel: str) -> None:
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
