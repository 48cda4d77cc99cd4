"""Values that stand twice in a document: references, keys, telling coincidences.

A bond names its atom by a number, a payment the country that its merchant has, too. A
cell sees values one by one, and would have to learn of each pair that it is equal. So
each value is told where the same one stands again, as a path from here:
``"../../merchant/country"`` goes up two nodes, then down by roles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treefold.data.documents import Content

KINDS = frozenset({"string", "number"})  # kinds whose values may name something
EMPTY = frozenset({"", math.inf, -math.inf})  # equal, and of no meaning
FARTHEST = 6  # steps up, and down


def echoes(parent: Sequence[int], content: Sequence[Content]) -> list[Content]:
    """Tell values where the same ones stand; return the contents of all nodes.

    Each value is told of the one before it and the one behind it in the document, of
    those that equal it, where the way is not too far. Of all that equal it, the nearest
    is one of the two.

    Args:
        parent: of each node, -1 at the root; nodes are numbered depth first.
        content: of each node.
    """
    places: dict[str | float, list[int]] = defaultdict(list)
    for node, each in enumerate(content):
        if each.kind in KINDS:
            value = each.number if each.text is None else each.text
            if value is not None and value == value and value not in EMPTY:
                places[value].append(node)
    found: dict[int, list[str]] = defaultdict(list)
    for nodes in places.values():
        for left, right in pairwise(nodes):
            ways = _ways(left, right, parent, content)
            if ways is not None:
                found[left].append(ways[0])
                found[right].append(ways[1])
    said = {node: tuple(sorted(set(paths))) for node, paths in found.items()}
    return [
        c if c.same == (same := said.get(node, ())) else c._replace(same=same)
        for node, c in enumerate(content)
    ]


def _ways(
    left: int, right: int, parent: Sequence[int], content: Sequence[Content]
) -> tuple[str, str] | None:
    """Return the paths from one node to another and back; None if they are too long."""
    a, b = left, right
    from_a, from_b = list[str](), list[str]()
    while a != b:  # a parent's number is less than its children's
        if a > b:
            from_a.append(content[a].role)
            a = parent[a]
        else:
            from_b.append(content[b].role)
            b = parent[b]
        if max(len(from_a), len(from_b)) > FARTHEST:
            return None
    return _path(from_a, from_b), _path(from_b, from_a)


def _path(up: Sequence[str], down: Sequence[str]) -> str:
    return "/".join([*[".."] * len(up), *reversed(down)])
