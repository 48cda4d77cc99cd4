"""Colour scales that colour-blind readers can tell apart, and ink to write on them.

Colour is never the only carrier of a reading: whoever fills a node by one of these
scales prints the class or the number on the node too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

MISSING = "#d5d5d5"  # the fill of a reading that is not a number

# Anchors at equal steps. Orange and blue differ for every common colour blindness,
# and the two halves of the diverging scale fall equally in lightness.
_ORANGE = ("#b75503", "#e08c24", "#f6b96b", "#fbdfb8")
_BLUE = ("#d3e5f2", "#99c6e4", "#4f97cb", "#1f62a6")
_DIVERGING = (*_ORANGE, "#fbfaf7", *_BLUE)
_SEQUENTIAL = ("#fafcff", *_BLUE)
# Okabe & Ito's palette, its yellow moved to the end.
_OKABE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
_CATEGORICAL = (*_OKABE, "#8a8a8a", "#f0e442")


def diverging(value: float, low: float = 0.0, high: float = 1.0) -> str:
    """Return orange for `low`, near white half way, and blue for `high`, as #rrggbb.

    Values beyond the ends take the colour of the end; NaN is grey.
    """
    return _scale(_DIVERGING, value, low, high)


def sequential(value: float, low: float = 0.0, high: float = 1.0) -> str:
    """Return near white for `low` through to deep blue for `high`, as #rrggbb."""
    return _scale(_SEQUENTIAL, value, low, high)


def categorical(index: int, strength: float = 1.0) -> str:
    """Return the colour of class `index`, mixed with white where `strength` is < 1."""
    colour = _CATEGORICAL[index % len(_CATEGORICAL)]
    return _scale(("#ffffff", colour), strength, 0.0, 1.0)


def ink(fill: str) -> str | None:
    """Return the text colour that reads best on `fill`; None where that is unknown.

    Only ``#rgb`` and ``#rrggbb`` tell how light they are.
    """
    if re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", fill) is None:
        return None
    digits = fill[1:] if len(fill) == 7 else "".join(c + c for c in fill[1:])
    r, g, b = ((c / 255) ** 2.2 for c in _rgb("#" + digits))
    # Relative luminance of WCAG 2: this dark ink and white have equal contrast at 0.2.
    return "#16202b" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 else "#ffffff"


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _scale(anchors: Sequence[str], value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return MISSING
    share = (value - low) / (high - low) if high != low else 0.5
    at = min(max(share, 0.0), 1.0) * (len(anchors) - 1)
    i = min(int(at), len(anchors) - 2)
    pairs = zip(_rgb(anchors[i]), _rgb(anchors[i + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in pairs)
