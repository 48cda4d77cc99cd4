"""Draws follow their probabilities, and depend on a node's place alone."""

import pytest
import torch
from scipy.stats import chisquare, kstest
from torch import Tensor
from torch.testing import assert_close

from tests.unfolding.steps import H, RandomStep
from treefold import Decision, Greedy, Sample, State, Step, unfold
from treefold.unfolding import Draws, sequences
from treefold.unfolding.draws import root_keys

P = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
MANY = 4000


class Fixed(Step[State]):
    """The same probabilities at every node; a child exists with probability 0.3."""

    num_slots = 2

    def forward(self, state, previous, slot, tree, context):
        exists = torch.tensor([0.3, 0.3]).logit().expand(len(tree), 2)
        return Decision(state, P.log().expand(len(tree), -1), exists)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("how", "p"),
    [
        ({}, P),
        ({"temperature": 2.0}, P.sqrt() / P.sqrt().sum()),
        ({"top_k": 2}, torch.tensor([0.625, 0.375, 0, 0])),
        ({"top_p": 0.75}, torch.tensor([0.625, 0.375, 0, 0])),  # 0.5 + 0.3 >= 0.75
        ({"top_p": 0.4}, torch.tensor([1.0, 0, 0, 0])),
        ({"top_k": 3, "top_p": 0.9}, P * torch.tensor([1, 1, 1, 0]) / 0.95),
    ],
)
def test_labels_come_as_often_as_is_probable(how, p):
    search = Sample(**how, generator=seeded())
    found = unfold(Fixed(), torch.zeros(MANY, 1), max_depth=1, search=search)
    count = torch.bincount(found.labels, minlength=4)
    assert (count[p == 0] == 0).all()
    if (p > 0).sum() > 1:
        there = p > 0
        assert chisquare(count[there], (p * MANY)[there]).pvalue > 0.01
    assert_close(found.log_prob.exp()[:5], (found.log_prob[:5]).exp())


def test_children_come_as_often_as_is_probable():
    search = Sample(generator=seeded())
    forest, _, _ = unfold(Fixed(), torch.zeros(MANY, 1), max_depth=2, search=search)
    arity = forest.arities[forest.roots]
    wanted = [0.49 * MANY, 0.42 * MANY, 0.09 * MANY]
    assert chisquare(torch.bincount(arity, minlength=3), wanted).pvalue > 0.01


def test_log_probabilities_are_the_models_whatever_the_temperature():
    search = Sample(temperature=0.3, generator=seeded())
    found = unfold(Fixed(), torch.zeros(5, 1), max_depth=1, search=search)
    there = torch.full((5, 2), 0.7).log().sum(1)
    incomplete = ~found.complete
    assert_close(
        found.log_prob[~incomplete], (P.log()[found.labels] + there)[~incomplete]
    )


def test_a_seed_gives_the_same_and_a_generator_goes_on():
    step, state = RandomStep(5), torch.randn(3, H)

    def drawn(generator: torch.Generator | None) -> list[int]:
        search = Sample(generator=generator)
        return unfold(step, state, max_depth=6, search=search).labels.tolist()

    generator = seeded(4)
    first, second = drawn(generator), drawn(generator)
    assert first != second
    assert first == drawn(seeded(4))
    torch.manual_seed(5)
    third = drawn(None)
    torch.manual_seed(5)
    assert drawn(None) == third


def test_a_low_temperature_is_greedy():
    step, state = RandomStep(5, 2, exists=True), torch.randn(6, H)
    cold = unfold(step, state, max_depth=4, search=Sample(1e-9, generator=seeded()))
    greedy = unfold(step, state, max_depth=4)
    assert cold.forest == greedy.forest
    assert_close(cold.labels, greedy.labels)


def test_numbers_are_uniform_normal_and_apart():
    draws = Draws(root_keys(3, 2000, "cpu"))
    uniform, normal = draws.uniform(2), draws.normal(2)
    assert kstest(uniform.flatten(), "uniform").pvalue > 0.01
    assert kstest(normal.flatten(), "norm").pvalue > 0.01
    everything = torch.cat([uniform, Draws(draws.child_keys(3)[:, 2]).uniform(1)], 1)
    assert torch.corrcoef(everything.T).triu(1).abs().max() < 0.06
    assert len(draws.child_keys(3).unique()) == 6000


class Pen(Step[State]):
    """Labels are vectors: a Gaussian step of the pen."""

    def forward(self, state, previous, slot, tree, context):
        mean = previous + state.h
        return Decision(state, mean, exists=torch.full((len(tree), 1), 1.0))

    def choose(self, logits: Tensor, search, draws) -> tuple[Tensor, Tensor]:
        noise = torch.zeros_like(logits)
        if isinstance(search, Sample):
            assert draws is not None
            noise = draws.normal(2) * search.temperature
        return logits + noise, -noise.square().sum(1) / 2


@pytest.mark.parametrize("search", [Greedy(), Sample(generator=torch.Generator())])
def test_labels_may_be_vectors(search):
    speed, start = torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.zeros(2, 2)
    found = []
    for algorithm in ("batched", "recursive"):
        if isinstance(search, Sample):
            assert search.generator is not None
            search.generator.manual_seed(2)
        found.append(
            unfold(
                Pen(),
                speed,
                previous=start,
                max_depth=4,
                search=search,
                algorithm=algorithm,
            )
        )
    assert_close(found[0].labels, found[1].labels)
    assert_close(found[0].score, found[1].score)
    if isinstance(search, Greedy):
        one, _ = sequences(found[0].forest, found[0].labels)
        assert_close(one, torch.arange(1, 5)[:, None] * speed[0])
