"""A transducer over circuits: a level at once, and gate by gate along the wires."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold import Forest
from treefold.cells import ByType, ModuleCell
from treefold.data.generators.circuits import GATES, circuit
from treefold.models.transducer import GraphBatch, Transducer
from twins import Twin

CIRCUITS, DEPTH, SIZE, SLOTS = 40, 8, 32, 3
LABELS = ("0", "1", *GATES)


def functions(features: int) -> ByType:
    """A perceptron for each label."""

    def new() -> ModuleCell:
        layers = (
            nn.Linear(features + SLOTS * SIZE, 2 * SIZE),
            nn.GELU(),
            nn.Linear(2 * SIZE, SIZE),
            nn.LayerNorm(SIZE),
        )
        return ModuleCell(nn.Sequential(*layers), features, SIZE, arity=SLOTS)

    return ByType([new() for _ in LABELS])


def node_by_node(model: Transducer, children: list[list[int]], label: Tensor) -> Tensor:
    """The logits of all nodes, each pass one node after another."""
    assert isinstance(model.cell, ByType)
    assert isinstance(model.transposed, ByType)
    up = [cell.module for cell in model.cell.cells]
    down = [cell.module for cell in model.transposed.cells]
    x, kind = model.embedding(label), label.tolist()
    zero = torch.zeros(SIZE)
    h: list[Tensor] = []
    above: list[list[tuple[int, int]]] = [[] for _ in children]
    for v, below in enumerate(children):  # children stand before their parents
        states = [h[c] for c in below] + [zero] * (SLOTS - len(below))
        h.append(up[kind[v]](torch.cat([x[v], *states])))
        for slot, c in enumerate(below):
            above[c].append((v, slot))
    b = [zero] * len(children)
    for v in reversed(range(len(children))):
        slots = [zero] * SLOTS
        for parent, slot in above[v]:
            slots[slot] = slots[slot] + b[parent]
        b[v] = down[kind[v]](torch.cat([x[v], h[v], *slots]))
    return model.output(torch.cat([torch.stack(h), torch.stack(b), x], dim=1))


def twin() -> Twin:
    """Take a training step on circuits."""
    chance = Random(0)
    made = [circuit(chance, DEPTH) for _ in range(CIRCUITS)]
    nodes = [LABELS.index(name) for names, _ in made for name in names]
    children: list[list[int]] = []
    for _, below in made:
        first = len(children)
        children += [[first + c for c in each] for each in below]
    label = torch.tensor(nodes)
    target = label % 2
    batch = GraphBatch(Forest(children), label, target)
    features = 8
    model = Transducer(
        functions(features),
        len(LABELS),
        2,
        transposed=functions(features + SIZE),
    )
    parameters = list(model.parameters())

    def step(logits: Tensor) -> Tensor:
        grads = torch.autograd.grad(F.cross_entropy(logits, target), parameters)
        return torch.cat([g.flatten() for g in grads])

    return Twin(
        "transducer",
        f"training step, forward and transposed, {CIRCUITS} circuits, "
        f"{len(label)} nodes, {SIZE} features",
        lambda: step(model(batch)),
        lambda: step(node_by_node(model, children, label)),
    )
