"""A treebank's trees as parsers are taught them: no traces, no function tags."""

from __future__ import annotations

from treefold.parsing.tree import TOP, Tree

TRACE = "-NONE-"
ROOTS = ("", TOP, "ROOT", "VROOT")


def bare(label: str) -> str:
    """Return a label without function tags and indices: NP-SBJ-1 is NP.

    Example:
        >>> [bare(label) for label in ("NP-SBJ-1", "NP=2", "ADVP|PRT", "-LRB-")]
        ['NP', 'NP', 'ADVP', '-LRB-']
    """
    if label.startswith("-"):
        return label
    for mark in "-=|":
        label = label.split(mark, 1)[0]
    return label


def plain(tree: Tree) -> Tree | None:
    """Return a tree without traces, function tags, and nodes over one of their kind.

    The root is TOP. None where no word is left.
    """
    done: list[Tree | None] = []  # what became of the children, a stack
    for node, _, _ in tree.spans():
        if node.word is not None:
            done.append(
                None if node.label == TRACE else Tree(bare(node.label), node.children)
            )
            continue
        count = len(node.below)
        below = tuple(child for child in done[-count:] if child is not None)
        del done[-count:]
        label = bare(node.label)
        if not below:
            done.append(None)
        elif len(below) == 1 and (below[0].label == label or label in ROOTS):
            done.append(below[0])  # NP over NP alone; the root gets its name below
        else:
            done.append(Tree(TOP if label in ROOTS else label, below))
    left = done[0]
    if left is None or (left.label == TOP and left.word is None):
        return left
    return Tree(TOP, (left,))
