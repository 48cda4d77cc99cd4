"""Layers over trees: against recursions written by hand, and what noise they draw."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import (
    GRU,
    LSTM,
    RNN,
    Forest,
    TreeGRU,
    TreeLSTM,
    TreeRNN,
    TreeTensor,
    fold,
)
from treefold.cells import (
    Dropout,
    NaryTreeLSTMCell,
    RecursiveCell,
    TiedDropout,
    Zoneout,
)
from treefold.cells.leaky import Leaky
from treefold.cells.skip import Skip
from treefold.layers import Stack

I_, H = 3, 4
FOREST = Forest([[], [], [0, 1], [], [2, 3], [], [5]])  # two trees
TREES: dict[str, Callable[..., Stack]] = {
    "rnn": lambda **o: TreeRNN(I_, H, **o),
    "rnn of two slots": lambda **o: TreeRNN(I_, H, arity=2, **o),
    "lstm": lambda **o: TreeLSTM(I_, H, **o),
    "lstm of two slots": lambda **o: TreeLSTM(I_, H, arity=2, **o),
    "gru": lambda **o: TreeGRU(I_, H, **o),
    "gru of two slots": lambda **o: TreeGRU(I_, H, arity=2, **o),
    "tensor": lambda **o: TreeTensor(I_, H, arity=2, **o),
}
SEQUENCES: dict[str, Callable[..., Any]] = {
    "rnn of chains": lambda **o: RNN(I_, H, **o),
    "lstm of chains": lambda **o: LSTM(I_, H, **o),
    "gru of chains": lambda **o: GRU(I_, H, **o),
}


def some_x() -> Tensor:
    return torch.randn(FOREST.num_nodes, I_)


def by_hand(layer: Any, x: Tensor) -> Tensor:
    """A deep, bidirectional, child-sum recursive net, node by node."""
    children = {v: FOREST[0:2].child[a:b].tolist() for v, (a, b) in _ranges().items()}
    parent = {c: v for v, below in children.items() for c in below}
    rows = list(x)
    for number in range(0, len(layer.cells), 2):
        up_cell, down_cell = layer.cells[number], layer.cells[number + 1]

        def step(cell: Any, row: Tensor, below: list[Tensor]) -> Tensor:
            total = torch.stack([torch.zeros(H), *below]).sum(0)
            return torch.tanh(cell.weight_ih @ row + cell.weight_hh @ total + cell.bias)

        up: dict[int, Tensor] = {}
        down: dict[int, Tensor] = {}
        for v in range(len(rows)):  # children before parents
            up[v] = step(up_cell, rows[v], [up[c] for c in children[v]])
        for v in reversed(range(len(rows))):
            above = [down[parent[v]]] if v in parent else []
            down[v] = step(down_cell, rows[v], above)
        rows = [torch.cat([up[v], down[v]]) for v in range(len(rows))]
    return torch.stack(rows)


def _ranges() -> dict[int, tuple[int, int]]:
    offset = FOREST.offset.tolist()
    return {v: (offset[v], offset[v + 1]) for v in range(FOREST.num_nodes)}


def test_a_deep_bidirectional_tree_is_the_recursion_by_hand():
    layer, x = TreeRNN(I_, H, num_layers=3, bidirectional=True), some_x()
    x.requires_grad_(True)
    ends = [x, *layer.parameters()]
    got = layer(FOREST, x)[0]
    wanted = by_hand(layer, x)
    assert_close(got, wanted)
    assert_close(
        torch.autograd.grad(got.sin().sum(), ends),
        torch.autograd.grad(wanted.sin().sum(), ends),
    )


@pytest.mark.parametrize("name", TREES)
def test_a_layer_is_a_fold_and_the_fold_of_the_transpose(name):
    layer, x = TREES[name](bidirectional=True), some_x()
    output, final = layer(FOREST, x)
    cells: Any = layer.cells
    up, down = fold(cells[0], FOREST, x), fold(cells[1], FOREST.transpose(), x)
    assert_close(output, torch.cat([up.h, down.h], dim=1))
    first = final[0] if isinstance(final, tuple) else final
    assert first.shape == (2, 2, H)
    assert_close(first[0], up.h[FOREST.roots])
    # The leaves 0, 1, 3 end the first tree downward, 5 the second.
    assert_close(first[1], torch.stack([down.h[[0, 1, 3]].mean(0), down.h[5]]))


@pytest.mark.parametrize("name", [n for n in TREES if "slots" in n or n == "tensor"])
def test_the_downward_pass_knows_left_from_right(name):
    layer = TREES[name](bidirectional=True)
    x = torch.randn(1, I_).expand(3, I_)
    output = layer(Forest([[], [], [0, 1]]), x)[0]
    up, down = output.chunk(2, dim=1)
    assert_close(up[0], up[1])
    assert not torch.allclose(down[0], down[1], atol=1e-3)


@pytest.mark.parametrize("name", TREES)
def test_rows_and_nodes_reach_every_layer(name):
    layer, words = TREES[name](num_layers=2), torch.randn(2, I_)
    nodes, rows = FOREST.leaves, torch.tensor([0, 1, 1, 0])
    one = layer(FOREST, words, nodes, rows=rows)
    other = layer(FOREST, words[rows], nodes)
    assert_close(one, other)


@pytest.mark.parametrize("name", {**TREES, **SEQUENCES})
def test_gradients_are_right(name):
    small = {**TREES, **SEQUENCES}[name](num_layers=2, bidirectional=True)
    forest = Forest([[], [0], [1]]) if "chains" in name else Forest([[], [], [0, 1]])
    x = torch.randn(3, I_, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: small(forest, x)[0], x)


@pytest.mark.parametrize("name", TREES)
def test_initial_states_stand_below_the_leaves_and_above_the_roots(name):
    layer, x = TREES[name](num_layers=2, bidirectional=True), some_x()
    zero = torch.zeros(4, 2, H)
    start = (zero, zero) if name.startswith("lstm") else zero
    assert_close(layer(FOREST, x, initial=start), layer(FOREST, x))
    one = torch.randn(4, 1, H)
    both = one.expand(4, 2, H)
    start = (one, one) if name.startswith("lstm") else one
    again = (both, both) if name.startswith("lstm") else both
    got = layer(FOREST, x, initial=start)
    assert_close(got, layer(FOREST, x, initial=again))
    assert not torch.allclose(got[0], layer(FOREST, x)[0], atol=1e-3)


@pytest.mark.parametrize("name", {**TREES, **SEQUENCES})
def test_learned_initial_states_begin_as_zeros_and_learn(name):
    make = {**TREES, **SEQUENCES}[name]
    layer = make(num_layers=2, bidirectional=True, learned_initial=True)
    forest = Forest([[], [0], [1]])
    x = torch.randn(3, I_)
    plain = make(num_layers=2, bidirectional=True)
    missing = plain.load_state_dict(layer.state_dict(), strict=False)
    assert not missing.missing_keys
    output, _ = layer(forest, x)
    assert_close(output, plain(forest, x)[0])
    initial: Any = layer.initial
    grads = torch.autograd.grad(output.sin().sum(), list(initial))
    assert all(grad.abs().min() > 0 for grad in grads)


def identity(size: int) -> RecursiveCell:
    """A cell that adds its child's state to its input."""
    cell = RecursiveCell(size, size, arity=1, activation="identity", input="affine")
    with torch.no_grad():
        for weight in (cell.weight_ih, cell.weight_hh):
            assert weight is not None
            weight.copy_(torch.eye(size))
        cell.bias.zero_()
    return cell


def test_tied_dropout_draws_one_mask_a_structure_and_keeps_it():
    chains = Forest.from_lengths([4, 4])
    stack = Stack(identity, 200, state_dropout=0.25, variational=True)
    x = torch.ones(8, 200)
    h = stack(chains, x)[0].view(2, 4, 200)
    # Each step adds 1 to 4/3 of what was below, where that is not dropped.
    dropped = h[:, 1] == 1
    seen = [1.0]
    for _ in range(3):
        seen.append(1 + seen[-1] * 4 / 3)
    for step in range(4):
        wanted = torch.where(dropped, 1.0, seen[step]).double()
        assert_close(h[:, step], wanted)
    assert 0.1 < dropped.double().mean() < 0.4
    assert not torch.equal(dropped[0], dropped[1])


def test_tied_dropout_is_one_mask_for_all_branches_of_a_tree():
    cell = RecursiveCell(200, 200, arity=None, activation="identity", input="affine")
    with torch.no_grad():
        for weight in (cell.weight_ih, cell.weight_hh):
            assert weight is not None
            weight.copy_(torch.eye(200))
        cell.bias.zero_()
    stack = Stack(lambda size: cell, 200, state_dropout=0.5, variational=True)
    tree = Forest([[], [], [0, 1], [], [2, 3]])
    h = stack(tree, torch.ones(5, 200))[0]
    dropped = h[2] == 1  # both leaves' features are dropped there, or neither's
    assert_close(h[2], torch.where(dropped, 1.0, 5.0).double())
    assert_close(h[4], torch.where(dropped, 1.0, 13.0).double())


def test_dropout_between_layers_is_tied_too_where_asked_for():
    for variational in (False, True):
        stack = Stack(identity, 50, num_layers=2, dropout=0.5, variational=variational)
        steps = stack(Forest.from_lengths([1] * 3), torch.ones(3, 50))[0]
        chain = stack(Forest.from_lengths([3]), torch.ones(3, 50))[0]
        masks = torch.cat([chain[:1], chain.diff(dim=0)]) != 0
        same = torch.equal(masks[0], masks[1]) and torch.equal(masks[0], masks[2])
        assert same == variational
        assert not torch.equal(steps[0], steps[1])  # structures draw their own


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.5},
        {"dropout": 0.5, "variational": True},
        {"state_dropout": 0.5},
        {"state_dropout": 0.5, "variational": True},
    ],
    ids=str,
)
def test_in_evaluation_nothing_is_dropped(name, options):
    noisy = SEQUENCES[name](num_layers=2, bidirectional=True, **options)
    plain = SEQUENCES[name](num_layers=2, bidirectional=True)
    state = {k.replace(".cell.", "."): v for k, v in noisy.state_dict().items()}
    plain.load_state_dict(state)
    x = torch.randn(5, 2, I_)
    assert not torch.allclose(noisy(x)[0], plain(x)[0], atol=1e-3)
    assert_close(noisy.eval()(x), plain(x))


def test_zoneout_stands_around_dropout_so_that_what_stays_is_whole():
    layer = LSTM(I_, H, state_dropout=0.1, zoneout=0.1)
    tied = LSTM(I_, H, state_dropout=0.1, zoneout=0.1, variational=True)
    for each, kind in ((layer, Dropout), (tied, TiedDropout)):
        outer = each.cells[0]
        assert isinstance(outer, Zoneout)
        assert isinstance(outer.cell, kind)


@pytest.mark.parametrize("wrap", [lambda c: Leaky(c, 0.3), lambda c: Skip(c, 3)])
def test_any_cell_can_be_stacked_and_carried_over(wrap):
    stack = Stack(lambda size: wrap(NaryTreeLSTMCell(size, H, arity=1)), I_)
    x = torch.randn(7, I_)
    whole, end = stack(Forest.from_lengths([7]), x)
    first, state = stack(Forest.from_lengths([4]), x[:4])
    second, state = stack(Forest.from_lengths([3]), x[4:], initial=state)
    assert_close(torch.cat([first, second]), whole)
    assert_close(state, end)


def test_a_dag_with_several_roots_ends_in_their_mean():
    forest = Forest([[], [0], [0]])
    layer, x = TreeGRU(I_, H), torch.randn(3, I_)
    output, final = layer(forest, x)
    assert_close(final[0, 0], output[1:].mean(0))


def test_a_forest_without_nodes_has_no_states():
    output, (h, c) = TreeLSTM(I_, H, bidirectional=True)(Forest([]), torch.ones(0, I_))
    assert output.shape == (0, 2 * H)
    assert h.shape == c.shape == (2, 0, H)


def test_sizes_are_shown():
    layer = TreeLSTM(I_, H, num_layers=2, bidirectional=True, dropout=0.5)
    assert "3, 4, num_layers=2, bidirectional=True, dropout=0.5" in repr(layer)
    assert (layer.hidden_size, layer.output_size) == (H, 2 * H)
    projected = LSTM(I_, H, proj_size=2)
    assert (projected.hidden_size, projected.memory_size) == (2, H)


def test_bad_options_are_told():
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        TreeLSTM(I_, H, num_layers=0)
    with pytest.raises(ValueError, match="dropout must be a probability below 1"):
        TreeLSTM(I_, H, dropout=1.0)
    with pytest.raises(ValueError, match="p must be a probability below 1, got -1"):
        TreeLSTM(I_, H, zoneout=-1)


def test_it_learns_with_everything_on():
    layer = LSTM(
        *(I_, H, 2),
        bidirectional=True,
        dropout=0.1,
        state_dropout=0.1,
        variational=True,
        zoneout=0.1,
        layer_norm=True,
        update_dropout=0.1,
        learned_initial=True,
        proj_size=2,
    )
    output, (h, c) = layer(torch.randn(5, 2, I_))
    assert output.shape == (5, 2, 4)
    assert h.shape == (4, 2, 2)
    assert c.shape == (4, 2, H)
    (F.mse_loss(output, torch.ones(5, 2, 4)) + c.sin().sum()).backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
