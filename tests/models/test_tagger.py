"""Labelling every step: against torch's own layers, and on patterns it can learn."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from treefold.data.sequences import Sequences
from treefold.models.tagger import Tagger, WordEncoder
from treefold.tasks.tag_data import Coded

C = 3


def some_data(lengths=(4, 1, 6, 3), features=5):
    V = sum(lengths)
    x = Sequences.of([np.random.default_rng(n).random((n, features)) for n in lengths])
    return Coded(x, np.arange(V) % C)


def a_batch(data):
    return data.batch(np.arange(len(data.x)))


def test_it_is_torchs_bilstm_run_over_each_sequence():
    data = some_data()
    model = Tagger(nn.Identity(), 5, C, hidden_size=4)
    theirs = nn.LSTM(5, 4, bidirectional=True)
    with torch.no_grad():
        for p in theirs.parameters():
            p.zero_()
        for suffix, cell in zip(("", "_reverse"), model.layer.cells, strict=True):
            # torch has the gates as i | f | u | o, these cells as i | u | o | f.
            for name in ("weight_ih", "weight_hh", "bias"):
                i, u, o, f = getattr(cell, name).chunk(4)
                known = "bias_ih" if name == "bias" else name
                getattr(theirs, f"{known}_l0{suffix}").copy_(torch.cat([i, f, u, o]))
    expected = [model.output(theirs(torch.from_numpy(x))[0]) for x in data.x]
    assert_close(model(a_batch(data)), torch.cat(expected))


@pytest.mark.parametrize("crf", [False, True])
def test_a_batch_says_what_each_sequence_says_alone(crf):
    data = some_data()
    model = Tagger(nn.Identity(), 5, C, hidden_size=4, crf=crf)
    together = model.predict(a_batch(data))
    alone = [model.predict(data.batch(np.array([b]))) for b in range(4)]
    assert_close(together.label, torch.cat([tags.label for tags in alone]))
    assert_close(together.probability, torch.cat([tags.probability for tags in alone]))


def test_a_new_field_makes_the_loss_the_cross_entropy():
    data = some_data()
    plain = Tagger(nn.Identity(), 5, C, hidden_size=4)
    field = Tagger(nn.Identity(), 5, C, hidden_size=4, crf=True)
    field.load_state_dict(plain.state_dict(), strict=False)
    assert_close(field.loss(a_batch(data)), plain.loss(a_batch(data)))


def test_only_a_bidirectional_layer_reads_what_comes_later():
    data = some_data(lengths=(6,))
    changed = Sequences(data.x.step.copy(), data.x.offset)
    changed.step[-1] += 1
    for bidirectional in (False, True):
        model = Tagger(nn.Identity(), 5, C, hidden_size=4, bidirectional=bidirectional)
        before = model(a_batch(data))[:-1]
        after = model(a_batch(Coded(changed, data.label)))[:-1]
        assert torch.equal(before, after) is not bidirectional


@pytest.mark.parametrize("crf", [False, True])
def test_it_learns_a_label_that_depends_on_the_next_step(crf):
    random = np.random.default_rng(0)
    x = Sequences.of([random.integers(2, size=(9, 1)) for _ in range(20)])
    label = [np.append(each[1:, 0], 2) for each in x]
    data = Coded(Sequences(x.step.astype(np.float64), x.offset), np.concatenate(label))
    model = Tagger(nn.Identity(), 1, C, hidden_size=8, crf=crf)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    batch = a_batch(data)
    for _ in range(40):
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()
    assert torch.equal(model.predict(batch).label, batch.label)


def test_prediction_drops_nothing_and_leaves_the_mode():
    data = some_data()
    model = Tagger(nn.Identity(), 5, C, hidden_size=4, input_dropout=0.5, dropout=0.5)
    model.train()
    first, second = (model.predict(a_batch(data)).probability for _ in range(2))
    assert torch.equal(first, second)
    assert model.training


def test_class_weights_weigh_the_loss():
    data = some_data()
    model = Tagger(
        nn.Identity(), 5, C, hidden_size=4, class_weights=torch.tensor([1.0, 0.0, 0.0])
    )
    batch = a_batch(data)
    p = model.predict(batch).probability
    first = batch.label == 0
    assert_close(model.loss(batch), -p[first, 0].log().mean())


def test_words_columns_and_spelling_stand_side_by_side():
    encoder = WordEncoder(7, [3, 2], 11, word_size=4, column_size=2, spelling_size=5)
    steps = torch.tensor([[6, 2, 1, 10, 4, 4], [0, 0, 0, 1, 2, 3]])
    x = encoder(steps)
    assert x.shape == (2, encoder.size) == (2, 13)
    assert_close(x[0, :4], encoder.word.weight[6])
    assert_close(x[0, 4:6], encoder.get_parameter("columns.0.weight")[2])
    spelling = encoder.spelling
    assert spelling is not None
    assert_close(x[0, 8:], spelling.weight[10] + 2 * spelling.weight[4])


def test_dropped_words_are_taken_for_unknown_in_training_alone():
    encoder = WordEncoder(7, [], 1, spelling_size=0, word_dropout=0.5)
    steps = torch.full((100, 1), 3)
    x = encoder(steps)
    kept = (x == encoder.word.weight[3]).all(1)
    assert 20 < kept.sum() < 80
    assert (x[~kept] == encoder.word.weight[0]).all()
    encoder.eval()
    assert (encoder(steps) == encoder.word.weight[3]).all()
