"""Writing is the language model read one symbol at a time."""

import pytest
import torch

from treefold.models.language_model import LanguageModel
from treefold.models.writer import write
from treefold.unfolding import Greedy, Sample

W = 6


@pytest.fixture
def net():
    return LanguageModel(W, input_size=4, hidden_size=6, num_layers=2, dropout=0.5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("prompt", [[2], [2, 0, 1]])
def test_greedy_writing_takes_the_likeliest_after_the_whole_text_so_far(cell, prompt):
    net = LanguageModel(W, cell=cell, input_size=4, hidden_size=6, num_layers=2)
    torch.nn.init.normal_(net.embedding.weight)
    net.eval()
    expected = list(prompt)
    for _ in range(8):
        logits, _ = net(torch.tensor(expected)[:, None])
        expected.append(int(logits[-1].argmax()))
    written = write(net, torch.tensor(prompt), 8, Greedy())
    assert written.tolist() == expected[len(prompt) :]


def test_the_same_seed_writes_the_same_text_and_another_another(net):
    def text(seed):
        search = Sample(generator=torch.Generator().manual_seed(seed))
        return write(net, torch.tensor([0]), 30, search).tolist()

    assert text(1) == text(1)
    assert text(1) != text(2)
    assert net.training


def test_what_must_not_be_written_is_not(net):
    search = Sample(generator=torch.Generator().manual_seed(0))
    written = write(net, torch.tensor([0]), 60, search, never=(0, 3))
    assert set(written.tolist()) == {1, 2, 4, 5}


def test_a_prompt_has_a_symbol(net):
    with pytest.raises(ValueError, match="prompt must have a symbol"):
        write(net, torch.tensor([], dtype=torch.int64), 3, Greedy())
