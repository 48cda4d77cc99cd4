"""torch's packed batches and forests of chains, in both directions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import PackedSequence, pack_sequence, unpack_sequence
from torch.testing import assert_close

from treefold import Forest, ForestError

lengths = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def sequences(lengths: list[int]) -> list[torch.Tensor]:
    return [torch.randn(T, 2) for T in lengths]


@given(lengths)
def test_a_packed_batch_is_a_forest_of_chains(lengths):
    parts = sequences(lengths)
    packed = pack_sequence(parts, enforce_sorted=False)
    forest = Forest.from_packed_sequence(packed)
    assert forest.is_sorted
    assert len(forest) == len(lengths)
    assert forest.levels.sizes.tolist() == packed.batch_sizes.tolist()
    for b, part in enumerate(parts):  # structure b is sequence b, in its first order
        rows = packed.data[forest.tree == b]
        assert_close(rows, part)
        assert forest[b] == Forest.from_lengths([len(part)])
        assert_close(packed.data[forest.roots[b]], part[-1])
    assert forest.child.tolist() == sorted(forest.child.tolist())


def test_sequences_sorted_before_need_no_order():
    packed = pack_sequence(sequences([4, 2, 2]))
    assert packed.sorted_indices is None
    forest = Forest.from_packed_sequence(packed)
    assert forest.tree.tolist() == [0, 1, 2, 0, 1, 2, 0, 0]


@given(lengths)
def test_there_and_back_shares_the_data(lengths):
    packed = pack_sequence(sequences(lengths), enforce_sorted=False)
    again = Forest.from_packed_sequence(packed).to_packed_sequence(packed.data)
    assert again.data.data_ptr() == packed.data.data_ptr()
    assert again.batch_sizes.tolist() == packed.batch_sizes.tolist()
    for got, wanted in zip(
        unpack_sequence(again), unpack_sequence(packed), strict=True
    ):
        assert_close(got, wanted)


@given(lengths, st.randoms(use_true_random=False))
def test_chains_in_any_numbering_are_packed(lengths, random):
    parts = sequences(lengths)
    chains = Forest.from_lengths(lengths)
    place = random.sample(range(chains.num_nodes), chains.num_nodes)
    parents = [-1] * chains.num_nodes
    for v in range(chains.num_nodes):
        if chains.arities[v]:
            parents[place[v - 1]] = place[v]
    forest = Forest.from_parents(parents)
    # The structures of the shuffled forest are numbered by their smallest nodes.
    data = torch.empty(chains.num_nodes, 2)
    data[torch.tensor(place)] = torch.cat(parts)
    packed = forest.to_packed_sequence(data)
    assert isinstance(packed, PackedSequence)
    unpacked = unpack_sequence(packed)
    start = torch.tensor([0, *lengths]).cumsum(0)
    for b, part in enumerate(parts):
        structure = int(forest.tree[place[start[b]]])
        assert_close(unpacked[structure], part)


@given(lengths)
def test_a_transposed_chain_is_packed_from_its_end(lengths):
    parts = sequences(lengths)
    forest = Forest.from_lengths(lengths).transpose()
    unpacked = unpack_sequence(forest.to_packed_sequence(torch.cat(parts)))
    for got, part in zip(unpacked, parts, strict=True):
        assert_close(got, part.flip(0))


def test_gradients_pass_through_packing():
    data = torch.randn(5, 2, requires_grad=True)
    packed = Forest.from_lengths([2, 3]).to_packed_sequence(data)
    (g,) = torch.autograd.grad((packed.data * torch.arange(5.0)[:, None]).sum(), data)
    # Packed by falling length: steps of the second sequence come first in each level.
    assert g[:, 0].tolist() == [1, 3, 0, 2, 4]


NO_CHAINS = {
    "two children": (Forest([[], [], [0, 1]]), 2),
    "two parents": (Forest([[], [0], [0]]), 0),
    "a double edge": (Forest([[], [0, 0]]), 0),
    "two chains in one structure": (Forest.from_csr([0, 0, 0], [], [0, 0]), 1),
    "equal chains shared": (
        Forest.from_lengths([2, 2]).share(torch.tensor([0, 1, 0, 1]))[0],
        1,
    ),
    "a chain within another": (
        Forest.from_lengths([2, 1]).share(torch.tensor([0, 1, 0]))[0],
        0,
    ),
}


@pytest.mark.parametrize(("forest", "node"), NO_CHAINS.values(), ids=NO_CHAINS)
def test_what_are_no_chains_is_told(forest, node):
    with pytest.raises(ForestError, match=f"holds chains, but node {node} has"):
        forest.to_packed_sequence(torch.ones(forest.num_nodes, 1))


def test_another_number_of_rows_is_told():
    with pytest.raises(ForestError, match="data has 4 rows for 3 nodes"):
        Forest.from_lengths([3]).to_packed_sequence(torch.ones(4, 1))
