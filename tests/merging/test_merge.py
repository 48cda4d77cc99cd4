"""Merging neighbours: the batched search against the definition and brute force."""

from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from treefold import Beam, Children, Greedy, Sample, State, fold
from treefold.cells import RecursiveCell
from treefold.merging import Merge, merge


class Net(Merge):
    """A small net that scores what it makes."""

    def __init__(self, size=3):
        super().__init__()
        self.linear = nn.Linear(2 * size, size)
        self.score = nn.Linear(size, 1)

    def forward(self, left, right):
        h = self.linear(torch.cat([left.h, right.h], dim=1)).tanh()
        return State(h), self.score(h).squeeze(1)


class Span(NamedTuple):
    h: Tensor
    begin: Tensor
    end: Tensor


class Gold(Merge):
    """Likes spans of a list best, whatever the vectors."""

    def __init__(self, spans):
        super().__init__()
        self.spans = spans

    def forward(self, left, right):
        spans = zip(left.begin.tolist(), right.end.tolist(), strict=True)
        score = torch.tensor([float(span in self.spans) for span in spans])
        return Span(left.h + right.h, left.begin, right.end), score


@st.composite
def graphs(draw):
    """Some connected graphs: a random tree of pieces, and a few more edges."""
    edges, structure = [], []
    for b in range(draw(st.integers(1, 4))):
        n, start = draw(st.integers(1, 7)), len(structure)
        structure += [b] * n
        for k in range(1, n):
            edges.append((start + draw(st.integers(0, k - 1)), start + k))
        for _ in range(draw(st.integers(0, n))):
            edges.append(tuple(start + draw(st.integers(0, n - 1)) for _ in range(2)))
    return torch.tensor(edges).view(-1, 2).T, torch.tensor(structure)


def same(found, expected):
    assert torch.equal(found.forest.child, expected.forest.child)
    assert torch.equal(found.forest.tree, expected.forest.tree)
    for name in ("score", "total"):
        assert_close(getattr(found, name), getattr(expected, name))
    assert_close(tuple(found.state), tuple(expected.state))


@settings(max_examples=40)
@given(
    graphs(),
    st.sampled_from([Greedy(), Beam(1), Beam(3), Beam(20)]),
    st.integers(0, 99),
)
def test_all_structures_together_are_merged_as_each_by_itself(graph, search, seed):
    edges, structure = graph
    torch.manual_seed(seed)
    step, state = Net(), torch.randn(len(structure), 3)

    def run(algorithm):
        return merge(
            step,
            state,
            edges=edges,
            structure=structure,
            search=search,
            algorithm=algorithm,
        )

    same(run("batched"), run("plain"))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 99))
@settings(max_examples=20)
def test_sequences_are_graphs_of_consecutive_pieces(lengths, seed):
    torch.manual_seed(seed)
    step, state = Net(), torch.randn(sum(lengths), 3)
    found = merge(step, state, lengths=lengths)
    same(found, merge(step, state, lengths=lengths, algorithm="plain"))
    N, forest = len(state), found.forest
    assert forest.num_trees == len(lengths)
    # Every node covers consecutive pieces, the left child's before the right child's.
    first, last = list(range(N)), list(range(N))
    for left, right in forest.child.view(-1, 2).tolist():
        assert last[left] + 1 == first[right]
        first.append(first[left])
        last.append(last[right])


def test_scores_and_states_are_those_of_a_fold_over_the_trees_found():
    cell = RecursiveCell(4, 4)
    rank = nn.Linear(4, 1)

    class Step(Merge):
        def forward(self, left, right):
            children = Children.of_pairs(left, right)
            state = cell(torch.zeros(len(left.h), 4), children)
            return state, rank(state.h).squeeze(1)

    leaves = torch.randn(12, 4)
    found = merge(Step(), leaves, lengths=[5, 7])
    folded = fold(cell, found.forest, leaves, nodes=torch.arange(12)).h
    assert_close(found.state.h, folded)
    merged = rank(folded[12:]).squeeze(1)
    assert_close(found.score[12:], merged)
    assert_close(found.total, torch.stack([merged[:4].sum(), merged[4:].sum()]))


def every_total(step, state):
    """Scores of all binary trees over a few pieces, by enumeration."""
    if len(state) == 1:
        return [(State(state), 0.0)]
    found = []
    for k in range(1, len(state)):
        for left, a in every_total(step, state[:k]):
            for right, b in every_total(step, state[k:]):
                above, score = step(left, right)
                found.append((above, a + b + score.item()))
    return found


def test_a_wide_beam_finds_the_best_of_all_trees():
    step = Net()
    for length in (2, 4, 5):
        state = torch.randn(length, 3)
        best = max(total for _, total in every_total(step, state))
        total = merge(step, state, lengths=[length], search=Beam(200)).total
        assert_close(total.item(), best)


def test_a_wider_beam_is_never_worse_than_greedy_here():
    step, state = Net(), torch.randn(30, 3)
    greedy = merge(step, state, lengths=[10] * 3).total
    assert (merge(step, state, lengths=[10] * 3, search=Beam(8)).total >= greedy).all()


def test_a_state_may_carry_what_a_score_needs():
    spans = {(0, 2), (3, 5), (0, 5)}
    place = torch.arange(5)
    state = Span(torch.ones(5, 1), place, place + 1)
    found = merge(Gold(spans), state, lengths=[5])
    got = {*zip(found.state.begin.tolist(), found.state.end.tolist(), strict=True)}
    assert spans < got
    assert found.total.item() == 3


def test_of_equal_scores_the_first_pair_wins():
    found = merge(
        Gold(set()), Span(torch.ones(4, 1), *[torch.arange(4)] * 2), lengths=[4]
    )
    assert found.forest.child.tolist() == [0, 1, 4, 2, 5, 3]


def test_one_piece_and_no_piece():
    alone = merge(Net(), torch.randn(2, 3), lengths=[1, 1])
    assert alone.forest.num_trees == 2
    assert alone.total.tolist() == [0, 0]
    nothing = merge(Net(), torch.randn(0, 3), lengths=[])
    assert nothing.forest.num_nodes == 0


def test_pairs_are_looked_at_once():
    looked = []

    class Counting(Net):
        def forward(self, left, right):
            looked.append(len(left.h))
            return super().forward(left, right)

    merge(Counting(), torch.randn(6, 3), lengths=[6], search=Beam(1000))
    # Of six pieces there are 5 + 4 + ... spans, each made of every pair of trees.
    catalan = [1, 1, 2, 5, 14, 42]
    most = sum((6 - size + 1) * catalan[size - 1] for size in range(2, 7))
    assert sum(looked) == most


def test_a_score_of_minus_infinity_is_a_last_resort():
    class Forbid(Merge):
        def forward(self, left, right):
            bad = (left.h == 0).any(dim=1)
            return State(left.h + right.h), torch.where(bad, -torch.inf, 1.0)

    found = merge(Forbid(), torch.tensor([[0.0], [1.0], [2.0]]), lengths=[3])
    assert found.forest.child.tolist() == [1, 2, 0, 3]
    assert found.total.item() == -torch.inf


def test_gradients_are_left_out():
    state = torch.randn(3, 3, requires_grad=True)
    assert not merge(Net(), state, lengths=[3]).total.requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either lengths, for sequences, or edges.*got neither"),
        ({"lengths": [3], "edges": torch.zeros(2, 0)}, "got both"),
        ({"lengths": [2]}, "lengths add up to 2, but state has 3 rows"),
        ({"lengths": [3, 0]}, r"each at least 1, got \[3, 0\]"),
        ({"edges": torch.zeros(3, 2)}, r"edges must be \(2, E\), got \(3, 2\)"),
        ({"edges": torch.tensor([[0], [3]])}, r"edge 0 is \[0, 3\]"),
        (
            {"edges": torch.tensor([[0], [1]])},
            "structure 0 do not hang together.*from piece 0 to piece 2",
        ),
        (
            {
                "edges": torch.tensor([[0, 1], [1, 2]]),
                "structure": torch.tensor([0, 0, 1]),
            },
            "pieces 1 and 2 are neighbours, but of structures 0 and 1",
        ),
        (
            {
                "edges": torch.tensor([[0], [1]]),
                "structure": torch.tensor([0, 0, 2]),
            },
            "ascending from 0 without a gap",
        ),
    ],
)
def test_what_does_not_fit_is_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        merge(Net(), torch.randn(3, 3), **arguments)


def test_other_kinds_of_arguments_are_told():
    with pytest.raises(TypeError, match=r"search must be Greedy\(\) or Beam"):
        merge(Net(), torch.randn(3, 3), lengths=[3], search=Sample())  # pyright: ignore
    with pytest.raises(TypeError, match=r"step must be a treefold\.Merge"):
        merge(nn.Linear(3, 3), torch.randn(3, 3), lengths=[3])  # pyright: ignore
    with pytest.raises(TypeError, match="state must be a NamedTuple"):
        merge(Net(), [1, 2, 3], lengths=[3])  # pyright: ignore


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lengths": [1.5, 1.5]}, r"lengths must be whole numbers, got \[1\.5, 1\.5\]"),
        ({"lengths": ["3"]}, r"lengths must be whole numbers, got \['3'\]"),
        ({"edges": [[0.5], [1]]}, "edges must be whole numbers"),
        (
            {"edges": [[0, 1], [1, 2]], "structure": [0.0, 0.0, 0.5]},
            "structure must be whole numbers",
        ),
    ],
)
def test_numbers_that_are_not_whole_are_told(arguments, message):
    with pytest.raises(TypeError, match=message):
        merge(Net(), torch.randn(3, 3), **arguments)


def test_a_beam_may_be_wider_than_there_are_ways():
    state, step = torch.randn(5, 3), Net()
    wide = merge(step, state, lengths=[5], search=Beam(10**12))
    same(wide, merge(step, state, lengths=[5], search=Beam(1000)))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            lambda s: (s, torch.zeros(7)),
            r"score for each of the 2 pairs, got shape \(7,\)",
        ),
        (lambda s: (s, torch.full((2,), torch.nan)), "a score that is nan"),
        (
            lambda s: (State(s.h[:, :1]), torch.zeros(2)),
            r"return h of the shape.*\(2, 3\)",
        ),
        (lambda s: (s.h, torch.zeros(2)), "states of the kind that it gets, State"),
        (lambda s: s.h, "the parents' states and their scores, got Tensor"),
    ],
)
def test_a_step_that_returns_something_else_is_told(result, message):
    class Bad(Merge):
        def forward(self, left, right):
            return result(left)

    with pytest.raises((TypeError, ValueError), match=message):
        merge(Bad(), torch.randn(3, 3), lengths=[3])
