"""What a cell sees below it, against loops."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from treefold import Children, State

K, H = 3, 2


class Two(NamedTuple):
    h: Tensor
    matrix: Tensor


def made(per_node: list[list[int]], arity: int | None = None) -> Children[Two]:
    """Children of nodes, given the slots of each node's children."""
    slot = torch.tensor([s for slots in per_node for s in slots], dtype=torch.int64)
    parent = torch.tensor(
        [n for n, slots in enumerate(per_node) for _ in slots], dtype=torch.int64
    )
    state = Two(torch.randn(len(slot), H), torch.randn(len(slot), H, H))
    return Children(state, parent, slot, len(per_node), arity)


def any_children(max_slot: int = K - 1) -> st.SearchStrategy[list[list[int]]]:
    """Slots of each node's children; some empty, some shared by several."""
    return st.lists(
        st.lists(st.integers(0, max_slot), max_size=4), min_size=1, max_size=6
    )


@given(any_children())
def test_sum_mean_max_and_count_are_those_of_a_loop(per_node):
    children = made(per_node)
    assert children.count.tolist() == [len(slots) for slots in per_node]
    assert len(children) == children.count.sum()
    for value in children.state:
        for n in range(len(per_node)):
            mine = value[children.parent == n]
            nothing = torch.zeros(value.shape[1:])
            assert_close(children.sum(value)[n], mine.sum(0))
            assert_close(
                children.mean(value)[n], mine.mean(0) if len(mine) else nothing
            )
            assert_close(children.max(value)[n], mine.amax(0) if len(mine) else nothing)


@given(any_children())
def test_repeat_gives_each_child_its_nodes_value(per_node):
    children = made(per_node)
    value = torch.randn(len(per_node), H, H)
    wanted = [value[n] for n, slots in enumerate(per_node) for _ in slots]
    assert_close(children.repeat(value), torch.stack(wanted) if wanted else value[:0])


@given(any_children())
def test_slots_add_up_what_shares_node_and_slot(per_node):
    children = made(per_node)
    placed, filled = children.slots(K), children.filled(K)
    for value, got in zip(children.state, placed, strict=True):
        wanted = torch.zeros(len(per_node), K, *value.shape[1:])
        times = torch.zeros(len(per_node), K, dtype=torch.int64)
        for e, (n, s) in enumerate(zip(children.parent, children.slot, strict=True)):
            wanted[n, s] += value[e]
            times[n, s] += 1
        assert_close(got, wanted)
        assert_close(filled, times)


@pytest.mark.parametrize("arity", range(K + 1))
def test_a_known_arity_changes_nothing_but_the_way(arity):
    per_node = [list(range(arity))] * 4
    known = made(per_node, arity)
    unknown = Children(known.state, known.parent, known.slot, 4)
    node_value = torch.randn(4, H)
    for value in known.state:
        for name in ("sum", "mean", "max"):
            assert_close(getattr(known, name)(value), getattr(unknown, name)(value))
    assert_close(known.repeat(node_value), unknown.repeat(node_value))
    assert_close(known.slots(K), unknown.slots(K))
    assert_close(known.filled(K), unknown.filled(K))
    assert_close(known.count, unknown.count)


def test_gradients_pass_finite_differences_through_every_reading():
    children = made([[0, 1], [], [2, 2, 0]])

    def readings(h, node_value):
        below = Children(State(h), children.parent, children.slot, 3)
        return (
            below.sum(h),
            below.mean(h),
            below.max(h),
            below.repeat(node_value),
            below.slots(K).h,
        )

    h, node_value = torch.randn(5, H), torch.randn(3, H)
    assert torch.autograd.gradcheck(
        readings, (h.requires_grad_(), node_value.requires_grad_())
    )


@pytest.mark.parametrize(
    ("per_node", "arity"), [([[0, 1, 2], [0]], None), ([[0, 1]], 2)]
)
def test_a_slot_beyond_those_asked_for_is_told(per_node, arity):
    # It would otherwise fall into the row of the next node.
    children = made(per_node, arity)
    with pytest.raises(ValueError, match=r"stand in \d slots, but 1 were asked for"):
        children.slots(1)
    with pytest.raises(ValueError, match=r"stand in \d slots"):
        children.filled(1)


def test_no_children_at_all():
    children = made([[], []])
    h = children.state.h
    assert_close(children.sum(h), torch.zeros(2, H))
    assert_close(children.mean(h), torch.zeros(2, H))
    assert_close(children.max(h), torch.zeros(2, H))
    assert_close(children.slots(K).h, torch.zeros(2, K, H))
    assert children.repeat(torch.ones(2, H)).shape == (0, H)


def test_pairs_are_two_children_of_each_node():
    left, right = (Two(torch.randn(3, 2), torch.randn(3, 4, 1)) for _ in range(2))
    children = Children.of_pairs(left, right)
    assert (children.num_nodes, len(children), children.arity) == (3, 6, 2)
    assert children.parent.tolist() == [0, 0, 1, 1, 2, 2]
    for name in Two._fields:
        pair = torch.stack([getattr(left, name), getattr(right, name)], dim=1)
        assert torch.equal(getattr(children.slots(2), name), pair)
    assert len(Children.of_pairs(*[Two(torch.ones(0, 2), torch.ones(0))] * 2)) == 0
