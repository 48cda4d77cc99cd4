"""Forecasts of series: what they are of, and that they can be learned."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from treefold.data.sequences import Sequences
from treefold.models.forecaster import Forecaster, following
from treefold.tasks.forecast import batch_of

H, F = 3, 2


def some_batch(lengths=(5, 2, 7)):
    random = np.random.default_rng(0)
    x = Sequences.of([random.normal(size=(n, F)) for n in lengths])
    return x, batch_of(x, np.arange(len(x)))


def a_model(**settings) -> Forecaster:
    model = Forecaster(F, H, torch.rand(H, F) + 0.5, hidden_size=4, **settings)
    torch.nn.init.normal_(model.output.weight)
    return model


def test_a_new_model_says_that_all_stays_as_it_is():
    x, batch = some_batch()
    model = Forecaster(F, H, torch.ones(H, F), hidden_size=4)
    now = torch.from_numpy(x.step)
    assert torch.equal(model(batch), now[:, None].expand(-1, H, -1))


def test_the_loss_compares_every_step_with_those_after_it():
    x, batch = some_batch()
    model = a_model()
    said, errors = model(batch), []
    for b in range(len(x)):
        begin = x.offset[b]
        for t in range(len(x[b])):
            for k in range(1, H + 1):
                if t + k < len(x[b]):
                    truth = torch.from_numpy(x[b][t + k])
                    error = said[begin + t, k - 1] - truth
                    errors.append((error / model.scale[k - 1]) ** 2)
    assert_close(model.loss(batch), torch.stack(errors).mean())


def test_a_batch_says_what_each_series_says_alone():
    x, batch = some_batch()
    model = a_model(num_layers=2, lags=2)
    alone = [model(batch_of(x, np.array([b]))) for b in range(len(x))]
    assert_close(model(batch), torch.cat(alone))


def test_no_forecast_looks_ahead():
    x, batch = some_batch()
    changed = Sequences(x.step.copy(), x.offset)
    changed.step[3:5] += 1  # the end of the first series
    model = a_model(lags=2)
    before, after = model(batch), model(batch_of(changed, np.arange(3)))
    kept = np.r_[0:3, 5:14]
    assert torch.equal(before[kept], after[kept])
    assert not torch.equal(before[3:5], after[3:5])


def test_the_highway_is_linear_in_how_far_the_last_steps_are():
    x, batch = some_batch((3, 2))
    model = Forecaster(F, H, torch.ones(H, F), hidden_size=4, lags=2)
    highway = model.highway
    assert highway is not None
    torch.nn.init.normal_(highway.weight)
    a, b = torch.from_numpy(x[0]), torch.from_numpy(x[1])
    still = torch.zeros(F)
    lags = [(still, still), (a[1] - a[0],) * 2, (a[2] - a[1], a[2] - a[0])]
    lags += [(still, still), (b[1] - b[0],) * 2]
    expected = torch.stack([torch.cat(pair) for pair in lags]) @ highway.weight.T
    assert_close(model.changes(batch).flatten(1), expected)


def test_it_learns_a_wave_better_than_a_line_through_two_points():
    t = np.arange(120)[:, None]
    wave = Sequences.of([np.concatenate([np.sin(t / 5), np.cos(t / 5)], 1)])
    batch = batch_of(wave, np.zeros(1, np.int64))
    model = Forecaster(F, H, torch.ones(H, F), hidden_size=8)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()
    step, ahead = following(wave.offset, H)
    line = (wave.step[step] - wave.step[np.maximum(step - 1, 0)]) * ahead[:, None]
    error = (wave.step[step] + line - wave.step[step + ahead]) ** 2
    assert model.loss(batch) < error.mean()


def test_pairs_stay_within_their_series():
    step, ahead = following(np.array([0, 3, 4]), 2)
    pairs = list(zip(step.tolist(), ahead.tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (1, 1)]


def test_series_of_single_steps_teach_nothing():
    _, batch = some_batch((1, 1))
    with pytest.raises(ValueError, match="nothing follows it"):
        a_model().loss(batch)


def test_a_scale_of_another_shape_is_told():
    with pytest.raises(ValueError, match=r"\(3, 2\), got \(2, 3\)"):
        Forecaster(F, H, torch.ones(2, 3))
