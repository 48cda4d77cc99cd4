"""Python expressions, one a line, as the trees of the data set ``python-swaps``."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.generators.expressions import Nodes, flatten, is_asked, kind
from treefold.data.places import did_you_mean, neighbours

MARK = "?"  # marks the operator that is asked about
NO_BOUND = 1 << 62


def read_expressions(
    path: str | Path, known: Collection[str], *, skip_bad: bool = False
) -> Corpus:
    """Read a file of expressions; see `parse_expressions`."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except FileNotFoundError:
        hint = did_you_mean(str(path), neighbours(Path(path)))
        raise DataError(f"{path}: no such file{hint}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    corpus = parse_expressions(lines, known, name=str(path), skip_bad=skip_bad)
    if not len(corpus):
        raise DataError(
            f"{path}: expected Python expressions, one a line, found none"
            + (f" but {len(corpus.skipped)} bad ones" if corpus.skipped else "")
        )
    return corpus


def parse_expressions(
    lines: Iterable[bytes],
    known: Collection[str],
    *,
    name: str = "<text>",
    first_line: int = 1,
    skip_bad: bool = False,
) -> Corpus:
    """Read expressions whose outermost operator has two operands in an order.

    Blank lines and comments are passed over.

    Args:
        lines: such as ``b"width - left"`` or ``b"i < len(names)"``, in UTF-8.
        known: the tokens of a model's vocabulary; other names are spelled out.
        name: what messages call the text.
        first_line: the number of the first line.
        skip_bad: leave out lines that are no such expression.

    Returns:
        A tree for each expression, without labels; none, if there are none.

    Raises:
        DataError: at the first line that is no such expression.
    """
    known = frozenset(known)
    found: list[Nodes] = []
    numbers, skipped = [], []
    for number, line in enumerate(lines, first_line):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        try:
            found.append(_parse(text, known))
            numbers.append(number)
        except DataError as error:
            if not skip_bad:
                raise DataError(f"{name}:{number}: {error}") from None
            skipped.append(f"{name}:{number}: {error}")
    corpus = _pack(found, np.array(numbers, np.int64), name)
    return replace(corpus, skipped=tuple(skipped))


def _parse(text: bytes, known: Collection[str]) -> Nodes:
    wanted = "expected a Python operation of two operands in an order, such as a - b or"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes are not our concern
            root = ast.parse(text.decode(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DataError(f"{wanted} a < b, found what is none ({why})") from None
    except (RecursionError, MemoryError):
        raise DataError("the expression is nested too deep for Python") from None
    if not is_asked(root):
        raise DataError(f"{wanted} a < b, found {kind(root)}")
    nodes = flatten(root, known, NO_BOUND)
    assert nodes is not None  # there is no bound
    return ((nodes[0][0] + MARK, nodes[0][1]), *nodes[1:])


def _pack(trees: list[Nodes], line: np.ndarray, name: str) -> Corpus:
    offset, parent, token = [0], [], []
    index: dict[str, int] = {}
    for nodes in trees:
        waiting = [-1]  # the parent of each node to come, the next one last
        for number, (word, below) in enumerate(nodes):
            parent.append(waiting.pop())
            token.append(index.setdefault(word, len(index)))
            waiting.extend([number] * below)
        offset.append(len(parent))
    label = np.full(len(parent), -1)
    return Corpus.from_parents(
        np.array(offset),
        np.array(parent, np.int32),
        np.array(token, np.int32),
        label,
        tuple(index),
        (),
        line=line,
        source=name,
    )
