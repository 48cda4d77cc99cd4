"""python-swaps: were the two operands swapped? Trees from Python's standard library.

Every comparison with one operator, and every binary operation that does not commute,
is an example: the syntax tree of ``len(line) - 1`` or, with its operands swapped, of
``1 - len(line)``. The operator asked about is marked, ``BinOp:Sub?``; nothing else in
the tree is touched. A tree's class is drawn without looking at it, so that its nodes
as a bag tell nothing: all that there is to learn is the order.

Whole modules go to train, dev or test. What a model sees as equal, be it the tree or
its swap, occurs once in all three together.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import sys
import sysconfig
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from treefold.data.corpus import Corpus
from treefold.data.datasets import Dataset
from treefold.data.errors import DataError
from treefold.data.generators.expressions import (
    Nodes,
    first_operand,
    flatten,
    is_asked,
    walk,
    whole,
)
from treefold.data.places import SPLITS, cache_folder
from treefold.data.vocabulary import UNKNOWN, Vocabulary

NAME = "python-swaps"
CLASSES = ("original", "swapped")
VERSION = 1  # of the rules below; another one makes other trees
MOST_NODES = 60
KNOWN_MODULES = 3  # an identifier in as many training modules is a token of its own
KNOWN_TREES = 2  # a token that is seen less often in training is unknown
DEV_FROM, TEST_FROM = 0.66, 0.83  # shares of the examples, before equal ones go
ABOUT = "about.json"
_NOT_SOURCES = {
    "test",
    "tests",
    "idle_test",
    "site-packages",
    "dist-packages",
    "__pycache__",
}


@dataclass(frozen=True)
class _Module:
    """What is used of a file: the expressions asked about, and all tokens in them."""

    name: str
    asked: list[ast.expr]
    tokens: set[str]


@dataclass(frozen=True)
class _Example:
    """A root and its two operands as the author wrote them."""

    root: str
    left: Nodes
    right: Nodes
    module: str
    line: int

    def known(self, tokens: Iterable[str]) -> _Example:
        """Return the example as a model sees it that knows only these tokens."""

        def seen(nodes: Nodes) -> Nodes:
            return tuple((t if t in tokens else UNKNOWN, n) for t, n in nodes)

        ((root, _),) = seen(((self.root, 2),))
        return replace(self, root=root, left=seen(self.left), right=seen(self.right))


def load(
    *,
    seed: int = 0,
    progress: bool = False,
    cache: str | Path | None = None,
    sources: Sequence[Path] | None = None,
) -> Dataset:
    """Make the data set, or open it where it has been made before.

    Args:
        seed: shares the modules out, and draws which operands are swapped.
        progress: show a bar on standard error, if that is a terminal.
        cache: a folder to keep it in, by default one in the user's cache. What is
            kept belongs to these sources, this Python and this seed.
        sources: Python files, by default the standard library's, without its tests.

    Returns:
        The data set ``"python-swaps"``: classes "original" and "swapped", a label at
        each root only, and the group "no constant" of the test trees.

    Raises:
        DataError: if there are no sources, or too few for three splits.
    """
    files, origin = (
        standard_library() if sources is None else ({str(f): f for f in sources}, "")
    )
    texts = {name: path.read_bytes() for name, path in files.items()}
    base = cache_folder() / NAME if cache is None else Path(cache)
    folder = base / _key(texts, seed)

    kept = _open(folder)
    if kept is None:
        kept = _make(texts, origin or f"{len(files)} files", seed, progress)
        # A cache that cannot be written costs time in every run, and nothing else.
        with suppress(OSError):
            _keep(folder, *kept)
    splits, note = kept
    vocabulary = Vocabulary(splits["train"].tokens)
    groups = {"no constant": ~has_constant(splits["test"])}
    train, dev, test = (splits[split] for split in SPLITS)
    return Dataset(
        NAME, train, dev, test, vocabulary, CLASSES, note=note, groups=groups
    )


def has_constant(corpus: Corpus) -> NDArray[np.bool_]:
    """Tell for each tree, (B,) bool, whether a constant stands anywhere in it."""
    constant = np.array([t.startswith("Constant") for t in corpus.tokens] + [False])
    total = np.concatenate([[0], np.cumsum(constant[corpus.token])])
    return np.diff(total[corpus.tree_offset]) > 0


def standard_library() -> tuple[dict[str, Path], str]:
    """Return the files of the standard library by module path, and what to call it."""
    origin = "the standard library of Python {}.{}".format(*sys.version_info)
    root = Path(sysconfig.get_path("stdlib"))
    paths = {path.relative_to(root): path for path in root.rglob("*.py")}
    files = {
        inside.as_posix(): path
        for inside, path in sorted(paths.items())
        if not _NOT_SOURCES.intersection(inside.parts)
    }
    if not files:
        raise DataError(
            f"{root} has no Python files, and {NAME} is made of {origin}; use a Python "
            "that was installed with the sources of its library"
        )
    return files, origin


def _key(texts: dict[str, bytes], seed: int) -> str:
    """Return a name for what these sources, rules and seed make."""
    rules = [VERSION, MOST_NODES, KNOWN_MODULES, KNOWN_TREES, DEV_FROM, TEST_FROM]
    digest = hashlib.sha256(json.dumps([rules, sys.version_info[:2]]).encode())
    for name, content in texts.items():
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"seed-{seed}-{digest.hexdigest()[:16]}"


def _open(folder: Path) -> tuple[dict[str, Corpus], str] | None:
    """Open what `_keep` wrote; None if it is not there or damaged."""
    try:
        splits = {s: Corpus.open(folder / s, verify=True) for s in SPLITS}
        note = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["note"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return splits, str(note)


def _keep(folder: Path, splits: dict[str, Corpus], note: str) -> None:
    """Write the corpora to the cache, all or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as work:
        new = Path(work, folder.name)
        new.mkdir()
        for split, corpus in splits.items():
            corpus.save(new / split)
        about = json.dumps({"note": note})
        (new / ABOUT).write_text(about, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # it was damaged, or is not there
        # A process beside this one may have been first; then this fails, and its stays.
        new.rename(folder)


def _make(
    texts: dict[str, bytes], origin: str, seed: int, progress: bool
) -> tuple[dict[str, Corpus], str]:
    """Make the three corpora, and the note on them."""
    bar = tqdm(
        texts.items(),
        desc=f"{NAME}: reading {origin}",
        unit="file",
        leave=False,
        disable=None if progress else True,  # None: where there is no terminal
    )
    read = [_read(name, content) for name, content in bar]
    modules = [module for module in read if module is not None and module.asked]
    shares = _share_out(modules, seed)
    if not all(shares.values()):
        raise DataError(
            f"{origin}: {len(modules)} of {len(texts)} files have expressions to ask "
            "about, too few for train, dev and test"
        )

    modules_with = Counter(t for module in shares["train"] for t in module.tokens)
    known = {t for t, n in modules_with.items() if n >= KNOWN_MODULES}
    examples = {
        split: [example for module in share for example in _examples(module, known)]
        for split, share in shares.items()
    }
    words = _words(examples["train"])
    splits, seen = {}, set()
    for number, split in enumerate(SPLITS):
        distinct = _distinct(examples[split], {*words}, seen)
        if not distinct:
            raise DataError(f"{origin}: no example is left for {split}")
        swapped = np.arange(len(distinct)) % 2
        swapped = np.random.default_rng([seed, number]).permutation(swapped)
        splits[split] = _pack(distinct, swapped.tolist(), words)

    total = sum(map(len, splits.values()))
    bad = read.count(None)
    note = (
        f"{total:,} expressions of {len(modules):,} modules from {origin}, the "
        "operands of every other one swapped; a module is in one split only."
        + (f" {bad} files could not be parsed." if bad else "")
    )
    return splits, note


def _read(name: str, content: bytes) -> _Module | None:
    """Parse a file; None if it cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's escapes and literals
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    asked, tokens = [], set()
    for node, inside in walk(tree):
        if inside:
            tokens.add(whole(node))
        if is_asked(node):
            asked.append(node)
    return _Module(name, asked, tokens)


def _share_out(modules: list[_Module], seed: int) -> dict[str, list[_Module]]:
    """Share whole modules out to the splits, in random order, by their examples."""
    parts = shares([len(module.asked) for module in modules], seed)
    return {s: [modules[k] for k in part] for s, part in parts.items()}


def shares(counts: Sequence[int], seed: int) -> dict[str, NDArray[np.int64]]:
    """Share modules out, given how many examples each has; by number."""
    order = np.random.default_rng(seed).permutation(len(counts))
    size = np.array(counts)[order]
    before = np.cumsum(size) - size
    cuts = np.searchsorted(before, np.array([DEV_FROM, TEST_FROM]) * size.sum())
    return dict(zip(SPLITS, np.split(order, cuts), strict=True))


def _examples(module: _Module, known: set[str]) -> Iterable[_Example]:
    """Write the expressions of a module as examples, but for those too large."""
    for node in module.asked:
        nodes = flatten(node, known, MOST_NODES)
        if nodes is not None:
            end = first_operand(nodes)
            operands = nodes[1:end], nodes[end:]
            yield _Example(f"{nodes[0][0]}?", *operands, module.name, node.lineno)


def _words(train: list[_Example]) -> tuple[str, ...]:
    """Return the tokens known, the most frequent first, after the unknown one."""
    counts = Counter(e.root for e in train)
    counts.update(t for e in train for nodes in (e.left, e.right) for t, _ in nodes)
    kept = sorted((-n, token) for token, n in counts.items() if n >= KNOWN_TREES)
    return (UNKNOWN, *(token for _, token in kept))


def _distinct(examples: list[_Example], words: set[str], seen: set) -> list[_Example]:
    """Return those that differ from all seen so far, whichever way round they stand."""
    distinct = []
    for example in examples:
        example = example.known(words)
        pair = (example.root, frozenset((example.left, example.right)))
        told = example.root != UNKNOWN and example.left != example.right
        if told and pair not in seen:
            seen.add(pair)
            distinct.append(example)
    return distinct


def _pack(
    examples: list[_Example], swapped: list[int], words: tuple[str, ...]
) -> Corpus:
    """Pack examples, those marked with their operands swapped."""
    index = {word: i for i, word in enumerate(words)}
    offset, parent, token, label = [0], [], [], []
    for example, swap in zip(examples, swapped, strict=True):
        operands = (example.left, example.right)[:: -1 if swap else 1]
        waiting = [-1]  # the parent of each node to come, the next one last
        for number, (word, below) in enumerate(
            ((example.root, 2), *operands[0], *operands[1])
        ):
            parent.append(waiting.pop())
            token.append(index[word])
            label.append(-1 if number else swap)
            waiting.extend([number] * below)
        offset.append(len(parent))

    modules = tuple(dict.fromkeys(example.module for example in examples))
    place = {name: i for i, name in enumerate(modules)}
    corpus = Corpus.from_parents(
        np.array(offset),
        np.array(parent),
        np.array(token),
        np.array(label),
        words,
        CLASSES,
        line=np.array([example.line for example in examples]),
    )
    source = np.array([place[example.module] for example in examples], np.int32)
    return replace(corpus, source=source, sources=modules)
