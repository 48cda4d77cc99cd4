"""1998: a label on every node of a DAG; here the value of every gate of a circuit."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch

from museum import Exhibit
from treefold import Forest
from treefold.cells import ByType, NaryTreeLSTMCell
from treefold.data.generators.circuits import GATES, circuit, evaluated
from treefold.models.transducer import GraphBatch, Transducer
from treefold.svg import tree_svg

SHALLOW, DEEP = 4, 10  # layers of gates, to train and to test on
NUM_TRAIN, NUM_TEST, STEPS = 300, 100, 60
LABELS = ("0", "1", *GATES)

Circuit = tuple[list[str], list[list[int]]]


def batch(circuits: Sequence[Circuit]) -> GraphBatch:
    """Put circuits into one forest, with the truth about every gate."""
    forest = Forest.cat([Forest(children) for _, children in circuits])
    label = [LABELS.index(name) for nodes, _ in circuits for name in nodes]
    values = [int(v) for nodes, below in circuits for v in evaluated(nodes, below)]
    target = torch.tensor(values).masked_fill(forest.arities == 0, -1)
    return GraphBatch(forest, torch.tensor(label), target)


def right(model: Transducer, circuits: Sequence[Circuit]) -> torch.Tensor:
    """Say of each gate whether its value was told right."""
    asked = batch(circuits)
    with torch.no_grad():
        told = model(asked).argmax(dim=1)
    gates = asked.target >= 0
    return told[gates] == asked.target[gates]


def exhibit() -> Exhibit:
    """Learn gates from small circuits, and work out large ones."""
    torch.manual_seed(0)
    random = Random(0)
    train = [circuit(random, random.randint(1, SHALLOW)) for _ in range(NUM_TRAIN)]
    test = [circuit(random, DEEP) for _ in range(NUM_TEST)]
    cell = ByType([NaryTreeLSTMCell(4, 16, arity=3) for _ in LABELS])
    model = Transducer(cell, len(LABELS), 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    whole = batch(train)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model.loss(whole).backward()
        optimizer.step()
    found = float(right(model, test).double().mean())
    values = batch(test).target
    often = float(values[values >= 0].double().mean())
    return Exhibit(
        1998,
        "Transduction of structures",
        "Frasconi, Gori & Sperduti, IEEE Transactions on Neural Networks 9:5",
        "Trees become ordered DAGs with an output at every node, and a node may have "
        "a function of its own.",
        f"Trained on circuits of up to {SHALLOW} layers of gates, it tells {found:.1%} "
        f"of the gates in circuits of {DEEP} (the more frequent value: "
        f"{max(often, 1 - often):.1%}).",
        _picture(model, random),
        "A circuit that it has not seen, with the value told of each gate; a gate that "
        "serves several others is computed once.",
    )


def _picture(model: Transducer, random: Random) -> str:
    drawn = circuit(random, SHALLOW)
    asked = batch([drawn])
    with torch.no_grad():
        told = model(asked).argmax(dim=1).tolist()
    text = [
        f"{name} = {value}" if name in GATES else name
        for name, value in zip(drawn[0], told, strict=True)
    ]
    forest = asked.forest
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=text,
        title="A logic circuit with shared gates, and the values that were told",
    )
