"""Pen drawings as SVG: lines from point to point, broken where the pen was lifted."""

from __future__ import annotations

from collections.abc import Sequence

from treefold.svg.text import escape

Point = Sequence[float]  # dx, dy, up
CELL, MARGIN, LABEL = 92.0, 9.0, 26.0
INK, PALE = "#1f3a5f", "#5a6876"


def strokes_svg(
    rows: Sequence[tuple[str, Sequence[Sequence[Point]]]], title: str
) -> str:
    """Draw rows of drawings, each row under its label.

    Args:
        rows: a label, and drawings as points (dx, dy, up), dy downward.
        title: what the picture is, for those who cannot see it.

    Returns:
        An ``<svg>`` element.
    """
    width = CELL * max((len(drawings) for _, drawings in rows), default=1)
    # A row without a label continues the one above it.
    tops, height = [], 0.0
    for label, _ in rows:
        height += LABEL if label else 0
        tops.append(height)
        height += CELL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f'<g fill="none" stroke="{INK}" stroke-width="1.6" stroke-linecap="round" '
        'stroke-linejoin="round">',
    ]
    for top, (_, drawings) in zip(tops, rows, strict=True):
        parts += [
            f'<path d="{_path(drawing, column * CELL, top)}"/>'
            for column, drawing in enumerate(drawings)
        ]
    parts.append(f'</g><g fill="{PALE}" font-family="sans-serif" font-size="13">')
    for top, (label, _) in zip(tops, rows, strict=True):
        parts.append(f'<text x="{MARGIN:g}" y="{top - 8:g}">{escape(label)}</text>')
    return "".join([*parts, "</g></svg>"])


def _path(drawing: Sequence[Point], left: float, top: float) -> str:
    """Write a drawing's lines, fitted into its cell, the proportions kept."""
    x, y, lifted = 0.0, 0.0, True
    places: list[tuple[float, float, bool]] = []  # and whether a stroke begins here
    for dx, dy, up in drawing:
        x, y = x + dx, y + dy
        places.append((x, y, lifted))
        lifted = bool(up)
    if not places:
        return ""
    xs, ys = [p[0] for p in places], [p[1] for p in places]
    room = CELL - 2 * MARGIN
    scale = room / max(max(xs) - min(xs), max(ys) - min(ys), 1e-9)
    shift_x = left + CELL / 2 - scale * (max(xs) + min(xs)) / 2
    shift_y = top + CELL / 2 - scale * (max(ys) + min(ys)) / 2
    words = []
    for i, (x, y, begins) in enumerate(places):
        at = f"{shift_x + scale * x:.1f} {shift_y + scale * y:.1f}"
        words.append(f"{'M' if begins else 'L'}{at}")
        alone = begins and (i + 1 == len(places) or places[i + 1][2])
        words.append("h0" if alone else "")  # a dot: a line of no length
    return "".join(words)
