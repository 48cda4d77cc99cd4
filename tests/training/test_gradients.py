"""Gradients that are looked at, kept in bounds, and cut off in time."""

import pytest
import torch
from torch.testing import assert_close

from tests.core_cases import CELLS, nodes_with_input, random_input
from treefold import Forest, fold
from treefold.cells import NaryTreeLSTMCell, RecursiveCell
from treefold.folding import fold_recursive
from treefold.training.bounds import add_noise_, clip_norm_, clip_value_
from treefold.training.gradients import node_gradients, norm_penalty
from treefold.training.truncated import truncated_bptt

FOREST = Forest([[], [], [0, 1], [], [2, 3], []])


def cost(h):
    """A loss at every node, of a weight of its own."""
    return (h * torch.linspace(0.1, 1, h.numel()).view(h.shape)).sin().sum()


@pytest.mark.parametrize("name", CELLS)
def test_the_gradients_are_those_of_every_state_of_the_recursion(name):
    cell = CELLS[name]()
    nodes = nodes_with_input(cell, FOREST)
    x = random_input(cell, FOREST, nodes)
    found = node_gradients(cell, FOREST, x, cost, nodes)

    held = []

    def hold(_cell, _args, state):
        state[0].retain_grad()
        held.append(state[0])

    handle = cell.register_forward_hook(hold)
    loss = cost(fold_recursive(cell, FOREST, x, nodes)[0])
    handle.remove()
    loss.backward()
    assert_close(found.loss, loss.detach())
    # One node at a time, children first: here that is the order of the numbers.
    assert_close(found.gradient, torch.cat([h.grad for h in held]))


def test_distance_is_counted_from_the_root():
    cell = NaryTreeLSTMCell(2, 3, arity=2)
    found = node_gradients(cell, FOREST, torch.randn(6, 2), lambda h: h.sum())
    assert found.distance.tolist() == [2, 2, 1, 1, 0, 0]
    norm = found.gradient.norm(dim=1)
    assert_close(
        found.by_distance(),
        torch.stack([norm[4:].mean(), norm[2:4].mean(), norm[:2].mean()]),
    )


def test_clipping_by_norm_keeps_the_direction():
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([4.0])]
    assert clip_norm_(gradients, 1.0) == 5
    assert_close(torch.cat(gradients), torch.tensor([0.6, 0.0, 0.8]), rtol=1e-6, atol=0)
    small = torch.tensor([0.1])
    clip_norm_([small], 1.0)
    assert small == 0.1


def test_clipping_by_value_cuts_each_entry():
    gradient = torch.tensor([3.0, -0.2, -7.0])
    clip_value_([gradient], 0.5)
    assert_close(gradient, torch.tensor([0.5, -0.2, -0.5]))


def test_gradient_noise_fades_as_published():
    early, late = torch.zeros(20_000), torch.zeros(20_000)
    add_noise_([early], 0, eta=0.3)
    add_noise_([late], 999, eta=0.3)
    assert early.var().item() == pytest.approx(0.3, rel=0.05)
    assert late.var().item() == pytest.approx(0.3 / 1000**0.55, rel=0.05)


def penalty(cell, forest, x):
    state = fold(cell, forest, x)
    found = node_gradients(cell, forest, x, cost)
    return norm_penalty(cell, forest, cell.project(x), state, found.gradient)


def test_the_norm_penalty_is_the_published_sum_over_edges():
    cell, x = RecursiveCell(2, 3, arity=1, input="affine"), torch.randn(5, 2)
    forest = Forest.from_lengths([5])
    h = fold(cell, forest, x).h
    delta = node_gradients(cell, forest, x, cost).gradient
    terms = []
    for t in range(1, 5):
        step = delta[t] @ torch.diag(1 - h[t] ** 2) @ cell.weight_hh
        terms.append((step.norm() / delta[t].norm() - 1) ** 2)
    assert_close(penalty(cell, forest, x), torch.stack(terms).mean())


def test_descending_the_norm_penalty_lets_gradients_reach_further():
    cell, x = RecursiveCell(2, 8, arity=2, input="affine"), torch.randn(6, 2)
    before = penalty(cell, FOREST, x)
    optimizer = torch.optim.Adam(cell.parameters(), 0.02)
    for _ in range(30):
        optimizer.zero_grad()
        penalty(cell, FOREST, x).backward()
        optimizer.step()
    assert penalty(cell, FOREST, x) < 0.3 * before


# --------------------------------------------------------------------- truncation

T, B = 7, 3


def read(h, first):
    """A loss at every step, of a weight of its own."""
    weight = torch.arange(first, first + len(h)).view(-1, 1, 1) + 1.0
    return (h * weight).sin().sum()


def whole(cell, x, initial=None):
    """The same by one fold over the whole."""
    forest = Forest.from_lengths([T] * B).sort()[0]
    state = fold(cell, forest, x.reshape(T * B, -1), initial=initial)
    loss = read(state.h.unflatten(0, (T, B)), 0)
    return loss, torch.autograd.grad(loss, list(cell.parameters()))


@pytest.mark.parametrize("k1", [1, 2, 3, 7, 20])
def test_truncation_that_covers_the_chain_is_exact(k1):
    cell, x = NaryTreeLSTMCell(2, 4, arity=1), torch.randn(T, B, 2)
    loss, gradients = whole(cell, x)
    found = truncated_bptt(cell, x, read, k1, 20)
    assert_close(found.loss, loss.detach())
    assert_close([p.grad for p in cell.parameters()], list(gradients))


def test_a_state_is_carried_in_and_out():
    cell, x = NaryTreeLSTMCell(2, 4, arity=1), torch.randn(T, B, 2)
    once = truncated_bptt(cell, x, read, 2, 4).state
    first = truncated_bptt(cell, x[:3], read, 3, 3).state
    assert_close(tuple(truncated_bptt(cell, x[3:], read, 1, 2, first).state), once)


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (2, 4), (3, 3), (2, 5)])
def test_truncation_cuts_the_way_back_after_k2_steps(k1, k2):
    cell = RecursiveCell(2, 4, arity=1, input="affine")
    x = torch.randn(T, B, 2)
    truncated_bptt(cell, x, read, k1, k2)

    def expected():
        states = [torch.zeros(B, 4)]
        for row in x:
            states.append(cell_step(cell, row, states[-1]).detach())
        total = torch.zeros(())
        for end in [*range(k1, T, k1), T]:
            begin = max(0, end - k2)
            h, hs = states[begin], []
            for row in x[begin:end]:
                h = cell_step(cell, row, h)
                hs.append(h)
            new = (end - 1) // k1 * k1
            total = total + read(torch.stack(hs[new - begin :]), new)
        return torch.autograd.grad(total, list(cell.parameters()))

    assert_close([p.grad for p in cell.parameters()], list(expected()))


def cell_step(cell, x, h):
    return torch.tanh(x @ cell.weight_ih.T + h @ cell.weight_hh.T + cell.bias)


def test_steps_without_a_loss_cost_nothing_and_the_optimizer_may_step_between():
    cell, x = NaryTreeLSTMCell(2, 4, arity=1), torch.randn(T, B, 2)
    stepped = []

    def last_only(h, first):
        return h[-1].sum() if first + len(h) == T else None

    found = truncated_bptt(cell, x, last_only, 2, 3, after=lambda: stepped.append(True))
    assert stepped == [True]
    assert found.state.h.sum() == found.loss


def test_gradients_reach_a_given_state_from_the_windows_that_begin_there():
    cell, x = RecursiveCell(2, 4, arity=1, input="affine"), torch.randn(T, B, 2)
    h = torch.zeros(1, 4, requires_grad=True)
    truncated_bptt(cell, x, read, 7, 7, initial=(h,))
    assert h.grad is not None
    assert h.grad.abs().min() > 0


@pytest.mark.parametrize(("k1", "k2"), [(0, 3), (4, 3)])
def test_lengths_that_do_not_fit_are_told(k1, k2):
    with pytest.raises(ValueError, match="k1 must be at least 1 and k2 at least k1"):
        truncated_bptt(RecursiveCell(3, 3), torch.randn(4, 1, 3), read, k1, k2)


def test_inputs_of_another_shape_are_told():
    with pytest.raises(ValueError, match=r"shape \(steps, chains, features\)"):
        truncated_bptt(RecursiveCell(3, 3), torch.randn(4, 3), read, 1, 1)
