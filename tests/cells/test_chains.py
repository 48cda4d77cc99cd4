"""On chains, the cells of one child are torch.nn's RNN, LSTM and GRU."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.testing import assert_close

from treefold import Cell, Forest, fold
from treefold.cells import (
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    LSTMState,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)

I_, H = 3, 4
SEQUENCES = [2, 5, 1, 4, 5]  # lengths, not sorted


def rows(weight: Any, order: str, wanted: str) -> Tensor:
    """Rearrange blocks of H rows, one for each gate."""
    gates = dict(zip(order, weight.split(H), strict=True))
    return torch.cat([gates[g] for g in wanted])


def like_rnn(activation: Any, arity: int | None) -> Callable[[Any], Cell[Any]]:
    def make(net: Any) -> Cell[Any]:
        cell = RecursiveCell(
            I_,
            H,
            arity=arity,
            activation=activation,
            input="affine",
        )
        set_to(cell, "weight_ih", net.weight_ih_l0)
        set_to(cell, "weight_hh", net.weight_hh_l0)
        set_to(cell, "bias", net.bias_ih_l0 + net.bias_hh_l0)
        return cell

    return make


def like_lstm(new: Any) -> Callable[[Any], Cell[Any]]:
    def make(net: Any) -> Cell[Any]:
        cell = new(I_, H)
        for name in ("weight_ih", "weight_hh"):
            set_to(cell, name, rows(getattr(net, f"{name}_l0"), "ifuo", "iuof"))
        set_to(cell, "bias", rows(net.bias_ih_l0 + net.bias_hh_l0, "ifuo", "iuof"))
        return cell

    return make


def like_gru(new: Any) -> Callable[[Any], Cell[Any]]:
    def make(net: Any) -> Cell[Any]:
        cell = new(I_, H)
        set_to(cell, "weight_ih", net.weight_ih_l0)
        U_rz, U_n = net.weight_hh_l0.split([2 * H, H])
        if hasattr(cell, "weight_hn"):
            set_to(cell, "weight_hh", U_rz)
            set_to(cell, "weight_hn", U_n[None])
        else:
            set_to(cell, "weight_hh", net.weight_hh_l0)
        b_rz, b_hn = net.bias_hh_l0.split([2 * H, H])
        set_to(cell, "bias", net.bias_ih_l0 + torch.cat([b_rz, 0 * b_hn]))
        set_to(cell, "bias_hn", b_hn)
        return cell

    return make


def set_to(cell: Cell[Any], name: str, value: Any) -> None:
    """Make a parameter a function of torch's, so that gradients lead there."""
    assert getattr(cell, name).shape == value.shape
    del cell._parameters[name]
    setattr(cell, name, value)


class Case(NamedTuple):
    net: Callable[[], nn.RNNBase]
    cell: Callable[[Any], Cell[Any]]


CASES = {
    "rnn-tanh": Case(lambda: nn.RNN(I_, H), like_rnn("tanh", 1)),
    "rnn-relu": Case(lambda: nn.RNN(I_, H, nonlinearity="relu"), like_rnn("relu", 1)),
    "rnn-child-sum": Case(lambda: nn.RNN(I_, H), like_rnn("tanh", None)),
    "lstm-child-sum": Case(lambda: nn.LSTM(I_, H), like_lstm(ChildSumTreeLSTMCell)),
    "lstm-nary": Case(
        lambda: nn.LSTM(I_, H), like_lstm(lambda *s: NaryTreeLSTMCell(*s, arity=1))
    ),
    "gru-child-sum": Case(lambda: nn.GRU(I_, H), like_gru(ChildSumTreeGRUCell)),
    "gru-nary": Case(
        lambda: nn.GRU(I_, H), like_gru(lambda *s: NaryTreeGRUCell(*s, arity=1))
    ),
}


@pytest.mark.parametrize("start", ["zeros", "initial"])
@pytest.mark.parametrize("name", CASES)
def test_on_chains_it_is_torch(name, start):
    net, B = CASES[name].net(), len(SEQUENCES)
    sequences = [torch.randn(T, I_, requires_grad=True) for T in SEQUENCES]
    h0 = torch.randn(B, H, requires_grad=True)
    c0 = torch.randn(B, H, requires_grad=True)
    two = isinstance(net, nn.LSTM)
    ends = [*sequences, *net.parameters(), *([h0, c0] if two else [h0])]

    packed = pack_sequence(sequences, enforce_sorted=False)
    hx = (h0[None], c0[None]) if two else h0[None]
    output, last = net(packed, hx if start == "initial" else None)
    h_n = last[0][0] if two else last[0]
    wanted = torch.autograd.grad(
        output.data.sin().sum() + h_n.square().sum(), ends, allow_unused=True
    )

    cell = CASES[name].cell(net)
    packed = pack_sequence(sequences, enforce_sorted=False)
    initial = LSTMState(h0, c0) if two else h0
    forest = Forest.from_packed_sequence(packed)
    state = fold(
        cell, forest, packed.data, initial=initial if start == "initial" else None
    )
    assert_close(state.h, output.data)
    assert_close(state.h[forest.roots], h_n)
    if two:
        assert_close(state.c[forest.roots], last[1][0])
    got = torch.autograd.grad(
        state.h.sin().sum() + state.h[forest.roots].square().sum(),
        ends,
        allow_unused=True,
    )
    assert_close(got, wanted)


@pytest.mark.parametrize("name", CASES)
def test_the_backward_direction_is_the_fold_of_the_transposed_chain(name):
    net = CASES[name].net()
    kind: Any = type(net)
    options = {"nonlinearity": net.nonlinearity} if isinstance(net, nn.RNN) else {}
    both = kind(I_, H, bidirectional=True, **options)
    both.load_state_dict(
        net.state_dict() | {f"{k}_reverse": v for k, v in net.state_dict().items()}
    )
    packed = pack_sequence(
        [torch.randn(T, I_) for T in SEQUENCES], enforce_sorted=False
    )
    output, last = both(packed)
    cell = CASES[name].cell(net)
    forest = Forest.from_packed_sequence(packed)
    up = fold(cell, forest, packed.data).h
    down = fold(cell, forest.transpose(), packed.data).h
    assert_close(torch.cat([up, down], dim=1), output.data)
    h_n = last[0] if isinstance(net, nn.LSTM) else last
    assert_close(down[forest.transpose().roots], h_n[1])


@pytest.mark.parametrize("name", CASES)
def test_chains_numbered_step_by_step_are_the_same(name):
    net = CASES[name].net()
    sequences = [torch.randn(T, I_) for T in SEQUENCES]
    cell = CASES[name].cell(net)
    h = fold(cell, Forest.from_lengths(SEQUENCES), torch.cat(sequences)).h
    wanted = [net(sequence[:, None])[0][:, 0] for sequence in sequences]
    assert_close(h, torch.cat(wanted))
