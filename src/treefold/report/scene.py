"""Parsed images: the image, its segments, their classes, and the tree above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from treefold.forest import Forest
from treefold.report.figure import GREY, STYLE, as_svg

WIDTH = 11.0  # inches
EDGE, GAP, HEADING = 0.15, 0.12, 0.28
ROOM = 2.3  # for the lines of the tree
NAMES = 0.6  # inches for the names of regions
LEAF, REGION = 0.42, 0.85  # the highest cut-out of a segment, of a region
NAMED = {
    "sky": "#86bdea",
    "sun": "#f2b705",
    "mountain": "#8d7b68",
    "tree": "#2f8a3e",
    "house": "#b8432f",
    "water": "#2459a6",
}
OTHERS = mpl.color_sequences["tab20"]


@final
@dataclass(frozen=True)
class ParsedImage:
    """An image and what was found in it.

    Attributes:
        image: (height, width, 3), 0 to 1.
        number: (height, width), the segment of each pixel, 0 to N-1.
        forest: one binary tree; its nodes 0 to N-1 are the segments, and children come
            before their parents.
        label: (N,) the class of each segment.
        truth: (height, width) the class of each pixel, if it is known; a number that
            is no class where it is not.
    """

    image: NDArray[Any]
    number: NDArray[Any]
    forest: Forest
    label: NDArray[np.int64]
    truth: NDArray[Any] | None = None


def scene_svg(parsed: ParsedImage, classes: Sequence[str], prefix: str) -> str:
    """Draw a parsed image as an element for a page.

    Args:
        parsed: the image.
        classes: names of the classes.
        prefix: of the element's ids; another one for each picture of a page.
    """
    some: list[int] = np.unique(parsed.label).tolist()
    found = ", ".join([str(classes[k]) for k in some])
    title = f"An image, its {len(parsed.label)} segments and their tree"
    with mpl.rc_context(STYLE):
        figure = scene_figure(parsed, classes)
        return as_svg(figure, prefix, title, f"Classes found: {found}.")


def scene_figure(parsed: ParsedImage, classes: Sequence[str]) -> Figure:
    """Draw a parsed image: panels above, the tree of the scene below."""
    colour = [class_colour(name, k) for k, name in enumerate(classes)]
    colours = np.array(colour)
    panels: list[tuple[str, NDArray[Any]]] = [
        ("image", parsed.image),
        ("segments", _outlined(parsed.image, parsed.number)),
        ("classes found", colours[parsed.label[parsed.number]]),
    ]
    if parsed.truth is not None:
        known = parsed.truth < len(classes)
        right = colours[np.where(known, parsed.truth, 0)]
        panels.append(("true classes", np.where(known[..., None], right, 1.0)))
    wide = (WIDTH - 2 * EDGE - (len(panels) - 1) * GAP) / len(panels)
    tall = wide * parsed.image.shape[0] / parsed.image.shape[1]
    below = NAMES + REGION + 0.1 + LEAF + ROOM + HEADING
    height = 2 * EDGE + HEADING + tall + 0.35 + below
    figure = Figure(figsize=(WIDTH, height))
    for k, (name, picture) in enumerate(panels):
        left, bottom = EDGE + k * (wide + GAP), height - EDGE - HEADING - tall
        box = (left / WIDTH, bottom / height, wide / WIDTH, tall / height)
        axes = figure.add_axes(box)
        axes.imshow(picture, interpolation="nearest", aspect="auto")
        axes.set_title(name, fontsize=10, color=GREY, loc="left", pad=4)
        axes.set_axis_off()
    some = np.unique(parsed.label).tolist()
    figure.legend(
        handles=[Patch(color=colour[k], label=classes[k]) for k in some],
        loc="upper right",
        bbox_to_anchor=(1 - EDGE / WIDTH, (below + EDGE + 0.3) / height),
        ncols=min(len(some), 8),
        frameon=False,
        borderaxespad=0.0,
        handlelength=1.0,
    )
    inside = WIDTH - 2 * EDGE
    box = (EDGE / WIDTH, EDGE / height, inside / WIDTH, (below - HEADING) / height)
    axes = figure.add_axes(box)
    axes.set(xlim=(0, inside), ylim=(0, below - HEADING))
    axes.set_axis_off()
    axes.set_title("tree of the scene", fontsize=10, color=GREY, loc="left", pad=4)
    _tree(axes, parsed, classes, colours, inside)
    return figure


def class_colour(name: str, number: int) -> tuple[float, float, float]:
    """Return the colour of a class."""
    return to_rgb(NAMED.get(name, OTHERS[number % len(OTHERS)]))


def _tree(
    axes: Axes,
    parsed: ParsedImage,
    classes: Sequence[str],
    colours: NDArray[Any],
    wide: float,
) -> None:
    """Draw the tree: regions of one class at the bottom, their segments, the merges."""
    child = parsed.forest.child.view(-1, 2).tolist()
    N, V = len(parsed.label), parsed.forest.num_nodes
    label: list[int] = [*parsed.label.tolist(), *[-1] * (V - N)]  # -1: of several
    leaves: list[list[int]] = [[v] for v in range(N)]
    for v, (a, b) in enumerate(child, N):
        leaves.append(leaves[a] + leaves[b])
        label[v] = label[a] if label[a] == label[b] else -1
    parent = dict.fromkeys(range(V), -1)
    parent |= {c: v for v, both in enumerate(child, N) for c in both}
    tops = [v for v in range(V) if label[v] >= 0 and _of(label, parent[v]) < 0]

    # Regions of few segments get a little more room, to be seen and named.
    order, step = leaves[-1], wide / N
    place = {segment: (k + 0.5) * step for k, segment in enumerate(order)}
    x = [place.get(v, 0.0) for v in range(N)]
    heights = parsed.forest.heights.tolist()
    floor = NAMES + REGION + 0.1 + LEAF + 0.05
    rise = (ROOM - 0.15) / max(max(heights), 1)
    y = [floor + rise * h for h in heights]
    for v, (a, b) in enumerate(child, N):
        x.append((x[a] + x[b]) / 2)
        for c in (a, b):
            colour = colours[label[c]] if label[c] >= 0 else "#9aa5b1"
            axes.plot(
                [x[v], x[c], x[c]],
                [y[v], y[v], y[c]],
                color=colour,
                linewidth=1.5,
                solid_joinstyle="round",
            )
    for k in range(N):
        _cut_out(axes, parsed, [k], x[k], floor - 0.05, 0.86 * step, LEAF)
    for v in tops:
        at = [place[k] for k in leaves[v]]
        middle, room = (min(at) + max(at)) / 2, max(at) - min(at) + step
        left, right = min(at) - 0.4 * step, max(at) + 0.4 * step
        bar = NAMES + REGION + 0.05
        axes.plot([left, right], [bar, bar], color=colours[label[v]], linewidth=3)
        _cut_out(axes, parsed, leaves[v], middle, bar - 0.06, 0.94 * room, REGION)
        name = classes[label[v]]
        narrow = 0.075 * len(name) > room
        axes.text(
            middle,
            NAMES - 0.03,
            name,
            ha="center",
            va="top",
            fontsize=8.5,
            rotation=90 if narrow else 0,
        )


def _of(label: Sequence[int], node: int) -> int:
    return label[node] if node >= 0 else -1


def _cut_out(
    axes: Axes,
    parsed: ParsedImage,
    segments: Sequence[int],
    x: float,
    top: float,
    wide: float,
    tall: float,
) -> None:
    """Draw a piece of the image without what is around it, its middle and top given."""
    inside = np.isin(parsed.number, segments)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    piece = np.dstack([parsed.image[box], inside[box].astype(float)])
    height, width = piece.shape[:2]
    # Small pieces stay small, so that sizes may be compared; yet none vanishes.
    scale = min(wide / width, tall / height, 0.05)
    half = scale * width / 2
    extent = (x - half, x + half, top - scale * height, top)
    axes.imshow(np.clip(piece, 0, 1), extent=extent, interpolation="nearest")
    axes.set_aspect("auto")


def _outlined(image: NDArray[Any], number: NDArray[Any], scale: int = 4) -> Any:
    """Return an image, enlarged, with lines between its segments."""
    large = np.repeat(np.repeat(number, scale, axis=0), scale, axis=1)
    shown = np.repeat(np.repeat(image, scale, axis=0), scale, axis=1).astype(float)
    line = np.zeros(large.shape, bool)
    line[:, 1:] |= large[:, 1:] != large[:, :-1]
    line[1:] |= large[1:] != large[:-1]
    light = shown.mean(axis=2, keepdims=True) < 0.45
    shown[line] = np.where(light, 0.95, 0.1).repeat(3, axis=2)[line]
    return shown
