"""What a forest can be made of, as flat arrays: (offset, child, tree)."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from torch import Tensor

from treefold import structure

CSR = tuple[np.ndarray, np.ndarray, np.ndarray | None]


class ForestError(ValueError):
    """The structure is not a forest; the message names the nodes and the cure."""


def whole_numbers(values: Any, name: str, width: int | None = None) -> np.ndarray:
    """Take integers of any kind as a contiguous int64 array of (n,) or (n, width)."""
    array = np.asarray(values.cpu() if isinstance(values, Tensor) else values)
    if array.size == 0:
        return np.empty((0,) if width is None else (0, width), np.int64)
    shape_is_right = array.ndim == (1 if width is None else 2) and (
        width is None or array.shape[1] == width
    )
    if not shape_is_right or not np.issubdtype(array.dtype, np.integer):
        shape = "one list" if width is None else f"rows of {width}"
        raise TypeError(
            f"{name} must be {shape} of whole numbers, got {array.dtype} of shape "
            f"{array.shape}."
        )
    return np.ascontiguousarray(array, np.int64)


def wanted(index: Any, num_trees: int) -> np.ndarray:
    """Structures named by a number, a list of numbers or a mask, each 0..B-1."""
    array = np.atleast_1d(
        np.asarray(index.cpu() if isinstance(index, Tensor) else index)
    )
    if array.dtype == bool:
        if len(array) != num_trees or np.ndim(index) != 1:
            raise IndexError(
                f"a mask must have an entry for each of the {num_trees} structures, "
                f"got shape {np.shape(index)}."
            )
        array = np.flatnonzero(array)
    array = whole_numbers(array, "index")
    outside = (array < -num_trees) | (array >= num_trees)
    if outside.any():
        raise IndexError(f"structure {array[outside][0]} of a forest with {num_trees}")
    return array % max(num_trees, 1)


def offsets(arity: Any) -> np.ndarray:
    """Where each of several consecutive lists begins, and the end of the last."""
    return np.concatenate(([0], np.cumsum(arity, dtype=np.int64)))


def lists_of(offset: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take the child lists of some nodes: (where each begins, the edges of all)."""
    arity = np.diff(offset)[nodes]
    begin = offsets(arity)
    edge = np.repeat(offset[nodes] - begin[:-1], arity) + np.arange(begin[-1])
    return begin, edge


def check(offset: np.ndarray, child: np.ndarray, *, trees: bool) -> np.ndarray:
    """Return the heights of a sound structure (V,), or raise ForestError."""
    node, bad = structure.first_out_of_range(offset, child)
    if node >= 0:
        raise ForestError(
            f"node {node} has child {bad}, but the nodes are 0 to {len(offset) - 2}. "
            "Children are numbers of nodes of the same forest."
        )
    height = structure.heights(offset, child)
    if len(height) and height.min() < 0:
        loop = structure.cycle(offset, child, height)
        raise ForestError(
            f"a node is below itself: {_path(loop)}. Remove one of these edges."
        )
    if trees:
        node, parent, other = structure.second_parent(offset, child)
        if node >= 0:
            raise ForestError(
                f"node {node} has two parents, {parent} and {other}, but a tree's "
                "nodes have one. Give it a copy of its own, or drop trees=True to "
                "make a DAG."
            )
    return height


def _path(nodes: np.ndarray, at_most: int = 8) -> str:
    """Write a cycle as 1 -> 2 -> 1, with the middle of a long one left out."""
    names = [str(v) for v in nodes]
    if len(names) > at_most:
        hidden = f"({len(names) - at_most + 1} more)"
        names = [*names[: at_most - 2], hidden, names[-1]]
    return " -> ".join([*names, names[0]])


def of_child_lists(children: Sequence[Sequence[int]]) -> CSR:
    """``children[v]`` lists the nodes below node v."""
    below = chain.from_iterable(children)
    try:
        child = np.fromiter(map(operator.index, below), np.int64)
    except OverflowError:
        raise ForestError("children has a number of more than 64 bits.") from None
    except (TypeError, ValueError):
        raise TypeError(
            "children must list the numbers of the nodes below each node, as in "
            "[[], [], [0, 1]]. For nested tuples use Forest.from_trees."
        ) from None
    return offsets([len(c) for c in children]), child, None


def of_arrays(offset: Any, child: Any, tree: Any) -> CSR:
    """Flat arrays made elsewhere, checked against each other."""
    offset, child = whole_numbers(offset, "offset"), whole_numbers(child, "child")
    if len(offset) == 0 or offset[0] != 0 or (np.diff(offset) < 0).any():
        raise ForestError(
            "offset must begin with 0 and never fall: it says where each node's "
            "children begin, and ends with the number of edges."
        )
    if offset[-1] != len(child):
        raise ForestError(
            f"offset ends with {offset[-1]}, but child has {len(child)} entries; the "
            "two must agree."
        )
    # Copies: a forest that was checked must not change with the caller's arrays.
    offset, child = offset.copy(), child.copy()
    if tree is None:
        return offset, child, None
    tree = whole_numbers(tree, "tree").copy()
    if len(tree) != len(offset) - 1 or tree.min(initial=0) < 0:
        raise ForestError(
            f"tree must give a structure >= 0 for each of the {len(offset) - 1} nodes, "
            f"got {len(tree)} entries."
        )
    size = np.bincount(tree)
    if len(size) and size.min() == 0:
        raise ForestError(
            f"tree gives no node to structure {size.argmin()}, but one to structure "
            f"{len(size) - 1}. Number the structures from 0 without gaps."
        )
    upper = np.repeat(tree, np.diff(offset))
    within = (child >= 0) & (child < len(tree))
    crossing = np.flatnonzero(within & (upper != tree[np.where(within, child, 0)]))
    if len(crossing):
        e = crossing[0]
        parent = int(np.searchsorted(offset, e, side="right")) - 1
        raise ForestError(
            f"the edge {parent} -> {child[e]} leads from structure {upper[e]} to "
            f"structure {tree[child[e]]}; give both nodes the same one."
        )
    return offset, child, tree


def of_parents(parents: Any) -> CSR:
    """``parents[v]`` is the parent of node v, -1 at a root."""
    parents = whole_numbers(parents, "parents")
    wrong = np.flatnonzero((parents < -1) | (parents >= len(parents)))
    if len(wrong):
        raise ForestError(
            f"node {wrong[0]} has parent {parents[wrong[0]]}, but the nodes are 0 to "
            f"{len(parents) - 1}, and -1 marks a root."
        )
    child = np.flatnonzero(parents >= 0)
    child = child[np.argsort(parents[child], kind="stable")]
    return offsets(np.bincount(parents[child], minlength=len(parents))), child, None


def of_lengths(lengths: Any, num_nodes: int | None) -> CSR:
    """One chain per length, numbered step by step."""
    lengths = whole_numbers(lengths, "lengths")
    wrong = np.flatnonzero(lengths < 1)
    if len(wrong):
        raise ForestError(
            f"sequence {wrong[0]} has length {lengths[wrong[0]]}; a structure has at "
            "least one node. Leave empty sequences out."
        )
    total = int(lengths.sum())
    if num_nodes is not None and total != num_nodes:
        raise ForestError(
            f"the {len(lengths)} lengths add up to {total}, not to the {num_nodes} "
            "nodes expected. Give one length per sequence, without padding."
        )
    has_child = np.ones(total, np.int64)
    has_child[np.cumsum(lengths) - lengths] = 0
    child = np.flatnonzero(has_child) - 1
    return offsets(has_child), child, np.repeat(np.arange(len(lengths)), lengths)


def of_edges(edges: Any, num_nodes: int | None) -> CSR:
    """(parent, child) pairs, or a networkx directed graph by duck typing."""
    if hasattr(edges, "is_directed"):
        if not edges.is_directed():
            raise ForestError(
                "the graph has no directions; give a DiGraph with edges from parent "
                "to child, as networkx.bfs_tree makes."
            )
        number = {node: i for i, node in enumerate(edges.nodes)}
        num_nodes = len(number)
        edges = [(number[parent], number[child]) for parent, child in edges.edges()]
    pairs = whole_numbers(edges, "edges", width=2)
    if num_nodes is None:
        num_nodes = int(pairs.max(initial=-1)) + 1
    outside = ((pairs < 0) | (pairs >= num_nodes)).any(axis=1)
    if outside.any():
        e = int(np.flatnonzero(outside)[0])
        raise ForestError(
            f"edge {e} is {pairs[e, 0]} -> {pairs[e, 1]}, but the nodes are 0 to "
            f"{num_nodes - 1}."
        )
    by_parent = np.argsort(pairs[:, 0], kind="stable")
    child = np.ascontiguousarray(pairs[by_parent, 1])
    return offsets(np.bincount(pairs[:, 0], minlength=num_nodes)), child, None


def of_trees(trees: Iterable[Any]) -> CSR:
    """Nested tuples, lists or nltk.Trees (which are lists), in post-order.

    A stack of open nodes stands for the recursion, so that depth has no limit.
    """
    arity: list[int] = []
    child: list[int] = []
    sizes: list[int] = []
    for number, tree in enumerate(trees):
        before = len(arity)
        # The lowest frame stands above the tree, to take its root.
        open_nodes: list[tuple[Iterator[Any], list[int], Any]] = [
            (iter([tree]), [], None)
        ]
        above: set[int] = set()
        while True:
            items, done, node = open_nodes[-1]
            for item in items:
                if isinstance(item, (tuple, list)):
                    if id(item) in above:
                        raise ForestError(
                            f"tree {number} has no end: a list lies inside itself."
                        )
                    above.add(id(item))
                    open_nodes.append((iter(item), [], item))
                    break
                done.append(len(arity))
                arity.append(0)
            else:
                open_nodes.pop()
                if not open_nodes:
                    break
                above.discard(id(node))
                open_nodes[-1][1].append(len(arity))
                arity.append(len(done))
                child.extend(done)
        sizes.append(len(arity) - before)
    tree_of = np.repeat(np.arange(len(sizes)), np.array(sizes, np.int64))
    return offsets(arity), np.array(child, np.int64), tree_of
