"""A wide beam finds what trying everything finds."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.unfolding.steps import Found, H, RandomStep, Table, every_structure
from treefold import Beam, unfold
from treefold.unfolding import Unfolding

STEPS = {
    "sequence with an end label": lambda: RandomStep(3, end=0),
    "sequence that may stop": lambda: RandomStep(2, exists=True),
    "sequence with both": lambda: RandomStep(2, end=1, exists=True),
    "binary tree that may stop": lambda: RandomStep(2, 2, exists=True),
    "binary tree with an end label": lambda: RandomStep(3, 2, end=0),
}


def of(found: Unfolding, b: int) -> Found:
    """One structure of an unfolding, as trying everything lists it."""
    nodes = (found.forest.tree == b).nonzero().flatten().tolist()
    parent: dict[int, tuple[int, int]] = dict.fromkeys(nodes, (-1, 0))
    for v in nodes:
        for e in range(*found.forest.offset[v : v + 2].tolist()):
            above = (v - nodes[0], int(found.forest.slot[e]))
            parent[int(found.forest.child[e])] = above
    return Found(
        float(found.log_prob[nodes].sum()),
        tuple(found.labels[nodes].tolist()),
        tuple(parent[v][0] for v in nodes),
        tuple(parent[v][1] for v in nodes),
        bool(found.complete[b]),
    )


def best_of(everything: list[Found], alpha: float) -> Found:
    def score(s: Found) -> tuple[bool, float]:
        return s.complete, s.log_prob * 6**alpha / (5 + len(s.labels)) ** alpha

    return max(everything, key=score)


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("name", STEPS)
def test_a_wide_beam_finds_the_best_structure(name, alpha, algorithm):
    max_depth = 2 if "tree" in name else 3
    step, state = STEPS[name](), torch.randn(2, H)
    with torch.no_grad():
        found = unfold(
            step,
            state,
            max_depth=max_depth,
            search=Beam(800, alpha),
            algorithm=algorithm,
        )
        for b in range(2):
            everything = list(every_structure(step, state[b : b + 1], max_depth))
            total = sum(torch.tensor(s.log_prob).exp() for s in everything)
            assert_close(total, torch.tensor(1.0))  # nothing left out, nothing twice
            best, got = best_of(everything, alpha), of(found, b)
            assert got[1:] == best[1:]
            assert got.log_prob == pytest.approx(best.log_prob)
            length = len(best.labels)
            wanted = best.log_prob * 6**alpha / (5 + length) ** alpha
            assert float(found.score[b]) == pytest.approx(wanted)


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
def test_a_wide_beam_finds_the_best_tree_of_depth_three(algorithm):
    step, state = RandomStep(1, 2, exists=True), torch.randn(1, H)
    with torch.no_grad():
        everything = list(every_structure(step, state, 3))
        assert len(everything) > 100
        found = unfold(step, state, max_depth=3, search=Beam(400), algorithm=algorithm)
    assert of(found, 0)[1:] == best_of(everything, 0.0)[1:]


# After 0 the best label is 1 (0.6), yet 2 leads on to the better whole.
GARDEN_PATH = {
    (): [0.0, 0.6, 0.4, 0.0],
    (1,): [0.3, 0.3, 0.4, 0.0],
    (2,): [0.9, 0.0, 0.0, 0.1],
}


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
def test_a_beam_sees_beyond_the_best_next_label(algorithm):
    step = Table(GARDEN_PATH)
    start = step.start(1)
    greedy = unfold(step, start, max_depth=2, algorithm=algorithm)
    beam = unfold(step, start, max_depth=2, search=Beam(2), algorithm=algorithm)
    assert greedy.labels.tolist() == [1, 2]
    assert not greedy.complete
    assert beam.labels.tolist() == [2, 0]
    assert beam.complete
    assert_close(beam.score.exp(), torch.tensor([0.36]))


# Alone, 0 (0.4) beats 1 0 (0.36); by length it does not.
SHORT_OR_LONG = {(): [0.4, 0.6], (1,): [0.6, 0.4]}


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
@pytest.mark.parametrize(("alpha", "labels"), [(0.0, [0]), (2.0, [1, 0])])
def test_a_length_penalty_favours_longer_ones(alpha, labels, algorithm):
    step = Table(SHORT_OR_LONG)
    found = unfold(
        step, step.start(1), max_depth=2, search=Beam(4, alpha), algorithm=algorithm
    )
    assert found.labels.tolist() == labels


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
def test_what_is_forbidden_does_not_come(algorithm):
    step = Table({(): [0.0, 1.0], (1,): [1.0, 0.0]})
    found = unfold(
        step, step.start(2), max_depth=5, search=Beam(9), algorithm=algorithm
    )
    assert found.labels.tolist() == [1, 0, 1, 0]
    assert_close(found.score, torch.zeros(2))


def test_a_source_is_attended_to_by_all_hypotheses_of_its_structure():
    seen: list[tuple[Tensor, Tensor]] = []

    class Watching(RandomStep):
        def forward(self, state, previous, slot, tree, context):
            seen.append((tree, context[tree]))
            return super().forward(state, previous, slot, tree, context)

    step = Watching(4, end=0, attends=True)
    context = torch.randn(3, H)
    unfold(step, torch.zeros(3, H), max_depth=4, search=Beam(3), context=context)
    assert max(len(tree) for tree, _ in seen) > 3  # hypotheses have multiplied
    for tree, rows in seen:
        assert (tree[1:] >= tree[:-1]).all()
        assert_close(rows, context[tree])
