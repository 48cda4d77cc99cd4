"""The picture of a benchmark: pace, share of the limit, and rows of the schedule."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from treefold.report.bench import ALGORITHMS, MODES, Benchmark, Mode, summary
from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, STYLE, as_svg, layout

_COLOUR = {"recursive": GREY, "batched": ORANGE, "fused": BLUE}
_MARKER = {"recursive": "^", "batched": "s", "fused": "o"}
_DASHES = {MODES[0]: (0, (4, 2)), MODES[1]: "-"}


def bench_picture(bench: Benchmark) -> str:
    """Draw a benchmark.

    Returns:
        An ``<svg>`` element, the same for the same input.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 7.4), layout=layout())
        top, bottom = figure.subplots(2, 2)
        for axes, mode in zip(top, MODES, strict=True):
            _paces(axes, bench, mode)
        top[0].set_ylabel("nodes a second")
        low = min(axes.get_ylim()[0] for axes in top)
        high = max(axes.get_ylim()[1] for axes in top)
        for axes in top:
            axes.set_ylim(low, high)
        _shares(bottom[0], bench)
        _rows(bottom[1], bench)
        return as_svg(figure, "bench", bench.title, summary(bench))


def _paces(axes: Axes, bench: Benchmark, mode: Mode) -> None:
    """Draw nodes/s against the size of the batch."""
    for name in bench.algorithms:
        points = [
            (s.trees, s.pace[mode][name]) for s in bench.sizes if name in s.pace[mode]
        ]
        _line(axes, points, name, f"{ALGORITHMS[name]} ")
    limits = [(s.trees, s.limit[mode]) for s in bench.sizes if mode in s.limit]
    if limits:
        xs, ys = zip(*limits, strict=True)
        axes.plot(xs, ys, color=GREY, lw=1.2, ls=(0, (2, 2)))
        axes.annotate(
            "the limit", (xs[0], ys[0]), (0, 4), textcoords="offset points", color=GREY
        )
    axes.set_yscale("log")
    axes.margins(x=0.06, y=0.12)
    _finish(axes, bench, f"Nodes a second, {mode}")


def _shares(axes: Axes, bench: Benchmark) -> None:
    """Draw the share of the limit; naive is too near to nothing to be seen."""
    drawn = False
    for name in bench.algorithms:
        for mode in MODES:
            found = [(s.trees, s.share(mode, name)) for s in bench.sizes]
            points = [(x, y) for x, y in found if y is not None]
            if points and name != "recursive":
                drawn = True
                label = f"{ALGORITHMS[name]}, {mode}"
                _line(axes, points, name, label=label, dashes=_DASHES[mode])
    if drawn:
        axes.legend(frameon=False, fontsize=8.5, loc="upper left", labelcolor=GREY)
        axes.set_ylim(0, 1.28 * axes.get_ylim()[1])  # room for the legend
    else:
        axes.text(
            0.5, 0.5, "not known of this cell", ha="center", transform=axes.transAxes
        )
        axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _finish(axes, bench, "Share of the limit")


def _rows(axes: Axes, bench: Benchmark) -> None:
    """Draw how many of the rows that are computed have a node, as bars."""
    places = range(len(bench.sizes))
    filled = [size.filled for size in bench.sizes]
    axes.bar(places, filled, 0.62, color=BLUE, label="filled")
    wasted = [1 - share for share in filled]
    axes.bar(places, wasted, 0.62, filled, color="#f3c9a5", label="wasted")
    for x, size in zip(places, bench.sizes, strict=True):
        axes.text(
            x,
            size.filled / 2,
            f"{size.filled:.0%}",
            ha="center",
            va="center",
            color="w",
        )
        axes.text(
            x,
            1.03,
            f"{size.levels:.0f} levels\nof {size.rows:,.0f}",
            ha="center",
            color=GREY,
            fontsize=8.5,
        )
    axes.set_ylim(0, 1.38)
    axes.set_yticks([0, 0.5, 1])
    axes.set_xticks(places, [f"{size.trees:,}" for size in bench.sizes])
    axes.legend(frameon=False, fontsize=8.5, ncols=2, loc="upper left", labelcolor=GREY)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_title(f"Rows of {bench.tile} at a time", loc="left", fontsize=10.5)
    axes.set_xlabel("trees a batch")
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _line(
    axes: Axes,
    points: list[tuple[int, float]],
    name: str,
    at_end: str = "",
    *,
    label: str = "",
    dashes: object = "-",
) -> None:
    """Draw what was measured of an algorithm, with its name and last value beside."""
    if not points:
        return
    xs, ys = zip(*points, strict=True)
    axes.plot(
        xs,
        ys,
        color=_COLOUR[name],
        marker=_MARKER[name],
        ms=4.5,
        lw=2.0,
        ls=dashes,  # type: ignore[arg-type]
        label=label,
    )
    if at_end:
        axes.annotate(
            f"{at_end}{ys[-1]:,.0f}",
            (xs[-1], ys[-1]),
            (8, 0),
            textcoords="offset points",
            va="center",
            color=_COLOUR[name],
            fontsize=9,
            annotation_clip=False,
        )


def _finish(axes: Axes, bench: Benchmark, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.set_xscale("log", base=2)
    trees = [size.trees for size in bench.sizes]
    axes.set_xticks(trees, [f"{x:,}" for x in trees])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("trees a batch")
    if axes.get_yscale() == "log":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
