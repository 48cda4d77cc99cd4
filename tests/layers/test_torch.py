"""On sequences the layers are torch's: values, final states, every gradient, forms."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.testing import assert_close

from treefold import GRU, LSTM, RNN, Forest
from treefold.layers import from_torch, to_torch

I_, H, B, T = 3, 4, 2, 5
LENGTHS = [2, 5, 1, 4, 5]  # not sorted
KINDS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
OPTIONS: dict[str, dict[str, Any]] = {
    "one layer": {},
    "two layers": {"num_layers": 2},
    "both ways": {"bidirectional": True},
    "deep both ways": {"num_layers": 3, "bidirectional": True},
    "batch first": {"batch_first": True, "bidirectional": True},
    "no bias": {"bias": False, "num_layers": 2},
}
NETS = [(kind, {}, option) for kind in KINDS for option in OPTIONS]
NETS += [("rnn", {"nonlinearity": "relu"}, "deep both ways")]
NETS += [("lstm", {"proj_size": 2}, option) for option in OPTIONS]
each_net = pytest.mark.parametrize(("kind", "more", "option"), NETS)


def make(kind: str, more: dict[str, Any], option: str) -> Any:
    return KINDS[kind](I_, H, **more, **OPTIONS[option])


def random_hx(net: Any, num_trees: int) -> Any:
    cells = net.num_layers * (1 + net.bidirectional)
    h = torch.randn(cells, num_trees, net.proj_size or H, requires_grad=True)
    if not isinstance(net, nn.LSTM):
        return h
    return h, torch.randn(cells, num_trees, H, requires_grad=True)


def fields(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


def total(output: Tensor, final: Any) -> Tensor:
    return output.sin().sum() + sum(f.cos().sum() for f in fields(final))


@each_net
@pytest.mark.parametrize("start", ["zeros", "given"])
def test_values_and_gradients_are_torchs(kind, more, option, start):
    net = make(kind, more, option)
    layer = from_torch(net)
    x = torch.randn(T, B, I_, requires_grad=True)
    if net.batch_first:
        x = torch.randn(B, T, I_, requires_grad=True)
    hx = random_hx(net, B) if start == "given" else None
    ends = [x, *([] if hx is None else fields(hx))]
    output, final = layer(x, hx)
    wanted_output, wanted_final = net(x, hx)
    assert_close(output, wanted_output)
    assert_close(final, wanted_final)
    got = torch.autograd.grad(total(output, final), ends)
    assert_close(got, torch.autograd.grad(total(wanted_output, wanted_final), ends))


# Both biases of a GRU's candidate are ours, too: its test is the next one.
@pytest.mark.parametrize(
    ("kind", "more", "option"), [net for net in NETS if net[0] != "gru"]
)
def test_gradients_of_the_weights_are_torchs(kind, more, option):
    # One step of descent on both: then they are equal only if the gradients are.
    net = make(kind, more, option)
    layer = from_torch(net)
    x = torch.randn((B, T, I_) if net.batch_first else (T, B, I_))
    for each in (net, layer):
        total(*each(x)).backward()
        with torch.no_grad():
            for name, parameter in each.named_parameters():
                # Both of torch's biases get the gradient that ours gets once.
                twice = 2 if "bias" in name and each is net else 1
                if parameter.grad is not None:
                    parameter -= 0.1 / twice * parameter.grad
    assert_close(layer(x), net(x))


def test_gradients_of_a_grus_weights_are_torchs():
    net = nn.GRU(I_, H)
    layer = from_torch(net)
    x = torch.randn(T, B, I_)
    total(*net(x)).backward()
    total(*layer(x)).backward()
    net, cell = cast(Any, net), cast(Any, layer.cells[0])
    assert_close(cell.weight_ih.grad, net.weight_ih_l0.grad)
    both = torch.cat([cell.weight_hh.grad, cell.weight_hn.grad[0]])
    assert_close(both, net.weight_hh_l0.grad)
    assert_close(cell.bias.grad, net.bias_ih_l0.grad)
    assert_close(cell.bias_hn.grad, net.bias_hh_l0.grad[2 * H :])


@each_net
def test_weights_go_to_torch_and_back(kind, more, option):
    layer = from_torch(make(kind, more, option))
    net = to_torch(layer)
    x = torch.randn(T, T, I_)
    assert_close(net(x), layer(x))
    again = from_torch(net)
    for one, other in zip(layer.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert [p.requires_grad for p in layer.parameters()] == [
        p.requires_grad for p in again.parameters()
    ]


@each_net
@pytest.mark.parametrize("enforce_sorted", [False, True])
def test_packed_sequences_come_back_packed(kind, more, option, enforce_sorted):
    net = make(kind, more, option)
    lengths = sorted(LENGTHS, reverse=True) if enforce_sorted else LENGTHS
    packed = pack_sequence(
        [torch.randn(n, I_) for n in lengths], enforce_sorted=enforce_sorted
    )
    hx = random_hx(net, len(LENGTHS))
    output, final = from_torch(net)(packed, hx)
    wanted, wanted_final = net(packed, hx)
    assert isinstance(output, PackedSequence)
    assert_close(output.data, wanted.data)
    assert torch.equal(output.batch_sizes, packed.batch_sizes)
    assert output.unsorted_indices is packed.unsorted_indices
    assert_close(final, wanted_final)


@each_net
def test_a_list_a_padded_tensor_and_a_forest_are_the_packed_batch(kind, more, option):
    net = make(kind, more, option)
    layer = from_torch(net)
    sequences = [torch.randn(n, I_) for n in LENGTHS]
    hx = random_hx(net, len(LENGTHS))
    outputs, final = layer(sequences, hx)
    for number, (sequence, output) in enumerate(zip(sequences, outputs, strict=True)):
        alone = [field[:, number] for field in fields(hx)]
        wanted, last = net(sequence, tuple(alone) if len(alone) > 1 else alone[0])
        assert_close(output, wanted)
        for field, end in zip(fields(final), fields(last), strict=True):
            assert_close(field[:, number], end)

    padded = nn.utils.rnn.pad_sequence(
        sequences, net.batch_first, padding_value=torch.nan
    )
    output, end = layer(padded, hx, lengths=LENGTHS)
    assert_close(output, nn.utils.rnn.pad_sequence(outputs, net.batch_first))
    assert_close(end, final)

    forest = Forest.from_lengths(LENGTHS)
    output, end = layer(forest, torch.cat(sequences), initial=hx)
    assert_close(output, torch.cat(outputs))
    assert_close(end, final)


@each_net
def test_a_sequence_alone_needs_no_batch(kind, more, option):
    net = make(kind, more, option)
    x, hx = torch.randn(T, I_), random_hx(net, 1)
    alone = [field[:, 0] for field in fields(hx)]
    hx = tuple(alone) if len(alone) > 1 else alone[0]
    assert_close(from_torch(net)(x, hx), net(x, hx))
    assert_close(from_torch(net)(x), net(x))


@pytest.mark.parametrize("layer", [RNN(I_, H, 2), LSTM(I_, H, 2), GRU(I_, H, 2)])
def test_blocks_with_the_state_carried_over_are_the_whole(layer):
    layer = layer.double()
    x = torch.randn(11, B, I_)
    whole, end = layer(x)
    outputs, state = [], None
    for block in x.split(4):  # the last is shorter
        output, state = layer(block, state)
        outputs.append(output)
    assert_close(torch.cat(outputs), whole)
    assert_close(state, end)


def test_blocks_of_packed_sequences_carry_over_too():
    layer = LSTM(I_, H, num_layers=2)
    sequences = [torch.randn(n, I_) for n in (6, 9, 7)]
    whole, end = layer(sequences)
    first, state = layer([s[:4] for s in sequences])
    second, state = layer([s[4:] for s in sequences], state)
    for parts in zip(first, second, whole, strict=True):
        assert_close(torch.cat(parts[:2]), parts[2])
    assert_close(state, end)


def test_the_forest_of_a_packed_batch_shares_its_memory():
    packed = pack_sequence([torch.randn(n, I_) for n in LENGTHS], enforce_sorted=False)
    forest = Forest.from_packed_sequence(packed)
    assert torch.equal(forest.levels.sizes, packed.batch_sizes)
    again = forest.to_packed_sequence(packed.data)
    assert again.data.data_ptr() == packed.data.data_ptr()


def test_an_empty_batch_is_no_sequence():
    output, (h, c) = LSTM(I_, H, 2, bidirectional=True)(torch.randn(T, 0, I_))
    assert output.shape == (T, 0, 2 * H)
    assert h.shape == c.shape == (4, 0, H)


def test_dropout_between_layers_is_drawn_as_torch_does():
    x = torch.ones(T, B, I_)
    net = nn.GRU(I_, H, 2, dropout=0.5)
    layer = from_torch(net)
    torch.manual_seed(1)
    wanted = net(x)
    torch.manual_seed(1)
    assert_close(layer(x), wanted)
    assert_close(layer.eval()(x), net.eval()(x))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(T, B, I_ + 1), "input must have 3 features"),
        (torch.ones(0, B, I_), "at least one step"),
        (torch.ones(T), r"must have the shape \(steps, batch, features\)"),
        ([], "the list of sequences is empty"),
        ([torch.ones(2, I_), torch.ones(0, I_)], "sequence 1 of the list"),
    ],
)
def test_bad_sequences_are_told(x, message):
    with pytest.raises(ValueError, match=message):
        LSTM(I_, H)(x)


def test_other_kinds_of_input_are_told():
    with pytest.raises(TypeError, match="a tensor, a PackedSequence, a list"):
        LSTM(I_, H)("text")
    with pytest.raises(ValueError, match="go with a forest"):
        LSTM(I_, H)(torch.ones(T, B, I_), initial=torch.ones(1, B, H))
    with pytest.raises(ValueError, match="lengths go with a padded tensor"):
        LSTM(I_, H)(torch.ones(T, I_), lengths=[T])
    with pytest.raises(ValueError, match="a forest knows its lengths"):
        LSTM(I_, H)(Forest([[]]), torch.ones(1, I_), lengths=[1])


def test_a_wrong_state_is_told():
    with pytest.raises(ValueError, match=r"= \(2, 2, 4\) and \(2, 2, 4\), got \(1, 2"):
        LSTM(I_, H, 2)(torch.ones(T, B, I_), (torch.ones(1, B, H),) * 2)
    with pytest.raises(ValueError, match=r"got \(1, 2, 4\)"):
        LSTM(I_, H)(torch.ones(T, B, I_), torch.ones(1, B, H))


@pytest.mark.parametrize(
    "options",
    [
        {"zoneout": 0.1},
        {"layer_norm": True},
        {"state_dropout": 0.1},
        {"update_dropout": 0.1},
        {"learned_initial": True},
        {"dropout": 0.1, "variational": True, "num_layers": 2},
    ],
)
def test_what_torch_does_not_have_is_told(options):
    with pytest.raises(ValueError, match="torch's layers have no"):
        to_torch(LSTM(I_, H, **options))


def test_other_modules_are_told():
    with pytest.raises(TypeError, match=r"nn\.RNN, nn\.LSTM or nn\.GRU, got Linear"):
        from_torch(nn.Linear(2, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an RNN, LSTM or GRU of treefold"):
        to_torch(nn.LSTM(2, 2))  # type: ignore[arg-type]
