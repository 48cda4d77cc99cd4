"""Strings of a class: the fold that learns and the unfolding that makes up agree."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from treefold.data.sequences import Sequences
from treefold.layers import to_torch
from treefold.models.generator import Generator, StringBatch
from treefold.unfolding import Greedy, Sample, sequences

END = 4
STRINGS = Sequences.of([np.array(s) for s in ([0, 1, 4], [2, 4], [3, 3, 1, 0, 4])])
KIND = np.array([1, 0, 1])


@pytest.fixture(params=[1, 2], ids=["one layer", "two layers"])
def model(request):
    generator = Generator(
        5, 2, END, embedding_size=3, hidden_size=6, num_layers=request.param
    )
    nn.init.normal_(generator.begin.weight)
    return generator.eval()


def batch(numbers=(0, 1, 2)):
    return StringBatch.of(STRINGS, KIND, np.array(numbers))


def test_a_batch_knows_what_stands_before_every_symbol():
    found = batch()
    for number in range(3):
        inside = found.forest.tree == number
        symbols = STRINGS[number].tolist()
        assert found.label[inside].tolist() == symbols
        assert found.previous[inside].tolist() == [-1, *symbols[:-1]]
    assert len(found) == 3
    assert found.kind.tolist() == KIND.tolist()


def test_on_known_strings_it_is_torch_lstm_from_the_states_of_the_class(model):
    net, found = to_torch(model.layer), batch()
    logits = model(found)
    for number, string in enumerate(STRINGS):
        kind = torch.tensor([KIND[number]])
        before = torch.tensor([-1, *string[:-1]])
        x = model.read(before, kind.expand(len(string)))
        output, _ = net(x[:, None], model.start(kind).hx())
        expected = model.output(output[:, 0])
        assert_close(logits[found.forest.tree == number], expected)


def test_the_loss_of_a_string_does_not_depend_on_its_neighbours(model):
    alone = [model.loss(batch([number])) * STRINGS.lengths[number] for number in (0, 2)]
    together = model.loss(batch([0, 2])) * STRINGS.lengths[[0, 2]].sum()
    assert_close(together, sum(alone))


def test_what_is_made_up_has_the_probability_that_the_fold_gives_it(model):
    kind = torch.tensor([0, 1, 1, 0])
    search = Sample(generator=torch.Generator().manual_seed(3))
    grown = model.generate(kind, search, 12)
    strings = [s.numpy() for s in sequences(grown.forest, grown.labels)]
    found = StringBatch.of(Sequences.of(strings), kind.numpy(), np.arange(4))
    log_p = model(found).log_softmax(-1).gather(1, found.label[:, None]).squeeze(1)
    for number, expected in enumerate(sequences(grown.forest, grown.log_prob)):
        assert_close(log_p[found.forest.tree == number], expected)


def test_the_class_decides_what_is_made_up():
    torch.manual_seed(0)
    model = Generator(3, 2, 2, embedding_size=4, hidden_size=8)
    strings = Sequences.of([np.array([k] * 4 + [2]) for k in (0, 1)])
    learn = StringBatch.of(strings, np.array([0, 1]), np.arange(2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(learn).backward()
        optimizer.step()
    grown = model.eval().generate(torch.tensor([0, 1]), Greedy(), 9)
    made = [s.tolist() for s in sequences(grown.forest, grown.labels)]
    assert made == [[0, 0, 0, 0, 2], [1, 1, 1, 1, 2]]


def test_dropout_is_of_training_only(model):
    model.input_dropout = model.output_dropout = 0.5
    assert_close(model(batch()), model(batch()))
    model.train()
    assert not torch.equal(model(batch()), model(batch()))
