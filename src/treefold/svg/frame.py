"""What all pictures share: the element itself, its paper, and words for the blind."""

from __future__ import annotations

from collections.abc import Iterable

from treefold.svg.text import FONT, cut, escape, number

PAPER, FRAME = "#ffffff", "#d8dee6"
INK, FAINT = "#16202b", "#5a6876"
EDGE = "#8a97a6"


def frame(
    width: float, height: float, title: str, description: str, body: Iterable[str]
) -> str:
    """Return `body` as an ``<svg>`` of `width` x `height` pixels.

    It brings its own paper, so that it reads on dark pages as on light ones, and has
    no id, so that several of them can stand in one page.
    """
    title = cut(title, 200)
    w, h = number(width), number(height)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" '
            f'viewBox="0 0 {w} {h}" role="img" aria-label="{escape(title)}" '
            f'font-family="{escape(FONT)}" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(cut(description, 600))}</desc>",
            f'<rect x="0.5" y="0.5" width="{number(width - 1)}" '
            f'height="{number(height - 1)}" rx="8" fill="{PAPER}" stroke="{FRAME}"/>',
            *body,
            "</svg>",
        ]
    )


def plural(count: int, noun: str) -> str:
    """Return '1 tree' or '1,234 trees'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
