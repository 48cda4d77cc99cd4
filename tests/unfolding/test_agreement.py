"""Every path agrees with the definition: structures, labels, scores, gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from tests.unfolding.steps import H, PairStep, RandomStep
from treefold import Beam, Greedy, Sample, unfold
from treefold.unfolding import Unfolding

SEARCHES = {
    "greedy": Greedy(),
    "sample": Sample(generator=torch.Generator()),
    "sample-cut": Sample(0.7, 3, 0.8, torch.Generator()),
    "beam-1": Beam(1),
    "beam-3": Beam(3),
    "beam-penalty": Beam(4, length_penalty=0.7),
}


@st.composite
def steps(draw: st.DrawFn) -> tuple[RandomStep, int, int | None]:
    """Random steps, with a depth and a number of nodes that keep them small."""
    torch.manual_seed(draw(st.integers(0, 10_000)))
    K = draw(st.integers(1, 3))
    step = RandomStep(
        classes=draw(st.integers(1, 4)),
        num_slots=K,
        end=draw(st.sampled_from([None, 0])),
        exists=draw(st.booleans()) or K == 3,
        attends=draw(st.booleans()),
    )
    return step, 5 if K == 1 else 3, draw(st.sampled_from([None, 1, 4]))


def both_ways(step, state, search, **others) -> tuple[Unfolding, Unfolding]:
    found = []
    for algorithm in ("batched", "recursive"):
        if isinstance(search, Sample):
            assert search.generator is not None
            search.generator.manual_seed(3)
        found.append(unfold(step, state, search=search, algorithm=algorithm, **others))
    return found[0], found[1]


def assert_same(one: Unfolding, other: Unfolding) -> None:
    assert one.forest == other.forest
    assert_close(one.labels, other.labels)
    assert_close(tuple(one.state), tuple(other.state))
    assert_close(one.log_prob, other.log_prob)
    assert_close(one.score, other.score)
    assert torch.equal(one.complete, other.complete)


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
@settings(max_examples=12)
@given(steps())
def test_structures_and_gradients_are_those_of_the_definition(search, drawn):
    step, max_depth, max_nodes = drawn
    state = torch.randn(3, H, requires_grad=True)
    context = torch.randn(3, H, requires_grad=True)
    one, other = both_ways(
        step, state, search, max_depth=max_depth, max_nodes=max_nodes, context=context
    )
    assert_same(one, other)
    ends = [state, context, *step.parameters()]

    def gradients(found: Unfolding) -> tuple[Tensor, ...]:
        value = found.score.sin().sum() + found.state.h.square().sum()
        return torch.autograd.grad(
            value, ends, allow_unused=True, materialize_grads=True
        )

    assert_close(gradients(one), gradients(other))


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_states_may_have_several_fields_of_any_shape(search):
    step = PairStep()
    start = step.start(torch.randn(3, H))
    one, other = both_ways(step, start, search, max_depth=3)
    assert_same(one, other)
    assert one.state.depth.tolist() == (one.state.depth[0] + levels(one)).tolist()


def levels(found: Unfolding) -> Tensor:
    """(V,) edges between each node and its root."""
    depth = torch.zeros_like(found.forest.tree)
    for v in range(found.forest.num_nodes):
        begin, end = found.forest.offset[v : v + 2].tolist()
        depth[found.forest.child[begin:end]] = depth[v] + 1
    return depth


@pytest.mark.parametrize("search", [Greedy(), Beam(2)])
def test_gradcheck(search):
    step = RandomStep(3, num_slots=2, exists=True)

    def log_prob(state: Tensor) -> Tensor:
        return unfold(step, state, max_depth=3, search=search).log_prob

    assert torch.autograd.gradcheck(log_prob, torch.randn(2, H, requires_grad=True))


def test_nothing_is_recorded_where_gradients_are_off():
    step = RandomStep(3, end=0)
    with torch.no_grad():
        found = unfold(step, torch.randn(2, H), max_depth=4)
    assert not found.log_prob.requires_grad
    assert not found.state.h.requires_grad


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_structures_do_not_see_each_other(search):
    step = RandomStep(4, num_slots=2, exists=True, attends=True)
    state, context = torch.randn(4, H), torch.randn(4, H)

    def grown(rows: int) -> Unfolding:
        if isinstance(search, Sample):
            assert search.generator is not None
            search.generator.manual_seed(1)
        return unfold(
            step, state[:rows], max_depth=4, search=search, context=context[:rows]
        )

    alone, together = grown(2), grown(4)
    assert alone.forest == together.forest[:2]
    assert_close(alone.labels, together.labels[: alone.forest.num_nodes])
    assert_close(alone.score, together.score[:2])


@pytest.mark.parametrize("K", [1, 2])
def test_a_beam_of_one_is_greedy_where_labels_do_not_end_branches(K):
    step = RandomStep(4, K, exists=True)
    state = torch.randn(5, H)
    greedy = unfold(step, state, max_depth=4)
    assert_same(greedy, unfold(step, state, max_depth=4, search=Beam(1)))


def test_no_structures_are_no_nodes():
    for search in SEARCHES.values():
        forest, labels, state = unfold(
            RandomStep(3), torch.zeros(0, H), max_depth=3, search=search
        )
        assert (forest.num_trees, len(labels), len(state.h)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("depth", "search"),
    [
        (5_000, Greedy()),
        (2_000, Beam(2)),
        pytest.param(100_000, Greedy(), marks=pytest.mark.slow),
    ],
)
def test_length_has_no_limit(depth, search):
    step = RandomStep(3)
    with torch.no_grad():
        forest, labels, _ = unfold(
            step, torch.zeros(1, H), max_depth=depth, search=search
        )
    assert len(labels) == depth
    assert len(forest.levels) == depth


def test_long_gradients_reach_the_start():
    step = RandomStep(3)
    with torch.no_grad():
        step.down.mul_(2)
    state = torch.zeros(1, H, requires_grad=True)
    unfold(step, state, max_depth=1_500).score.sum().backward()
    assert state.grad is not None
    assert state.grad.isfinite().all()
