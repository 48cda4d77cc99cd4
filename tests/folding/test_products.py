"""Gradients of weights are put off to few products, and are those of the recursion."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.core_cases import FORESTS, random_input, value_and_gradients
from treefold import Cell, Children, Forest, State, fold
from treefold.cells import ChildSumTreeLSTMCell
from treefold.folding import products

H = 4
Use = Callable[["Using", Tensor], Tensor]


class Using(Cell):
    """A cell that multiplies states (N, H) by its weights in a given way."""

    def __init__(self, use: Use):
        super().__init__(3, H)
        self.use = use
        self.weight = nn.Parameter(torch.randn(H, H) / 2)
        self.wide = nn.Parameter(torch.randn(3 * H, H) / 2)
        self.bias = nn.Parameter(torch.randn(H))
        self.linear = nn.Linear(H, H)
        self.input = nn.Linear(3, H)

    def forward(self, x: Tensor, children: Children) -> State:
        h = children.sum(children.state.h)
        return State(torch.tanh(self.input(x) + self.use(self, h)))


def alone_and_otherwise(cell: Using, h: Tensor) -> Tensor:
    return h @ cell.weight + cell.weight[0] * h


WAYS: dict[str, Use] = {
    "as it is": lambda cell, h: h @ cell.weight,
    "transposed": lambda cell, h: h @ cell.weight.T,
    "transposed by t": lambda cell, h: torch.mm(h, cell.weight.t()),
    "transposed by mT": lambda cell, h: h @ cell.weight.mT,
    "added to a bias": lambda cell, h: torch.addmm(cell.bias, h, cell.weight),
    "scaled": lambda cell, h: torch.addmm(cell.bias, h, cell.weight, alpha=3, beta=2),
    "bias scaled": lambda cell, h: torch.addmm(cell.bias, h, cell.weight, beta=2),
    "linear": lambda cell, h: cell.linear(h),
    "linear over more axes": lambda cell, h: cell.linear(h.expand(2, *h.shape))[1],
    "split": lambda cell, h: h @ cell.wide.split([H, 2 * H])[0].T,
    "several parts": lambda cell, h: sum(
        (h @ part.T for part in cell.wide.chunk(3)), start=h
    ),
    "split and not": lambda cell, h: (
        (h @ cell.wide.T)[:, :H] * (h @ cell.wide.split(H)[1].T)
    ),
    "a slice": lambda cell, h: h @ cell.wide[2 : 2 + H].T,
    "twice": lambda cell, h: torch.tanh(h @ cell.weight) @ cell.weight,
    "transposed and not": lambda cell, h: torch.tanh(h @ cell.weight) @ cell.weight.T,
    "by itself": lambda cell, h: h @ (cell.weight @ cell.weight),
    "from the left": lambda cell, h: (cell.weight @ h.T).T,
    "also otherwise": alone_and_otherwise,
    "made of it": lambda cell, h: h @ cell.weight.exp(),
    "einsum": lambda cell, h: torch.einsum("ni,ij->nj", h, cell.weight),
    "a view of the sign turned": lambda cell, h: h @ Reversed.apply(cell.weight),
}


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight):
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx, *grads):
        return -grads[0]


@pytest.mark.parametrize("enough", [1, 3, 1024])
@pytest.mark.parametrize("way", WAYS)
def test_weights_may_be_used_in_any_way(way, enough, monkeypatch):
    monkeypatch.setattr(products, "ENOUGH", enough)
    cell = Using(WAYS[way])
    for name in ("mixed arity", "several structures"):
        forest = Forest(FORESTS[name])
        x = random_input(cell, forest)
        batched = value_and_gradients("batched", cell, forest, x)
        recursive = value_and_gradients("recursive", cell, forest, x)
        assert_close(batched, recursive)


@pytest.mark.parametrize("way", ["added to a bias", "split and not", "twice"])
def test_only_the_gradients_that_are_asked_for_are_made(way):
    cell, forest = Using(WAYS[way]), Forest(FORESTS["mixed arity"])
    x = random_input(cell, forest)
    everything = [x, *cell.parameters()]
    options: dict[str, Any] = {"retain_graph": True, "allow_unused": True}
    options["materialize_grads"] = True
    loss = fold(cell, forest, x).h.sin().sum()
    wanted = torch.autograd.grad(loss, everything, **options)
    for tensor, g in zip(everything, wanted, strict=True):
        assert_close(torch.autograd.grad(loss, tensor, **options)[0], g)


def products_in_backward(cell: Cell, T: int) -> int:
    h = fold(cell, Forest.from_lengths([T]), torch.randn(T, 3)).h
    with torch.profiler.profile() as profile:
        h.sum().backward()
    names = [e.name for e in profile.events() or []]
    return sum(names.count(f"aten::{name}") for name in ("mm", "addmm", "addmm_"))


@pytest.mark.parametrize("way", ["transposed", "linear", "split", "added to a bias"])
def test_a_weight_has_one_product_for_many_levels(way):
    T = 40
    assert products_in_backward(Using(WAYS[way]), T) < 1.2 * T  # of states: T - 1
    assert products_in_backward(Using(WAYS["made of it"]), T) > 1.8 * T


def test_both_parts_of_a_child_sum_weight_are_put_off():
    assert products_in_backward(ChildSumTreeLSTMCell(3, H), 40) < 2.2 * 40
