"""Trees from Python objects: nested tuples and lists, nltk.Tree, bracket text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.readers.brackets import parse_brackets


def read_nested(trees: Iterable[Any]) -> Corpus:
    """Pack trees given as Python objects, one each, in order.

    Args:
        trees: each a string of bracket text, or a tuple or list whose items are words
            (strings) or again tuples or lists. An ``nltk.Tree`` is such a list, and
            its label is the node's; one over a single word is a leaf.

    Raises:
        DataError: an item that is neither, an empty list, a list inside itself, or
            text that does not hold just one tree.
    """
    parts = [_read_one(tree, number) for number, tree in enumerate(trees, 1)]
    return Corpus.cat(parts)


def _read_one(tree: Any, number: int) -> Corpus:
    if isinstance(tree, str):
        corpus = parse_brackets(tree, name=f"tree {number}")
        if len(corpus) != 1:
            raise DataError(
                f"tree {number}: expected one tree in the text, found {len(corpus)}; "
                "give each as a string of its own"
            )
        return corpus

    parent: list[int] = []
    token: list[int] = []
    label: list[int] = []
    tokens: dict[str, int] = {}
    labels: dict[str, int] = {}
    above: set[int] = set()  # lists that are open, to find one inside itself
    stack: list[tuple[Any, int]] = [(tree, -1)]
    while stack:
        item, upper = stack.pop()
        if upper == _CLOSE:
            above.discard(item)
            continue
        v = len(parent)
        parent.append(upper)
        name = _label(item)
        label.append(-1 if name is None else labels.setdefault(name, len(labels)))
        word = _word(item, number)
        token.append(-1 if word is None else tokens.setdefault(word, len(tokens)))
        if word is None:
            if id(item) in above:
                raise DataError(f"tree {number} has no end: a list lies inside itself")
            above.add(id(item))
            stack.append((id(item), _CLOSE))
            stack.extend((below, v) for below in reversed(item))
    return Corpus.from_parents(
        np.array([0, len(parent)]),
        np.array(parent),
        np.array(token),
        np.array(label),
        tuple(tokens),
        tuple(labels),
        source=f"tree {number}",
    )


_CLOSE = -2  # in a parent's place: all below the item has been seen


def _word(item: Any, number: int) -> str | None:
    """Return the word of a leaf, None for an inner node."""
    if isinstance(item, str):
        return item
    if not isinstance(item, (tuple, list)):
        raise DataError(
            f"tree {number}: expected a string, a tuple or a list, found {item!r}"
        )
    if not item:
        raise DataError(f"tree {number}: found an empty list; a leaf is a string")
    if len(item) == 1 and isinstance(item[0], str) and _label(item) is not None:
        return item[0]
    return None


def _label(item: Any) -> str | None:
    """Return the label of an nltk.Tree, which is a list with a method of that name."""
    label = getattr(item, "label", None)
    return str(label()) if callable(label) and isinstance(item, list) else None
