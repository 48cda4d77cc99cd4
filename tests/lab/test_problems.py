"""The problems of the laboratory are those of the papers."""

import math

import pytest
import torch

from treefold.lab.problems import PROBLEMS, Adding, Copying, Digits


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum():
    x, target = Adding().draw(50, 11, generator())
    assert x.shape == (50, 11, 2)
    value, marked = x.unbind(2)
    assert (marked[:, :5].sum(1) == 1).all()
    assert (marked[:, 5:].sum(1) == 1).all()
    torch.testing.assert_close((value * marked).sum(1), target)
    assert 0 <= value.min() < 0.1 < 0.9 < value.max() < 1


def test_who_knows_nothing_of_adding_has_the_published_loss():
    adding = Adding()
    _, target = adding.draw(20_000, 10, generator())
    loss = adding.loss(torch.ones(20_000, 1), target)
    assert loss.item() == pytest.approx(adding.baseline(10), rel=0.05)
    assert adding.baseline(10) == pytest.approx(0.1667, abs=1e-4)


def test_copying_asks_for_the_first_ten_symbols_after_the_sign():
    copying = Copying()
    x, target = copying.draw(7, 30, generator())
    assert x.shape == (7, copying.steps(30), copying.input_size) == (7, 50, 10)
    heard = x.argmax(2)
    assert torch.equal(heard[:, :10], target[:, -10:])
    assert heard[:, :10].max() < 8
    assert (heard[:, 39] == copying.sign).all()
    assert (heard == copying.sign).sum() == 7
    assert (target[:, :40] == copying.blank).all()


def test_who_guesses_the_symbols_has_the_published_loss():
    copying = Copying()
    _, target = copying.draw(5, 30, generator())
    output = torch.full((5, 50, 9), -30.0)
    output[:, :40, copying.blank] = 30
    output[:, 40:, :8] = 0
    loss = copying.loss(output, target).item()
    assert loss == pytest.approx(10 * math.log(8) / 50)
    assert loss == pytest.approx(copying.baseline(30))


def test_digits_are_read_pixel_by_pixel_and_tested_on_others():
    digits = Digits()
    x, label = digits.draw(2000, 64, generator())
    test_x, test_label = digits.draw(2000, 64, generator(), test=True)
    assert (len(x), len(test_x)) == (1437, 360)
    assert x.shape[1:] == (64, 1)
    assert (x.min(), x.max()) == (0, 1)
    assert set(label.tolist()) == set(test_label.tolist()) == set(range(10))


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_same_generator_draws_the_same_cases(name):
    problem = PROBLEMS[name]
    one, other = (problem.draw(4, problem.lengths[0], generator()) for _ in range(2))
    assert torch.equal(one.x, other.x)
    assert torch.equal(one.target, other.target)
