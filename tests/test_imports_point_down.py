"""Imports point down only: what each part of treefold may know."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "treefold"

MODELS_MAY = {
    *("_lazy", "forest", "cells", "folding", "unfolding", "merging", "layers"),
    *("data", "parsing"),
}

# part: the parts it may import, besides itself
MAY_IMPORT = {
    "_lazy": set(),
    "structure": set(),
    "svg": set(),
    "cells": set(),
    "csr": {"structure"},
    "levels": {"structure"},
    "packed_sequence": {"csr"},
    "forest": {"structure", "csr", "levels", "packed_sequence", "svg"},
    "folding": {"cells", "forest", "levels"},
    "unfolding": {"_lazy", "cells", "folding", "forest"},
    "merging": {"cells", "forest", "unfolding"},
    "layers": {"_lazy", "cells", "folding", "forest"},
    "data": {"_lazy", "forest", "parsing", "svg"},
    "report": {"_lazy", "svg", "forest"},
    "parsing": {"forest"},
    "models": MODELS_MAY,
    "training": {*MODELS_MAY, "models", "report"},
    "explain": {*MODELS_MAY, "models", "svg"},
    "tasks": {*MODELS_MAY, "models", "report", "svg", "training", "explain"},
    "estimators": {*MODELS_MAY, "models", "training", "tasks", "explain"},
    "lab": {*MODELS_MAY, "models", "report", "svg", "training", "tasks"},
    "bench": {"cells", "folding", "data", "training", "report"},
    "cli": {"bench", "data", "models", "training", "report", "tasks", "lab"},
    "__main__": {"cli"},
}
FILES = [f for f in sorted(SOURCE.rglob("*.py")) if f != SOURCE / "__init__.py"]


def part_of(file: Path) -> str:
    """The first name below treefold: a folder or a file."""
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Parts of treefold that a file imports, anywhere in it, for types or not."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            # The bare package is its version and lazy names, no part.
            names = {alias.name for alias in node.names} - {"treefold"}
            modules = sorted(names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            here = node.module or ""
            modules = [here]
            if here == "treefold":
                modules = [f"treefold.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            top, _, rest = module.partition(".")
            if top == "treefold":
                name = rest.partition(".")[0]
                found.add(name)
    return found - {"__version__"}


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_imports_point_down_only(file):
    part = part_of(file)
    above = imported(file) - MAY_IMPORT[part] - {part}
    if file.name == "packed_sequence.py":
        above.discard("forest")  # for types: it views a forest as torch's packed batch
    assert not above, f"{part} must not import {', '.join(sorted(above))}"


def test_no_part_stands_above_itself():
    done: set[str] = set()
    waiting = dict(MAY_IMPORT)
    while waiting:
        ready = [part for part, below in waiting.items() if below <= done]
        assert ready, f"a circle among {', '.join(waiting)}"
        done.update(ready)
        for part in ready:
            del waiting[part]


def test_cells_know_tensors_only():
    outside = set()
    for file in (SOURCE / "cells").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                outside.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                outside.update(alias.name.partition(".")[0] for alias in node.names)
    standard = {"__future__", "abc", "collections", "functools", "math", "typing"}
    assert outside - standard == {"torch", "treefold"}


def test_every_file_is_of_a_known_part():
    assert {part_of(file) for file in FILES} <= set(MAY_IMPORT)
