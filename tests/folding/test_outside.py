"""Gradients reach what a cell uses, however it comes to the cell."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrize
from torch.testing import assert_close

from tests.core_cases import (
    FORESTS,
    CountingCell,
    MeanCell,
    random_initial,
    random_input,
    value_and_gradients,
)
from treefold import Cell, Children, Forest, State, fold
from treefold.cells import ChildSumTreeLSTMCell, NaryTreeGRUCell, RecursiveCell

FOREST = Forest(FORESTS["mixed arity"])


class Using(Cell):
    """A cell that uses a tensor from outside, at nodes of some arity only."""

    def __init__(self, outside: Tensor, at_least: int = 0):
        super().__init__(3, 4)
        self.linear = nn.Linear(3, 4)
        self.outside = [outside]
        self.at_least = at_least

    def forward(self, x: Tensor, children: Children) -> State:
        h = torch.tanh(self.linear(x) + children.sum(children.state.h))
        wide = children.count >= self.at_least
        if bool(wide.any()):
            h = torch.where(wide[:, None], h * self.outside[0], h)
        return State(h)


def assert_agreement(cell: Cell[Any], *also: Tensor, forest: Forest = FOREST) -> None:
    x = random_input(cell, forest)
    batched = value_and_gradients("batched", cell, forest, x, also=also)
    recursive = value_and_gradients("recursive", cell, forest, x, also=also)
    assert_close(batched, recursive)


@pytest.mark.parametrize("at_least", range(4))
def test_a_tensor_from_outside_gets_its_gradient(at_least):
    outside = torch.randn(4, requires_grad=True)
    assert_agreement(Using(outside, at_least), outside)


def test_a_tensor_from_outside_may_be_the_only_one_to_learn():
    outside = torch.randn(4, requires_grad=True)
    cell = Using(outside, 3).requires_grad_(False)
    x = torch.randn(FOREST.num_nodes, 3)
    (got,) = torch.autograd.grad(fold(cell, FOREST, x).h.sum(), outside)
    h = fold(cell, FOREST, x, algorithm="recursive").h
    assert_close(got, torch.autograd.grad(h.sum(), outside)[0])
    assert got.abs().min() > 0


def test_the_input_itself_may_be_the_tensor_from_outside():
    x = torch.randn(FOREST.num_nodes, 3, requires_grad=True)
    cell = Using(torch.cat([x, x], dim=1).mean(0)[:4])

    def gradient(algorithm):
        h = fold(cell, FOREST, x, algorithm=algorithm).h
        return torch.autograd.grad(h.sum(), x, retain_graph=True)

    assert_close(gradient("batched"), gradient("recursive"))


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_attribute_made_of_a_parameter_leads_to_it(create_graph):
    cell = Using(torch.ones(4))
    x = torch.randn(FOREST.num_nodes, 3)

    def gradient(algorithm):
        cell.outside = [cell.linear.bias * 2 + 1]
        h = fold(cell, FOREST, x, algorithm=algorithm).h
        return torch.autograd.grad(
            h.sum(), list(cell.parameters()), create_graph=create_graph
        )

    assert_close(gradient("batched"), gradient("recursive"))


def test_a_random_draw_is_not_repeated_for_a_tensor_from_outside():
    class Noisy(Using):
        def forward(self, x, children):
            (h,) = super().forward(x, children)
            return State(h + torch.randn_like(h))

    cell = Noisy(torch.ones(4, requires_grad=True), 3)
    x = torch.randn(FOREST.num_nodes, 3)
    torch.manual_seed(1)
    learning = fold(cell, FOREST, x).h
    torch.manual_seed(1)
    with torch.no_grad():
        assert_close(learning.detach(), fold(cell, FOREST, x).h)


def test_tied_parameters_get_the_sum():
    class Tied(Cell):
        def __init__(self):
            super().__init__(4, 4)
            self.inner = nn.Linear(4, 4)
            self.outer = nn.Linear(4, 4)
            self.outer.weight = self.inner.weight

        def project(self, x):
            return x @ self.inner.weight

        def forward(self, x, children):
            return State(torch.tanh(x + self.outer(children.sum(children.state.h))))

    assert_agreement(Tied())


def test_frozen_parameters_have_no_gradient_and_stop_none():
    cell = NaryTreeGRUCell(3, 4, arity=3)
    cell.weight_hh.requires_grad_(False)
    assert_agreement(cell)
    fold(cell, FOREST, random_input(cell, FOREST)).h.sum().backward()
    assert cell.weight_hh.grad is None
    assert cell.weight_hn.grad is not None


def test_only_the_input_learns_where_the_cell_is_frozen():
    assert_agreement(CountingCell(3, 4).requires_grad_(False))


def test_only_part_of_the_initial_state_learns():
    cell = ChildSumTreeLSTMCell(3, 4).requires_grad_(False)
    x, initial = torch.randn(FOREST.num_nodes, 3), random_initial(cell, 1)
    initial.c.requires_grad_(False)

    def gradient(algorithm):
        h = fold(cell, FOREST, x, initial=initial, algorithm=algorithm).h
        return torch.autograd.grad(h.sum(), initial.h)

    assert_close(gradient("batched"), gradient("recursive"))


class Model(nn.Module):
    def __init__(self, cell: Cell[Any]):
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, algorithm: Any) -> Tensor:
        return fold(self.cell, FOREST, x, algorithm=algorithm).h


@pytest.mark.parametrize("create_graph", [False, True])
def test_parameters_may_be_replaced_by_tensors_made_of_each_other(create_graph):
    model = Model(RecursiveCell(4, 4, arity=None, input="affine"))
    seed, x = torch.randn(4, 4, requires_grad=True), torch.randn(FOREST.num_nodes, 4)

    def gradient(algorithm):
        inner = seed * 1.5
        made = {"cell.weight_ih": inner, "cell.weight_hh": inner.sin()}
        made["cell.bias"] = made["cell.weight_hh"][0]
        h = functional_call(model, made, (x, algorithm))
        return torch.autograd.grad(h.sin().sum(), seed, create_graph=create_graph)

    assert_close(gradient("batched"), gradient("recursive"))


def test_it_learns_to_learn():
    # One step of training inside, whose outcome is differentiated (Finn et al., 2017).
    model, x = Model(MeanCell(3, 4)), torch.randn(FOREST.num_nodes, 3)

    def outer_gradient(algorithm):
        names, parameters = zip(*model.named_parameters(), strict=True)
        loss = model(x, algorithm).square().sum()
        grads = torch.autograd.grad(loss, parameters, create_graph=True)
        stepped = [p - 0.1 * g for p, g in zip(parameters, grads, strict=True)]
        named = dict(zip(names, stepped, strict=True))
        after = functional_call(model, named, (x, algorithm)).square().sum()
        return torch.autograd.grad(after, parameters)

    assert_close(outer_gradient("batched"), outer_gradient("recursive"))


def test_hooks_on_parameters_run_once():
    cell, x = ChildSumTreeLSTMCell(3, 4), torch.randn(FOREST.num_nodes, 3)
    (whole,) = torch.autograd.grad(fold(cell, FOREST, x).h.sum(), cell.weight_hh)
    calls = []

    def halve(g):
        calls.append(g)
        return g / 2

    cell.weight_hh.register_hook(halve)
    fold(cell, FOREST, x).h.sum().backward()
    assert len(calls) == 1
    assert_close(cell.weight_hh.grad, whole / 2)


def test_parametrized_weights_learn():
    class Symmetric(nn.Module):
        def forward(self, weight):
            return weight.triu() + weight.triu(1).T

    cell = RecursiveCell(3, 4, arity=None, input="affine")
    parametrize.register_parametrization(cell, "weight_hh", Symmetric())
    assert_agreement(cell)


def test_a_cell_without_parameters_folds():
    class Sum(Cell):
        def forward(self, x, children):
            return State(x + children.sum(children.state.h))

    assert_agreement(Sum(3, 3))


def test_forward_hooks_see_every_level():
    cell, levels = MeanCell(3, 4), []
    cell.register_forward_hook(lambda _, args, state: levels.append(len(state.h)))
    fold(cell, FOREST, random_input(cell, FOREST))
    assert levels == FOREST.levels.sizes.tolist()


@pytest.mark.parametrize("learning", [False, True])
def test_threads_may_fold_one_cell(learning):
    cell = ChildSumTreeLSTMCell(3, 4)
    parameters = list(cell.parameters())
    inputs = [torch.randn(FOREST.num_nodes, 3) for _ in range(64)]

    def run(x):
        with torch.set_grad_enabled(learning):
            h = fold(cell, FOREST, x).h
        return torch.autograd.grad(h.sum(), parameters) if learning else h

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, inputs))
    assert_close(together, [run(x) for x in inputs])
    for now, before in zip(cell.parameters(), parameters, strict=True):
        assert now is before


def test_a_cell_that_fails_on_the_way_keeps_its_parameters():
    class Failing(MeanCell):
        def forward(self, x, children):
            if len(children) > 2:
                raise ArithmeticError("too many children")
            return super().forward(x, children)

    cell = Failing(3, 4)
    parameters = list(cell.parameters())
    with pytest.raises(ArithmeticError, match="too many"):
        fold(cell, FOREST, random_input(cell, FOREST))
    for now, before in zip(cell.parameters(), parameters, strict=True):
        assert now is before


def test_a_cell_may_fold_inside():
    class Twice(Cell):
        def __init__(self):
            super().__init__(3, 4)
            self.inner = MeanCell(3, 4)

        def forward(self, x, children):
            chain = Forest.from_lengths([2] * len(x))
            h = fold(self.inner, chain, x.repeat_interleave(2, dim=0)).h
            return State(h[chain.roots] + children.sum(children.state.h))

    assert_agreement(Twice())


def test_what_a_cell_remembers_stays_with_it():
    class Remembering(MeanCell):
        calls = 0

        def forward(self, x, children):
            self.calls += 1
            return super().forward(x, children)

    cell = Remembering(3, 4)
    fold(cell, FOREST, random_input(cell, FOREST))
    assert cell.calls == len(FOREST.levels)
