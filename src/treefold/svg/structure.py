"""What a picture has to know of a forest: valid arrays and the height of each node."""

from __future__ import annotations

from typing import Any

import numpy as np

_WIDE = 64  # nodes of a level from which numpy is faster than Python


def arrays(offset: Any, child: Any, roots: Any) -> tuple[np.ndarray, ...]:
    """Return the three as int64 arrays after checking that they describe a forest."""
    offset, child, roots = (
        np.asarray(a, np.int64).reshape(-1) for a in (offset, child, roots)
    )
    V = len(offset) - 1
    if (
        V < 0
        or offset[0] != 0
        or offset[-1] != len(child)
        or (np.diff(offset) < 0).any()
    ):
        raise ValueError(
            "offset must rise from 0 to the number of edges, with one more entry than "
            f"there are nodes; got {len(offset)} entries for {len(child)} edges."
        )
    for name, nodes in (("child", child), ("roots", roots)):
        if len(nodes) and not 0 <= nodes.min() <= nodes.max() < V:
            raise ValueError(
                f"{name} must lie in 0..{V - 1}, got {nodes.min()}..{nodes.max()}."
            )
    return offset, child, roots


def heights(offset: np.ndarray, child: np.ndarray) -> np.ndarray:
    """Return the height of every node: 0 for a leaf, else 1 above its highest child.

    A wide level is taken at once, a narrow one node by node: a chain of a million
    nodes would otherwise pay a dozen numpy calls for each of them.

    Raises:
        ValueError: if a node is below itself.
    """
    V = len(offset) - 1
    missing = np.diff(offset)  # children not yet seen
    above = np.repeat(np.arange(V), missing)[np.argsort(child, kind="stable")]
    start = np.zeros(V + 1, np.int64)
    np.cumsum(np.bincount(child, minlength=V), out=start[1:])
    height = np.full(V, -1, np.int64)
    # Views of the same memory, of which Python reads single numbers quickly.
    missing_of, above_at = missing.data, above.data
    start_of, height_of = start.data, height.data

    front, level = np.flatnonzero(missing == 0).tolist(), 0
    while len(front):
        if len(front) > _WIDE:
            nodes = np.asarray(front)
            height[nodes] = level
            counts = start[nodes + 1] - start[nodes]
            first = np.repeat(start[nodes] - np.cumsum(counts) + counts, counts)
            parents = above[first + np.arange(len(first))]
            np.subtract.at(missing, parents, 1)
            front = np.unique(parents[missing[parents] == 0])
            front = front if len(front) > _WIDE else front.tolist()
        else:
            nodes, front = front, []
            for v in nodes:
                height_of[v] = level
                for e in range(start_of[v], start_of[v + 1]):
                    parent = above_at[e]
                    missing_of[parent] -= 1
                    if not missing_of[parent]:
                        front.append(parent)
        level += 1
    if V and height.min() < 0:
        raise ValueError(
            f"only acyclic structures can be drawn: node {int(height.argmin())} "
            "is, or stands above, a node that is below itself."
        )
    return height


def components(offset: np.ndarray, child: np.ndarray, roots: np.ndarray) -> list[list]:
    """Return the nodes of each connected structure, in the order of the roots.

    Within a structure its roots come first. Plain Python, for forests small enough
    to be drawn.
    """
    V = len(offset) - 1
    parent = np.repeat(np.arange(V), np.diff(offset))
    beside: list[list[int]] = [[] for _ in range(V)]
    for v, c in zip(parent.tolist(), child.tolist(), strict=True):
        beside[v].append(c)
        beside[c].append(v)
    first = dict.fromkeys([*roots.tolist(), *range(V)])
    place = {v: i for i, v in enumerate(first)}
    found, seen = [], set()
    for top in first:
        if top not in seen:
            nodes = [top]
            seen.add(top)
            for v in nodes:
                new = [c for c in dict.fromkeys(beside[v]) if c not in seen]
                seen.update(new)
                nodes.extend(new)  # grows while it is read
            found.append(sorted(nodes, key=place.__getitem__))
    return found
