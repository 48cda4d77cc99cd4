"""Trees as rules of one or two symbols, with or without what stands around them.

Annotated symbols (Johnson, 1998; Klein & Manning, 2003) know their parent, ``NP^S``;
where a node has three children or more, the symbols between, ``@NP^S|DT``, know as many
of the brothers to their left as `Markov.horizontal` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from treefold.parsing.tree import TOP, Tree

PARENT, BROTHERS, BETWEEN = "^", "|", "@"


@dataclass(frozen=True)
class Markov:
    """How much of its surroundings a symbol knows.

    Attributes:
        parent: whether labels are annotated with the label above,
        tags: and tags, too.
        horizontal: brothers that the symbols between remember; None: all of them.
    """

    parent: bool = False
    tags: bool = False
    horizontal: int | None = None


class Rule(NamedTuple):
    """A symbol over one or two others, or over a word (`symbols` is then empty)."""

    head: str
    symbols: tuple[str, ...]
    word: str = ""
    first: bool = False  # whether the word begins its sentence


def base(symbol: str) -> str:
    """Return a symbol without what it knows of its surroundings.

    Example:
        >>> [base(symbol) for symbol in ("NP^S", "@NP^S|DT", "VBD")]
        ['NP', '@NP', 'VBD']
    """
    # `|` and `^` are no letters of a label: `plain` cuts off the one, and the other
    # begins no tag of a treebank that we know.
    return symbol.split(PARENT, 1)[0].split(BROTHERS, 1)[0]


def rules(tree: Tree, markov: Markov) -> Iterator[Rule]:
    """Go through the rules of a plain tree, in no order that matters."""
    stack = [(tree, TOP)]
    first = True
    while stack:
        node, above = stack.pop()
        head = symbol(node, above, markov)
        if node.word is not None:
            # From left to right: the stack gives back children in their order.
            yield Rule(head, (), node.word, first)
            first = False
            continue
        below = node.below
        stack.extend((child, node.label) for child in reversed(below))
        names = [symbol(child, node.label, markov) for child in below]
        if len(names) <= 2:
            yield Rule(head, tuple(names))
            continue
        left = head
        for k, name in enumerate(names[:-2]):
            between = _between(head, [child.label for child in below[: k + 1]], markov)
            yield Rule(left, (name, between))
            left = between
        yield Rule(left, (names[-2], names[-1]))


def symbol(node: Tree, above: str, markov: Markov) -> str:
    """Return the annotated label of a node."""
    known = markov.parent if node.word is None else markov.tags
    return f"{node.label}{PARENT}{above}" if known and node.label != TOP else node.label


def _between(head: str, brothers: list[str], markov: Markov) -> str:
    """Return the symbol that stands for the children after these."""
    h = markov.horizontal
    kept = brothers if h is None else brothers[len(brothers) - h :]
    return f"{BETWEEN}{head}{BROTHERS}{','.join(kept)}"
