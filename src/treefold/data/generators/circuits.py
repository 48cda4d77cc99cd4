"""Logic circuits as DAGs with shared gates, made by rule, with the truth about them.

A circuit has inputs, leaves labelled 0 or 1, and gates in layers. A gate has a child in
the layer below, so that its height is the number of its layer, and takes its others
from anywhere lower, the more likely the nearer: many gates serve several above them.
Gates that serve none are the circuit's outputs. ``MUX s a b`` is a if s is 0, else b:
the order of its children matters.

- ``circuits``: tell the value of every gate.
- ``circuits-critical``: tell of every node whether a change of it would reach an output
  along some path: an output is critical, and so is a child of a critical gate whose
  value would change with it alone. That takes the values below *and* what is above
  (critical path tracing: Abramovici, Menon & Miller, 1984).

Training sees at most `TRAIN_DEPTH` layers; the test set has all depths up to
`TEST_DEPTH`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from treefold.data.graphs import Graph, GraphSet

TRAIN_DEPTH, TEST_DEPTH = 6, 24
TRAIN, DEV, TEST = 5000, 500, 50 * TEST_DEPTH  # circuits
NEAR = 6.0  # how far down, in nodes, a gate's further children stand, on average

GATES: dict[str, tuple[int, Callable[..., bool]]] = {
    "AND": (2, lambda a, b: a and b),
    "OR": (2, lambda a, b: a or b),
    "XOR": (2, lambda a, b: a != b),
    "NAND": (2, lambda a, b: not (a and b)),
    "NOR": (2, lambda a, b: not (a or b)),
    "NOT": (1, lambda a: not a),
    "MUX": (3, lambda s, a, b: b if s else a),
}


def load(name: str, *, seed: int = 0) -> GraphSet:
    """Make the circuits of a data set; any machine makes the same."""
    random = Random(f"circuits {seed}")
    tell = values_of if name == "circuits" else critical
    shallow, deep = range(1, TRAIN_DEPTH + 1), range(1, TEST_DEPTH + 1)
    depths = {
        "train": random.choices(shallow, k=TRAIN),
        "dev": random.choices(shallow, k=DEV),
        "test": sorted([*deep] * (TEST // TEST_DEPTH)),
    }
    splits = {}
    for split, each in depths.items():
        made = (circuit(random, depth) for depth in each)
        splits[split] = [
            Graph(nodes, children, tell(nodes, children), f"{name} {split} {k}")
            for k, (nodes, children) in enumerate(made, 1)
        ]
    what = "the value of every gate" if tell is values_of else "the critical nodes"
    note = (
        f"Logic circuits made by rule (synthetic): tell {what}. Trained on 1 to "
        f"{TRAIN_DEPTH} layers, tested on 1 to {TEST_DEPTH}."
    )
    return GraphSet(name, splits, note)


def circuit(random: Random, depth: int) -> tuple[list[str], list[list[int]]]:
    """Make a random circuit of `depth` layers of gates: labels and children."""
    nodes = [random.choice("01") for _ in range(random.randint(3, 6))]
    children: list[list[int]] = [[] for _ in nodes]
    below = range(len(nodes))  # the layer below
    names = [*GATES]
    for _ in range(depth):
        first = len(nodes)
        for _ in range(random.randint(2, 4)):
            gate = random.choice(names)
            some = [random.choice(below)]
            while len(some) < GATES[gate][0]:
                other = first - 1 - int(random.expovariate(1 / NEAR)) % first
                if other not in some:
                    some.append(other)
            random.shuffle(some)
            nodes.append(gate)
            children.append(some)
        below = range(first, len(nodes))
    return nodes, children


def values_of(
    nodes: Sequence[str], children: Sequence[Sequence[int]]
) -> list[str | None]:
    """Return the value of every gate, None at the inputs, where it is given."""
    values = evaluated(nodes, children)
    return [
        str(int(value)) if label in GATES else None
        for label, value in zip(nodes, values, strict=True)
    ]


def critical(
    nodes: Sequence[str], children: Sequence[Sequence[int]]
) -> list[str | None]:
    """Tell of every node whether a change of it reaches an output along a path."""
    values = evaluated(nodes, children)
    inner = {c for below in children for c in below}
    found = [v not in inner for v in range(len(nodes))]
    for v in reversed(range(len(nodes))):  # gates stand behind their children
        if not found[v] or not children[v]:
            continue
        given = [values[c] for c in children[v]]
        for slot, c in enumerate(children[v]):
            other = [*given[:slot], not given[slot], *given[slot + 1 :]]
            if bool(GATES[nodes[v]][1](*other)) != values[v]:
                found[c] = True
    return ["critical" if each else "masked" for each in found]


def evaluated(nodes: Sequence[str], children: Sequence[Sequence[int]]) -> list[bool]:
    """Return the value of every node of a circuit whose children stand before it."""
    values: list[bool] = []
    for label, below in zip(nodes, children, strict=True):
        if label in GATES:
            values.append(bool(GATES[label][1](*(values[c] for c in below))))
        else:
            values.append(label == "1")
    return values
