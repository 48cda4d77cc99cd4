"""A forest too large to draw node by node: its counts and the widths of its levels."""

from __future__ import annotations

import numpy as np

from treefold.svg.frame import FAINT, frame, plural
from treefold.svg.text import number

_ROWS = 24  # bars at most; more levels share them
_BAR, _GAP, _WIDTH = 13.0, 3.0, 360.0  # height of a bar and what parts it; the widest
_LEFT, _RIGHT = 150.0, 100.0  # room for the names of levels and for their widths
_FILL = "#4f97cb"


def summary_svg(
    offset: np.ndarray,
    child: np.ndarray,
    roots: np.ndarray,
    level: np.ndarray,
    title: str | None,
) -> str:
    """Return counts and a silhouette: a bar for each level, the leaves at the bottom.

    A level is what is computed at once, so its width tells how far a forest can be
    computed in parallel.
    """
    V, E = len(offset) - 1, len(child)
    arity, parents = np.diff(offset), np.bincount(child, minlength=V)
    widths = np.bincount(level)
    leaves, shared = int((arity == 0).sum()), int((parents > 1).sum())
    tops = int((parents == 0).sum())
    facts = [
        plural(tops, "structure") if not shared else plural(len(roots), "root"),
        plural(V, "node"),
        plural(E, "edge"),
        plural(leaves, "leaf").replace("leafs", "leaves"),
    ]
    if shared:
        facts.append(plural(shared, "shared node"))
    inner = arity[arity > 0]
    least, most = (int(inner.min()), int(inner.max())) if len(inner) else (0, 0)
    children = plural(most, "child").replace("childs", "children")
    if least != most:
        children = f"{least} to {children}, {inner.mean():.2f} on average"
    shape = [
        f"height {len(widths) - 1:,}; an inner node has {children}",
        f"a level has {_round(widths.mean())} nodes on average, at most "
        f"{widths.max():,}",
    ]

    # Equal runs of levels where there are more levels than bars.
    ends = np.linspace(0, len(widths), min(len(widths), _ROWS) + 1).astype(np.int64)
    sums = np.add.reduceat(widths, ends[:-1])
    means = sums / np.diff(ends)
    wide, top = _LEFT + _WIDTH + _RIGHT, 118.0
    body = [
        f'<text x="18" y="31" font-size="15" font-weight="600">{" · ".join(facts)}'
        "</text>",
        f'<g font-size="12" fill="{FAINT}">',
        *(
            f'<text x="18" y="{53 + 17 * i}">{line}</text>'
            for i, line in enumerate(shape)
        ),
        '</g><g font-size="11">',
        _row("level", top - 10, "nodes"),
    ]
    for i, mean in enumerate(means[::-1]):
        low, high = int(ends[-2 - i]), int(ends[-1 - i]) - 1
        y = top + i * (_BAR + _GAP)
        bar = max(1.0, _WIDTH * mean / means.max())
        name = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        name = "0 (leaves)" if high == 0 else name
        body.append(
            f'<rect x="{number(_LEFT + (_WIDTH - bar) / 2)}" y="{number(y)}" '
            f'width="{number(bar)}" height="{number(_BAR)}" rx="2" fill="{_FILL}"/>'
        )
        many = f"{_round(mean)}{'' if low == high else ' each'}"
        body.append(_row(name, y + _BAR - 2.5, many))
    body.append("</g>")
    tall = top + len(means) * (_BAR + _GAP) + 12
    description = "; ".join([*facts, *shape])
    return frame(wide, tall, title or f"Summary of {facts[0]}", description, body)


def _row(left: str, y: float, right: str) -> str:
    return (
        f'<text x="{number(_LEFT - 14)}" y="{number(y)}" text-anchor="end" '
        f'fill="{FAINT}">{left}</text><text x="{number(_LEFT + _WIDTH + 14)}" '
        f'y="{number(y)}" fill="{FAINT}">{right}</text>'
    )


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
