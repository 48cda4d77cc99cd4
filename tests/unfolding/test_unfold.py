"""What unfold returns, against loops by hand; limits; messages."""

from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.unfolding.steps import H, RandomStep
from treefold import Beam, Decision, Greedy, Sample, State, Step, unfold
from treefold.unfolding import sequences


def test_greedy_is_the_loop_one_would_write():
    step, state = RandomStep(4, end=0), torch.randn(6, H)
    found = unfold(step, state, max_depth=7)
    for b, labels in enumerate(sequences(found.forest, found.labels)):
        h, last, came, log_prob = state[b : b + 1], torch.tensor([-1]), [], 0.0
        for _ in range(7):
            zero = torch.tensor([0])
            got = step(State(h), last, zero, zero + b, None)
            last = got.logits.argmax(-1)
            log_prob = log_prob + got.logits.log_softmax(-1).max()
            h = step.below(got.state, last).h[:, 0]
            came.append(int(last))
            if last == 0:
                break
        assert labels.tolist() == came
        assert bool(found.complete[b]) == (came[-1] == 0)
        assert_close(found.score[b], log_prob)


def test_the_root_is_the_first_step_and_the_transpose_follows_time():
    found = unfold(RandomStep(3), torch.randn(2, H), max_depth=3)
    assert found.forest.roots.tolist() == [0, 3]
    assert found.forest.child.tolist() == [1, 2, 4, 5]
    assert found.forest.transpose().roots.tolist() == [2, 5]
    forest, labels, state = found
    assert forest is found.forest
    assert labels is found.labels
    assert state is found.state


def test_children_keep_their_slots():
    class Right(Step):
        num_slots = 3

        def forward(self, state, previous, slot, tree, context):
            exists = torch.tensor([[-1.0, 1.0, 1.0]]).expand(len(tree), 3)
            return Decision(state, torch.zeros(len(tree), 2), exists)

    forest, _, _ = unfold(Right(), torch.zeros(1, 1), max_depth=2)
    assert forest.slot.tolist() == [1, 2]


@pytest.mark.parametrize("search", [Greedy(), Sample(), Beam(2)])
def test_limits_cut_breadth_first_and_are_told(search):
    step, state = RandomStep(2, 2), torch.randn(2, H)
    found = unfold(step, state, max_depth=9, max_nodes=4, search=search)
    assert found.forest[1].child.tolist() == [1, 2, 3]
    assert found.complete.tolist() == [False, False]
    assert unfold(step, state, max_depth=3).forest.num_nodes == 14


def test_sequences_leave_out_the_end_where_it_is_named():
    found = unfold(RandomStep(2, end=0), torch.randn(9, H), max_depth=4)
    whole = sequences(found.forest, found.labels)
    short = sequences(found.forest, found.labels, end=0)
    assert any(len(a) > len(b) for a, b in zip(whole, short, strict=True))
    assert all(0 not in labels for labels in short)


def test_previous_is_what_comes_before_the_root():
    step, state = RandomStep(4), torch.zeros(1, H)
    first, second = unfold(step, state, max_depth=2).labels.tolist()
    after = unfold(step, state, max_depth=1, previous=torch.tensor([first]))
    h = step(State(state), torch.tensor([first]), *torch.zeros(2, 1).long(), None)
    assert after.labels.tolist() == h.logits.argmax(-1).tolist()
    assert second in range(4)


STATE = torch.zeros(2, H, dtype=torch.float64)


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        ({"max_depth": 0}, ValueError, "max_depth must be at least 1"),
        ({"max_nodes": 0}, ValueError, "max_nodes must be at least 1"),
        ({"max_depth": 2.5}, TypeError, r"max_depth must be a whole number, got 2\.5"),
        ({"max_nodes": "9"}, TypeError, "max_nodes must be a whole number, got '9'"),
        ({"previous": [0, 1]}, TypeError, "a tensor of labels, got list"),
        ({"search": Greedy}, TypeError, r"search must be Greedy\(\).* got Greedy"),
        ({"search": "beam"}, TypeError, "got str"),
        ({"state": [1.0]}, TypeError, "a NamedTuple of tensors, or a tensor, got list"),
        ({"state": torch.zeros(())}, ValueError, "a row for each structure"),
        ({"previous": torch.zeros(3)}, ValueError, "each of the 2 structures"),
        ({"algorithm": "fast"}, ValueError, "\"recursive\", got 'fast'"),
        ({"step": nn.Linear(1, 1)}, TypeError, "step must be a treefold.Step"),
        (
            {"step": RandomStep(2, 11), "search": Beam(2)},
            ValueError,
            "at most 10 slots, got num_slots = 11",
        ),
    ],
)
def test_what_does_not_fit_is_told(given, kind, told):
    step = RandomStep(2).double()
    given = {"step": step, "state": STATE, "max_depth": 3, **given}
    with pytest.raises(kind, match=told):
        unfold(**given)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Sample(temperature=0.0), r"temperature must be .* search=Greedy\(\)"),
        (lambda: Sample(top_k=0), "top_k must be at least 1"),
        (lambda: Sample(top_p=0.0), r"top_p must be a probability in \(0, 1\]"),
        (lambda: Beam(0), "width must be at least 1"),
        (lambda: Beam(2, -1.0), "length_penalty must be at least 0"),
    ],
)
def test_a_search_out_of_range_is_told(make, told):
    with pytest.raises(ValueError, match=told):
        make()


class Returning(Step):
    def __init__(self, value: Any, below: Any = None):
        super().__init__()
        self.value, self.start = value, below

    def forward(self, state, previous, slot, tree, context):
        return self.value

    def below(self, state, label):
        return super().below(state, label) if self.start is None else self.start


GOOD, LOGITS = State(STATE), torch.zeros(2, 3)


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        ((GOOD, LOGITS), TypeError, r"must return a treefold.Decision\(.* got tuple"),
        (Decision(STATE, LOGITS), TypeError, "a NamedTuple of tensors, got Tensor"),
        (Decision(State(STATE[:0]), LOGITS), ValueError, "for each of the . nodes"),
        (Decision(GOOD, LOGITS[:, 0]), ValueError, r"logits of \(., C\)|with a row"),
        (Decision(GOOD, LOGITS[:, :0]), ValueError, r"logits of \(., C\)|with a row"),
        (Decision(GOOD, LOGITS, LOGITS), ValueError, "exists of|with a row"),
    ],
)
def test_a_step_that_returns_no_decision_is_told(value, kind, told, algorithm):
    with pytest.raises(kind, match=told):
        unfold(Returning(value), STATE, max_depth=2, algorithm=algorithm)


def test_logits_that_are_whole_numbers_are_told():
    with pytest.raises(TypeError, match=r"logits of floating point, got torch\.int64"):
        unfold(Returning(Decision(GOOD, LOGITS.long())), STATE, max_depth=2)


def test_a_step_moves_and_changes_dtype_as_any_module():
    step = RandomStep(2).float()
    assert step.embed.dtype == torch.float32
    assert not step.eval().training


def test_children_of_another_shape_are_told():
    step = Returning(Decision(GOOD, LOGITS), below=GOOD)
    with pytest.raises(ValueError, match=r"below must return fields of \(2, 1, "):
        unfold(step, STATE, max_depth=2)


@pytest.mark.parametrize("algorithm", ["batched", "recursive"])
@pytest.mark.parametrize("search", [Greedy(), Sample(), Beam(2)])
@pytest.mark.parametrize("logit", [torch.nan, -torch.inf])
def test_logits_that_allow_nothing_are_told(logit, search, algorithm):
    step = Returning(Decision(State(STATE[:1]), torch.full((1, 3), logit)))
    with pytest.raises(ValueError, match="structure 0 no label has a probability"):
        unfold(step, STATE[:1], max_depth=1, search=search, algorithm=algorithm)


def test_a_beam_over_labels_chosen_otherwise_is_told():
    class Own(RandomStep):
        def choose(self, logits, search, draws):
            return logits, logits.sum(1)

    with pytest.raises(TypeError, match="a beam compares classes"):
        unfold(Own(2), torch.zeros(1, H), max_depth=2, search=Beam(2))
    step = cast(Any, Own(2, end=0))
    with pytest.raises(ValueError, match=r"end is 0, but its labels are vectors"):
        unfold(step, torch.zeros(1, H), max_depth=2)
