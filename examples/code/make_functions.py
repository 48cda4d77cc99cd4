"""Cut functions out of Python sources, hide their names, and ask for the verb.

A function's name begins with what it does: ``get_``, ``is_``, ``write_``. Here each
is called ``_``, where it is made and where it calls itself, and its class is the first
word of the name that it had: one of the ten that most functions of the sources have.
What must agree with an interface by its name (``__init__``, ``test_...``) is left out,
as are docstrings, decorators and all that stands twice.

    python examples/code/make_functions.py FOLDER [SOURCES ...]

reads the Python files below SOURCES, by default the standard library of the Python that
runs this (nothing in them is run), and writes functions to FOLDER/train, dev and test
(6:2:2), each with labels.csv: path, label. All functions of a file are in one of them.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from treefold.data import DataError
from treefold.data.generators.python_swaps import standard_library
from treefold.data.readers.python_source import parse

VERBS = 10
LEAST_LINES = 2
SPLITS = {"train": 0.6, "dev": 0.2, "test": 0.2}
GIVEN = {"test", "visit", "do", "handle", "setup", "assert"}
FIRST_WORD = re.compile(r"_*([a-z]{2,})")


def functions(path: Path) -> list[tuple[str, str]]:
    """Return the functions of a file without their names, each with its verb."""
    try:
        tree = parse(path.read_bytes(), str(path))
    except DataError as error:
        print(error, file=sys.stderr)
        return []
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        name, verb = node.name, FIRST_WORD.match(node.name)
        if name.endswith("__") or verb is None or verb[1] in GIVEN:
            continue
        node.decorator_list = []  # a property is no verb, and says so
        for each in ast.walk(node):
            if isinstance(each, ast.FunctionDef) and each.name == name:
                each.name = "_"
            elif isinstance(each, ast.Name) and each.id == name:
                each.id = "_"
            elif isinstance(each, ast.Attribute) and each.attr == name:
                each.attr = "_"
        node.name = "_"
        text = ast.unparse(_without_words(node)) + "\n"
        if text.count("\n") > LEAST_LINES:
            found.append((text, verb[1]))
    return found


def _without_words(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
    """Take the docstring out: it would say the verb."""
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    return node


def write(folder: Path, files: list[Path], seed: int = 0) -> None:
    """Write the functions of each split."""
    cut = [functions(path) for path in files]
    counts = Counter(verb for found in cut for _, verb in found)
    verbs = {verb for verb, _ in counts.most_common(VERBS)}
    order = np.random.default_rng(seed).permutation(len(files))
    ends = np.round(np.cumsum([*SPLITS.values()]) * len(files)).astype(int)
    seen: set[str] = set()
    for split, part in zip(SPLITS, np.split(order, ends[:-1]), strict=True):
        (folder / split).mkdir(parents=True, exist_ok=True)
        rows = []
        for k in part:
            for text, verb in cut[k]:
                if verb not in verbs or text in seen:
                    continue
                seen.add(text)
                name = f"{files[k].stem}-{len(seen):05d}.py"
                (folder / split / name).write_text(text, encoding="utf-8")
                rows.append([name, verb])
        with (folder / split / "labels.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["path", "label"], *rows])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    given = [path for name in sys.argv[2:] for path in sorted(Path(name).rglob("*.py"))]
    write(Path(sys.argv[1]), given or list(standard_library()[0].values()))
