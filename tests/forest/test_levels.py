"""Levels: what a fold visits at once."""

import pytest
import torch
from hypothesis import given

from tests.core_cases import forests
from treefold import Forest


@given(forests())
def test_levels_hold_every_node_and_edge_in_level_order(forest):
    levels, V = forest.levels, forest.num_nodes
    order = torch.arange(V) if levels.order is None else levels.order
    place = torch.arange(V) if levels.place is None else levels.place
    assert torch.equal(place[order], torch.arange(V))
    assert levels.offset == [0, *levels.sizes.cumsum(0).tolist()]
    assert levels.offset[-1] == V
    assert (levels.order is None) == forest.is_sorted
    seen = 0
    for height, level in enumerate(levels):
        nodes = order[level.start : level.stop]
        assert (forest.heights[nodes] == height).all()
        assert nodes.tolist() == sorted(nodes.tolist())
        assert (level.child < level.start).all()
        assert len(level.child) == len(level.parent) == len(level.slot)
        edges = []
        for n, v in enumerate(nodes.tolist()):
            at = slice(int(forest.offset[v]), int(forest.offset[v + 1]))
            edges += [
                (n, u, s)
                for u, s in zip(
                    forest.child[at].tolist(), forest.slot[at].tolist(), strict=True
                )
            ]
        got = zip(
            level.parent.tolist(),
            order[level.child].tolist(),
            level.slot.tolist(),
            strict=True,
        )
        assert list(got) == edges
        if level.arity is not None:
            wanted = list(range(level.arity)) * len(nodes)
            assert level.slot.tolist() == wanted
        seen += len(nodes)
    assert seen == V


def test_levels_of_chains_are_batch_sizes():
    assert Forest.from_lengths([3, 1, 2]).levels.sizes.tolist() == [3, 2, 1]


def test_levels_are_a_sequence():
    levels = Forest([[], [0], [1]]).levels
    assert len(levels) == 3
    assert levels[-1].start == levels[2].start == 2
    assert [level.start for level in levels[1:]] == [1, 2]
    assert [level.start for level in reversed(levels)] == [2, 1, 0]
    for index in (3, -4):
        with pytest.raises(IndexError, match="of a forest with 3 levels"):
            levels[index]


def test_a_level_knows_its_arity_only_where_slots_are_filled_in_order():
    def arity(forest: Forest) -> int | None:
        return forest.levels[1].arity

    assert arity(Forest([[], [], [0, 1], [1, 0]])) == 2
    assert arity(Forest([[], [0], [0, 0]])) is None  # unequal numbers of children
    assert arity(Forest.from_csr([0, 0, 1], [0], slot=[1])) is None
    assert arity(Forest.from_csr([0, 0, 2], [0, 0], slot=[1, 0])) is None
    assert arity(Forest.from_csr([0, 0, 2], [0, 0], slot=[0, 0])) is None
    assert Forest([[]]).levels[0].arity == 0


@given(forests())
def test_a_sorted_forest_taken_as_it_is_equals_the_checked_one(forest):
    forest = forest.sort()[0]
    if len(forest.roots) != len(forest) or forest.slot.tolist() != [
        e - int(forest.offset[v])
        for v in range(forest.num_nodes)
        for e in range(int(forest.offset[v]), int(forest.offset[v + 1]))
    ]:
        return  # a structure of several roots, or slots of its own
    taken = Forest.from_sorted(
        forest.offset.numpy(),
        forest.child.numpy(),
        forest.tree.numpy(),
        forest.roots.numpy(),
        torch.tensor(forest.levels.offset).numpy(),
    )
    assert taken == forest
    assert taken.is_sorted
    assert taken.heights.tolist() == forest.heights.tolist()
    assert taken.levels.offset == forest.levels.offset
