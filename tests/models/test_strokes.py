"""Strokes: densities against scipy and integrals, the fold against the unfolding."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import nn
from torch.testing import assert_close

from treefold.data.sequences import Sequences
from treefold.models.strokes import START, Mixture, Strokes
from treefold.tasks.draw import make_batch
from treefold.unfolding import Greedy, Sample, sequences
from treefold.unfolding.draws import Draws, root_keys

RANDOM = np.random.default_rng(0)
POINTS = Sequences.of(
    [
        np.column_stack(
            [RANDOM.normal(size=(n, 2)), [*RANDOM.integers(0, 2, n - 1), 1]]
        )
        for n in (4, 1, 7)
    ]
)
KIND = np.array([0, 1, 1])


@pytest.fixture
def model():
    net = Strokes(2, class_size=2, hidden_size=8, num_layers=2, num_mixtures=3)
    nn.init.normal_(net.begin.weight)
    nn.init.normal_(net.output.weight, std=0.5)
    return net.eval()


def mixture(N=5, M=4):
    return Mixture.of(torch.randn(N, 6 * M), math.log(1e-3))


def test_the_density_is_scipys():
    found, x = mixture(), torch.randn(5, 2)
    for i in range(5):
        density = 0.0
        for j in range(4):
            sigma = found.log_sigma[i, j].exp()
            off = found.rho[i, j] * sigma.prod()
            cov = torch.diag(sigma.square()) + off * torch.tensor([[0, 1], [1, 0]])
            normal: Any = multivariate_normal(found.mean[i, j].numpy(), cov.numpy())  # type: ignore[arg-type]
            density += found.log_pi[i, j].exp() * normal.pdf(x[i].numpy())
        assert_close(found.log_density(x)[i].exp(), density)


def test_the_density_adds_up_to_one():
    found = mixture(N=1)
    side = torch.linspace(-14, 14, 701)
    grid = torch.cartesian_prod(side, side)
    each = Mixture(*(field.expand(len(grid), *field.shape[1:]) for field in found))
    total = each.log_density(grid).exp().sum() * (side[1] - side[0]) ** 2
    assert_close(total.item(), 1.0, rtol=1e-3, atol=0)


def test_the_loss_stays_finite_for_wild_outputs_in_float32():
    wild = torch.tensor([[80.0, -80, 80, 80, -80, -80, -90, 90, -90, 90, 90, -90]])
    output = wild.float().requires_grad_()
    found = Mixture.of(output, math.log(1e-3)).log_density(torch.tensor([[70.0, -70]]))
    (gradient,) = torch.autograd.grad(found.sum(), output)
    assert found.isfinite().all()
    assert gradient.isfinite().all()


def test_draws_have_the_mixtures_mean_and_covariance():
    found, N = mixture(N=1, M=2), 20000
    each = Mixture(*(field.expand(N, *field.shape[1:]) for field in found))
    drawn = each.draw(Sample(), Draws(root_keys(0, N, "cpu")))
    pi, sigma = found.log_pi[0].exp(), found.log_sigma[0].exp()
    mean = (pi[:, None] * found.mean[0]).sum(0)
    away = found.mean[0] - mean
    square = torch.diag_embed(sigma.square())
    square[:, 0, 1] = square[:, 1, 0] = found.rho[0] * sigma.prod(-1)
    square = square + away[:, :, None] * away[:, None]
    cov = (pi[:, None, None] * square).sum(0)
    # Four standard errors of the mean, and a tenth of the covariance's largest entry.
    assert (drawn.mean(0) - mean).abs().max() < 4 * (cov.max() / N).sqrt()
    assert (drawn.T.cov() - cov).abs().max() < 0.1 * cov.abs().max()


def test_low_temperature_draws_near_the_heaviest_mean():
    found = mixture(N=50)
    drawn = found.draw(Sample(temperature=1e-6), Draws(root_keys(0, 50, "cpu")))
    assert_close(drawn, found.draw(Greedy(), None), atol=0.1, rtol=0)


def test_the_loss_is_of_offset_pen_and_end(model):
    found = make_batch(POINTS, KIND, np.array([2]))
    output, nats = model(found), model.nats(found)
    density = Mixture.of(output[:, :-2], model.min_log_sigma).log_density(
        found.point[:, :2]
    )
    lifted, ends = torch.sigmoid(output[:, -2]), torch.sigmoid(output[:, -1])
    up = found.point[:, 2]
    pen = torch.where(up == 1, lifted, 1 - lifted) * (1 - ends)
    pen[-1] = ends[-1]  # the end lifts the pen whatever `lifted` says
    assert_close(nats, -density - pen.log())


def test_a_batch_begins_with_a_pen_in_the_air():
    found = make_batch(POINTS, KIND, np.arange(3))
    for number, drawing in enumerate(POINTS):
        inside = found.forest.tree == number
        expected = np.concatenate([[START], drawing[:-1]])
        assert_close(found.previous[inside], torch.from_numpy(expected))
        assert_close(found.point[inside], torch.from_numpy(drawing))


def test_what_is_drawn_has_the_density_that_the_fold_gives_it(model):
    kind = torch.tensor([0, 1, 0])
    search = Sample(generator=torch.Generator().manual_seed(1))
    grown = model.generate(kind, search, 20)
    assert grown.complete.any()
    drawings = [d.numpy() for d in sequences(grown.forest, grown.labels)]
    found = make_batch(Sequences.of(drawings), kind.numpy(), np.arange(3))
    output = model(found).detach()
    log_p = -model.nats(found)
    # At the end the unfolding has drawn a pen, which no longer matters.
    last = found.forest.roots
    up = found.point[last, 2] * 2 - 1
    log_p[last] += nn.functional.logsigmoid(up * output[last, -2])
    for number, expected in enumerate(sequences(grown.forest, grown.log_prob)):
        if grown.complete[number]:
            assert_close(log_p[found.forest.tree == number], expected)


def test_a_drawing_is_taken_up_where_it_was_left(model):
    known = make_batch(POINTS, KIND, np.array([0]))
    _, state = model.run(known.forest, known.previous, known.kind)
    after = model.generate(
        known.kind, Greedy(), 1, state, known.point[-1:]
    ).labels  # the point that follows
    longer = np.concatenate([POINTS[0], [[0.0, 0.0, 1.0]]])
    more = make_batch(Sequences.of([longer]), KIND, np.array([0]))
    mixture = Mixture.of(model(more)[-1:, :-2], model.min_log_sigma)
    assert_close(after[:, :2], mixture.draw(Greedy(), None))
