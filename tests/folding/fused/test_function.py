"""What autograd may ask of a fused fold, and what it must be told."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.core_cases import (
    CELLS,
    FORESTS,
    FUSED,
    WITH_INITIAL,
    forests,
    nodes_with_input,
    random_initial,
    random_input,
    total,
)
from treefold import Cell, Forest, fold
from treefold.cells import ChildSumTreeLSTMCell, NaryTreeLSTMCell, RecursiveCell

FOREST = Forest.cat([Forest(FORESTS["mixed arity"]), Forest([[], [0], [1, 1], []])])
WIDTHS = [1, 15, 16, 17, 47, 48, 49]
each_cell = pytest.mark.parametrize("name", FUSED)


def case(name: str) -> tuple[Cell[Any], Forest, Tensor, Tensor | None]:
    cell = CELLS[name]()
    forest = Forest(FORESTS["binary tree"]) if cell.max_arity == 2 else FOREST
    nodes = nodes_with_input(cell, forest)
    return cell, forest, random_input(cell, forest, nodes), nodes


def gradients(value: Tensor, ends: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        value, ends, retain_graph=True, allow_unused=True, materialize_grads=True
    )


@each_cell
def test_a_graph_may_be_walked_twice_and_gives_the_same(name):
    cell, forest, x, nodes = case(name)
    value = total(fold(cell, forest, x, nodes, algorithm="fused"))
    ends = [x, *cell.parameters()]
    for once, again in zip(gradients(value, ends), gradients(value, ends), strict=True):
        assert torch.equal(once, again)


@each_cell
def test_two_folds_may_wait_for_their_backward(name):
    cell, forest, x, nodes = case(name)
    y = x.detach().flip(0).requires_grad_()
    ends = [x, y, *cell.parameters()]

    def gradient(way: Any) -> tuple[Tensor, ...]:
        first = fold(cell, forest, x, nodes, algorithm=way)
        second = fold(cell, forest, y, nodes, algorithm=way)
        return gradients(total(first) * total(second), ends)

    assert_close(gradient("fused"), gradient("batched"))


@pytest.mark.parametrize("which", [["h"], ["c"], ["h", "c"]], ids=str)
@pytest.mark.parametrize("name", ["lstm-child-sum", "lstm-nary"])
def test_either_state_or_both_may_have_a_gradient(name, which):
    cell, forest, x, nodes = case(name)

    def gradient(way: Any) -> tuple[Tensor, ...]:
        state = fold(cell, forest, x, nodes, algorithm=way)
        value = total([getattr(state, field) for field in which])
        return gradients(value, [x, *cell.parameters()])

    assert_close(gradient("fused"), gradient("batched"))


@each_cell
def test_any_one_tensor_may_be_the_only_one_to_learn(name):
    cell, forest, x, nodes = case(name)
    initial = random_initial(cell, forest.num_trees) if name in WITH_INITIAL else ()
    ends = [x, *initial, *cell.parameters()]

    def gradient(way: Any) -> Tensor:
        state = fold(cell, forest, x, nodes, initial or None, algorithm=way)
        return torch.autograd.grad(total(state), end)[0]

    for end in ends:
        for other in ends:
            other.requires_grad_(other is end)
        assert_close(gradient("fused"), gradient("batched"))


@each_cell
@pytest.mark.parametrize("create_graph", [False, True])
def test_weights_that_no_node_uses_have_a_gradient_of_zero(name, create_graph):
    cell, forest = CELLS[name](), Forest([[], []])  # without edges
    cell.requires_grad_(False)
    weight = cell.get_parameter("weight_hh").requires_grad_()
    x = torch.randn(2, cell.input_size)
    h = fold(cell, forest, x, algorithm="fused").h
    (got,) = torch.autograd.grad(
        *(h.sum(), weight),
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    assert_close(got, torch.zeros_like(got))


@pytest.mark.parametrize("changed", ["x", "weight_hh", "bias", "initial"])
def test_what_changes_in_place_before_backward_is_told(changed):
    cell = NaryTreeLSTMCell(3, 4, arity=3)
    x, initial = random_input(cell, FOREST) * 1, random_initial(cell, 1)
    h = fold(cell, FOREST, x, initial=initial, algorithm="fused").h
    given = {"x": x, "initial": initial[0], **dict(cell.named_parameters())}
    with torch.no_grad():
        given[changed].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        h.sum().backward()


@pytest.mark.parametrize("forest", ["chain", "children after parents"])
def test_a_state_that_changes_in_place_gives_its_own_gradient_or_is_told(forest):
    # In level order the states are the ones that backward needs; else they are copies.
    cell, forest = ChildSumTreeLSTMCell(3, 4), Forest(FORESTS[forest])
    x = random_input(cell, forest)
    h, c = fold(cell, forest, x, algorithm="fused")
    h.mul_(2)
    value = h.sum() + c.sum()
    if forest.is_sorted:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            value.backward()
        return
    value.backward()
    h, c = fold(cell, forest, x, algorithm="batched")
    assert_close(x.grad, torch.autograd.grad(2 * h.sum() + c.sum(), x)[0])


@each_cell
def test_tensors_may_lie_in_memory_in_any_way(name):
    cell, forest, x, nodes = case(name)
    wanted = gradients(
        total(fold(cell, forest, x, nodes, algorithm="fused")), [x, *cell.parameters()]
    )
    for tensor in [x, *cell.parameters()]:
        wide = torch.stack([tensor.detach(), tensor.detach()], dim=-1)
        tensor.data = wide.movedim(-1, 0).select(0, 1)  # every second number
        assert tensor.numel() == 1 or not tensor.is_contiguous()
    got = gradients(
        total(fold(cell, forest, x, nodes, algorithm="fused")), [x, *cell.parameters()]
    )
    assert_close(got, wanted, rtol=0, atol=0)


def test_gradients_may_lie_in_memory_in_any_way():
    cell = ChildSumTreeLSTMCell(3, 4)
    for initial in (None, random_initial(cell, 1)):
        x = random_input(cell, FOREST)
        h, c = fold(cell, FOREST, x, initial=initial, algorithm="fused")
        outside = torch.randn(4, FOREST.num_nodes)
        got = torch.autograd.grad([h, c], x, [outside.T, outside[:1].T.expand(-1, 4)])
        h, c = fold(cell, FOREST, x, initial=initial, algorithm="batched")
        value = (h * outside.T).sum() + (c * outside[:1].T).sum()
        assert_close(got, torch.autograd.grad(value, x))


def test_tied_parameters_get_the_sum():
    cell = RecursiveCell(4, 4, arity=None, input="affine")
    cell.weight_hh = cell.weight_ih  # type: ignore[assignment]
    x = random_input(cell, FOREST)

    def gradient(way: Any) -> tuple[Tensor, ...]:
        value = total(fold(cell, FOREST, x, algorithm=way))
        return gradients(value, [x, *cell.parameters()])

    assert_close(gradient("fused"), gradient("batched"))


def test_a_shared_forest_may_have_an_initial_state_for_each_structure():
    apart = Forest([[], [0], [], [2], [3]])
    shared, _, first = apart.share(torch.zeros(5, dtype=torch.int64))
    cell = ChildSumTreeLSTMCell(3, 4)
    x, initial = random_input(cell, shared), random_initial(cell, shared.num_trees)
    assert shared.num_trees == 2 != shared.num_nodes == len(first)

    def gradient(way: Any) -> tuple[Tensor, ...]:
        state = fold(cell, shared, x, initial=initial, algorithm=way)
        return gradients(total(state), [x, *initial, *cell.parameters()])

    assert_close(gradient("fused"), gradient("batched"))


@each_cell
def test_nan_stays_in_the_structures_that_hold_it(name):
    cell, forest, x, nodes = case(name)
    three = Forest.cat([forest] * 3)
    each = torch.cat([x.detach()] * 3)
    R = len(x)
    each[R] = torch.nan
    listed = nodes
    if nodes is not None:
        listed = torch.cat([nodes + i * forest.num_nodes for i in range(3)])
    states = fold(cell, three, each.requires_grad_(), listed, algorithm="fused")
    (g,) = torch.autograd.grad(states.h.sum(), each)
    clean = fold(cell, forest, x, nodes, algorithm="fused")
    V = forest.num_nodes
    for field, wanted in zip(states, clean, strict=True):
        assert torch.equal(field[:V], wanted)
        assert torch.equal(field[2 * V :], wanted)
        assert field[V : 2 * V].isnan().any()
    assert g[:R].isfinite().all()
    assert g[2 * R :].isfinite().all()


def new_cells(I: int, H: int, K: int) -> dict[str, Cell[Any]]:  # noqa: E741
    made: dict[str, Any] = {name: type(CELLS[name]()) for name in FUSED}
    summing = {"gru-child-sum", "lstm-child-sum"}
    cells: dict[str, Cell[Any]] = {
        name: made[name](I, H) if name in summing else made[name](I, H, arity=K)
        for name in ("gru-child-sum", "lstm-child-sum", "gru-nary", "lstm-nary")
    }
    cells["recursive"] = RecursiveCell(I, H, arity=K, input="affine")
    cells["recursive-relu"] = RecursiveCell(
        I, H, arity=None, input="affine", activation="relu"
    )
    cells["rntn"] = made["rntn-affine"](I, min(H, 17), arity=K, input="affine")
    return cells


@pytest.mark.parametrize("name", new_cells(1, 1, 1))
@settings(max_examples=12)
@given(data=st.data())
def test_sizes_may_be_odd_and_slots_many(name, data):
    I, K = data.draw(st.sampled_from([1, 2, 33])), data.draw(st.sampled_from([1, 2, 5]))  # noqa: E741
    cell = new_cells(I, data.draw(st.sampled_from(WIDTHS)), K)[name]
    forest = data.draw(forests(K, max_nodes=30, any_slot=False))
    if data.draw(st.booleans()) and forest.num_nodes:
        forest = Forest.cat([forest] * data.draw(st.integers(2, 12)))
    listed = data.draw(st.permutations(range(forest.num_nodes)))
    nodes = torch.tensor(listed[: data.draw(st.integers(0, len(listed)))]).long()
    x = random_input(cell, forest, nodes)
    ends = [x, *cell.parameters()]

    def results(way: Any) -> list[Tensor]:
        state = fold(cell, forest, x, nodes, algorithm=way)
        return [*state, *gradients(total(state), ends)]

    if forest.num_nodes:
        assert_close(results("fused"), results("batched"), rtol=1e-9, atol=1e-10)
