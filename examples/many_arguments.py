"""Ask a run on ListOps for flat lists of one operator, with more and more arguments.

python examples/many_arguments.py runs/listops
"""

import sys
from random import Random

from treefold.data.listops import FORMS
from treefold.data.readers.listops import parse_listops
from treefold.training import load

ARGUMENTS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15)
LISTS = 300  # for each operator and number of arguments


def value(operator: str, digits: list[int]) -> int:
    """Evaluate a list."""
    ordered, half = sorted(digits), len(digits) // 2
    return {
        "MIN": ordered[0],
        "MAX": ordered[-1],
        "MED": (ordered[half] + ordered[-half - 1]) // 2,
        "SM": sum(digits) % 10,
    }[operator]


def main() -> None:
    """Print a table of right answers in percent."""
    run = load(sys.argv[1])
    form = FORMS[run.manifest.data.data]
    print("     " + "".join(f"{n:7}" for n in ARGUMENTS))
    for operator in ("MIN", "MAX", "MED", "SM"):
        cells = []
        for n in ARGUMENTS:
            random = Random(n)
            lists = [[random.randrange(10) for _ in range(n)] for _ in range(LISTS)]
            lines = [
                f"{value(operator, each)}\t[{operator} {' '.join(map(str, each))} ]"
                for each in lists
            ]
            corpus = parse_listops(list(enumerate(lines, 1)), form)
            right = run.evaluate(corpus).metrics["root_accuracy"]
            cells.append(f"{100 * right:7.1f}")
        print(f"{operator:5}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
