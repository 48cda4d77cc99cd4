"""python-cloze: which operator stood here? Trees from Python's standard library.

Every binary operation, and every comparison with one operator, is an example: it is
masked in the syntax tree around it, ``width ? left``, and one of 20 operators is to be
told at its node. The tree is the largest around it that has no more than 48 nodes and
stays within its function: the expression, the statement, or all of a short function.

Whole modules go to train, dev or test. Equal trees occur once in all three together.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tqdm import tqdm

from treefold.data.documents import NO_POSITION, Content, Document, DocumentSet
from treefold.data.documents import Documents as Packed
from treefold.data.errors import DataError
from treefold.data.generators.python_swaps import shares, standard_library
from treefold.data.kept import kept
from treefold.data.places import SPLITS, cache_folder
from treefold.data.readers.python_source import Step, parse, walk

NAME = "python-cloze"
MASK = "?"  # the kind of a masked node
VERSION = 1  # of the rules below; another one makes other trees
MOST_NODES = 48
OPERATORS = (
    *("Add", "Sub", "Mult", "Div", "FloorDiv", "Mod", "Pow", "LShift"),
    *("BitAnd", "BitOr", "Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"),
    *("Is", "IsNot", "In", "NotIn"),
)
# The operands of both, so that the mask hides which of the two it was.
_ROLES = {"left": "left", "right": "right", "comparators": "right"}
_OUTSIDE = (ast.Module, ast.ClassDef)  # what no example reaches


def load(
    *,
    seed: int = 0,
    progress: bool = False,
    store: str | Path | None = None,
    sources: Sequence[Path] | None = None,
) -> DocumentSet:
    """Make the data set, or open it where it has been made before.

    Args:
        seed: shares the modules out.
        progress: show a bar on standard error, if that is a terminal.
        store: a folder to keep it in, by default one in the user's cache. What is kept
            belongs to these sources, this Python and this seed.
        sources: Python files, by default the standard library's, without its tests.

    Raises:
        DataError: there are no sources, or too few for three splits.
    """
    files, origin = (
        standard_library() if sources is None else ({str(f): f for f in sources}, "")
    )
    origin = origin or f"{len(files)} files"
    texts = {name: path.read_bytes() for name, path in files.items()}
    base = cache_folder() / NAME if store is None else Path(store)
    folder = base / _key(texts, seed)

    @cache
    def made() -> dict[str, Packed]:
        return _make(texts, origin, seed, progress)

    parts = {s: kept(folder / s, lambda s=s: made()[s]) for s in SPLITS}
    total = sum(map(len, parts.values()))
    note = (
        f"{total:,} operators of {origin}, each masked in the syntax tree around it; a "
        "module is in one split only."
    )
    train, dev, test = (parts[split] for split in SPLITS)
    return DocumentSet(NAME, train, dev, test, "nodes", note=note, format="python")


def examples(content: bytes | str, place: str) -> Iterator[Document]:
    """Give the examples of a module.

    Raises:
        DataError: it is no Python.
    """
    steps = list(walk(parse(content, place)))
    size = [1] * len(steps)  # of the subtree, whose nodes follow each other
    for v in range(len(steps) - 1, 0, -1):
        size[steps[v].parent] += size[v]
    for v, step in enumerate(steps):
        if not _is_asked(step.node) or step.text not in OPERATORS:
            continue
        top = v
        while (above := steps[top].parent) >= 0 and size[above] <= MOST_NODES:
            if isinstance(steps[above].node, _OUTSIDE):
                break
            top = above
        if size[top] <= MOST_NODES:
            line = getattr(step.node, "lineno", 0)
            yield _example(steps[top : top + size[top]], top, v, f"{place}:{line}")


def _is_asked(node: ast.AST | None) -> bool:
    match node:
        case ast.BinOp() | ast.Compare(ops=[_]):
            return True
    return False


def _example(steps: list[Step], top: int, asked: int, place: str) -> Document:
    """Cut a subtree out, and mask a node of it."""
    document = Document(place)
    for v, (_, parent, kind, role, position, text, number) in enumerate(steps, top):
        label = None
        if v == top:
            role, position = "", NO_POSITION
        if v == asked:
            kind, text, label = MASK, None, text
        elif parent == asked:
            role, position = _ROLES[role], NO_POSITION
        document.parent.append(parent - top if v > top else -1)
        document.content.append(Content(kind, role, position, text, number))
        document.label.append(label)
    return document


def _make(
    texts: dict[str, bytes], origin: str, seed: int, progress: bool
) -> dict[str, Packed]:
    bar = tqdm(
        texts.items(),
        desc=f"{NAME}: reading {origin}",
        unit="file",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    modules = [found for name, text in bar if (found := _read(text, name))]
    parts = {
        split: [document for k in part for document in modules[k]]
        for split, part in shares([len(m) for m in modules], seed).items()
    }
    seen: set[tuple[object, ...]] = set()
    packed = {}
    for split, documents in parts.items():
        distinct = []
        for document in documents:
            key = (*document.parent, *document.content)
            if key not in seen:
                seen.add(key)
                distinct.append(document)
        if not distinct:
            raise DataError(
                f"{origin}: no operator is left for {split}; {len(modules)} of "
                f"{len(texts)} files have any"
            )
        packed[split] = Packed.of(distinct)
    return packed


def _read(content: bytes, place: str) -> list[Document]:
    try:
        return list(examples(content, place))
    except DataError:
        return []


def _key(texts: dict[str, bytes], seed: int) -> str:
    """Return a name for what these sources, rules and seed make."""
    rules = [VERSION, MOST_NODES, OPERATORS, sys.version_info[:2]]
    digest = hashlib.sha256(json.dumps(rules).encode())
    for name, content in texts.items():
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"seed-{seed}-{digest.hexdigest()[:16]}"
