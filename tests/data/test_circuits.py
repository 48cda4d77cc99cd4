"""Circuits: what is told of them is true, by trying."""

from random import Random

from treefold import Forest
from treefold.data.generators import circuits

XOR_OF_AND = (["1", "1", "0", "AND", "XOR"], [[], [], [], [0, 1], [3, 2]])


def test_values_follow_from_the_inputs():
    assert circuits.values_of(*XOR_OF_AND) == [None, None, None, "1", "1"]
    mux = (["0", "1", "0", "MUX", "MUX"], [[], [], [], [0, 1, 2], [1, 1, 0]])
    assert circuits.values_of(*mux)[3:] == ["1", "0"]


def test_a_masked_input_is_told_from_a_critical_one():
    nodes = ["0", "1", "AND", "NOT"]
    said = circuits.critical(nodes, [[], [], [0, 1], [2]])
    # The 0 at an AND alone decides; a change of the 1 is masked by it.
    assert said == ["critical", "masked", "critical", "critical"]


def random_tree(random: Random, gates: int) -> tuple[list[str], list[list[int]]]:
    """Make a circuit without sharing: each gate takes nodes that serve none yet."""
    nodes = [random.choice("01") for _ in range(3 * gates)]
    children: list[list[int]] = [[] for _ in nodes]
    free = list(range(len(nodes)))
    for _ in range(gates):
        gate = random.choice([*circuits.GATES])
        random.shuffle(free)
        some = [free.pop() for _ in range(circuits.GATES[gate][0])]
        free.append(len(nodes))
        nodes.append(gate)
        children.append(some)
    return nodes, children


def test_in_a_tree_critical_is_what_changes_an_output():
    # Without sharing a path is all there is, so that trying must agree.
    random = Random(0)
    for _ in range(20):
        nodes, children = random_tree(random, 6)
        values = circuits.evaluated(nodes, children)
        roots = set(range(len(nodes))) - {c for below in children for c in below}
        for v, said in enumerate(circuits.critical(nodes, children)):
            cut = [n if u != v else "01"[not values[v]] for u, n in enumerate(nodes)]
            again = circuits.evaluated(cut, children)
            changed = any(again[r] != values[r] for r in roots)
            assert (said == "critical") == changed


def test_a_circuit_has_the_layers_asked_for_and_shares_gates():
    shared = 0
    for depth in (1, 4, 9):
        nodes, children = circuits.circuit(Random(depth), depth)
        forest = Forest(children)
        assert int(forest.heights.max()) == depth
        assert all(
            len(below) == circuits.GATES[label][0] if label in circuits.GATES else True
            for label, below in zip(nodes, children, strict=True)
        )
        shared += forest.num_edges - len(set(forest.child.tolist()))
    assert shared > 5


def test_a_seed_makes_the_same_circuits_again():
    one, two = (circuits.circuit(Random("circuits 0"), 5) for _ in range(2))
    assert one == two
