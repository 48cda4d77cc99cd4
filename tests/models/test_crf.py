"""The conditional random field against enumeration of all label sequences."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import Cell, Children
from treefold.models.crf import FORBIDDEN, LinearChainCRF

LENGTHS = (1, 4, 2, 3)
OFFSET = np.array([0, 1, 5, 7, 10])
C = 3


def a_crf(**rules) -> LinearChainCRF:
    crf = LinearChainCRF(C, **rules)
    for weight in crf.parameters():
        torch.nn.init.normal_(weight)
    return crf


def enumerate_all(crf, emissions):
    """Every label sequence of one chain, and its score by the definition."""
    transition, first, last = crf.weights()
    ways = list(itertools.product(range(C), repeat=len(emissions)))
    scores = []
    for y in ways:
        s = first[y[0]] + last[y[-1]]
        s = s + sum(emissions[t, label] for t, label in enumerate(y))
        s = s + sum(transition[i, j] for i, j in itertools.pairwise(y))
        scores.append(s)
    return ways, torch.stack(scores)


def chains(x):
    return [x[a:b] for a, b in itertools.pairwise(OFFSET)]


RULES = {"free": None, "with rules": torch.eye(C, dtype=torch.bool)}


@pytest.fixture(params=RULES.values(), ids=list(RULES))
def crf(request):
    first = None if request.param is None else torch.tensor([True, False, False])
    return a_crf(forbidden=request.param, forbidden_first=first)


def test_the_partition_and_every_gradient_are_those_of_enumeration(crf):
    e = torch.randn(10, C, requires_grad=True)
    weight = torch.randn(4)  # another gradient for every sequence
    given = [e, *crf.parameters()]
    fast = crf.log_partition(e, OFFSET)
    slow = torch.stack([enumerate_all(crf, x)[1].logsumexp(0) for x in chains(e)])
    assert_close(fast, slow)
    assert_close(
        torch.autograd.grad(fast @ weight, given),
        torch.autograd.grad(slow @ weight, given),
    )


def test_scores_are_those_of_enumeration(crf):
    e, y = torch.randn(10, C), torch.randint(C, (10,))
    expected = []
    for x, labels in zip(chains(e), chains(y), strict=True):
        ways, scores = enumerate_all(crf, x)
        expected.append(scores[ways.index(tuple(labels.tolist()))])
    assert_close(crf.score(e, y, OFFSET), torch.stack(expected))


def test_the_probabilities_of_all_sequences_add_up_to_one():
    crf, e = a_crf(), torch.randn(4, C)
    ways, _ = enumerate_all(crf, e)
    offset = np.array([0, 4])
    p = [crf.log_likelihood(e, torch.tensor(y), offset).exp() for y in ways]
    assert_close(torch.cat(p).sum(), torch.tensor(1.0))


def test_marginals_are_those_of_enumeration(crf):
    e = torch.randn(10, C)
    expected = torch.zeros(10, C)
    for begin, x in zip(OFFSET, chains(e), strict=False):
        ways, scores = enumerate_all(crf, x)
        for y, p in zip(ways, scores.softmax(0), strict=True):
            for t, label in enumerate(y):
                expected[begin + t, label] += p
    assert_close(crf.marginals(e, OFFSET), expected)


def test_viterbi_finds_the_best_of_all_sequences(crf):
    e = torch.randn(10, C)
    best = crf.best(e, OFFSET)
    for found, score, x in zip(chains(best.label), best.score, chains(e), strict=True):
        ways, scores = enumerate_all(crf, x)
        assert tuple(found.tolist()) == ways[int(scores.argmax())]
        assert_close(score, scores.max())


def test_the_gradients_pass_gradcheck():
    crf, e = a_crf(), torch.randn(10, C, requires_grad=True)
    torch.autograd.gradcheck(lambda e: crf.log_partition(e, OFFSET), e)


class Alpha(NamedTuple):
    h: Tensor


class ForwardRecursion(Cell[Alpha]):
    """The recursion of the log-partition as a cell."""

    ordered = False

    def __init__(self, crf):
        super().__init__(C, C)
        self.crf = crf

    def zeros(self, num_nodes, like):
        return Alpha(like.new_zeros(num_nodes, C))

    def forward(self, x, children: Children[Alpha]):
        transition, first, _ = self.crf.weights()
        if len(children) == 0:
            return Alpha(x + first)
        paths = (children.state.h[:, :, None] + transition).logsumexp(1)
        return Alpha(x + children.sum(paths))


def test_the_forward_recursion_is_a_fold():
    crf, e = a_crf(), torch.randn(10, C)
    forest = Forest.from_lengths(LENGTHS)
    alpha = fold(ForwardRecursion(crf), forest, e).h
    log_z = (alpha[forest.roots] + crf.last).logsumexp(1)
    assert_close(crf.log_partition(e, OFFSET), log_z)


def test_what_is_forbidden_is_never_chosen():
    forbidden = torch.eye(C, dtype=torch.bool)
    crf = LinearChainCRF(C, forbidden=forbidden)
    e = torch.zeros(6, C)
    e[:, 1] = 9.0  # the best label everywhere, but not twice in a row
    label = crf.best(e, np.array([0, 6])).label
    assert (label[1:] != label[:-1]).all()
    assert crf.weights()[0].diagonal().tolist() == [FORBIDDEN] * C


def test_without_transitions_every_step_is_a_softmax_of_its_own():
    crf, e = LinearChainCRF(C), torch.randn(10, C)
    assert_close(crf.marginals(e, OFFSET), e.softmax(1))


def test_long_chains_stay_finite():
    crf, e = a_crf(), 100 * torch.randn(5_000, C)
    offset = np.array([0, 5_000])
    assert torch.isfinite(crf.log_partition(e, offset)).all()
    assert_close(crf.marginals(e, offset).sum(1), torch.ones(5_000))


@pytest.mark.parametrize("offset", [[0, 5], [0, 4, 4, 10], [1, 10]])
def test_offsets_that_do_not_fit_are_told(offset):
    with pytest.raises(ValueError, match=r"offset must go from 0 up to V"):
        a_crf().log_partition(torch.zeros(10, C), np.array(offset))


def test_a_mask_of_another_shape_is_told():
    with pytest.raises(ValueError, match=r"forbidden must be bool of shape \(3, 3\)"):
        a_crf(forbidden=torch.zeros(3, dtype=torch.bool))
