"""Trees as plain Python values, to check the packed ones against."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from treefold.data import Corpus


class Node(NamedTuple):
    label: str | None
    word: str | None
    children: tuple["Node", ...] = ()


def pack(trees: Sequence[Node], source: str = "trees") -> Corpus:
    """Pack trees, numbered in pre-order, by `Corpus.from_parents`."""
    offset, parent, token, label = [0], [], [], []
    tokens: dict[str, int] = {}
    labels: dict[str, int] = {}
    for tree in trees:
        stack = [(tree, -1)]
        while stack:
            node, above = stack.pop()
            number = len(parent) - offset[-1]
            parent.append(above)
            for name, index, table in (
                (node.word, token, tokens),
                (node.label, label, labels),
            ):
                new = len(table)
                index.append(-1 if name is None else table.setdefault(name, new))
            stack.extend((child, number) for child in reversed(node.children))
        offset.append(len(parent))
    return Corpus.from_parents(
        np.array(offset),
        np.array(parent, np.int64),
        np.array(token, np.int64),
        np.array(label, np.int64),
        tuple(tokens),
        tuple(labels),
        source=source,
    )


def unpack(corpus: Corpus) -> list[Node]:
    """Return the trees of a corpus; their level order lets children come first."""
    trees = []
    for b in range(len(corpus)):
        s, e = corpus.tree_offset[b : b + 2].tolist()
        built: list[Node] = []
        for v in range(s, e):
            below = corpus.child[corpus.child_offset[v] : corpus.child_offset[v + 1]]
            t, k = corpus.token[v], corpus.label[v]
            built.append(
                Node(
                    corpus.labels[k] if k >= 0 else None,
                    corpus.tokens[t] if t >= 0 else None,
                    tuple(built[c] for c in below.tolist()),
                )
            )
        trees.append(built[-1])
    return trees


def written(node: Node) -> list[str]:
    """Return the brackets and words of a tree."""
    if node.label is None and not node.children:
        return [str(node.word)]
    parts = [x for x in (node.label, node.word) if x is not None]
    return ["(", *parts, *(p for c in node.children for p in written(c)), ")"]


names = st.text(
    st.characters(exclude_characters=" \t\n\r\v\f()\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=5,
) | st.sampled_from(["a\u00a0b", "\u2028", "\\/", "-LRB-", "#", "*", "\x1c", "é"])


@st.composite
def inner_nodes(draw: st.DrawFn, below: st.SearchStrategy[Node]) -> Node:
    children = draw(st.lists(below, min_size=1, max_size=4))
    label = draw(st.none() | names)
    first = children[0]
    if (
        not first.children
        and first.label is None
        and (label is None or not children[1:])
    ):
        # A bare word here would read as the label, or as the node's own word.
        children[0] = first._replace(label=draw(names))
    return Node(label, None, tuple(children))


leaves = st.builds(Node, names, names, st.just(()))
bare_leaves = st.builds(Node, st.none(), names, st.just(()))
trees = leaves | st.recursive(leaves | bare_leaves, inner_nodes, max_leaves=12).filter(
    lambda tree: bool(tree.children)
)

# Any trees, also such as brackets cannot tell.
any_trees = st.recursive(
    st.builds(Node, st.none() | names, st.none() | names, st.just(())),
    lambda below: st.builds(
        Node,
        st.none() | names,
        st.none() | names,
        st.lists(below, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=12,
)
