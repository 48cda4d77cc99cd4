"""The files of Python's standard library as a corpus of syntax trees."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from common import OUT
from treefold.data import Corpus, DataError
from treefold.data.generators.expressions import children, text, whole
from treefold.data.generators.python_swaps import standard_library

Below = Callable[[ast.AST], Iterable[ast.AST]]


def standard_library_asts(*, lean: bool) -> Corpus:
    """Return a tree for each file that can be parsed; a node's token is its label.

    Made once for a version of Python, and kept among the benchmarks' outputs.

    Args:
        lean: leave out contexts, and write operators into their parents.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    folder = OUT / f"asts-{version}{'-lean' * lean}"
    with suppress(DataError):
        return Corpus.open(folder)
    below, label = (children, whole) if lean else (ast.iter_child_nodes, named)
    corpus = pack(standard_library()[0].values(), below, label)
    folder.parent.mkdir(parents=True, exist_ok=True)
    corpus.save(folder, overwrite=True)
    return corpus


def named(node: ast.AST) -> str:
    """Return the type of a syntax node, with what it says if it says something."""
    says = text(node)
    name = type(node).__name__
    return name if says is None else f"{name}:{says}"


def pack(
    files: Iterable[Path], below: Below, label: Callable[[ast.AST], str]
) -> Corpus:
    """Parse files and pack their trees; those that are not Python are passed over."""
    offset, parent, token = [0], [], []
    index: dict[str, int] = {}
    for path in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # other people's escapes and literals
                root = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            continue
        waiting: list[tuple[ast.AST, int]] = [(root, -1)]
        while waiting:
            node, above = waiting.pop()
            number = len(parent) - offset[-1]
            parent.append(above)
            token.append(index.setdefault(label(node), len(index)))
            waiting += [(child, number) for child in reversed([*below(node)])]
        offset.append(len(parent))
    return Corpus.from_parents(
        np.array(offset),
        np.array(parent, np.int32),
        np.array(token, np.int32),
        np.full(len(parent), -1),
        tuple(index),
        (),
        source="the standard library",
    )
