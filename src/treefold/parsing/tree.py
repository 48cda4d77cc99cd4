"""A tree over a sentence: labels above, words below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOP = "TOP"
_ESCAPES = {"(": "-LRB-", ")": "-RRB-"}
_BLANK = re.compile(r"\s+")


class Tree(NamedTuple):
    """A node: a label over trees, or a tag over one word.

    Example:
        >>> tree = Tree("NP", (Tree("DT", ("the",)), Tree("NN", ("cat",))))
        >>> print(tree.brackets())
        (NP (DT the) (NN cat))
    """

    label: str
    children: tuple[Tree | str, ...]

    @property
    def word(self) -> str | None:
        """The word below a tag; None elsewhere."""
        below = self.children[0]
        return below if isinstance(below, str) else None

    @property
    def below(self) -> tuple[Tree, ...]:
        """The children that are trees."""
        return tuple(c for c in self.children if isinstance(c, Tree))

    def leaves(self) -> list[Tree]:
        """Return the tags, from left to right."""
        return [node for node, _, _ in self.spans() if node.word is not None]

    def words(self) -> list[str]:
        """Return the words, from left to right."""
        return [leaf.word or "" for leaf in self.leaves()]

    def spans(self) -> Iterator[tuple[Tree, int, int]]:
        """Go through all nodes, children first, with the words they cover: [i, j)."""
        stack: list[tuple[Tree, int]] = [(self, -1)]
        at = 0
        while stack:
            node, begun = stack.pop()
            if node.word is not None:
                yield node, at, at + 1
                at += 1
            elif begun >= 0:
                yield node, begun, at
            else:
                stack.append((node, at))
                # -1 says that a node has not been opened: where it begins is known
                # only when all to its left have had their turn.
                stack.extend((child, -1) for child in reversed(node.below))

    def brackets(self) -> str:
        """Write the tree in brackets, on one line."""
        parts: list[str] = []
        stack: list[Tree | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                parts.append(node)
            elif node.word is not None:
                parts.append(f" ({node.label} {escaped(node.word)})")
            else:
                parts.append(f" ({node.label}")
                stack += [")", *reversed(node.children)]
        return "".join(parts).strip()


def escaped(word: str) -> str:
    """Return a word as it may stand in brackets: ( becomes -LRB-, a blank _."""
    for bracket, name in _ESCAPES.items():
        word = word.replace(bracket, name)
    return _BLANK.sub("_", word)


def right_branching(words: list[str], tags: list[str], label: str = "X") -> Tree:
    """Return the tree whose every node has a word on its left and all the rest."""
    leaves = [Tree(t, (w,)) for w, t in zip(words, tags, strict=True)]
    tree = leaves[-1]
    for leaf in reversed(leaves[:-1]):
        tree = Tree(label, (leaf, tree))
    return Tree(TOP, (tree,))
