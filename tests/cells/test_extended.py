"""What later papers put inside the Tree-LSTM and the Tree-GRU."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import (
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    ExtendedTreeGRUCell,
    ExtendedTreeLSTMCell,
    LayerNormRecursiveCell,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)

I_, H = 3, 4
FOREST = Forest([[], [], [0, 1], [2], [], [3, 4]])
PAIRS: dict[str, tuple[Any, Any]] = {
    "lstm": (
        lambda **o: ExtendedTreeLSTMCell(I_, H, **o),
        lambda: ChildSumTreeLSTMCell(I_, H),
    ),
    "lstm of two slots": (
        lambda **o: ExtendedTreeLSTMCell(I_, H, arity=2, **o),
        lambda: NaryTreeLSTMCell(I_, H, arity=2),
    ),
    "gru": (
        lambda **o: ExtendedTreeGRUCell(I_, H, **o),
        lambda: ChildSumTreeGRUCell(I_, H),
    ),
    "gru of two slots": (
        lambda **o: ExtendedTreeGRUCell(I_, H, arity=2, **o),
        lambda: NaryTreeGRUCell(I_, H, arity=2),
    ),
}


def plain_twin(name: str, extended: Any) -> Any:
    """The plain cell with the same weights."""
    plain = PAIRS[name][1]()
    state = dict(extended.state_dict())
    if name == "gru":  # which keeps U_n below the other two
        state["weight_hh"] = torch.cat([state["weight_hh"], state.pop("weight_hn")[0]])
    plain.load_state_dict(state)
    return plain


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("start", ["zeros", "given"])
def test_with_nothing_asked_for_it_is_the_plain_cell(name, start):
    extended = PAIRS[name][0]()
    plain, x = plain_twin(name, extended), torch.randn(6, I_)
    initial: Any = None
    if start == "given":
        initial = tuple(torch.randn(1, H) for _ in plain.zeros(1, x))
    assert_close(
        fold(extended, FOREST, x, initial=initial),
        fold(plain, FOREST, x, initial=initial),
    )


@pytest.mark.parametrize("name", PAIRS)
def test_the_update_is_dropped_in_training_only(name):
    extended = PAIRS[name][0](update_dropout=0.5)
    plain, x = plain_twin(name, extended), torch.randn(6, I_)
    assert not torch.allclose(fold(extended, FOREST, x).h, fold(plain, FOREST, x).h)
    assert_close(fold(extended.eval(), FOREST, x).h, fold(plain, FOREST, x).h)


def test_a_dropped_update_leaves_the_memory_whole():
    cell = ExtendedTreeLSTMCell(I_, 300, update_dropout=0.25)
    x, c0 = torch.randn(1, I_), torch.randn(1, 300)
    initial: Any = (torch.zeros(1, 300), c0)
    c = fold(cell, Forest([[]]), x, initial=initial).c
    i, u, _, f = (cell.project(x) + cell.bias).chunk(4, dim=1)
    kept, update = torch.sigmoid(f) * c0, torch.sigmoid(i) * torch.tanh(u)
    dropped = (c - kept).abs() < 1e-12
    assert_close(c[~dropped], (kept + update / 0.75)[~dropped])
    assert 0.15 < dropped.double().mean() < 0.35


def normalised(value: Tensor, gain: Tensor) -> Tensor:
    """Each row of H features to mean 0 and variance 1, by hand."""
    parts = value.view(len(value), -1, H)
    centred = parts - parts.mean(2, keepdim=True)
    spread = (centred.square().mean(2, keepdim=True) + 1e-5).sqrt()
    return (centred / spread * gain).flatten(1)


def test_layer_norm_is_bas_equation_gate_by_gate():
    cell = ExtendedTreeLSTMCell(I_, H, layer_norm=True)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    x, h0, c0 = torch.randn(1, I_), torch.randn(1, H), torch.randn(1, H)
    initial: Any = (h0, c0)
    got = fold(cell, Forest([[]]), x, initial=initial)
    assert cell.norm_x is not None
    assert cell.norm_h is not None
    assert cell.norm_c is not None
    gates = normalised(x @ cell.weight_ih.T, cell.norm_x.gain)
    gates = gates + normalised(h0 @ cell.weight_hh.T, cell.norm_h.gain) + cell.bias
    i, u, o, f = gates.chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(u) + torch.sigmoid(f) * c0
    h = normalised(c, cell.norm_c.weight[None]) + cell.norm_c.bias
    assert_close(got.c, c)
    assert_close(got.h, torch.sigmoid(o) * torch.tanh(h))


def test_layer_norm_of_a_gru_is_bas_equation_gate_by_gate():
    cell = ExtendedTreeGRUCell(I_, H, layer_norm=True)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    x, h0 = torch.randn(1, I_), torch.randn(1, H)
    assert cell.norm_x is not None
    assert cell.norm_h is not None
    r_x, z_x, n_x = (
        normalised(x @ cell.weight_ih.T, cell.norm_x.gain) + cell.bias
    ).chunk(3, dim=1)
    U = torch.cat([cell.weight_hh, cell.weight_hn[0]])
    r_h, z_h, n_h = normalised(h0 @ U.T, cell.norm_h.gain).chunk(3, dim=1)
    n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * (n_h + cell.bias_hn))
    z = torch.sigmoid(z_x + z_h)
    got = fold(cell, Forest([[]]), x, initial=h0).h
    assert_close(got, (1 - z) * n + z * h0)


@pytest.mark.parametrize("arity", [None, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_normalised_recursive_cell_is_the_plain_one_with_a_norm(arity, activation):
    cell = LayerNormRecursiveCell(I_, H, arity=arity, activation=activation)
    plain = RecursiveCell(*(I_, H), arity=arity, activation="identity", input="affine")
    with torch.no_grad():
        plain.weight_hh.copy_(cell.weight_hh)
        plain.get_parameter("weight_ih").copy_(cell.weight_ih)
        plain.bias.zero_()
    x, h0 = torch.randn(2, I_), torch.randn(1, H)
    leaf, tree = Forest([[]]), Forest.from_lengths([2])
    before = fold(cell, leaf, x[:1], initial=h0).h
    raw = fold(plain, leaf, x[1:], initial=before).h
    wanted = getattr(torch, activation)(F.layer_norm(raw, (H,)))
    assert_close(fold(cell, tree, x, initial=h0).h[1:], wanted)


def test_states_of_a_normalised_cell_do_not_grow_with_the_weights():
    cell = LayerNormRecursiveCell(I_, H, activation="identity")
    x = torch.randn(100, I_)
    with torch.no_grad():
        cell.weight_hh.mul_(100)
    h = fold(cell, Forest.from_lengths([100]), x).h
    assert_close(h.square().mean(1), torch.ones(100), atol=1e-3, rtol=0)


@pytest.mark.parametrize("arity", [None, 2])
def test_a_projection_is_torchs_on_chains(arity):
    net: Any = nn.LSTM(I_, H, proj_size=2)
    cell = ExtendedTreeLSTMCell(I_, H, arity=arity, proj_size=2)
    order = [0, 2, 3, 1]  # i | f | g | o to i | u | o | f
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias"):
            theirs = f"{name}_ih_l0" if name == "bias" else f"{name}_l0"
            rows = getattr(net, theirs).chunk(4)
            own = cell.get_parameter(name)
            own.zero_()
            value = torch.cat([rows[g] for g in order])
            if value.dim() == 2:
                own[: 4 * H, : value.shape[1]] = value  # a second slot stays empty
            else:
                own.copy_(value)
        net.bias_hh_l0.zero_()
        cell.get_parameter("weight_hr").copy_(net.weight_hr_l0)
    x = torch.randn(5, I_)
    got = fold(cell, Forest.from_lengths([5]), x)
    wanted, (_, c) = net(x)
    assert got.h.shape == (5, 2)
    assert_close(got.h, wanted)
    assert_close(got.c[-1:], c)


def test_bad_options_are_told():
    with pytest.raises(ValueError, match="proj_size must be below hidden_size = 4"):
        ExtendedTreeLSTMCell(I_, H, proj_size=4)
    with pytest.raises(ValueError, match="p must be a probability below 1, got 1"):
        ExtendedTreeLSTMCell(I_, H, update_dropout=1)
    with pytest.raises(ValueError, match="p must be a probability below 1, got -1"):
        ExtendedTreeGRUCell(I_, H, update_dropout=-1)
