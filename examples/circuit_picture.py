"""Draw a logic circuit: the value of every gate, and which nodes are critical.

python examples/circuit_picture.py docs/images/circuit.svg
"""

import sys
from pathlib import Path
from random import Random

from treefold import Forest
from treefold.data.generators.circuits import circuit, critical, evaluated
from treefold.svg import tree_svg

HIGH, LOW = "#fbe3c0", "#e3eaf2"


def main() -> None:
    """Write the picture."""
    nodes, children = circuit(Random("a picture 3"), depth=5)
    values, told = evaluated(nodes, children), critical(nodes, children)
    forest = Forest(children)
    picture = tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=[
            f"{label}\n= {int(value)}" if children[v] else label
            for v, (label, value) in enumerate(zip(nodes, values, strict=True))
        ],
        fill=[HIGH if value else LOW for value in values],
        stroke=["#b75503" if each == "critical" else None for each in told],
        note=told,
        title="A logic circuit with shared gates and their values",
    )
    Path(sys.argv[1]).write_text(picture + "\n", "utf-8")


if __name__ == "__main__":
    main()
