"""Language models: blocks with carried state are the whole text."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from treefold.data.text import Blocks
from treefold.layers import to_torch
from treefold.models.language_model import LanguageModel

W = 7


def model(**options):
    options = {"input_size": 5, "hidden_size": 5, **options}
    return LanguageModel(W, **options)


def text(N=23):
    return np.random.default_rng(0).integers(W, size=N)


def blocks(stream, length, rows=2, **options):
    return list(Blocks.of_stream(stream, 0, rows=rows, length=length, **options))


def gradients(net, loss):
    return torch.autograd.grad(loss, list(net.parameters()))


@pytest.mark.parametrize("options", [{}, {"cell": "gru"}, {"num_layers": 2}], ids=str)
@pytest.mark.parametrize("shift", [0, 2])
def test_blocks_with_the_state_carried_over_are_the_whole_text(options, shift):
    net, stream = model(**options), text()
    (whole,) = blocks(stream, 100)

    def loss(parts):
        carried, total = None, torch.zeros(())
        for block in parts:
            logits, carried = net(block.input, carried)
            total = total + F.cross_entropy(
                logits, block.target.flatten(), ignore_index=-100, reduction="sum"
            )
        return total

    a, b = loss([whole]), loss(blocks(stream, 5, shift=shift))
    torch.testing.assert_close((a, gradients(net, a)), (b, gradients(net, b)))


def test_the_loss_of_an_epoch_is_that_of_the_whole_text_while_weights_stand_still():
    net, stream = model(), text()
    (whole,) = blocks(stream, 100)
    parts = blocks(stream, 5)
    assert sum(len(block) for block in parts) == len(stream)
    mean = sum(net.loss(block) * len(block) for block in parts) / len(stream)
    torch.testing.assert_close(mean, net.loss(whole))
    # And once more: the first block of an epoch begins anew.
    again = sum(net.loss(block) * len(block) for block in parts) / len(stream)
    torch.testing.assert_close(again, mean)


def test_the_gradient_ends_where_a_block_begins():
    net, stream = model(), text()
    first, second = blocks(stream, 6)
    net.loss(first)
    state = net._carried
    assert state is not None
    assert not any(field.requires_grad for field in state)
    truncated = gradients(net, net.loss(second))
    logits, _ = net(second.input, state)
    target = second.target.flatten()
    expected = gradients(net, F.cross_entropy(logits, target, ignore_index=-100))
    torch.testing.assert_close(truncated, expected)


def test_it_is_torchs_lstm_between_an_embedding_and_a_softmax():
    net, stream = model(num_layers=2), text()
    (whole,) = blocks(stream, 100)
    lstm = torch.nn.LSTM(5, 5, 2)
    lstm.load_state_dict(to_torch(net.layers).state_dict())
    h, _ = lstm(net.embedding(whole.input))
    expected = F.linear(h, net.embedding.weight, net.output.bias)
    torch.testing.assert_close(net(whole.input)[0], expected.flatten(0, 1))


def test_tied_weights_are_one_tensor():
    net = model()
    assert net.output.weight is net.embedding.weight
    names = [name for name, _ in net.named_parameters()]
    assert "output.weight" not in names
    assert "embedding.weight" in names
    apart = model(tied=False)
    assert apart.output.weight is not apart.embedding.weight


def test_tied_weights_of_another_size_are_reached_by_a_projection():
    net = model(hidden_size=9)
    assert net.projection.weight.shape == (5, 9)
    assert net.output.weight is net.embedding.weight
    (whole,) = blocks(text(), 100)
    loss = net.loss(whole)
    assert all(g.abs().sum() > 0 for g in gradients(net, loss))


def test_nats_are_those_of_a_model_worked_out_by_hand():
    # With a state of zero the output is the bias alone: log-odds of three symbols.
    net = LanguageModel(3, input_size=2, hidden_size=2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.output.bias.copy_(torch.tensor([math.log(4), math.log(3), 0]))
    stream = np.array([0, 1, 2, 0])
    found = torch.cat(list(net.surprise(blocks(stream, 2, rows=1)))).flatten()
    expected = -torch.log(torch.tensor([4, 3, 1, 4]) / 8)
    torch.testing.assert_close(found, expected)


def test_surprise_is_measured_without_dropout_and_leaves_the_mode_as_it_was():
    net = model(dropout=0.5, output_dropout=0.5, input_dropout=0.5, num_layers=2)
    parts = blocks(text(), 5)
    a, b = (torch.cat(list(net.surprise(parts))) for _ in range(2))
    torch.testing.assert_close(a, b)
    assert net.training
    assert not a.requires_grad


@pytest.mark.parametrize("name", ["input_dropout", "dropout", "output_dropout"])
def test_every_dropout_drops(name):
    net = model(num_layers=2, **{name: 0.5})
    (whole,) = blocks(text(), 100)
    losses = [net.loss(whole).item() for _ in range(2)]
    assert losses[0] != losses[1]


def test_a_variational_mask_is_the_same_at_every_step_of_a_row():
    net = model(variational=True, output_dropout=0.5)
    dropped = net._drop(torch.ones(4 * 3, 5), 3).unflatten(0, (4, 3))
    assert all(torch.equal(a, b) for a, b in pairwise(dropped))
    assert not torch.equal(dropped[0, 0], dropped[0, 1])


def test_it_learns_a_tiny_text_by_heart():
    net = model(input_size=8, hidden_size=16, cell="lstm")
    parts = blocks(np.array([1, 2, 3, 1, 2, 4, 5, 6] * 6), 12, rows=1)
    optimizer = torch.optim.Adam(net.parameters(), 0.03)
    loss = torch.zeros(())
    for _ in range(60):
        for block in parts:
            optimizer.zero_grad()
            loss = net.loss(block)
            loss.backward()
            optimizer.step()
    assert loss < 0.05
