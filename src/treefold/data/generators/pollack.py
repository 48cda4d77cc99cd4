"""Pollack's syntactic trees (1990): all sentences of a small grammar up to a height.

.. code-block:: text

    S  → NP VP | NP V        NP → D AP | D N | NP PP      PP → P NP
    VP → V NP | V PP         AP → A AP | A N

Trees hold the symbols D, A, N, V, P at their leaves and nothing at inner nodes. What
kind of phrase a tree is, follows from its two children.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

Tree = str | tuple["Tree", "Tree"]

GRAMMAR: dict[str, tuple[tuple[str, str], ...]] = {
    "S": (("NP", "VP"), ("NP", "V")),
    "NP": (("D", "AP"), ("D", "N"), ("NP", "PP")),
    "PP": (("P", "NP"),),
    "VP": (("V", "NP"), ("V", "PP")),
    "AP": (("A", "AP"), ("A", "N")),
}
SYMBOLS = ("D", "A", "N", "V", "P")
PHRASE = {pair: name for name, pairs in GRAMMAR.items() for pair in pairs}

# What the paper trains on, quoted from memory; each is a phrase of the grammar.
SEVEN: tuple[Tree, ...] = (
    ("D", ("A", ("A", ("A", "N")))),
    (("D", "N"), ("P", ("D", "N"))),
    ("V", ("D", "N")),
    ("P", ("D", ("A", "N"))),
    (("D", "N"), "V"),
    (("D", "N"), ("V", ("D", ("A", "N")))),
    (("D", ("A", "N")), ("V", ("P", ("D", "N")))),
)


def sentences(height: int) -> list[Tree]:
    """Return all sentences of at most this height, the lower ones first.

    There are 4 up to a height of 3, 20 up to 4, 112 up to 5 and 1,500 up to 6.
    """
    return [tree for h in range(height + 1) for tree in phrases("S", h)]


@cache
def phrases(name: str, height: int) -> tuple[Tree, ...]:
    """Return all phrases of a kind whose height is exactly this one."""
    if name in SYMBOLS:
        return (name,) if height == 0 else ()
    return tuple(tree for pair in GRAMMAR[name] for tree in _pairs(pair, height))


def _pairs(pair: tuple[str, str], height: int) -> Iterator[Tree]:
    """Join phrases of two kinds, the higher of which is one below `height`."""
    for low in range(height):
        sides = {(low, height - 1), (height - 1, low)}
        for left, right in sorted(sides):
            for a in phrases(pair[0], left):
                yield from ((a, b) for b in phrases(pair[1], right))


def kind(tree: Tree) -> str:
    """Return what a tree is: S, NP, PP, VP, AP, a symbol, or "" if it is nothing.

    Example:
        >>> kind((("D", "N"), "V"))
        'S'
        >>> kind(("N", "D"))
        ''
    """
    if isinstance(tree, str):
        return tree if tree in SYMBOLS else ""
    return PHRASE.get((kind(tree[0]), kind(tree[1])), "")


def brackets(tree: Tree) -> str:
    """Write a tree in brackets; `_` stands where an inner node says nothing."""
    if isinstance(tree, str):
        return tree
    return f"(_ {brackets(tree[0])} {brackets(tree[1])})"
