"""Every fold is the recursion: in all values and in all gradients."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from tests.core_cases import (
    CELLS,
    EACH_WAY,
    FORESTS,
    WAYS,
    WITH_INITIAL,
    by_way,
    forests,
    nodes_with_input,
    random_initial,
    random_input,
    value_and_gradients,
)
from treefold import Forest, fold

SLOTS = 3


each_way = pytest.mark.parametrize(("way", "name"), EACH_WAY)


def assert_agreement(way: str, *case: Any, **options: Any) -> None:
    algorithm = by_way(way, case[0], case[1])
    got = value_and_gradients(algorithm, *case, **options)
    recursive = value_and_gradients("recursive", *case, **options)
    assert_close(got, recursive, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("children", FORESTS.values(), ids=FORESTS)
@each_way
def test_fold_agrees_with_the_recursion(way, name, children):
    cell, forest = CELLS[name](), Forest(children)
    if cell.max_arity is not None and forest.max_arity > cell.max_arity:
        pytest.skip("the cell has fewer slots")
    nodes = nodes_with_input(cell, forest)
    assert_agreement(way, cell, forest, random_input(cell, forest, nodes), nodes)


@each_way
@given(data=st.data())
def test_fold_agrees_on_random_forests(way, name, data):
    cell = CELLS[name]()
    forest = data.draw(forests(cell.max_arity or SLOTS))
    nodes = nodes_with_input(cell, forest)
    assert_agreement(way, cell, forest, random_input(cell, forest, nodes), nodes)


@pytest.mark.parametrize(
    ("way", "name"), [case for case in EACH_WAY if case[1] in WITH_INITIAL]
)
@given(data=st.data())
def test_some_nodes_have_input_in_any_order_and_leaves_an_initial_state(
    way, name, data
):
    cell = WITH_INITIAL[name]()
    forest = data.draw(forests(cell.max_arity or SLOTS))
    listed = data.draw(st.permutations(range(forest.num_nodes)))
    nodes = torch.tensor(listed[: data.draw(st.integers(0, len(listed)))]).long()
    rows = data.draw(st.sampled_from([0, 1, forest.num_trees]))
    assert_agreement(
        way,
        cell,
        forest,
        random_input(cell, forest, nodes),
        nodes,
        random_initial(cell, rows) if rows else None,
    )


@each_way
def test_transposed_dags_agree_too(way, name):
    cell = CELLS[name]()
    # Edges of one node that share a slot, slots left empty, a node with three parents.
    forest = Forest([[], [0, 0], [1, 0], [2, 1], [0]]).transpose()
    nodes = nodes_with_input(cell, forest)
    assert_agreement(way, cell, forest, random_input(cell, forest, nodes), nodes)


@pytest.mark.parametrize("name", WITH_INITIAL)
@pytest.mark.parametrize("rows", ["one", "each"])
def test_no_initial_state_is_the_same_as_zeros(name, rows):
    cell = WITH_INITIAL[name]()
    forest = Forest(FORESTS["several structures"])
    x = random_input(cell, forest)
    zeros = cell.zeros(1 if rows == "one" else forest.num_trees, x)
    assert_close(fold(cell, forest, x, initial=zeros), fold(cell, forest, x))


@pytest.mark.parametrize("name", WITH_INITIAL)
def test_one_initial_state_serves_every_structure(name):
    cell = WITH_INITIAL[name]()
    forest = Forest(FORESTS["several structures"])
    x, one = random_input(cell, forest), random_initial(cell, 1)
    each = type(one)(*(f.expand(forest.num_trees, *f.shape[1:]) for f in one))
    assert_close(
        fold(cell, forest, x, initial=one), fold(cell, forest, x, initial=each)
    )


@each_way
@given(data=st.data())
def test_states_follow_their_nodes_through_any_numbering(way, name, data):
    cell = CELLS[name]()
    forest = data.draw(forests(cell.max_arity or SLOTS))
    moved, order = forest.sort()
    assert moved.is_sorted
    nodes = forest.leaves if cell.leaf_is_input else torch.arange(forest.num_nodes)
    x = random_input(cell, forest, nodes)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    algorithm: Any = by_way(way, cell, forest)
    state = fold(cell, forest, x, nodes, algorithm=algorithm)
    state_moved = fold(cell, moved, x, place[nodes], algorithm=algorithm)
    assert_close(tuple(f[order] for f in state), tuple(state_moved))


@each_way
def test_structures_do_not_see_each_other(way, name):
    cell = CELLS[name]()
    parts = [Forest(FORESTS[k]) for k in ("binary tree", "shared nodes", "chain")]
    nodes = [nodes_with_input(cell, f) for f in parts]
    x = [random_input(cell, f, n) for f, n in zip(parts, nodes, strict=True)]
    apart = [
        fold(cell, f, rows, n, algorithm=way)
        for f, rows, n in zip(parts, x, nodes, strict=True)
    ]
    both = Forest.cat(parts)
    listed = None
    if cell.leaf_is_input:
        start = [0, *torch.tensor([f.num_nodes for f in parts]).cumsum(0).tolist()]
        listed = torch.cat([n + s for n, s in zip(nodes, start, strict=False)])  # type: ignore[operator]
    together = fold(cell, both, torch.cat(x), listed, algorithm=way)
    for field, pieces in zip(together, zip(*apart, strict=True), strict=True):
        assert_close(field, torch.cat(pieces))


def test_a_tensor_will_do_as_initial_where_the_state_is_h_alone():
    cell = CELLS["gru-nary"]()
    forest = Forest(FORESTS["binary tree"])
    x, (h,) = random_input(cell, forest), random_initial(cell, 1)
    assert_close(
        fold(cell, forest, x, initial=h).h, fold(cell, forest, x, initial=(h,)).h
    )


def test_an_input_that_is_not_given_is_zeros():
    cell = CELLS["lstm-child-sum"]()
    forest = Forest(FORESTS["shared nodes"])
    nodes = torch.tensor([3, 0])
    x = random_input(cell, forest, nodes)
    full = torch.zeros(forest.num_nodes, x.shape[1]).index_copy(0, nodes, x)
    assert_close(fold(cell, forest, x, nodes), fold(cell, forest, full))


@pytest.mark.parametrize("way", WAYS)
def test_inputs_are_not_changed(way):
    cell = CELLS["lstm-nary"]()
    forest = Forest(FORESTS["children after parents"])
    nodes = torch.tensor([4, 0, 2])
    x, initial = random_input(cell, forest, nodes), random_initial(cell, 1)
    given_then = [t.detach().clone() for t in (x, nodes, *initial)]
    total_of = fold(cell, forest, x, nodes, initial, algorithm=way)
    sum(f.sum() for f in total_of).backward()  # type: ignore[union-attr]
    assert_close([t.detach() for t in (x, nodes, *initial)], given_then)


def test_a_returned_state_may_be_changed_in_place():
    cell = CELLS["recursive-affine"]()
    forest = Forest(FORESTS["chain"])  # in level order: states are not copied
    x = random_input(cell, forest)

    def gradient(algorithm):
        h = fold(cell, forest, x, algorithm=algorithm).h
        h = h * 1 if algorithm == "recursive" else h
        h[1] = 0.0
        h.mul_(3.0)
        return torch.autograd.grad(h.sin().sum(), [x, *cell.parameters()])

    assert_close(gradient("batched"), gradient("recursive"))
