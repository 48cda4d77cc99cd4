"""Windows ranked without a structure."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from treefold.models.reasoner import Reading, Windows
from treefold.models.window_rivals import WindowScorer

W, H = 9, 4


def windows() -> Windows:
    word = torch.tensor([1, 2, 3, 4, 5, 6, 7])
    other = word.clone()
    place = np.array([0, 4])
    other[place] = torch.tensor([8, 8])
    return Windows(word, other, np.array([3, 4]), place)


@pytest.mark.parametrize("ordered", [True, False])
def test_a_window_is_laid_out_around_the_replaced_word(ordered: bool):
    model = WindowScorer(W, H, 2, ordered=ordered)
    true, corrupt = model.rank(windows())
    # W, the row behind the words, stands beyond the sentence.
    by_hand = torch.tensor([[W, W, 1, 2, 3], [W, 4, 5, 6, 7]])
    assert_close(true, model(by_hand))
    by_hand[:, 2] = 8
    assert_close(corrupt, model(by_hand))


def test_a_bag_does_not_see_the_order_and_a_net_does():
    rows = torch.tensor([[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]])
    bag = WindowScorer(W, H, 2, ordered=False)(rows)
    net = WindowScorer(W, H, 2, ordered=True)(rows)
    assert_close(bag[0], bag[1])
    assert not torch.allclose(net[0], net[1])


def test_a_bag_is_the_mean_of_the_words_that_are_there():
    model = WindowScorer(W, H, 1, ordered=False)
    mean = model.embedding.weight[[1, 2]].mean(dim=0)
    by_hand = model.output(torch.tanh(model.hidden(mean)))
    assert_close(model(torch.tensor([[W, 1, 2]])), by_hand)


def test_the_loss_ranks():
    model = WindowScorer(W, H, 2, ordered=True)
    true, corrupt = model.rank(windows())
    expected = torch.relu(1 - true + corrupt).mean()
    assert_close(model.loss(Reading(windows(), None)), expected)
