"""One forest, many ways to make it."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nltk import Tree

from tests.core_cases import FORESTS, child_lists
from treefold import Forest

# (("a", "b"), "c") and "d", numbered in post-order.
TREES = [(("a", "b"), "c"), "d"]
CHILDREN = [[], [], [0, 1], [], [2, 3], []]
FOREST = Forest(CHILDREN)
ANY: Any = Forest

SAME = {
    "nested tuples": lambda: Forest.from_trees(TREES),
    "nested lists": lambda: Forest.from_trees([[["a", "b"], "c"], "d"]),
    "a generator of trees": lambda: Forest.from_trees(tree for tree in TREES),
    "nltk trees": lambda: Forest.from_trees(
        [Tree.fromstring("(S (NP a b) c)"), Tree("X", [])]
    ),
    "child lists of tuples": lambda: Forest([(), (), (0, 1), (), (2, 3), ()]),
    "arrays of children": lambda: ANY([np.array(c, np.int32) for c in CHILDREN]),
    "tensors of children": lambda: ANY([torch.tensor(c).long() for c in CHILDREN]),
    "parents": lambda: Forest.from_parents([2, 2, 4, 4, -1, -1]),
    "parents in a tensor": lambda: Forest.from_parents(
        torch.tensor([2, 2, 4, 4, -1, -1], dtype=torch.int32)
    ),
    "edges": lambda: Forest.from_edges([(2, 0), (4, 2), (4, 3), (2, 1)], 6),
    "edges in an array": lambda: Forest.from_edges(
        np.array([[4, 2], [4, 3], [2, 0], [2, 1]], np.uint8), 6
    ),
    "flat arrays": lambda: Forest.from_csr([0, 0, 0, 2, 2, 4, 4], [0, 1, 2, 3]),
    "flat arrays of structures": lambda: Forest.from_csr(
        torch.tensor([0, 0, 0, 2, 2, 4, 4]),
        np.array([0, 1, 2, 3]),
        [0, 0, 0, 0, 0, 1],
        slot=[0, 1, 0, 1],
        trees=True,
    ),
    "cat": lambda: Forest.cat([Forest(CHILDREN[:5]), Forest([[]])]),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_every_constructor_makes_the_same_forest(make):
    forest = make()
    assert forest == FOREST
    assert repr(forest) == "Forest(num_trees=2, num_nodes=6, num_edges=4, num_levels=3)"
    assert forest.heights.tolist() == [0, 0, 1, 0, 2, 0]
    for name in ("offset", "child", "slot", "tree", "roots", "root_tree", "leaves"):
        assert getattr(forest, name).dtype == torch.int64


def test_what_is_derived():
    assert (FOREST.num_nodes, FOREST.num_edges, FOREST.num_trees) == (6, 4, 2)
    assert len(FOREST) == 2
    assert FOREST.roots.tolist() == [4, 5]
    assert FOREST.root_tree.tolist() == [0, 1]
    assert FOREST.tree.tolist() == [0, 0, 0, 0, 0, 1]
    assert FOREST.leaves.tolist() == [0, 1, 3, 5]
    assert FOREST.arities.tolist() == [0, 0, 2, 0, 2, 0]
    assert FOREST.max_arity == 2
    assert FOREST.device == torch.device("cpu")
    assert not FOREST.is_sorted


@given(child_lists())
def test_flat_arrays_edges_and_graphs_say_what_child_lists_say(children):
    forest = Forest(children)
    lists = [
        forest.child[a:b].tolist()
        for a, b in zip(forest.offset[:-1], forest.offset[1:], strict=True)
    ]
    assert lists == children
    V = len(children)
    edges = [(v, u) for v, below in enumerate(children) for u in below]
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(V))
    graph.add_edges_from(edges)
    assert Forest.from_csr(forest.offset, forest.child) == forest
    assert Forest.from_csr(forest.offset, forest.child, forest.tree) == forest
    assert Forest.from_edges(edges, V) == forest
    # A graph keeps equal edges together; else the order is that of its edges.
    stable = Forest([sorted(b, key=b.index) for b in children])
    assert Forest.from_edges(graph) == stable


@given(child_lists(trees=True))
def test_parent_arrays_say_what_child_lists_in_ascending_order_say(children):
    children = [sorted(below) for below in children]
    parents = [-1] * len(children)
    for v, below in enumerate(children):
        for u in below:
            parents[u] = v
    assert Forest.from_parents(parents) == Forest(children, trees=True)


nested = st.recursive(
    st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=12,
)


@given(st.lists(nested, max_size=4))
def test_nested_trees_are_numbered_in_post_order(trees):
    children: list[list[int]] = []
    roots = []

    def visit(tree):
        below = [visit(t) for t in tree] if isinstance(tree, tuple) else []
        children.append(below)
        return len(children) - 1

    for tree in trees:
        roots.append(visit(tree))
    forest = Forest.from_trees(trees)
    assert forest == Forest(children, trees=True)
    assert forest.roots.tolist() == roots


def test_an_object_that_stands_twice_in_a_tree_is_two_nodes():
    pair = ["a", "b"]
    assert Forest.from_trees([(pair, pair)]) == Forest.from_trees([(("a", "b"),) * 2])
    leaf = ()
    assert Forest.from_trees([(leaf, (leaf,))]).num_nodes == 4


def test_lengths_make_chains():
    forest = Forest.from_lengths([3, 1, 2], num_nodes=6)
    assert forest == Forest([[], [0], [1], [], [], [4]])
    assert forest.roots.tolist() == [2, 3, 5]
    assert forest == Forest.from_lengths(torch.tensor([3, 1, 2]))


def test_nodes_of_a_graph_are_numbered_as_they_stand():
    graph = nx.DiGraph([("sum", "x"), ("sum", "product"), ("product", "x")])
    forest = Forest.from_edges(graph)  # sum 0, x 1, product 2
    assert forest == Forest([[1, 2], [], [1]])
    assert forest.roots.tolist() == [0]


def test_a_multigraph_may_use_a_child_twice():
    graph = nx.MultiDiGraph([("square", "x"), ("square", "x")])
    assert Forest.from_edges(graph) == Forest([[1, 1], []])


def test_the_number_of_nodes_of_edges_is_the_largest_plus_one():
    assert Forest.from_edges([(2, 0)]).num_nodes == 3
    assert Forest.from_edges([], 2) == Forest([[], []])


EMPTY = {
    "child lists": lambda: Forest([]),
    "trees": lambda: Forest.from_trees([]),
    "parents": lambda: Forest.from_parents([]),
    "lengths": lambda: Forest.from_lengths([], num_nodes=0),
    "edges": lambda: Forest.from_edges([]),
    "edges in an array": lambda: Forest.from_edges(np.empty((0, 2), np.int64)),
    "graph": lambda: Forest.from_edges(nx.DiGraph()),
    "flat arrays": lambda: Forest.from_csr([0], [], []),
    "cat": lambda: Forest.cat([]),
    "cat of empty": lambda: Forest.cat([Forest([]), Forest([])]),
    "slice": lambda: FOREST[2:],
    "list": lambda: FOREST[[]],
    "sort": lambda: Forest([]).sort()[0],
    "transpose": lambda: Forest([]).transpose(),
    "share": lambda: Forest([]).share(torch.empty(0, dtype=torch.int64))[0],
}


@pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY)
def test_the_empty_forest(make):
    forest = make()
    assert forest == Forest([])
    assert (forest.num_nodes, forest.num_edges, forest.num_trees) == (0, 0, 0)
    assert forest.max_arity == 0
    assert len(forest.levels) == 0
    assert forest.is_sorted
    for name in ("child", "slot", "tree", "roots", "root_tree", "leaves", "heights"):
        assert getattr(forest, name).tolist() == []
    assert list(forest) == []
    assert forest[:] == forest
    assert "<svg" in forest._repr_svg_()


def test_several_roots_of_one_structure():
    forest = Forest(FORESTS["several roots"])
    assert forest.num_trees == 1
    assert forest.roots.tolist() == [2, 3]
    assert forest.root_tree.tolist() == [0, 0]


def test_a_forest_does_not_follow_the_arrays_it_was_made_of():
    offset, child = np.array([0, 0, 1]), np.array([0])
    tree, slot = np.array([0, 0]), np.array([1])
    forest = Forest.from_csr(offset, child, tree, slot=slot)
    before = Forest.from_csr(offset, child, tree, slot=slot)
    child[0], offset[1], tree[1], slot[0] = 77, 1, 5, 9
    assert forest == before


def test_arrays_that_may_not_be_written_will_do():
    offset, child = np.array([0, 0, 1]), np.array([0])
    offset.flags.writeable = child.flags.writeable = False
    forest = Forest.from_csr(offset, child, child[[0, 0]])
    assert forest == Forest([[], [0]])
    parents = np.array([1, -1])
    parents.flags.writeable = False
    assert Forest.from_parents(parents) == forest


def test_what_a_forest_is_made_of_is_not_changed():
    children, trees = [[], [0], [1, 0]], [["a", ["b"]]]
    offset, child = torch.tensor([0, 0, 1, 3]), torch.tensor([0, 1, 0])
    graph = nx.DiGraph([(1, 0)])
    Forest(children)
    Forest.from_trees(trees)
    Forest.from_csr(offset, child).sort()[0].transpose()
    Forest.from_edges(graph)
    assert children == [[], [0], [1, 0]]
    assert trees == [["a", ["b"]]]
    assert offset.tolist() == [0, 0, 1, 3]
    assert child.tolist() == [0, 1, 0]
    assert list(graph.edges) == [(1, 0)]
