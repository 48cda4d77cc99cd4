"""The classifier of sequences: its readouts, its noise, and a perceptron inside it."""

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.testing import assert_close

from treefold.cells import RecursiveCell
from treefold.data.sequences import Sequences
from treefold.layers import GRU, LSTM, RNN, Stack, to_torch
from treefold.models.sequence_classifier import SequenceClassifier, collate


def vectors(lengths, size=3):
    random = np.random.default_rng(0)
    return Sequences.of([random.normal(size=(T, size)) for T in lengths])


def batch_of(sequences, numbers=None, classes=2):
    label = np.arange(len(sequences)) % classes
    numbers = np.arange(len(sequences)) if numbers is None else np.array(numbers)
    return collate(sequences, label, numbers)


def of_torch(model, rows, readout):
    """The same by torch's own network, a sequence at a time."""
    net, H = to_torch(model.layers), model.layers.hidden_size
    found = []
    for x in rows:
        h, _ = net(torch.from_numpy(x)[:, None])
        h = h[:, 0]
        read = {
            "last": torch.cat([h[-1, :H], h[0, H:]]),
            "mean": h.mean(dim=0),
            "max": h.amax(dim=0),
        }[readout]
        found.append(model.output(read))
    return torch.stack(found)


@pytest.mark.parametrize("readout", ["last", "mean", "max"])
@pytest.mark.parametrize("layer", [RNN, LSTM, GRU])
def test_it_is_torchs_network_read_out(layer, readout):
    sequences = vectors([4, 1, 3])
    layers = layer(3, 5, num_layers=2, bidirectional=True)
    model = SequenceClassifier(layers, 2, readout=readout).eval()
    assert_close(model(batch_of(sequences)), of_torch(model, sequences, readout))


def test_attention_is_a_weighted_mean():
    sequences = vectors([4, 1, 3])
    model = SequenceClassifier(GRU(3, 5), 2, readout="attention").eval()
    assert model.attention is not None
    batch = batch_of(sequences)
    output, _ = model.layers(batch.forest, batch.x)
    share = model.weights(batch.forest, output)
    logits = model(batch)
    for b in range(3):
        inside = batch.forest.tree == b
        score = model.attention(output[inside]).squeeze(-1)
        assert_close(share[inside], torch.softmax(score, dim=0))
        read = torch.softmax(score, dim=0) @ output[inside]
        assert_close(logits[b], model.output(read))


@pytest.mark.parametrize("readout", ["last", "mean", "max", "attention"])
def test_what_is_beside_a_sequence_in_a_batch_does_not_matter(readout):
    sequences = vectors([4, 1, 6, 3])
    model = SequenceClassifier(LSTM(3, 5, bidirectional=True), 2, readout=readout)
    together = model.predict(batch_of(sequences))
    for b in range(4):
        assert_close(model.predict(batch_of(sequences, [b])), together[b : b + 1])


def test_one_step_is_scikit_learns_perceptron():
    random = np.random.default_rng(0)
    x, label = random.normal(size=(60, 4)), random.integers(3, size=60)
    with pytest.warns(match="Maximum iterations"):
        mlp = MLPClassifier((6, 5), activation="tanh", max_iter=20).fit(x, label)
    model = SequenceClassifier(RNN(4, 6), 3)
    (W, V, U), (b, c, d) = (
        map(torch.from_numpy, p) for p in (mlp.coefs_, mlp.intercepts_)
    )
    layers = RNN(4, 6), RNN(6, 5)
    with torch.no_grad():
        for layer, weight, bias in zip(layers, (W, V), (b, c), strict=True):
            cell = layer.cells[0]
            assert isinstance(cell, RecursiveCell)
            assert cell.weight_ih is not None
            cell.weight_ih.copy_(weight.T)
            cell.bias.copy_(bias)
    model = SequenceClassifier(_Both(*layers), 3)
    with torch.no_grad():
        model.output.weight.copy_(U.T)
        model.output.bias.copy_(d)
    sequences = Sequences.of(x[:, None])
    batch = collate(sequences, label, np.arange(60))
    assert_close(model.predict(batch).numpy(), mlp.predict_proba(x))


class _Both(Stack):
    """Two layers of different sizes, one upon the other."""

    def __init__(self, first, second):
        super().__init__(lambda size: second.cells[0], second.input_size)
        self.first, self.second = first, second

    def forward(self, forest, x, nodes=None, initial=None, *, rows=None):
        return self.second(forest, self.first(forest, x)[0])


def test_words_are_read_as_their_vectors():
    words = Sequences.of([np.array([2, 0, 2]), np.array([1])])
    model = SequenceClassifier(LSTM(3, 5), 2, num_words=4).eval()
    assert model.embedding is not None
    with torch.no_grad():
        model.embedding.weight.normal_()
    table = model.embedding.weight.detach().numpy()
    read = SequenceClassifier(model.layers, 2).eval()
    read.output = model.output
    of_vectors = Sequences(table[words.step], words.offset)
    assert_close(model(batch_of(words)), read(batch_of(of_vectors)))


def test_the_gradient_of_words_has_the_rows_of_a_batch():
    words = Sequences.of([np.array([2, 0, 2]), np.array([1])])
    model = SequenceClassifier(LSTM(3, 5), 2, num_words=9, word_dropout=0.5)
    assert model.embedding is not None
    model.loss(batch_of(words)).backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert set(gradient.coalesce().indices()[0].tolist()) <= {0, 1, 2}


@pytest.mark.parametrize(
    "noise",
    [
        {"noise": 0.5},
        {"warp": 0.5},
        {"mask": 0.5},
        {"input_dropout": 0.5},
        {"output_dropout": 0.5},
    ],
)
def test_noise_is_of_training_only(noise):
    batch = batch_of(vectors([8, 9, 7]))
    model = SequenceClassifier(GRU(3, 5), 2, **noise)
    assert not torch.equal(model(batch), model(batch))
    model.predict(batch)
    assert model.training
    model.eval()
    assert_close(model(batch), model(batch))
    plain = SequenceClassifier(model.layers, 2).eval()
    plain.output = model.output
    assert_close(model(batch), plain(batch))


def test_a_warp_is_one_linear_map_a_sequence():
    batch = batch_of(vectors([5, 4], size=2))
    model = SequenceClassifier(GRU(2, 5), 2, warp=0.3)
    warped = model._warped(batch.forest, batch.x)
    for b in range(2):
        of = batch.forest.tree == b
        found = torch.linalg.lstsq(batch.x[of], warped[of])
        assert_close(batch.x[of] @ found.solution, warped[of])
    assert not torch.equal(warped, batch.x)


def test_a_mask_hides_a_run_of_steps_and_of_features():
    batch = batch_of(vectors([40] * 50, size=8))
    model = SequenceClassifier(GRU(8, 5), 2, mask=0.5)
    kept = model._mask(batch.forest, 8)
    hidden = 0
    for b in range(50):
        mine = kept[batch.forest.tree == b] == 0  # (T, I), in order of time
        steps, features = mine.all(dim=1), mine.all(dim=0)
        assert_close(mine, steps[:, None] | features[None])
        for runs in (steps, features):
            assert runs.long().diff().abs().sum() <= 2  # one run
            assert runs.double().mean() <= 0.5 + 1 / len(runs)
        hidden += int(steps.sum())
    assert 0.15 < hidden / (40 * 50) < 0.35  # half a share of a half


def test_the_loss_is_the_mean_over_the_sequences():
    batch = batch_of(vectors([3, 1, 2]))
    model = SequenceClassifier(GRU(3, 5), 2, label_smoothing=0.1).eval()
    wanted = nn.CrossEntropyLoss(label_smoothing=0.1)(model(batch), batch.label)
    assert_close(model.loss(batch), wanted)
