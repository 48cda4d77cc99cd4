"""Deep, downward and inside-outside nets: against recursions written by hand."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from treefold import Forest, ForestError, TreeLSTM, TreeRNN
from treefold.cells import (
    Cell,
    ChildSumTreeLSTMCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)
from treefold.models import DeepRecursive
from treefold.models.deep import siblings

I_, H = 3, 4
STACKS = [
    ("up",),
    ("up", "up", "up"),
    ("up", "down"),
    ("up", "outside"),
    ("up", "down", "up"),
    ("up", "outside", "up", "down"),
]


@pytest.fixture
def forest() -> Forest:
    return Forest([[], [], [0, 1], [], [2, 3], [], [5], [], [9, 7, 10], [], []])


def new_cell(arity: int | None):
    return lambda size: RecursiveCell(size, H, arity=arity, input="affine")


def by_hand(net: DeepRecursive, forest: Forest, x: Tensor) -> Tensor:
    """The passes of a recursive net, one node at a time, as the papers write them."""
    offset, child = forest.offset.tolist(), forest.child.tolist()
    below = [child[a:b] for a, b in pairwise(offset)]
    parent = {c: (v, k) for v, cs in enumerate(below) for k, c in enumerate(cs)}
    order = sorted(range(len(below)), key=forest.heights.tolist().__getitem__)
    z = list(x)
    for number, (way, cell) in enumerate(zip(net.passes, net.cells, strict=True)):
        W, V, b = (
            cell.get_parameter(f"{n}") for n in ("weight_hh", "weight_ih", "bias")
        )

        def slot(k: int, W: Tensor = W) -> Tensor:
            return W if net.arity is None else W[:, k * H : (k + 1) * H]

        def read(value: Tensor, v: int, V: Tensor = V, later: bool = number > 0):
            if not (later and net.leaf_weights):
                return V @ value
            leaf, inner = V.chunk(2, dim=1)
            return (inner if below[v] else leaf) @ value

        new: dict[int, Tensor] = {}
        for v in order if way == "up" else order[::-1]:
            total = b
            if way == "up":
                for k, c in enumerate(below[v]):
                    total = total + slot(k) @ new[c]
            elif v in parent:
                p, k = parent[v]
                total = total + slot(k) @ new[p]
            if way != "outside":
                total = total + read(z[v], v)
            elif v in parent:
                p, k = parent[v]
                beside = [torch.zeros_like(z[v]) for _ in range(net.arity or 1)]
                for s, c in enumerate(below[p]):
                    if s != k:
                        at = 0 if net.arity is None else s
                        beside[at] = beside[at] + z[c]
                total = total + read(torch.cat(beside), v)
            new[v] = torch.tanh(total)
        z = [
            new[v] if way == "up" else torch.cat([z[v], new[v]])
            for v in range(len(below))
        ]
    return torch.stack(z)


@pytest.mark.parametrize("leaf_weights", [False, True])
@pytest.mark.parametrize("arity", [None, 3])
@pytest.mark.parametrize("passes", STACKS, ids=" ".join)
def test_passes_are_those_of_the_papers_node_by_node(
    forest, passes, arity, leaf_weights
):
    net = DeepRecursive(
        new_cell(arity), I_, passes, arity=arity, leaf_weights=leaf_weights
    )
    x = torch.randn(forest.num_nodes, I_, requires_grad=True)

    def value_and_gradients(states: Tensor):
        loss = (states * torch.linspace(-1, 1, states.numel()).view_as(states)).sum()
        return states, torch.autograd.grad(loss, [x, *net.parameters()])

    batched = value_and_gradients(net(forest, x))
    assert batched[0].shape == (forest.num_nodes, net.hidden_size)
    assert_close(batched, value_and_gradients(by_hand(net, forest, x)))


@pytest.mark.parametrize("arity", [None, 3])
def test_upward_passes_alone_are_a_stack(forest, arity):
    net = DeepRecursive(new_cell(arity), I_, ("up", "up"), arity=arity)
    stack = TreeRNN(I_, H, arity=arity, num_layers=2)
    stack.cells.load_state_dict(net.cells.state_dict())
    x = torch.randn(len(forest.leaves), I_)
    assert_close(net(forest, x, forest.leaves), stack(forest, x, forest.leaves)[0])


@pytest.mark.parametrize(
    "cell",
    [
        lambda size: ChildSumTreeLSTMCell(size, H),
        lambda size: NaryTreeLSTMCell(size, H, arity=3),
    ],
    ids=["child-sum", "n-ary"],
)
def test_any_cell_will_do_and_downward_it_reads_the_upward_state(forest, cell):
    net = DeepRecursive(cell, I_, ("up", "down"))
    x = torch.randn(forest.num_nodes, I_)
    h, g = net(forest, x).chunk(2, dim=1)
    up, down = net.cells
    assert isinstance(up, Cell)
    assert isinstance(down, Cell)
    layer = TreeLSTM(I_, H, arity=up.max_arity)
    layer.cells[0].load_state_dict(up.state_dict())
    assert_close(h, layer(forest, x)[0])
    layer = TreeLSTM(H, H, arity=up.max_arity)
    layer.cells[0].load_state_dict(down.state_dict())
    assert_close(g, layer(forest.transpose(), h)[0])


@pytest.mark.parametrize("passes", [("up", "down", "up"), ("up", "outside", "up")])
def test_every_node_sees_all_leaves_of_its_structure_and_no_other(forest, passes):
    net, leaves = DeepRecursive(new_cell(None), I_, passes), forest.leaves
    x = torch.randn(len(leaves), I_, requires_grad=True)
    for v in range(forest.num_nodes):
        (gradient,) = torch.autograd.grad(net(forest, x, leaves)[v].sum(), x)
        seen = gradient.abs().sum(1) > 0
        assert torch.equal(seen, forest.tree[leaves] == forest.tree[v])


def test_an_outer_state_is_blind_to_the_node_itself(forest):
    net = DeepRecursive(new_cell(3), I_, ("up", "outside"), arity=3)
    x = torch.randn(forest.num_nodes, I_, requires_grad=True)
    outer = net(forest, x)[:, H:]
    (gradient,) = torch.autograd.grad(outer[2].sum(), x)  # node 2 is over 0 and 1
    assert (gradient.abs().sum(1) > 0).nonzero().flatten().tolist() == [3]


def test_siblings_stand_in_their_slots_and_leave_the_own_one_empty():
    forest = Forest([[], [], [], [0, 1, 2]])
    z = torch.tensor([[1.0], [2.0], [3.0], [9.0]])
    found = siblings(forest, z, 4)
    assert found.tolist() == [[0, 2, 3, 0], [1, 0, 3, 0], [1, 2, 0, 0]]
    assert siblings(forest, z).flatten().tolist() == [5, 4, 3]


def test_rows_and_nodes_give_input_as_in_a_fold(forest):
    net = DeepRecursive(new_cell(3), I_, ("up", "down"), arity=3)
    x, leaves = torch.randn(2, I_), forest.leaves
    rows = torch.arange(len(leaves)) % 2
    whole = torch.zeros(forest.num_nodes, I_).index_copy(0, leaves, x[rows])
    assert_close(net(forest, x, leaves, rows=rows), net(forest, whole))


def test_dropout_acts_between_passes_and_in_training_only(forest):
    net = DeepRecursive(new_cell(3), I_, ("up", "up"), dropout=0.5)
    x = torch.randn(forest.num_nodes, I_)
    assert not torch.equal(net(forest, x), net(forest, x))
    net.eval()
    assert torch.equal(net(forest, x), net(forest, x))
    alone = DeepRecursive(new_cell(3), I_, ("up",), dropout=0.5)
    assert torch.equal(alone(forest, x), alone(forest, x))
    noisy = DeepRecursive(new_cell(3), I_, ("up",), state_dropout=0.5)
    assert not torch.equal(noisy(forest, x), noisy(forest, x))


def test_nodes_with_two_parents_have_no_outside():
    net = DeepRecursive(new_cell(2), I_, ("up", "outside"), arity=2)
    diamond = Forest([[], [0], [0], [1, 2]])
    with pytest.raises(ForestError, match="a node has two parents"):
        net(diamond, torch.randn(4, I_))
    both_ways = DeepRecursive(new_cell(2), I_, ("up", "down"))
    assert both_ways(diamond, torch.randn(4, I_)).shape == (4, 2 * H)


def test_more_siblings_than_slots_are_told():
    with pytest.raises(ValueError, match="arity is 2, but a node has 3 children"):
        siblings(Forest([[], [], [], [0, 1, 2]]), torch.randn(4, 1), 2)


@pytest.mark.parametrize("passes", [(), ("down",), ("up", "sideways")])
def test_what_is_no_sequence_of_passes_is_refused(passes):
    with pytest.raises(ValueError, match='the first "up", got'):
        DeepRecursive(new_cell(2), I_, passes)


def test_a_probability_of_one_is_refused():
    with pytest.raises(ValueError, match="dropout must be a probability below 1"):
        DeepRecursive(new_cell(2), I_, ("up",), dropout=1.0)
