"""New forests from old: put together, taken apart, sorted, turned and shared."""

import copy
import pickle

import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networkx.algorithms.isomorphism import DiGraphMatcher
from torch.testing import assert_close

from tests.core_cases import FORESTS, child_lists, forests
from treefold import Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, NaryTreeLSTMCell

PARTS = [
    Forest([[], [], [0, 1]]),
    Forest([[]]),
    Forest([[1, 1], []]),
    Forest([[], [0], [0]]),
]
WHOLE = Forest.cat(PARTS)


def test_cat_numbers_nodes_and_structures_on():
    assert Forest([[], [], [0, 1], [], [5, 5], [], [], [6], [6]]) == WHOLE
    assert WHOLE.tree.tolist() == [0, 0, 0, 1, 2, 2, 3, 3, 3]
    assert WHOLE.roots.tolist() == [2, 3, 4, 7, 8]
    assert WHOLE.root_tree.tolist() == [0, 1, 2, 3, 3]


@given(st.lists(forests(max_nodes=6), max_size=4))
def test_cat_and_indexing_are_inverses(parts):
    whole = Forest.cat(iter(parts))
    assert len(whole) == sum(len(part) for part in parts)
    assert whole.num_nodes == sum(part.num_nodes for part in parts)
    assert whole.heights.tolist() == [
        h for part in parts for h in part.heights.tolist()
    ]
    place = 0
    for part in parts:
        # Nodes of a structure keep their order, but structures may be interleaved.
        assert whole[place : place + len(part)] == part[:]
        place += len(part)
    assert Forest.cat(list(whole)) == whole[:]


INDICES = {
    "int": (1, [1]),
    "negative": (-1, [3]),
    "numpy int": (torch.tensor(2).numpy()[()], [2]),
    "tensor of one": (torch.tensor(2), [2]),
    "slice": (slice(1, 3), [1, 2]),
    "steps back": (slice(None, None, -2), [3, 1]),
    "list": ([2, 0, -1], [2, 0, 3]),
    "twice": ([0, 0], [0, 0]),
    "tensor": (torch.tensor([3, 1]), [3, 1]),
    "mask": ([True, False, False, True], [0, 3]),
    "mask of a tensor": (torch.tensor([False, True, True, False]), [1, 2]),
    "empty list": ([], []),
    "empty slice": (slice(2, 2), []),
}


@pytest.mark.parametrize(("index", "wanted"), INDICES.values(), ids=INDICES)
def test_structures_are_taken_by_any_index(index, wanted):
    assert WHOLE[index] == Forest.cat([PARTS[b] for b in wanted])


def test_a_forest_is_a_sequence_of_structures():
    assert [part.num_nodes for part in WHOLE] == [3, 1, 2, 3]
    assert list(WHOLE) == PARTS


def test_slots_survive_indexing_and_cat():
    forest = Forest.from_csr([0, 0, 1, 1, 3], [0, 2, 2], slot=[2, 1, 1])
    again = Forest.cat([forest[1], forest[0]])
    assert again.slot.tolist() == [1, 1, 2]
    assert again.max_arity == 3


def test_equality():
    assert Forest([[], [0]]) == Forest([[], [0]])
    assert Forest([[], [0]]) != Forest([[1], []])  # another numbering
    assert Forest([[], [], [0, 1]]) != Forest([[], [], [1, 0]])  # another order
    assert Forest([[], [0]]) != Forest.from_csr([0, 0, 1], [0], slot=[1])
    assert Forest([[], []]) != Forest.from_csr([0, 0, 0], [], [0, 0])
    assert Forest([[]]) != "a forest"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Forest([[]]))


@given(forests())
def test_turning_twice_changes_nothing(forest):
    turned = forest.transpose()
    again = turned.transpose()
    assert turned.num_trees == forest.num_trees
    assert torch.equal(turned.tree, forest.tree)
    assert sorted(edges(again)) == sorted(edges(forest))
    assert again.roots.tolist() == forest.roots.tolist()
    assert turned.roots.tolist() == sorted(
        forest.leaves.tolist(), key=lambda v: int(forest.tree[v])
    )
    assert sorted((u, v, s) for v, u, s in edges(turned)) == sorted(edges(forest))


def test_a_tree_turned_twice_is_itself_where_children_are_in_order():
    for name in ("binary tree", "chain", "several structures", "single node"):
        forest = Forest(FORESTS[name])
        assert forest.transpose().transpose() == forest


def edges(forest: Forest) -> list[tuple[int, int, int]]:
    parent = torch.arange(forest.num_nodes).repeat_interleave(forest.arities)
    return list(
        zip(parent.tolist(), forest.child.tolist(), forest.slot.tolist(), strict=True)
    )


@given(forests())
def test_sorting_renumbers_into_level_order(forest):
    new, order = forest.sort()
    assert new.is_sorted
    assert sorted(order.tolist()) == list(range(forest.num_nodes))
    assert torch.equal(new.heights, forest.heights[order])
    assert torch.equal(new.tree, forest.tree[order])
    assert torch.equal(order[new.roots], forest.roots)
    assert torch.equal(new.root_tree, forest.root_tree)
    names = order.tolist()
    renamed = [(names[v], names[u], s) for v, u, s in edges(new)]
    assert sorted(renamed) == sorted(edges(forest))
    # Children of a node stay in their order.
    at = {v: i for i, v in enumerate(names)}
    for v in range(forest.num_nodes):
        mine = forest.child[forest.offset[v] : forest.offset[v + 1]].tolist()
        i = at[v]
        theirs = new.child[new.offset[i] : new.offset[i + 1]].tolist()
        assert [names[u] for u in theirs] == mine
    same, identity = new.sort()
    assert same == new
    assert identity.tolist() == list(range(new.num_nodes))


def test_what_sorting_and_heights_return_may_be_changed():
    forest = Forest([[1], []])
    forest.sort()[1].add_(7)
    forest.heights.add_(7)
    assert forest.heights.tolist() == [1, 0]
    assert forest.sort()[1].tolist() == [1, 0]
    assert forest.levels.order is not None
    assert forest.levels.order.tolist() == [1, 0]


@pytest.mark.parametrize(
    "cell", [ChildSumTreeLSTMCell(2, 3), NaryTreeLSTMCell(2, 3, arity=3)]
)
@given(data=st.data())
def test_a_shared_forest_gives_every_node_its_state(cell, data):
    cell = cell.double()
    forest = data.draw(forests())
    labels = torch.tensor(
        data.draw(
            st.lists(
                st.integers(0, 1), min_size=forest.num_nodes, max_size=forest.num_nodes
            )
        )
    ).long()
    shared, node_of, first = forest.share(labels)
    assert shared.is_sorted
    assert shared.num_nodes == len(first) <= forest.num_nodes
    assert torch.equal(labels[first][node_of], labels)
    assert torch.equal(node_of[first], torch.arange(len(first)))
    assert torch.equal(node_of[forest.roots], shared.roots)
    assert torch.equal(forest.root_tree, shared.root_tree)
    x = torch.randn(2, 2)[labels]
    h = fold(cell, forest, x).h
    small = fold(cell, shared, x[first]).h
    assert_close(small[node_of], h)
    assert_close(small[shared.roots], h[forest.roots])
    # Nothing is shared twice over.
    again, _, _ = shared.share(labels[first])
    assert again.num_nodes == shared.num_nodes


def test_structures_of_a_shared_forest_can_be_taken_out():
    forest = Forest.from_trees([("a", ("b", "c")), ("b", "c"), "b"])
    labels = torch.tensor([0, 1, 2, 9, 9, 1, 2, 9, 1])
    shared, _, _ = forest.share(labels)
    assert shared.num_nodes == 5
    assert [part.num_nodes for part in shared] == [5, 3, 1]
    for b, part in enumerate(shared):
        assert isomorphic(part, forest[b])


def isomorphic(one: Forest, other: Forest) -> bool:
    def graph(forest):
        made = nx.DiGraph()
        made.add_nodes_from(range(forest.num_nodes))
        made.add_edges_from((v, u, {"slot": s}) for v, u, s in edges(forest))
        return made

    match = DiGraphMatcher(
        graph(one), graph(other), edge_match=lambda a, b: a["slot"] == b["slot"]
    )
    return match.is_isomorphic()


@given(child_lists())
def test_any_numbering_sorts_to_the_same_shape(children):
    forest = Forest(children)
    assert isomorphic(forest.sort()[0], forest)


def test_a_forest_stays_on_its_device():
    forest = Forest([[1], []])
    assert forest.to("cpu") is forest
    assert forest.to(torch.device("cpu")) is forest
    moved = forest.to("meta")
    for name in ("offset", "child", "slot", "tree", "roots", "root_tree"):
        assert getattr(moved, name).device.type == "meta"
    assert moved.device.type == "meta"
    assert moved.sort()[0].device.type == "meta"
    assert moved.sort()[1].device.type == "meta"
    assert moved.transpose().device.type == "meta"
    assert moved[0].device.type == "meta"
    assert moved.heights.device.type == "meta"
    assert Forest.cat([moved, moved]).device.type == "meta"
    assert moved.levels[0].child.device.type == "meta"
    assert "device=meta" in repr(moved)
    assert moved == forest  # devices may differ
    assert len(moved) == 1


@pytest.mark.parametrize(
    "carry", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))]
)
@pytest.mark.parametrize("used", [False, True])
def test_a_forest_can_be_copied_and_sent_to_a_worker(carry, used):
    forest = Forest(FORESTS["children after parents"])
    if used:
        _ = forest.levels, forest.heights, forest.is_sorted
    again = carry(forest)
    assert again == forest
    assert again.sort()[0] == forest.sort()[0]
    assert again.transpose() == forest.transpose()
