"""Merging over graphs of neighbours: what must hold of any tree that is found."""

import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from treefold import Beam, Greedy, State, merge
from treefold.merging import Merge


class Sum(Merge):
    """Symmetric: a pair's score is known from its pieces, in any order."""

    def forward(self, left, right):
        h = left.h + right.h
        return State(h), -(h[:, 0] ** 2) + h[:, 1]


class Steps(Merge):
    """Scores of few values, so that most decisions are ties."""

    def forward(self, left, right):
        h = left.h + right.h
        return State(h), (h[:, 0] * 3).floor().remainder(2)


class Constant(Merge):
    def forward(self, left, right):
        return State(left.h + right.h), torch.zeros(len(left.h))


GRAPHS = {
    "path": nx.path_graph(9),
    "ring": nx.cycle_graph(9),
    "star": nx.star_graph(8),
    "complete": nx.complete_graph(8),
    "grid": nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 5)),
    "wheel": nx.wheel_graph(9),
    "barbell": nx.barbell_graph(4, 2),
    "pair": nx.path_graph(2),
    "petersen": nx.petersen_graph(),
}
SEARCHES = [Greedy(), Beam(2), Beam(7)]


def edges_of(graph):
    return torch.tensor(list(graph.edges)).view(-1, 2).T


def covered(found, num_pieces):
    """The pieces that each node covers."""
    sets = [{k} for k in range(num_pieces)]
    for left, right in found.forest.child.view(-1, 2).tolist():
        assert not sets[left] & sets[right]
        sets.append(sets[left] | sets[right])
    return sets


@st.composite
def connected(draw, most=12):
    """A connected graph of some pieces, numbered at random."""
    n = draw(st.integers(2, most))
    graph = nx.Graph([(draw(st.integers(0, k - 1)), k) for k in range(1, n)])
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    graph.add_edges_from(draw(st.lists(pairs, max_size=2 * n)))
    order = draw(st.permutations(range(n)))
    return nx.relabel_nodes(graph, dict(enumerate(order)))


@pytest.mark.parametrize("search", SEARCHES, ids=str)
@pytest.mark.parametrize("step", [Sum(), Steps(), Constant()], ids=type)
@pytest.mark.parametrize("name", GRAPHS)
def test_known_graphs_are_merged_as_defined(name, step, search):
    graph = GRAPHS[name]
    state = torch.randn(len(graph), 2)
    ours, theirs = (
        merge(step, state, edges=edges_of(graph), search=search, algorithm=way)
        for way in ("batched", "plain")
    )
    assert torch.equal(ours.forest.child, theirs.forest.child)
    assert_close(ours.score, theirs.score)


@settings(max_examples=60)
@given(connected(), st.sampled_from(SEARCHES), st.integers(0, 999))
def test_every_node_covers_pieces_that_hang_together(graph, search, seed):
    torch.manual_seed(seed)
    n = len(graph)
    found = merge(Steps(), torch.randn(n, 2), edges=edges_of(graph), search=search)
    sets = covered(found, n)
    assert len(sets) == 2 * n - 1
    assert sets[-1] == set(range(n))
    assert all(nx.is_connected(graph.subgraph(each)) for each in sets)
    for left, right in found.forest.child.view(-1, 2).tolist():
        assert min(sets[left]) < min(sets[right])
    assert_close(found.total[0], found.score.sum())


@settings(max_examples=40)
@given(connected(), st.integers(0, 999))
def test_greedy_contracts_the_best_edge_again_and_again(graph, seed):
    torch.manual_seed(seed)
    state = torch.randn(len(graph), 2)
    found = merge(Sum(), state, edges=edges_of(graph))
    sets = covered(found, len(graph))
    graph = nx.Graph(graph)
    graph.remove_edges_from(nx.selfloop_edges(graph))
    graph = nx.relabel_nodes(graph, {k: frozenset([k]) for k in graph})

    def score(pair):
        h = state[sorted(pair[0] | pair[1])].sum(dim=0)
        return float(-(h[0] ** 2) + h[1])

    for node in range(len(state), len(sets)):
        a, b = max(graph.edges, key=score)
        assert sets[node] == a | b
        assert found.score[node].item() == pytest.approx(score((a, b)))
        graph = nx.contracted_nodes(graph, a, b, self_loops=False)
        graph = nx.relabel_nodes(graph, {a: a | b})


@settings(max_examples=30)
@given(connected(), st.randoms(use_true_random=False), st.integers(0, 999))
def test_another_numbering_finds_the_same_pieces(graph, random, seed):
    torch.manual_seed(seed)
    n = len(graph)
    state, order = torch.randn(n, 2), list(range(n))
    random.shuffle(order)  # piece k becomes piece order[k]
    moved = torch.empty_like(state)
    moved[order] = state
    other = nx.relabel_nodes(graph, dict(enumerate(order)))
    first = merge(Sum(), state, edges=edges_of(graph))
    second = merge(Sum(), moved, edges=edges_of(other))
    ours = {frozenset(order[k] for k in each) for each in covered(first, n)}
    assert ours == set(map(frozenset, covered(second, n)))
    assert_close(first.total, second.total)


@settings(max_examples=30)
@given(connected(), st.sampled_from(SEARCHES), st.integers(0, 999))
def test_doubled_and_turned_edges_and_loops_change_nothing(graph, search, seed):
    torch.manual_seed(seed)
    state, edges = torch.randn(len(graph), 2), edges_of(graph)
    loop = torch.zeros(2, 1, dtype=torch.int64)
    more = torch.cat([edges.flip(0), loop, edges.flip(1)], dim=1)
    once = merge(Sum(), state, edges=edges, search=search)
    twice = merge(Sum(), state, edges=more, search=search)
    assert torch.equal(once.forest.child, twice.forest.child)


@settings(max_examples=30)
@given(connected(most=5), st.integers(0, 999))
def test_a_beam_of_all_hypotheses_finds_no_less_than_greedy(graph, seed):
    torch.manual_seed(seed)
    state, edges = torch.randn(len(graph), 2), edges_of(graph)
    greedy = merge(Sum(), state, edges=edges).total.item()
    # Five pieces stand together in at most 52 ways.
    wide = merge(Sum(), state, edges=edges, search=Beam(52)).total.item()
    assert wide >= greedy - 1e-9


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "do not hang together: no path of neighbours leads from piece 0 to"),
        ([(0, 1)], "to piece 2"),
        ([(0, 1), (2, 2)], "to piece 2"),
        ([(0, 1), (1, 3)], r"edge 1 is \[1, 3\]"),
        ([(0, 1), (-1, 2)], r"edge 1 is \[-1, 2\]"),
    ],
)
def test_graphs_that_make_no_tree_are_told(pairs, said):
    edges = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T
    with pytest.raises(ValueError, match=said):
        merge(Sum(), torch.randn(3, 2), edges=edges)


def test_a_large_grid_is_merged_in_moderate_time():
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(30, 30))
    found = merge(Sum(), torch.randn(900, 2), edges=edges_of(graph))
    assert found.forest.num_nodes == 1799
