"""ListOps: an expression of nested lists a line, as a tree (Nangia & Bowman, 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numba import njit

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.readers.lines import STDIN, open_lines

Form = Literal["binary", "arity"]

ARGUMENT, OPEN, CLOSE = 0, 1, 2  # what a word is
CLOSING = "]"


def read_listops(
    file: str | Path, form: Form, *, most_words: int | None = None
) -> Corpus:
    """Read a file of expressions, which may be gzipped, or ``-``, standard input.

    See `parse_listops`.
    """
    name = STDIN if str(file) == "-" else str(file)
    corpus = parse_listops(open_lines(file), form, name=name, most_words=most_words)
    if not len(corpus):
        raise DataError(
            f"{name}: expected ListOps expressions, one a line, such as "
            "[MAX 2 9 [MIN 4 7 ] ], found none"
        )
    return corpus


def parse_listops(
    lines: Iterable[tuple[int, str]],
    form: Form,
    *,
    name: str = "<text>",
    most_words: int | None = None,
) -> Corpus:
    """Read lines such as ``9<tab>[MAX 2 9 [MIN 4 7 ] ]``: a value, if known, a list.

    The value becomes the label of the root; no other node has one. Parentheses, which
    the published files have around every two neighbours, say nothing and are left out.
    Blank lines are passed over.

    Args:
        lines: their numbers and texts.
        form: "binary" is the bracketing of the published files: every word is a leaf,
            ``((([MAX 2) 9) ])``, branching to the left within a list; "arity" makes a
            node of each operator, over its arguments as they stand.
        name: what messages call the text.
        most_words: leave longer expressions out; operators, arguments and closing
            brackets count.

    Raises:
        DataError: a list that is not closed, or has no argument; a bracket that
            closes nothing; a second expression on a line.
    """
    table: dict[str, int] = {}
    labels: dict[str, int] = {}
    word: list[int] = []
    label, numbers, size = [], [], []
    for number, line in lines:
        value, tab, text = line.rpartition("\t")
        if "(" in text:
            text = text.replace("(", " ").replace(")", " ")
        found = text.split()
        if not found and not tab:
            continue
        if most_words is not None and len(found) > most_words:
            continue
        if not found:
            raise DataError(f"{name}:{number}: expected an expression, found none")
        word.extend([table.setdefault(w, len(table)) for w in found])
        size.append(len(found))
        label.append(labels.setdefault(value.strip(), len(labels)) if tab else -1)
        numbers.append(number)

    offset = np.concatenate([[0], np.cumsum(np.array(size, np.int64))])
    code = np.array(word, np.int32)
    kind = np.array([_kind(w) for w in table], np.int8)[code] if table else code
    arity, (at, line) = _arguments(offset, kind)
    if at >= 0:
        shown = [*table]
        words = [shown[k] for k in code[offset[line] : offset[line + 1]]]
        raise DataError(f"{name}:{numbers[line]}: {_wrong(words, at - offset[line])}")
    make = _binary if form == "binary" else _own_arity
    tree_offset, parent, token = make(offset, code, kind, arity)
    root_label = np.full(len(parent), -1, np.int32)
    root_label[tree_offset[:-1]] = np.array(label, np.int32)
    return Corpus.from_parents(
        tree_offset,
        parent,
        token,
        root_label,
        [*table],
        [*labels],
        line=np.array(numbers, np.int64),
        source=name,
    )


def _kind(word: str) -> int:
    if word.startswith("["):
        return OPEN
    return CLOSE if word == CLOSING else ARGUMENT


def _wrong(words: Sequence[str], at: int) -> str:
    """Say what is wrong with an expression, at a word or, beyond the last, its end."""
    if at == len(words):
        closed = np.cumsum([{OPEN: 1, CLOSE: -1}.get(_kind(w), 0) for w in words])
        return f"expected {int(closed[-1])} more {CLOSING!r} at the end of the line"
    place = f"word {at + 1}, {words[at]!r}"
    if words[at] != CLOSING:
        return f"expected one expression a line, found another after it: {place}"
    if at and _kind(words[at - 1]) == OPEN:
        return f"expected an argument after {words[at - 1]!r}, found {place}"
    return f"expected an open list to close, found {place}"


@njit(cache=True)
def _arguments(offset, kind):
    """Count the arguments of each opening word; tell the first wrong word and line."""
    arity = np.zeros(len(kind), np.int32)
    stack = np.empty(len(kind), np.int64)
    for line in range(len(offset) - 1):
        depth = 0
        for i in range(offset[line], offset[line + 1]):
            if depth == 0 and (i > offset[line] or kind[i] == CLOSE):
                return arity, (i, line)
            if kind[i] == CLOSE:
                depth -= 1
                if arity[stack[depth]] == 0:
                    return arity, (i, line)
                continue
            if depth:
                arity[stack[depth - 1]] += 1
            if kind[i] == OPEN:
                stack[depth] = i
                depth += 1
        if depth:
            return arity, (offset[line + 1], line)
    return arity, (np.int64(-1), -1)


@njit(cache=True)
def _own_arity(offset, code, kind, arity):
    """Number the nodes as they are written, a list's before its arguments'."""
    total = (kind != CLOSE).sum()
    tree_offset = np.zeros(len(offset), np.int64)
    parent = np.empty(total, np.int32)
    token = np.empty(total, np.int32)
    stack = np.empty(total + 1, np.int32)
    v = 0
    for line in range(len(offset) - 1):
        first, depth = v, 0
        for i in range(offset[line], offset[line + 1]):
            if kind[i] == CLOSE:
                depth -= 1
                continue
            parent[v] = stack[depth - 1] if depth else -1
            token[v] = code[i]
            if kind[i] == OPEN:
                stack[depth] = v - first
                depth += 1
            v += 1
        tree_offset[line + 1] = v
    return tree_offset, parent, token


@njit(cache=True)
def _binary(offset, code, kind, arity):
    """Number the nodes so that a list of n arguments begins with its n + 1 pairs.

    The outermost pair is that of all the rest and the closing bracket, the innermost
    that of the operator and the first argument.
    """
    total = 2 * len(kind) - (len(offset) - 1)
    tree_offset = np.zeros(len(offset), np.int64)
    parent = np.empty(total, np.int32)
    token = np.full(total, -1, np.int32)
    # The pair that the next word of each open list is the second child of.
    stack = np.empty(len(kind) + 1, np.int32)
    v = 0
    for line in range(len(offset) - 1):
        first, depth = v, 0
        for i in range(offset[line], offset[line + 1]):
            above = -1
            if depth:
                above = stack[depth - 1]
                stack[depth - 1] -= 1  # pairs are numbered from the outside in
            if kind[i] == CLOSE:
                depth -= 1
            if kind[i] == OPEN:
                for _ in range(arity[i] + 1):
                    parent[v] = above
                    above = v - first
                    v += 1
                stack[depth] = above
                depth += 1
            parent[v] = above
            token[v] = code[i]
            v += 1
        tree_offset[line + 1] = v
    return tree_offset, parent, token
