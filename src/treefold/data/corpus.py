"""A corpus: many trees in a few flat arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from treefold.data import kernels
from treefold.data.errors import DataError

if TYPE_CHECKING:
    from treefold.data.batching import Batch
    from treefold.data.vocabulary import Vocabulary

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

DTYPES = {
    "tree_offset": np.int64,
    "child_offset": np.int64,
    "child": np.int32,
    "height": np.int32,
    "token": np.int32,
    "label": np.int32,
    "line": np.int64,
    "number": np.int64,
    "source": np.int32,
}


@final
@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Trees in flat arrays, each tree's own nodes in level order, its root last.

    B trees, V nodes and E edges in all. The arrays are read-only; they may lie on
    disk (`Corpus.open`). Build one from your own trees with `Corpus.from_parents`.

    Attributes:
        tree_offset: (B+1,) int64; tree b has the nodes
            ``tree_offset[b]:tree_offset[b+1]``.
        child_offset: (V+1,) int64; node v has the children
            ``child[child_offset[v]:child_offset[v+1]]``, in order.
        child: (E,) int32, a child's number *within its tree*.
        height: (V,) int32, 0 at leaves, rising within each tree.
        token: (V,) int32, index into `tokens`, -1 where a node has none.
        label: (V,) int32, index into `labels`, -1 where a node has none.
        tokens: the distinct words; after `recode` the vocabulary's.
        labels: the distinct labels; after `recode` the names of the classes.
        line: (B,) int64, the line in its file where a tree begins, 0 if unknown.
        number: (B,) int64, a tree's number in its file, from 1.
        source: (B,) int32, index into `sources`.
        sources: names of the files.
        skipped: what the reader left out, a message for each bad tree.
    """

    tree_offset: Int64
    child_offset: Int64
    child: Int32
    height: Int32
    token: Int32
    label: Int32
    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    line: Int64
    number: Int64
    source: Int32
    sources: tuple[str, ...]
    skipped: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, dtype in DTYPES.items():
            array = np.ascontiguousarray(getattr(self, name), dtype).view(np.ndarray)
            # One array type for the compiled loops, whether in memory or on disk.
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_parents(
        cls,
        tree_offset: NDArray,
        parent: NDArray,
        token: NDArray,
        label: NDArray,
        tokens: Sequence[str],
        labels: Sequence[str],
        *,
        line: NDArray | None = None,
        source: str = "trees",
    ) -> Corpus:
        """Pack trees given by each node's parent, in any top-down numbering.

        Args:
            tree_offset: (B+1,), where the nodes of each tree begin.
            parent: (V,), the parent's number within the tree; -1 at the root, which
                is the tree's first node. A parent's number is less than its
                children's; brothers are ordered by number.
            token: (V,), index into `tokens` or -1.
            label: (V,), index into `labels` or -1.
            tokens: the distinct words.
            labels: the distinct labels.
            line: (B,), where each tree begins in its source, for messages.
            source: the name of the source, for messages.

        Raises:
            DataError: if the numbering is not top-down, a tree has no node or
                several roots, or an index is out of range.
        """
        tree_offset = np.ascontiguousarray(tree_offset, np.int64)
        parent = np.ascontiguousarray(parent, np.int32)
        token = np.ascontiguousarray(token, np.int32)
        label = np.ascontiguousarray(label, np.int32)
        B, V = len(tree_offset) - 1, len(parent)
        if B < 0 or tree_offset[0] != 0 or tree_offset[-1] != V:
            raise DataError(
                f"tree_offset must run from 0 to the number of nodes, {V}, "
                f"got {tree_offset[:1]} to {tree_offset[-1:]}"
            )
        if (np.diff(tree_offset) < 1).any():
            empty = int(np.argmax(np.diff(tree_offset) < 1))
            raise DataError(f"{source}: tree {empty + 1} has no node")
        for name, index, table in (("token", token, tokens), ("label", label, labels)):
            if len(index) != V:
                raise DataError(f"{name} must have {V} entries, got {len(index)}")
            if V and not -1 <= index.min() <= index.max() < len(table):
                raise DataError(
                    f"{name} must lie between -1 and {len(table) - 1}, the last of "
                    f"`{name}s`; got {index.min()} to {index.max()}"
                )

        order, child_offset, child, height, (reason, node) = kernels.level_order(
            tree_offset, parent
        )
        if reason:
            b = int(np.searchsorted(tree_offset, node, side="right")) - 1
            raise DataError(
                f"{source}: tree {b + 1}: node {node - tree_offset[b]} has the parent "
                f"{parent[node]}; "
                + (
                    "a tree has one root, its first node"
                    if reason == kernels.TWO_ROOTS
                    else "a parent must be numbered before its children, and the "
                    "first node must be the root, with parent -1"
                )
            )
        return cls(
            tree_offset,
            child_offset,
            child,
            height,
            token[order],
            label[order],
            tuple(tokens),
            tuple(labels),
            np.zeros(B, np.int64) if line is None else line,
            np.arange(1, B + 1),
            np.zeros(B, np.int32),
            (source,),
        )

    def __len__(self) -> int:
        """Return B, the number of trees."""
        return len(self.tree_offset) - 1

    def __repr__(self) -> str:
        return (
            f"Corpus({len(self):,} trees, {self.num_nodes:,} nodes, "
            f"{len(self.tokens):,} tokens, {len(self.labels):,} labels)"
        )

    @property
    def num_nodes(self) -> int:
        """V, the nodes of all trees together."""
        return len(self.height)

    @property
    def roots(self) -> Int64:
        """(B,) int64, the corpus-wide number of each tree's root, its last node."""
        return self.tree_offset[1:] - 1

    @property
    def sizes(self) -> Int64:
        """(B,) int64, the number of nodes of each tree."""
        return np.diff(self.tree_offset)

    def __getitem__(self, trees: int | slice | NDArray | Sequence[int]) -> Corpus:
        """Return the corpus of the trees chosen, in that order, with the same tables.

        Args:
            trees: a number, a slice, numbers (which may repeat) or a (B,) mask.
        """
        chosen = self._numbers(trees)
        flat = kernels.select(
            chosen,
            self.tree_offset,
            self.child_offset,
            self.child,
            self.height,
            self.token,
            self.label,
        )
        return Corpus(
            *flat,
            self.tokens,
            self.labels,
            self.line[chosen],
            self.number[chosen],
            self.source[chosen],
            self.sources,
        )

    def _numbers(self, trees: int | slice | NDArray | Sequence[int]) -> Int64:
        """Return the numbers of the trees chosen, each between 0 and B-1."""
        B = len(self)
        if isinstance(trees, slice):
            numbers = np.arange(*trees.indices(B), dtype=np.int64)
        else:
            numbers = np.atleast_1d(np.asarray(trees))
            if numbers.dtype == np.bool_:
                if numbers.shape != (B,):
                    raise IndexError(
                        f"a mask of trees must have shape ({B},), got {numbers.shape}"
                    )
                numbers = np.flatnonzero(numbers)
            elif numbers.size and numbers.dtype.kind not in "iu":
                raise TypeError(f"trees are chosen by number, got {numbers.dtype}")
            numbers = np.ascontiguousarray(numbers, np.int64)
            if numbers.ndim > 1:
                raise IndexError(f"trees must be a list, got shape {numbers.shape}")
            if numbers.size and not -B <= numbers.min() <= numbers.max() < B:
                raise IndexError(
                    f"there are {B} trees, numbered from 0; got "
                    f"{numbers.min()} to {numbers.max()}"
                )
            if numbers.size and numbers.min() < 0:
                numbers = np.where(numbers < 0, numbers + B, numbers)
        return numbers

    def where(self, tree: int) -> str:
        """Say where a tree came from: ``train.txt: tree 17 (line 12)``."""
        place = f"{self.sources[self.source[tree]]}: tree {self.number[tree]}"
        return f"{place} (line {self.line[tree]})" if self.line[tree] else place

    def recode(
        self,
        vocabulary: Vocabulary | None = None,
        classes: Sequence[str] | None = None,
        *,
        rename: Mapping[str, str] | None = None,
    ) -> Corpus:
        """Return the same trees, with tokens and labels numbered anew.

        Args:
            vocabulary: numbers the words; those it lacks become its unknown word.
                None leaves the tokens as they are.
            classes: numbers the labels; a label that is not among them becomes -1.
                None leaves the labels as they are.
            rename: the class of a label's text, where they differ.
        """
        new = self
        if vocabulary is not None:
            code = vocabulary.encode(self.tokens).astype(np.int32)
            code = np.append(code, np.int32(-1))  # token -1 reads the last entry
            new = replace(new, token=code[self.token], tokens=vocabulary.words)
        if classes is not None:
            index = {name: i for i, name in enumerate(classes)}
            names = [(rename or {}).get(label, label) for label in self.labels]
            code = np.array([index.get(name, -1) for name in names] + [-1], np.int32)
            new = replace(new, label=code[self.label], labels=tuple(classes))
        return new

    @classmethod
    def cat(cls, corpora: Sequence[Corpus]) -> Corpus:
        """Return all trees of several corpora as one, their tables united."""
        tokens: dict[str, int] = {}
        labels: dict[str, int] = {}
        sources: dict[str, int] = {}

        def merged(names: Sequence[str], table: dict[str, int], index: Int32) -> Int32:
            code = [table.setdefault(name, len(table)) for name in names]
            return np.array([*code, -1], np.int32)[index]

        token = [merged(c.tokens, tokens, c.token) for c in corpora]
        label = [merged(c.labels, labels, c.label) for c in corpora]
        source = [merged(c.sources, sources, c.source) for c in corpora]

        def joined(arrays: list[NDArray], dtype: type) -> NDArray:
            return np.concatenate([*arrays, np.empty(0, dtype)], dtype=dtype)

        def offsets(sizes: list[NDArray]) -> Int64:
            return np.concatenate([[0], np.cumsum(joined(sizes, np.int64))])

        return cls(
            offsets([np.diff(c.tree_offset) for c in corpora]),
            offsets([np.diff(c.child_offset) for c in corpora]),
            joined([c.child for c in corpora], np.int32),
            joined([c.height for c in corpora], np.int32),
            joined(token, np.int32),
            joined(label, np.int32),
            tuple(tokens),
            tuple(labels),
            joined([c.line for c in corpora], np.int64),
            joined([c.number for c in corpora], np.int64),
            joined(source, np.int32),
            tuple(sources),
            tuple(message for c in corpora for message in c.skipped),
        )

    def batch(self, trees: NDArray | Sequence[int] | slice | int) -> Batch:
        """Collate the trees chosen into one forest in level order, as tensors."""
        # Imported here, so that reading and counting trees never loads torch.
        from treefold.data.batching import collate

        return collate(self, self._numbers(trees))

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the corpus as a folder; see `treefold.data.packed.save`."""
        from treefold.data import packed

        packed.save(self, folder, overwrite=overwrite)

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = False) -> Corpus:
        """Open a saved corpus in place; see `treefold.data.packed.open_folder`."""
        from treefold.data import packed

        return packed.open_folder(folder, verify=verify)


ARRAYS = tuple(DTYPES)
TABLES = tuple(f.name for f in fields(Corpus) if f.name not in DTYPES)
