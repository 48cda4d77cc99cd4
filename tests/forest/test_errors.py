"""What is no forest is told, with the nodes and the cure."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

from treefold import Forest, ForestError

LOOP = [*range(1, 20), 0]  # 0 -> 1 -> ... -> 19 -> 0

WRONG: dict[str, tuple[Any, str]] = {
    "cycle": (
        lambda: Forest([[], [2], [1], [0]]),
        r"a node is below itself: 1 -> 2 -> 1\. Remove one",
    ),
    "itself": (lambda: Forest([[0]]), r"a node is below itself: 0 -> 0\."),
    "long cycle": (
        lambda: Forest([[v] for v in LOOP]),
        r"0 -> 1 -> 2 -> 3 -> 4 -> 5 -> \(13 more\) -> 19 -> 0",
    ),
    "cycle far below": (
        lambda: Forest([[1], [2], [3], [2]]),
        r"below itself: 2 -> 3 -> 2\.",
    ),
    "cycle of parents": (lambda: Forest.from_parents([1, 0]), "0 -> 1 -> 0"),
    "cycle of edges": (lambda: Forest.from_edges([(0, 1), (1, 0)]), "0 -> 1 -> 0"),
    "cycle of a graph": (
        lambda: Forest.from_edges(nx.DiGraph([("a", "b"), ("b", "a")])),
        "0 -> 1 -> 0",
    ),
    "child too large": (
        lambda: Forest([[], [0, 5]]),
        r"node 1 has child 5, but the nodes are 0 to 1\.",
    ),
    "child below zero": (lambda: Forest([[], [-1]]), "node 1 has child -1"),
    "child of flat arrays": (
        lambda: Forest.from_csr([0, 1], [1]),
        "node 0 has child 1",
    ),
    "parent too large": (
        lambda: Forest.from_parents([3, -1, 0]),
        "node 0 has parent 3, but the nodes are 0 to 2, and -1 marks a root",
    ),
    "parent below -1": (lambda: Forest.from_parents([-1, -2]), "node 1 has parent -2"),
    "edge too large": (
        lambda: Forest.from_edges([(1, 0), (1, 2)], 2),
        "edge 1 is 1 -> 2, but the nodes are 0 to 1",
    ),
    "edge below zero": (lambda: Forest.from_edges([(-1, 0)]), "edge 0 is -1 -> 0"),
    "two parents": (
        lambda: Forest([[], [0], [0]], trees=True),
        r"node 0 has two parents, 1 and 2, .* or drop trees=True",
    ),
    "child twice": (
        lambda: Forest([[], [0, 0]], trees=True),
        "node 0 has two parents, 1 and 1",
    ),
    "two parents by edges": (
        lambda: Forest.from_edges([(1, 0), (2, 0)], trees=True),
        "node 0 has two parents",
    ),
    "two parents in flat arrays": (
        lambda: Forest.from_csr([0, 0, 1, 2], [0, 0], trees=True),
        "node 0 has two parents",
    ),
    "undirected": (
        lambda: Forest.from_edges(nx.Graph([(0, 1)])),
        "the graph has no directions; give a DiGraph",
    ),
    "lengths that do not add up": (
        lambda: Forest.from_lengths([2, 3], num_nodes=6),
        "the 2 lengths add up to 5, not to the 6 nodes expected",
    ),
    "length of zero": (
        lambda: Forest.from_lengths([2, 0]),
        "sequence 1 has length 0; a structure has at least one node",
    ),
    "length below zero": (
        lambda: Forest.from_lengths([-1]),
        "sequence 0 has length -1",
    ),
    "offset that falls": (lambda: Forest.from_csr([0, 2, 1], [0]), "never fall"),
    "offset that begins late": (lambda: Forest.from_csr([1, 1], [0]), "begin with 0"),
    "no offset": (lambda: Forest.from_csr([], []), "begin with 0"),
    "offset that ends early": (
        lambda: Forest.from_csr([0, 0, 1], [0, 0]),
        "offset ends with 1, but child has 2 entries",
    ),
    "structures for other nodes": (
        lambda: Forest.from_csr([0, 0, 1], [0], [0]),
        "a structure >= 0 for each of the 2 nodes",
    ),
    "structure below zero": (
        lambda: Forest.from_csr([0, 0], [], [-1]),
        "a structure >= 0",
    ),
    "structure without nodes": (
        lambda: Forest.from_csr([0, 0, 0], [], [0, 2]),
        "no node to structure 1",
    ),
    "edge between structures": (
        lambda: Forest.from_csr([0, 0, 0, 2], [0, 1], [0, 1, 0]),
        "the edge 2 -> 1 leads from structure 0 to structure 1",
    ),
    "slots for other edges": (
        lambda: Forest.from_csr([0, 0, 1], [0], slot=[0, 1]),
        "slot must give a number >= 0 for each of the 1 edges",
    ),
    "slot below zero": (
        lambda: Forest.from_csr([0, 0, 1], [0], slot=[-1]),
        "slot must give a number >= 0",
    ),
    "labels for other nodes": (
        lambda: Forest([[], [0]]).share(torch.tensor([1])),
        "one number per node, 2 in all, got 1",
    ),
    "forests on two devices": (
        lambda: Forest.cat([Forest([[]]), Forest([[]]).to("meta")]),
        "the forests are on cpu and meta; move them to one device",
    ),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_forest_is_told(make, message):
    with pytest.raises(ForestError, match=message):
        make()


def test_a_forest_error_is_a_value_error():
    assert issubclass(ForestError, ValueError)


@pytest.mark.parametrize("kind", ["itself", "deeper"])
def test_a_list_that_holds_itself_is_told(kind):
    endless: list[Any] = ["a"]
    endless.append(endless if kind == "itself" else [["b"], endless])
    with pytest.raises(
        ForestError, match="tree 1 has no end: a list lies inside itself"
    ):
        Forest.from_trees([("fine",), endless])


ANY: Any = Forest
OF_ANOTHER_KIND: dict[str, Any] = {
    "a float child": lambda: ANY([[], [0.0]]),
    "half a child": lambda: ANY([[], [0.5]]),
    "a string": lambda: ANY([[], ["0"]]),
    "a nested list": lambda: ANY([[], [[0]]]),
    "numbers for lists": lambda: ANY([1, 2]),
    "None": lambda: ANY([[], [None]]),
    "float parents": lambda: ANY.from_parents([1.0, -1.0]),
    "parents of two dimensions": lambda: ANY.from_parents([[1, -1]]),
    "one parent": lambda: ANY.from_parents(1),
    "bool parents": lambda: ANY.from_parents(np.array([False])),
    "float lengths": lambda: ANY.from_lengths([1.5]),
    "triples of edges": lambda: ANY.from_edges([(0, 1, 2)]),
    "float edges": lambda: ANY.from_edges(np.ones((2, 2))),
    "float labels": lambda: ANY([[]]).share(torch.tensor([0.5])),
}


@pytest.mark.parametrize("make", OF_ANOTHER_KIND.values(), ids=OF_ANOTHER_KIND)
def test_what_are_no_whole_numbers_is_told(make):
    with pytest.raises(TypeError, match=r"whole numbers|numbers of the nodes"):
        make()


FOREST: Any = Forest([[], [0], []])


@pytest.mark.parametrize("index", [2, -3, [0, 2], torch.tensor(5)])
def test_a_structure_that_is_not_there_is_told(index):
    with pytest.raises(IndexError, match=r"structure -?\d of a forest with 2"):
        _ = FOREST[index]


@pytest.mark.parametrize("mask", [[True], [True, False, True], np.ones((2, 1), bool)])
def test_a_mask_of_another_length_is_told(mask):
    with pytest.raises(IndexError, match="a mask must have an entry for each of the 2"):
        _ = FOREST[mask]


@pytest.mark.parametrize("index", [0.0, 1.7, "0", [0.5], None, [[0]]])
def test_an_index_of_another_kind_is_told(index):
    with pytest.raises(TypeError, match="whole numbers"):
        _ = FOREST[index]
