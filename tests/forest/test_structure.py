"""The compiled loops, against plain Python that says what they mean."""

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.core_cases import child_lists
from treefold import csr, structure


def arrays(children: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    offset, child, _ = csr.of_child_lists(children)
    return offset, child, structure.positions(offset)


def graph(children: list[list[int]]) -> nx.MultiDiGraph:
    made = nx.MultiDiGraph()
    made.add_nodes_from(range(len(children)))
    made.add_edges_from((v, u) for v, below in enumerate(children) for u in below)
    return made


def longest_paths(children: list[list[int]]) -> list[int]:
    """Heights by networkx: the longest path down from each node."""
    made, height = graph(children), dict.fromkeys(range(len(children)), 0)
    for v in reversed(list(nx.topological_sort(made))):
        height[v] = max((1 + height[u] for u in made.successors(v)), default=0)
    return [height[v] for v in range(len(children))]


@given(child_lists())
def test_heights_are_longest_paths(children):
    offset, child, _ = arrays(children)
    height = structure.heights(offset, child)
    assert height.tolist() == longest_paths(children)
    if len(children):
        assert height.max() == nx.dag_longest_path_length(nx.DiGraph(graph(children)))


@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=8, max_size=8))
def test_cycles_are_found_where_networkx_finds_them(children):
    offset, child, _ = arrays(children)
    height, made = structure.heights(offset, child), graph(children)
    below_cycle = {
        v
        for c in nx.strongly_connected_components(made)
        for v in c
        if len(c) > 1 or made.has_edge(v, v)
    }
    stuck = {
        v for v in made if v in below_cycle or nx.descendants(made, v) & below_cycle
    }
    assert set(np.flatnonzero(height < 0)) == stuck
    if stuck:
        loop = structure.cycle(offset, child, height).tolist()
        assert len(set(loop)) == len(loop)
        for v, u in zip(loop, [*loop[1:], loop[0]], strict=True):
            assert made.has_edge(v, u)


@given(child_lists())
def test_level_order_is_a_stable_sort_by_height(children):
    height = np.array(longest_paths(children), np.int64)
    order, level_offset = structure.level_order(height)
    assert order.tolist() == np.argsort(height, kind="stable").tolist()
    assert level_offset.tolist() == [
        int((height < level).sum()) for level in range(height.max(initial=-1) + 2)
    ]


@given(child_lists())
def test_components_are_numbered_by_their_smallest_node(children):
    offset, child, _ = arrays(children)
    tree, count = structure.components(offset, child)
    parts = sorted(nx.weakly_connected_components(graph(children)), key=min)
    assert count == len(parts)
    for b, part in enumerate(parts):
        assert {v for v in range(len(children)) if tree[v] == b} == part


@given(child_lists())
def test_roots_stand_by_structure(children):
    offset, child, _ = arrays(children)
    tree, count = structure.components(offset, child)
    roots, root_tree = structure.roots(offset, child, tree, count)
    tops = [v for v in range(len(children)) if not any(v in b for b in children)]
    assert roots.tolist() == sorted(tops, key=lambda v: (tree[v], v))
    assert root_tree.tolist() == [tree[v] for v in roots]


@given(child_lists())
def test_transposing_turns_every_edge_and_keeps_its_slot(children):
    offset, child, slot = arrays(children)
    up = structure.transpose(offset, child, slot)
    parents: list[list[tuple[int, int]]] = [[] for _ in children]
    for v, below in enumerate(children):
        for s, u in enumerate(below):
            parents[u].append((v, s))
    assert edges(*up) == parents


def edges(offset: Any, child: Any, slot: Any) -> list[list[tuple[int, int]]]:
    """Child and slot of each node's edges."""
    return [
        list(zip(child[a:b].tolist(), slot[a:b].tolist(), strict=True))
        for a, b in pairwise(offset)
    ]


@given(child_lists(), st.randoms(use_true_random=False))
def test_renumbering_carries_every_edge_along(children, random):
    offset, child, slot = arrays(children)
    order = np.array(random.sample(range(len(children)), len(children)), np.int64)
    place = {int(v): i for i, v in enumerate(order)}
    moved = structure.renumber(offset, child, slot, order)
    assert edges(*moved) == [
        [(place[u], s) for s, u in enumerate(children[v])] for v in order
    ]


@given(child_lists(), st.data())
def test_a_level_has_an_arity_where_all_nodes_fill_the_same_slots(children, data):
    offset, child, slot = arrays(children)
    if data.draw(st.booleans()):
        some = st.lists(st.integers(0, 2), min_size=len(slot), max_size=len(slot))
        slot = np.array(data.draw(some), np.int64)
    order, level_offset = structure.level_order(structure.heights(offset, child))
    moved = structure.renumber(offset, child, slot, order)
    got = structure.regularity(moved[0], moved[2], level_offset).tolist()
    slots = [[s for _, s in below] for below in edges(*moved)]
    for level, (a, b) in enumerate(pairwise(level_offset)):
        K = len(slots[a])
        same = all(slots[v] == list(range(K)) for v in range(a, b))
        assert got[level] == (K if same else -1)


@given(child_lists(), st.data())
def test_sharing_is_hash_consing(children, data):
    offset, child, slot = arrays(children)
    V = len(children)
    label = data.draw(st.lists(st.integers(-1, 1), min_size=V, max_size=V))
    some = st.lists(st.integers(0, 1), min_size=len(slot), max_size=len(slot))
    if data.draw(st.booleans()):
        slot = np.array(data.draw(some), np.int64)
    below = edges(offset, child, slot)
    order, _ = structure.level_order(structure.heights(offset, child))
    node_of, first = structure.share(
        offset, child, slot, order, np.array(label, np.int64)
    )
    known: dict[tuple[Any, ...], int] = {}
    wanted = {}
    for v in order.tolist():
        key = (label[v], *((wanted[u], s) for u, s in below[v]))
        wanted[v] = known.setdefault(key, len(known))
    assert node_of.tolist() == [wanted[v] for v in range(V)]
    assert len(first) == len(known)
    for k, v in enumerate(first.tolist()):
        assert v == next(u for u in order.tolist() if wanted[u] == k)


@given(child_lists())
def test_the_first_second_parent_is_found(children):
    offset, child, _ = arrays(children)
    seen: dict[int, int] = {}
    wanted = (-1, -1, -1)
    for v, u in ((v, u) for v, below in enumerate(children) for u in below):
        if u in seen:
            wanted = (u, seen[u], v)
            break
        seen[u] = v
    assert structure.second_parent(offset, child) == wanted


def test_equal_children_in_other_slots_are_not_shared():
    offset, child = np.array([0, 0, 1, 2, 3]), np.array([0, 0, 0])
    slot, order = np.array([0, 1, 0]), np.arange(4)
    node_of, first = structure.share(offset, child, slot, order, np.zeros(4, np.int64))
    assert node_of.tolist() == [0, 1, 2, 1]
    assert first.tolist() == [0, 1, 2]
