"""A chain of a million nodes, and pictures: nothing here recurses."""

import time
import xml.etree.ElementTree as ET

import pytest
import torch

from tests.core_cases import FORESTS
from treefold import Forest, ForestError

V = 1_000_000
SVG = "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(scope="module")
def chain() -> Forest:
    return Forest.from_lengths([V])


def test_a_chain_of_a_million_nodes_is_built_in_many_ways(chain):
    step = torch.arange(V)
    parents = step + 1
    parents[-1] = -1
    edges = torch.stack([step[1:], step[:-1]], dim=1)
    assert Forest.from_parents(parents) == chain
    assert Forest.from_edges(edges) == chain
    assert Forest.from_csr(chain.offset, chain.child) == chain
    assert chain.roots.tolist() == [V - 1]
    assert repr(chain) == (
        f"Forest(num_trees=1, num_nodes={V}, num_edges={V - 1}, num_levels={V})"
    )


def test_a_tree_nested_100_000_times_is_read():
    depth = 100_000
    tree = "leaf"
    for _ in range(depth - 1):
        tree = [tree]
    forest = Forest.from_trees([tree])
    assert forest.num_nodes == depth
    assert forest == Forest([[], *([v] for v in range(depth - 1))], trees=True)
    while isinstance(tree, list):  # as deep a list overflows the stack when freed whole
        tree = tree.pop()


def test_a_chain_of_a_million_nodes_is_validated(chain):
    child = chain.child.clone()
    child[V // 2] = V - 1  # a cycle through half of it
    with pytest.raises(ForestError, match=r"below itself: .* \(499992 more\)"):
        Forest.from_csr(chain.offset, child)


def test_a_chain_of_a_million_nodes_is_sorted_turned_shared_and_indexed(chain):
    start = time.process_time()
    assert chain.is_sorted
    turned = chain.transpose()
    assert not turned.is_sorted
    back, order = turned.sort()
    assert order[:2].tolist() == [V - 1, V - 2]
    assert back == chain
    shared, _, _ = Forest.cat([chain, chain]).share(torch.zeros(2 * V).long())
    assert shared.num_nodes == V
    assert shared.roots.tolist() == [V - 1, V - 1]
    assert shared[1] == chain
    assert chain[0] == chain
    assert chain[-1:].num_nodes == V
    assert len(chain.levels) == V
    assert chain.levels[V // 2].child.tolist() == [V // 2 - 1]
    assert int(chain.heights[-1]) == V - 1
    assert time.process_time() - start < 30  # a Python step per node would take longer


def test_many_structures_are_taken_apart():
    forest = Forest.from_lengths([3] * 2_000)
    assert forest[::2] == Forest.from_lengths([3] * 1_000)


def test_a_chain_of_a_million_nodes_is_drawn_as_a_summary(chain):
    picture = chain._repr_svg_()
    assert ET.fromstring(picture).tag == SVG
    assert len(picture) < 20_000
    assert "1,000,000" in picture


@pytest.mark.parametrize("children", FORESTS.values(), ids=FORESTS)
def test_every_forest_has_a_picture(children):
    forest = Forest(children)
    before = Forest(children)
    picture = ET.fromstring(forest._repr_svg_())
    assert picture.tag == SVG
    words = "".join(picture.itertext())
    for v in range(len(children)):
        assert str(v) in words
    assert forest == before
