"""Binary trees over sentences, and how well their phrases agree with known ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data.bracketing import (
    agreement,
    branching,
    crossing,
    of_phrases,
    spans,
)

KINDS = ("left", "right", "balanced", "random")


def phrases_of(forest, num_words):
    return {tuple(span) for span in spans(forest, num_words)[num_words:].tolist()}


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
)
def test_a_bracketing_is_a_binary_tree_over_each_sentence(lengths, kind, seed):
    lengths = np.array(lengths)
    N, B = lengths.sum(), len(lengths)
    forest = branching(lengths, kind, seed)
    assert (forest.num_trees, forest.num_nodes) == (B, 2 * N - B)
    assert forest.leaves.tolist() == list(range(N))
    assert set(forest.arities[N:].tolist()) <= {2}
    above = np.repeat(np.arange(N, 2 * N - B), 2)
    assert (forest.child.numpy() < above).all()
    end = np.cumsum(lengths)
    begin = end - lengths
    root = spans(forest, N)[forest.roots.numpy()]
    assert root.tolist() == np.stack([begin, end], axis=1).tolist()
    # Neighbours only are associated: the right part begins where the left one ends.
    left, right = (
        spans(forest, N)[forest.child.numpy()].reshape(-1, 2, 2).swapaxes(0, 1)
    )
    assert (left[:, 1] == right[:, 0]).all()


def test_branchings_are_what_they_are_called():
    four = np.array([4])
    assert phrases_of(branching(four, "right"), 4) == {(0, 4), (1, 4), (2, 4)}
    assert phrases_of(branching(four, "left"), 4) == {(0, 4), (0, 3), (0, 2)}
    assert phrases_of(branching(four, "balanced"), 4) == {(0, 4), (0, 2), (2, 4)}


def test_random_trees_are_fixed_by_their_seed_and_take_every_form():
    lengths = np.full(300, 4)
    same = [branching(lengths, "random", 3).child.tolist() for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != branching(lengths, "random", 4).child.tolist()
    found = spans(branching(lengths, "random", 3), 1200)[1200:]
    inner = found[found[:, 1] - found[:, 0] < 4] % 4
    assert {(i, j or 4) for i, j in inner.tolist()} == {
        (0, 2), (1, 3), (2, 4), (0, 3), (1, 4),
    }  # fmt: skip


@st.composite
def known_phrases(draw):
    """A sentence's length, and phrases of it that do not cross."""
    length = draw(st.integers(2, 9))
    tree = branching(np.array([length]), "random", draw(st.integers(0, 99)))
    all_of = sorted(phrases_of(tree, length) - {(0, length)})
    kept = draw(st.lists(st.sampled_from(all_of), unique=True)) if all_of else []
    return length, kept


@given(st.lists(known_phrases(), min_size=1, max_size=4))
def test_known_phrases_stand_in_their_bracketing(given_phrases):
    lengths = np.array([length for length, _ in given_phrases])
    phrases = [kept for _, kept in given_phrases]
    forest = of_phrases(lengths, phrases)
    begin = np.cumsum(lengths) - lengths
    wanted = {
        (i + b, j + b) for b, some in zip(begin, phrases, strict=True) for i, j in some
    }
    assert wanted <= phrases_of(forest, lengths.sum())
    assert not crossing(forest, lengths, phrases).any()
    assert forest.num_nodes == 2 * lengths.sum() - len(lengths)
    assert agreement(forest, lengths, phrases).recall == (1.0 if wanted else 0.0)


def test_within_a_phrase_the_known_bracketing_branches_to_the_right():
    forest = of_phrases(np.array([5]), [[(1, 4)]])
    assert phrases_of(forest, 5) == {(0, 5), (1, 5), (1, 4), (2, 4)}


def test_an_association_crosses_what_it_overlaps_in_part():
    forest = branching(np.array([4, 3]), "left")  # (0, 2) (0, 3) and (4, 6)
    bad = crossing(forest, np.array([4, 3]), [[(1, 3)], [(0, 2)]])
    assert {tuple(s) for s in spans(forest, 7)[bad].tolist()} == {(0, 2)}


def test_agreement_is_counted_by_hand():
    # Three sentences: right-branching has (1, 4) (2, 4), then (1, 3), then none.
    lengths = np.array([4, 3, 2])
    found = branching(lengths, "right")
    agreed = agreement(found, lengths, [[(1, 4)], [(0, 2)], []])
    assert agreed.f1 == pytest.approx((2 * 0.5 * 1 / 1.5 + 0) / 2)
    assert agreed.corpus_f1 == pytest.approx(2 * 1 / (3 + 2))
    assert agreed.recall == pytest.approx(1 / 2)
    again = agreement(spans(found, 9)[9:], lengths, [[(1, 4)], [(0, 2)], []])
    assert again == agreed


def test_what_cannot_be_bracketed_is_told():
    with pytest.raises(ValueError, match="kind must be one of left, right"):
        branching(np.array([2]), "up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lengths must be at least 1"):
        branching(np.array([2, 0]), "left")
    with pytest.raises(ValueError, match="needs a seed"):
        branching(np.array([2]), "random")
