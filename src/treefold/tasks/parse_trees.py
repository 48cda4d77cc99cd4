"""From what merging finds to trees, and from trees to pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from treefold.merging import Merging
from treefold.parsing.binary import BETWEEN
from treefold.parsing.candidates import topped
from treefold.parsing.evalb import SAME, brackets, positions
from treefold.parsing.tree import TOP, Tree
from treefold.svg import tree_svg

RIGHT, WRONG, TAG = "#dcefe0", "#f9dcd2", "#ffffff"


def merged_trees(
    found: Merging[Any],
    chains: Sequence[tuple[str, ...]],
    sentences: Sequence[Sequence[str]],
) -> list[Tree]:
    """Return the trees of a merging, one of each sentence.

    Args:
        found: whose state has the `label` of each node.
        chains: the labels that a number stands for, from the top.
        sentences: the words, in the order of the pieces.
    """
    words = [word for sentence in sentences for word in sentence]
    label = found.state.label.tolist()
    child = found.forest.child.tolist()
    N = len(words)
    done: list[tuple[Tree, ...]] = []
    for v, number in enumerate(label):  # pieces come first, then what is made of them
        if v < N:
            *above, tag = chains[number]
            below: tuple[Tree, ...] = (Tree(tag, (words[v],)),)
        else:
            a, b = child[2 * (v - N) : 2 * (v - N) + 2]
            above, below = list(chains[number]), (*done[a], *done[b])
        for name in reversed(above):
            if not name.startswith(BETWEEN) and name != TOP:
                below = (Tree(name, below),)
        done.append(below)
    order = found.forest.root_tree.argsort()
    return [topped(done[v]) for v in found.forest.roots[order].tolist()]


def draw(tree: Tree, right: Tree | None = None, title: str | None = None) -> str:
    """Draw a tree; beside a right one its phrases are coloured as right or wrong."""
    return _drawn([tree], [right], title or " ".join(tree.words()))


def draw_all(trees: Sequence[Tree]) -> str:
    """Draw trees in one picture."""
    return _drawn(trees, [None] * len(trees), f"Trees of {len(trees)} sentences")


def _drawn(trees: Sequence[Tree], rights: Sequence[Tree | None], title: str) -> str:
    offset, child, roots = [0], [], []
    text: list[str] = []
    fill: list[str | None] = []
    for tree, right in zip(trees, rights, strict=True):
        tags = [leaf.label for leaf in (right or tree).leaves()]
        place = positions(tags)
        wanted = None if right is None else brackets(right, tags)
        stack: list[int] = []
        for node, i, j in tree.spans():
            if node.word is not None:
                text.append(f"{node.word}\n{node.label}")
                fill.append(TAG)
            else:
                child += stack[-len(node.below) :]
                del stack[-len(node.below) :]
                text.append(node.label)
                key = (SAME.get(node.label, node.label), place[i], place[j])
                # What evalb does not count is neither right nor wrong.
                counts = node.label != TOP and place[i] < place[j]
                known = wanted is None or key in wanted
                colour = None if wanted is None else RIGHT if known else WRONG
                fill.append(colour if counts else None)
            stack.append(len(text) - 1)
            offset.append(len(child))
        roots += stack
    arrays = (np.array(part, np.int64) for part in (offset, child, roots))
    return tree_svg(*arrays, text=text, fill=fill, title=title)
