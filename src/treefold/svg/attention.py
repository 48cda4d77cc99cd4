"""Images and, below each, how much every word looks at every column of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from treefold.svg.text import escape

PIXEL, LINE, GAP, LABEL = 9.0, 17.0, 26.0, 64.0
FAINTEST = 0.02  # of a pixel or a weight that is drawn
INK, BLUE, GREY = "#16202b", "#1f62a6", "#5a6876"


@dataclass(frozen=True)
class Looked:
    """An image, and the words said of it.

    Attributes:
        image: rows of pixels from the top down, 0 to 1.
        words: with the end, if it is to be shown.
        weights: of each word, a weight for each column, 0 to 1.
        note: stands above the image.
    """

    image: Sequence[Sequence[float]]
    words: Sequence[str]
    weights: Sequence[Sequence[float]]
    note: str = ""


def attention_svg(items: Sequence[Looked], title: str) -> str:
    """Draw images one below the other, with a line for every word.

    Args:
        items: what to draw.
        title: what the picture is, for those who cannot see it.

    Returns:
        An ``<svg>`` element.
    """
    columns = max((len(item.image[0]) for item in items), default=1)
    width, y, parts = LABEL + columns * PIXEL + 4, 4.0, []
    for item in items:
        if item.note:
            parts.append(_text(LABEL, y + 12, item.note, "start"))
            y += LINE
        for row in item.image:
            parts += _cells(row, y, PIXEL, INK)
            y += PIXEL
        y += 4
        for word, weights in zip(item.words, item.weights, strict=True):
            parts.append(_text(LABEL - 8, y + 12, word, "end"))
            line = len(item.image[0]) * PIXEL
            parts.append(
                f'<path d="M{LABEL:g} {y + LINE - 1:g}h{line:g}" stroke="{GREY}" '
                'stroke-opacity="0.2"/>'
            )
            parts += _cells(weights, y, LINE - 2, BLUE)
            y += LINE
        y += GAP
    height = max(y - GAP + 4, 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f'<g font-family="sans-serif" font-size="13">{"".join(parts)}</g></svg>'
    )


def _cells(values: Sequence[float], y: float, height: float, colour: str) -> list[str]:
    """Draw a row of cells, the darker the greater; the faintest are left out."""
    return [
        f'<rect x="{LABEL + i * PIXEL:g}" y="{y:g}" width="{PIXEL:g}" '
        f'height="{height:g}" fill="{colour}" fill-opacity="{min(value, 1):.2f}"/>'
        for i, value in enumerate(values)
        if value >= FAINTEST
    ]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{GREY}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
