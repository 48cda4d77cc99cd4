"""What all pictures by matplotlib share: one style, and the way into a page."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from treefold.svg.text import escape

BLUE, ORANGE, GREY, FAINT = "#1f62a6", "#b75503", "#5a6876", "#dfe5ec"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "treefold",  # else ids are drawn at random
    "svg.fonttype": "none",  # text stays text, in the reader's own font
    "font.family": ["sans-serif"],
    "font.size": 10.0,
    "text.color": "#16202b",
    "axes.edgecolor": "#8a97a6",
    "axes.labelcolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def layout() -> ConstrainedLayoutEngine:
    """Return what puts the parts of a figure in place."""
    return ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.14, wspace=0.03)


def as_svg(figure: Figure, prefix: str, title: str, description: str) -> str:
    """Return the figure as an element that can stand beside others in a page."""
    buffer = io.StringIO()
    # Without metadata there is no date, and no address of anybody.
    nothing = dict.fromkeys(("Format", "Type", "Creator", "Date"))
    with warnings.catch_warnings():
        # The reader's font is not matplotlib's: what the one lacks the other may have.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(buffer, format="svg", metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]  # a page has its own prolog
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}-", svg)
    start = svg.index(">") + 1
    head = svg[: start - 1] + f' role="img" aria-label="{escape(title)}">'
    words = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return head + words + svg[start:]
