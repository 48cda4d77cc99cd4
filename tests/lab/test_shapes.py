"""A chain and a balanced tree over the same steps."""

import pytest
import torch

from treefold import fold
from treefold.cells import RecursiveCell
from treefold.lab.shapes import balanced, over, sequences


@pytest.mark.parametrize("T", [1, 2, 3, 5, 8, 50, 200])
def test_a_balanced_tree_is_as_deep_as_the_logarithm(T):
    folded = over("tree", 3, T)
    assert folded.forest.num_trees == 3
    assert folded.forest.num_nodes == 3 * (2 * T - 1)
    assert len(folded.forest.levels) - 1 == (T - 1).bit_length()
    assert (folded.forest.arities[folded.forest.arities > 0] == 2).all()


def test_leaves_stand_in_their_order():
    def covered(v):
        below = children[v]
        return [leaf for k in below for leaf in covered(k)] if below else [v]

    children = balanced(11)
    assert covered(len(children) - 1) == list(range(11))


@pytest.mark.parametrize("shape", ["chain", "tree"])
def test_every_structure_reads_its_own_sequence(shape):
    B, T = 3, 6
    folded = over(shape, B, T)
    cell = RecursiveCell(1, 1, arity=None, activation="identity", input="affine")
    with torch.no_grad():
        for name, value in (("weight_ih", 1.0), ("weight_hh", 1.0), ("bias", 0.0)):
            getattr(cell, name).fill_(value)
    x = torch.rand(B, T, 1)
    h = fold(cell, folded.forest, x.flatten(0, 1)[folded.step], folded.nodes).h
    torch.testing.assert_close(h[folded.forest.roots], x.sum(1))


def test_states_of_a_chain_are_put_back_as_sequences():
    folded = over("chain", 3, 4)
    x = torch.arange(12).view(3, 4, 1)
    back = sequences(folded, x.flatten(0, 1)[folded.step], 3)
    assert torch.equal(back, x)
