"""Pictures of a language model: what surprised it in a text, and how it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from treefold.report.figure import BLUE, FAINT, GREY, STYLE, as_svg, layout
from treefold.svg import ink, sequential
from treefold.svg.frame import frame
from treefold.svg.text import clean, cut, escape, number

EM, LINE, BAR = 8.4, 52.0, 22.0  # of monospaced 14 px: a letter, a line, a full bar
WIDE = 96  # letters of a line
PAD = 14
MOST = 8.0  # nats that are drawn in full colour, with a full bar


def surprise(tokens: Sequence[str], nats: Any, title: str) -> str:
    """Draw a text with the surprise at each symbol: its colour, and a bar above it.

    Args:
        tokens: the symbols; one that ends in a line feed ends a line.
        nats: (N,), -log p of each.
        title: of the picture.

    Returns:
        An ``<svg>`` element.
    """
    nats = np.asarray(nats, float)
    if len(tokens) != len(nats):
        raise ValueError(f"there are {len(tokens)} tokens, but {len(nats)} nats.")
    gap = EM * 0.8 if any(len(token) > 1 for token in tokens) else 0.0
    parts, x, y, wide = [], 0.0, 0.0, 0.0
    for token, each in zip(tokens, nats.tolist(), strict=True):
        text = cut(clean(token.replace("\n", "↵")), 24)
        w = EM * len(text)
        if x and x + w > WIDE * EM:
            x, y = 0.0, y + LINE
        parts.append(_symbol(text, x, y, w, each))
        x += w + gap
        wide = max(wide, x)
        if token.endswith("\n"):
            x, y = 0.0, y + LINE
    tall = y + LINE if x else y
    said = " ".join(
        f"{clean(token)} {each:.1f}" for token, each in zip(tokens, nats, strict=True)
    )
    body = (
        f'<g transform="translate({PAD} {PAD})" font-size="14" '
        'font-family="ui-monospace, Menlo, Consolas, monospace">',
        *parts,
        "</g>",
    )
    return frame(wide + 2 * PAD, tall + 2 * PAD, title, said, body)


def _symbol(text: str, x: float, y: float, w: float, nats: float) -> str:
    fill = sequential(nats, 0, MOST)
    bar = BAR * min(nats / MOST, 1.0)
    left = number(x)
    return (
        f'<rect x="{left}" y="{number(y + BAR - bar)}" width="{number(w - 1)}" '
        f'height="{number(bar)}" fill="{BLUE}"/>'
        f'<rect x="{left}" y="{number(y + BAR + 1)}" width="{number(w)}" height="20" '
        f'fill="{fill}"/>'
        f'<text x="{left}" y="{number(y + BAR + 16)}" fill="{ink(fill)}" '
        f'xml:space="preserve">{escape(text)}</text>'
    )


def against_time(
    history: Sequence[Mapping[str, Any]],
    levels: Mapping[str, float],
    *,
    metric: str,
    title: str,
) -> str:
    """Draw a metric on dev against the minutes of training, beside fixed levels.

    Args:
        history: what was measured after each epoch, with its `seconds`.
        levels: names and values of the horizontal lines.
        metric: name of the entry; its axis is logarithmic.
        title: of the picture.

    Returns:
        An ``<svg>`` element.
    """
    minutes = np.cumsum([epoch["seconds"] for epoch in history]) / 60
    values = np.array([epoch[metric] for epoch in history])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.0, 4.4), layout=layout())
        axes = figure.subplots()
        axes.set_yscale("log")
        axes.plot(minutes, values, color=BLUE, lw=2.0, marker="o", ms=4)
        seen = np.array([*values, *levels.values()])
        low, high = np.log10(seen.min()), np.log10(seen.max())
        below = -np.inf  # names keep apart from each other
        for name, value in sorted(levels.items(), key=lambda level: level[1]):
            axes.axhline(value, color=GREY, lw=1.0, ls=(0, (5, 3)))
            below = max(np.log10(value), below + 0.06 * (high - low))
            axes.annotate(
                f"{cut(clean(name), 48)} {value:.4g}",
                (1.0, 10**below),
                (6, 0),
                xycoords=axes.get_yaxis_transform(),
                textcoords="offset points",
                va="center",
                color=GREY,
                fontsize=9,
                parse_math=False,
            )
        axes.annotate(
            f"{values[-1]:.4g}",
            (minutes[-1], values[-1]),
            (0, -14),
            textcoords="offset points",
            ha="center",
            color=BLUE,
        )
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(_round(np.logspace(low, high, 6)))
        axes.set_xlim(0, None)
        axes.set_xlabel("minutes of training")
        axes.set_title(title, loc="left", fontsize=10.5, parse_math=False)
        axes.grid(axis="y", color=FAINT, lw=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        said = "; ".join(
            f"{m:.0f} min {v:.4g}" for m, v in zip(minutes, values, strict=True)
        )
        return as_svg(figure, "time", title, said)


def _round(values: Any) -> list[float]:
    """Round to two digits, each value once."""
    return sorted({float(f"{value:.2g}") for value in values})
