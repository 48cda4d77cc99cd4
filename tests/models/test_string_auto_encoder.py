"""The rival learns, too: strings come back from one vector."""

import numpy as np
import torch
from torch.testing import assert_close

from treefold.data.sequences import Sequences
from treefold.layers import to_torch
from treefold.models.generator import StringBatch
from treefold.models.string_auto_encoder import StringAutoEncoder
from treefold.unfolding import sequences

END = 3
STRINGS = Sequences.of([np.array(s) for s in ([0, 1, 3], [2, 3], [1, 1, 0, 2, 3])])


def batch(numbers=(0, 1, 2)):
    return StringBatch.of(STRINGS, np.zeros(3, np.int64), np.array(numbers))


def test_a_string_is_read_from_its_end_by_torch_lstm():
    model = StringAutoEncoder(4, END, code_size=5, embedding_size=3)
    reader = to_torch(model.reader)
    codes = model.encode(batch())
    for number, string in enumerate(STRINGS):
        x = model.embedding(torch.from_numpy(string[::-1].copy()))
        _, (h, _) = reader(x[:, None])
        assert_close(codes[number], h[0, 0])


def test_strings_come_back_once_they_are_learned():
    model = StringAutoEncoder(4, END, code_size=16, embedding_size=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        optimizer.zero_grad()
        model.loss(batch()).backward()
        optimizer.step()
    found = model.decode(model.encode(batch()), 8)
    written = [s.tolist() for s in sequences(found.forest, found.labels)]
    assert written == [s.tolist() for s in STRINGS]


def test_the_loss_is_that_of_the_string_which_is_written():
    model = StringAutoEncoder(4, END, code_size=5, embedding_size=3)
    alone = [model.loss(batch([number])) for number in range(3)]
    assert_close(model.loss(batch()), sum(alone) / 3)
