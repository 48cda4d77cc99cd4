"""Documents as rows of a table: what is left of a tree when its shape is given up.

This is what one does without a net for trees, done with care: a column for each path
from the root (``account.owner.country``), with the items of a list pooled (how many,
their sum, mean, least, greatest, first and last) and, for the first few, each in
columns of its own (``items.0.price``); counts of values, words, kinds and edges.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from treefold.data.documents import Documents

DEEPEST = 24  # of a path; what lies deeper is counted, not placed
PLACES = 10  # items of a list that have columns of their own
LONGEST = 80  # characters of a text that may be a category
MOST_WORDS = 2_000  # of one text
WORD = re.compile(r"[^\W_]+")
DATE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?"
)
NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")
POOLS = ("mean", "sum", "min", "max", "first", "last")

Keys = NDArray[np.uint64]
Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Seen(NamedTuple):
    """What documents hold: E times a column's key, with a value where it is a number.

    Attributes:
        row: (E,) the document.
        key: (E,) the column.
        value: (E,) the number.
    """

    row: Int
    key: Keys
    value: Float


def mixed(*keys: Keys | int) -> Keys:
    """Return one key for several, as good as random (splitmix64's rounds)."""
    h = np.zeros(1, np.uint64)
    for key in keys:
        h = (h ^ np.asarray(key, np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h ^= h >> np.uint64(31)
    return h


def hashed(text: str) -> int:
    """Return a text's key, the same in every run."""
    data = text.encode("utf-8", "surrogatepass")
    return zlib.crc32(data) | zlib.adler32(data) << 32


@final
class Walk:
    """Documents as arrays over their nodes, with the paths that lead to each.

    Attributes:
        row: (V,) the document of each node.
        parent: (V,) the node above, -1 at a root.
        content: (V,) the number of its content.
        kind: (V,) key of its kind; so `role`.
        path: (V,) key of the roles from the root, items of a list alike.
        place: (V,) the same with the items' numbers; 0 beyond the first few.
        order: (V,) nodes from the first to the last of each document.
    """

    def __init__(self, documents: Documents):
        self.documents = documents
        corpus = documents.corpus
        V = corpus.num_nodes
        self.row = np.repeat(np.arange(len(documents)), corpus.sizes)
        self.content = corpus.token.astype(np.int64)
        above = np.repeat(np.arange(V), np.diff(corpus.child_offset))
        below = corpus.child + corpus.tree_offset[self.row[above]]
        self.parent = np.full(V, -1)
        self.parent[below] = above
        self.order = np.lexsort((documents.node, self.row))

        self.kind = self.of_content(lambda c: hashed(c.kind))
        self.role = self.of_content(lambda c: hashed(c.role))
        at = self.of_content(lambda c: c.position + 1)
        inner = np.diff(corpus.child_offset) > 0
        has_role = self.role != hashed("")
        # Under one key there may be numbers, texts and nulls: of a leaf with a role
        # the kind is no part of the path.
        step = np.where(has_role & ~inner, self.role, mixed(self.role, self.kind))
        self.path = np.zeros(V, np.uint64)
        self.place = np.zeros(V, np.uint64)
        known = at <= PLACES
        level = corpus.roots
        self.path[level] = self.place[level] = 1
        for _ in range(DEEPEST):
            level = _children(corpus, level, self.row)
            if not len(level):
                break
            parent = self.parent[level]
            self.path[level] = mixed(self.path[parent], step[level])
            place = mixed(self.place[parent], step[level], at[level])
            named = known[level] & (self.place[parent] > 0)
            self.place[level] = np.where(named, place, 0)

    def of_content(self, of: Callable[[Any], int]) -> Keys:
        """Return for each node what a function tells of its content."""
        table = [of(content) for content in self.documents.contents]
        return np.array([*table, 0], np.uint64)[self.content]

    def above(self, keys: Keys) -> Keys:
        """Return the parents' keys, 0 at roots."""
        return np.where(self.parent >= 0, keys[self.parent], np.uint64(0))

    def words(self, *, pairs: bool = False) -> tuple[Int, Keys]:
        """Return the nodes' words, one after another: whose each is, and its key."""
        return self.lists_of_content(lambda content: _words(content.text, pairs))

    def lists_of_content(self, of: Callable[[Any], list[int]]) -> tuple[Int, Keys]:
        """Return several keys for a content, at each node: whose it is, and the key."""
        lists = [np.array(of(c), np.uint64) for c in self.documents.contents]
        length = np.array([len(keys) for keys in lists], np.int64)
        start = np.cumsum(length) - length
        count = length[self.content] if len(length) else self.content
        node = np.repeat(np.arange(len(self.content)), count)
        within = np.arange(len(node)) - np.repeat(np.cumsum(count) - count, count)
        flat = np.concatenate([np.empty(0, np.uint64), *lists])
        return node, flat[start[self.content[node]] + within]

    def numbers(self) -> Seen:
        """Return the numbers at each path, each place and each kind with its role.

        Dates, and texts that are numbers, are read as such.
        """
        table = [_number(content) for content in self.documents.contents]
        value = np.array([*table, np.nan])[self.content]
        nodes = self.order[~np.isnan(value[self.order])]
        whose = mixed(self.kind[nodes], self.role[nodes], self.above(self.kind)[nodes])
        placed = nodes[self.place[nodes] > 0]
        keys = [self.path[nodes], mixed(self.place[placed], 1), mixed(whose, 2)]
        nodes = np.concatenate([nodes, placed, nodes])
        return Seen(self.row[nodes], np.concatenate(keys), value[nodes])

    def counts(self) -> Seen:
        """Return what can be counted: paths, values, words, kinds, edges."""
        text = self.of_content(_category)
        has = text > 0
        edge = mixed(self.above(self.kind), self.role, self.kind)
        node, word = self.words()
        every = np.arange(len(self.row))
        placed = has & (self.place > 0)
        seen: list[tuple[Any, Keys]] = [
            (every, mixed(self.path, self.kind, 10)),
            (every, mixed(self.kind, 11)),
            (every, mixed(edge, 12)),
            (every, mixed(self.above(edge), edge, 13)),
            (has, mixed(self.path, text, 14)[has]),
            (has, mixed(self.role, self.kind, text, 15)[has]),
            (placed, mixed(self.place, text, 16)[placed]),
            (node, mixed(self.role[node], word, 17)),
        ]
        row = np.concatenate([self.row[nodes] for nodes, _ in seen])
        key = np.concatenate([keys for _, keys in seen])
        return Seen(row, key, np.ones(len(row)))

    def around(self) -> Seen:
        """Return what each node's own content tells, its parent's and its children's.

        The row is the number of the node.
        """
        text = self.of_content(lambda c: hashed(c.text or ""))
        every, below = np.arange(len(self.row)), np.flatnonzero(self.parent >= 0)
        above, down = self.parent[below], below
        node, piece = self.lists_of_content(_pieces)
        seen: list[tuple[Int, Keys]] = [
            (every, mixed(self.kind, 20)),
            (every, mixed(self.role, self.kind, 21)),
            (every, mixed(self.kind, text, 22)),
            (node, mixed(piece, 23)),
            (down, mixed(self.kind[above], self.role[above], 24)),
            (down, mixed(text[above], 25)),
            (down, mixed(self.role[down], text[above], 26)),
            (down, mixed(self.role[down], self.kind[above], 27)),
            (above, mixed(self.role[down], self.kind[down], 28)),
            (above, mixed(text[down], 29)),
            (above, mixed(self.role[down], text[down], 30)),
        ]
        row = np.concatenate([nodes for nodes, _ in seen])
        return Seen(row, np.concatenate([key for _, key in seen]), np.ones(len(row)))

    def shape(self) -> Float:
        """Return each document's nodes, height, leaves and most children."""
        corpus = self.documents.corpus
        children = np.diff(corpus.child_offset)
        first = corpus.tree_offset[:-1]
        return np.stack(
            [
                corpus.sizes,
                corpus.height[corpus.roots],
                np.add.reduceat(children == 0, first),
                np.maximum.reduceat(children, first),
            ],
            axis=1,
        ).astype(np.float64)


@final
class Pools:
    """Columns of numbers: what recurs in a document pooled in several ways.

    Args:
        seen: the numbers of the training documents.
        rows: how many these are.
        least: documents that a column must occur in.
        most: columns at most, the most frequent first.
    """

    def __init__(self, seen: Seen, rows: int, *, least: int = 2, most: int = 600):
        key, at = np.unique(seen.key, return_inverse=True)
        cells, times = np.unique(at * rows + seen.row, return_counts=True)
        column = cells // rows
        documents = np.bincount(column, minlength=len(key))
        several = np.zeros(len(key), bool)
        several[column[times > 1]] = True
        kept = np.flatnonzero(documents >= least)
        kept = kept[np.argsort(-documents[kept], kind="stable")]
        width = np.cumsum(np.where(several[kept], len(POOLS), 1))
        kept = np.sort(kept[width <= most])
        self.key, self.several = key[kept], several[kept]

    def __call__(self, seen: Seen, rows: int) -> Float:
        """Return the columns of some documents, NaN where a document has no number."""
        K = len(self.key)
        x = np.full((rows, len(POOLS), K), np.nan)
        if K and len(seen.key):
            at = np.minimum(np.searchsorted(self.key, seen.key), K - 1)
            known = self.key[at] == seen.key
            cell, value = (seen.row * K + at)[known], seen.value[known]
            order = np.argsort(cell, kind="stable")
            cell, value = cell[order], value[order]
            first = np.flatnonzero(np.diff(cell, prepend=-1))
            if len(first):
                count = np.diff(first, append=len(cell))
                total = np.add.reduceat(value, first)
                row, column = np.divmod(cell[first], K)
                pools = (
                    total / count,
                    total,
                    np.minimum.reduceat(value, first),
                    np.maximum.reduceat(value, first),
                    value[first],
                    value[first + count - 1],
                )
                for k, pool in enumerate(pools):
                    x[row, k, column] = pool
        others = [x[:, k, self.several] for k in range(1, len(POOLS))]
        return np.concatenate([x[:, 0], *others], axis=1)


@final
class Bag:
    """Columns of counts: those that occur in several training documents.

    Args:
        seen: what the training documents hold.
        rows: how many these are.
        least: documents that a column must occur in.
        most: columns at most, the most frequent first.
    """

    def __init__(self, seen: Seen, rows: int, *, least: int = 2, most: int = 200_000):
        pairs = np.unique(np.stack([seen.key, seen.row.astype(np.uint64)]), axis=1)
        key, documents = np.unique(pairs[0], return_counts=True)
        enough = np.flatnonzero(documents >= least)
        enough = enough[np.argsort(-documents[enough], kind="stable")][:most]
        self.key = np.sort(key[enough])

    def __call__(self, seen: Seen, rows: int) -> sparse.csr_matrix:
        """Return the counts in some documents."""
        K = len(self.key)
        if not K or not len(seen.key):
            return sparse.csr_matrix((rows, K))
        at = np.minimum(np.searchsorted(self.key, seen.key), K - 1)
        known = self.key[at] == seen.key
        cells = (seen.value[known], (seen.row[known], at[known]))
        return sparse.csr_matrix(cells, shape=(rows, K))


def joined(parts: Sequence[Seen]) -> Seen:
    """Return all that several parts hold."""
    return Seen(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _children(corpus: Any, nodes: Int, row: Int) -> Int:
    """Return the children of some nodes."""
    start, end = corpus.child_offset[nodes], corpus.child_offset[nodes + 1]
    count = end - start
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    local = corpus.child[np.repeat(start, count) + within]
    return local + corpus.tree_offset[np.repeat(row[nodes], count)]


def _category(content: Any) -> int:
    """Return the key of a text that may be a category, 0 for others."""
    text = content.text
    return hashed(text) if text is not None and len(text) <= LONGEST else 0


def _words(text: str | None, pairs: bool) -> list[int]:
    words = WORD.findall((text or "").lower())[:MOST_WORDS]
    if pairs:
        words += [" ".join(two) for two in pairwise(words)]
    return [hashed(word) for word in words]


def _pieces(content: Any) -> list[int]:
    """Return keys of a word's beginnings, ends and form."""
    text = content.text or ""
    low = text.lower()
    pieces = [f"^{low[:k]}" for k in (1, 2, 3)]
    pieces += [f"{low[-k:]}$" for k in (1, 2, 3, 4)]
    form = re.sub(r"(.)\1+", r"\1", re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "a", text)))
    return [hashed(piece) for piece in (*pieces, f"is {form[:6]} {text.istitle()}")]


def _number(content: Any) -> float:
    """Return the number that a content is, NaN for none; an infinite one is cut."""
    value = content.number
    if value is None and content.text is not None:
        text = content.text.strip()
        if NUMBER.fullmatch(text):
            value = float(text)
        elif DATE.fullmatch(text):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return np.nan
            seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
            value = moment.toordinal() + seconds / 86_400
    return np.nan if value is None else float(np.clip(value, -1e300, 1e300))
