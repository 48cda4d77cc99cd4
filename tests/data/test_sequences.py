"""Sequences laid end to end, and batches of them as chains."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from treefold.data.errors import DataError
from treefold.data.sequences import Sequences, chains, plan


@pytest.fixture
def four():
    """Four sequences of vectors, of 3, 1, 4 and 2 steps."""
    random = np.random.default_rng(0)
    return [random.normal(size=(T, 2)) for T in (3, 1, 4, 2)]


def test_sequences_are_read_back_as_they_were_laid(four):
    sequences = Sequences.of(four)
    assert len(sequences) == 4
    assert sequences.lengths.tolist() == [3, 1, 4, 2]
    for mine, given in zip(sequences, four, strict=True):
        np.testing.assert_array_equal(mine, given)
    np.testing.assert_array_equal(sequences[-1], four[3])


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ([2, 0, 2], [2, 0, 2]),
        (slice(1, 3), [1, 2]),
        (np.array([False, True, False, True]), [1, 3]),
        (np.empty(0, np.int64), []),
    ],
)
def test_several_are_taken_by_numbers_slices_and_masks(four, index, wanted):
    taken = Sequences.of(four)[index]
    assert len(taken) == len(wanted)
    for mine, b in zip(taken, wanted, strict=True):
        np.testing.assert_array_equal(mine, four[b])


def test_two_lots_are_put_together(four):
    both = Sequences.of(four).cat(Sequences.of(four[:2]))
    for mine, given in zip(both, four + four[:2], strict=True):
        np.testing.assert_array_equal(mine, given)


def test_an_empty_sequence_takes_its_place():
    sequences = Sequences.of([[], np.array([4, 5]), []])
    assert sequences.lengths.tolist() == [0, 2, 0]
    assert sequences.step.dtype == np.int64


def test_a_batch_by_falling_length_is_torchs_packed_batch(four):
    numbers = np.array([2, 0, 3, 1])
    forest, order, x = chains(Sequences.of(four), numbers)
    packed = pack_sequence([torch.from_numpy(four[b]) for b in numbers])
    torch.testing.assert_close(x, packed.data)
    sizes = [level.stop - level.start for level in forest.levels]
    assert sizes == packed.batch_sizes.tolist()
    together = torch.from_numpy(np.concatenate([four[b] for b in numbers]))
    torch.testing.assert_close(x, together[order])


def test_structures_stand_as_the_numbers_do(four):
    forest, _, x = chains(Sequences.of(four), np.array([1, 2, 0]))
    assert forest.is_sorted
    for structure, b in enumerate([1, 2, 0]):
        mine = x[forest.tree == structure]
        torch.testing.assert_close(mine, torch.from_numpy(four[b]))
    torch.testing.assert_close(
        x[forest.roots], torch.stack([torch.from_numpy(four[b][-1]) for b in (1, 2, 0)])
    )


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("window", [1, 4])
def test_a_plan_has_every_sequence_once(seed, window):
    lengths = np.random.default_rng(1).integers(1, 50, 103)
    batches = plan(lengths, 10, seed, 0, window=window)
    assert sorted(np.concatenate(batches).tolist()) == list(range(103))
    assert max(map(len, batches)) == 10
    for batch in batches:
        assert (np.diff(lengths[batch]) <= 0).all()


def test_seed_and_epoch_fix_the_plan():
    lengths = np.arange(1, 60)

    def planned(seed, epoch):
        return [batch.tolist() for batch in plan(lengths, 8, seed, epoch, window=2)]

    assert planned(0, 1) == planned(0, 1)
    assert planned(0, 1) != planned(0, 2)
    assert planned(0, 1) != planned(1, 1)


def test_a_window_makes_batches_of_like_lengths():
    lengths = np.random.default_rng(1).integers(1, 100, 400)

    def spread(window):
        return np.mean([np.ptp(lengths[b]) for b in plan(lengths, 20, 0, 0, window)])

    assert spread(20) < spread(1) / 4


@pytest.mark.parametrize(
    ("step", "offset", "message"),
    [
        (np.zeros(3), np.array([0, 2]), "end with the number of steps, 3, got 2"),
        (np.zeros(3), np.array([1, 3]), "begin with 0"),
        (np.zeros(3), np.array([0, 4, 3]), "do not fall"),
        (np.zeros(0), np.empty(0, np.int64), "one more than there are sequences"),
    ],
)
def test_offsets_that_do_not_fit_are_told(step, offset, message):
    with pytest.raises(DataError, match=message):
        Sequences(step, offset)


def test_steps_of_different_shapes_are_told():
    with pytest.raises(DataError, match=r"same shape, got \(2,\) and \(3,\)"):
        Sequences.of([np.zeros((4, 2)), np.zeros((1, 3))])


def test_a_single_number_is_no_sequence():
    with pytest.raises(DataError, match="expected a list of steps"):
        Sequences.of([np.array(3)])


def test_no_sequences_at_all_is_told():
    with pytest.raises(DataError, match="expected sequences, got none"):
        Sequences.of([])


def test_sizes_of_batches_are_checked():
    with pytest.raises(ValueError, match="at least 1, got 0 and 1"):
        plan(np.ones(3, np.int64), 0, None, 0, window=1)
