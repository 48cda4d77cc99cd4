"""The transducer, held to its equations node by node, and to what it promises."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from treefold import Forest, fold
from treefold.cells import (
    ByType,
    ChildSumTreeLSTMCell,
    ModuleCell,
    NaryTreeLSTMCell,
    PooledCell,
)
from treefold.models.transducer import GraphBatch, Transducer

# Two structures: a gate shared by two others of two roots, and a chain.
CHILDREN = [[], [], [0, 1], [2, 0], [1, 2], [], [5]]
LABEL = torch.tensor([0, 1, 2, 3, 2, 1, 3])
TARGET = torch.tensor([-1, -1, 0, 1, 1, -1, 0])


def batch(target: torch.Tensor = TARGET) -> GraphBatch:
    return GraphBatch(Forest(CHILDREN), LABEL, target)


def module(size: int) -> ModuleCell:
    return ModuleCell(nn.Sequential(nn.Linear(size + 8, 4), nn.Tanh()), size, 4)


def by_label(size: int) -> ByType:
    return ByType([module(size) for _ in range(4)])


def node_by_node(model: Any) -> torch.Tensor:
    """Run a transducer of modules by label without a fold."""
    x, zero = model.embedding.weight[LABEL], torch.zeros(4)
    h: list[torch.Tensor] = []
    for v, below in enumerate(CHILDREN):
        states = [h[c] for c in below] + [zero] * (2 - len(below))
        f = model.cell.cells[int(LABEL[v])].module
        h.append(f(torch.cat([x[v], *states])))
    b: list[torch.Tensor] = [zero] * len(CHILDREN)
    for v in reversed(range(len(CHILDREN))):
        slots = [zero, zero]
        for parent, below in enumerate(CHILDREN):
            for slot, c in enumerate(below):
                if c == v:
                    slots[slot] = slots[slot] + b[parent]
        f = model.transposed.cells[int(LABEL[v])].module
        b[v] = f(torch.cat([x[v], h[v], *slots]))
    rows = [torch.cat([h[v], b[v], x[v]]) for v in range(len(CHILDREN))]
    return model.output(torch.stack(rows))


def test_it_is_what_the_equations_say_in_values_and_gradients():
    model = Transducer(by_label(3), 4, 2, transposed=by_label(3 + 4))
    parameters = list(model.parameters())

    def with_gradients(logits):
        loss = F.cross_entropy(logits, TARGET, ignore_index=-1)
        return logits, torch.autograd.grad(
            loss, parameters, allow_unused=True, materialize_grads=True
        )

    assert_close(with_gradients(model(batch())), with_gradients(node_by_node(model)))
    assert_close(
        model.loss(batch()),
        F.cross_entropy(node_by_node(model), TARGET, ignore_index=-1),
    )


@pytest.mark.parametrize("both", [False, True])
def test_only_the_transposed_state_sees_what_is_above(both):
    new = ChildSumTreeLSTMCell
    model = Transducer(new(3, 4), 4, 2, transposed=new(7, 4) if both else None)
    before = model(batch())
    other = LABEL.clone()
    other[4] = 0  # a root
    after = model(GraphBatch(Forest(CHILDREN), other, TARGET))
    changed = (before - after).abs().amax(dim=1) > 1e-9
    found = changed.nonzero().flatten().tolist()
    assert found == ([0, 1, 2, 4] if both else [4])


def test_a_shared_node_is_as_good_as_its_copies():
    # The structure unfolded to a tree: a copy for every path, and the same states.
    model = Transducer(NaryTreeLSTMCell(3, 4), 4, 2)
    shared = GraphBatch(Forest([[], [0, 0], [1, 1]]), torch.tensor([0, 1, 2]), TARGET)
    tree = Forest([[], [], [], [], [0, 1], [2, 3], [4, 5]])
    unfolded = GraphBatch(tree, torch.tensor([0, 0, 0, 0, 1, 1, 2]), TARGET)
    assert_close(model(shared)[2], model(unfolded)[6])


def test_the_super_source_stands_above_all_roots_of_its_structure():
    # It is as a further node of the forest, over the roots, without a label.
    source = ChildSumTreeLSTMCell(3, 5)
    model = Transducer(ChildSumTreeLSTMCell(3, 5), 4, 2, source=source)
    model.source = model.cell  # of one kind, so that one fold can run both
    logits = model(batch(torch.tensor([1, 0])))
    x = model.embedding(LABEL)
    above = Forest([*CHILDREN, [3, 4], [6]])
    h = fold(model.cell, above, x, torch.arange(len(CHILDREN))).h
    assert_close(logits, model.output(h[-2:]))
    assert torch.isfinite(model.loss(batch(torch.tensor([1, 0]))))


def test_structures_do_not_see_each_other():
    model = Transducer(by_label(3), 4, 2, transposed=by_label(7))
    together = model(batch())
    alone = model(GraphBatch(Forest([[], [0]]), LABEL[5:], TARGET[5:]))
    assert_close(together[5:], alone)


def test_sizes_that_do_not_fit_are_told():
    cell = ChildSumTreeLSTMCell(3, 4)
    with pytest.raises(ValueError, match=r"transposed must have input_size = 7.*got 3"):
        Transducer(cell, 4, 2, transposed=ChildSumTreeLSTMCell(3, 4))
    with pytest.raises(ValueError, match=r"source must have input_size = 3"):
        Transducer(cell, 4, 2, source=PooledCell(4, 4))
    with pytest.raises(ValueError, match=r"any number of children.*of 2 slots"):
        Transducer(cell, 4, 2, source=NaryTreeLSTMCell(3, 4))
