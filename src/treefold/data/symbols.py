"""Trees with one symbol at each node: words at leaves, labels at the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.readers.brackets import format_brackets

NOTHING = "_"  # what brackets say where there is nothing to say: (_ a b)
UNKNOWN = "<unk>"


@final
@dataclass(frozen=True)
class Symbols:
    """The symbols of trees and their numbers.

    A leaf's symbol is its word; with a label, ``"N cat"``. An inner node's is its
    label, and ``_`` where it has none.

    Attributes:
        words: symbols of leaves, numbered from 0; the first stands for all unknown.
        labels: symbols of inner nodes, numbered after the words.
        arity: K, the most children of a node.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...]
    arity: int

    @classmethod
    def build(cls, train: Corpus, others: Sequence[Corpus] = ()) -> Symbols:
        """Number the symbols of training trees, the most frequent first.

        The arity is that of the widest node anywhere.
        """
        texts = np.array(_texts(train), dtype=object)
        leaf = _is_leaf(train)
        words, labels = _by_count(texts[leaf]), _by_count(texts[~leaf])
        arity = max(_arity(corpus) for corpus in (train, *others))
        return cls((UNKNOWN, *words), tuple(labels) or (NOTHING,), max(arity, 1))

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.words) + len(self.labels)

    @cached_property
    def _numbers(self) -> tuple[dict[str, int], dict[str, int]]:
        first = len(self.words)
        words = {name: i for i, name in enumerate(self.words)}
        return words, {name: first + i for i, name in enumerate(self.labels)}

    def code(self, corpus: Corpus, *, strict: bool = False) -> Corpus:
        """Return the same trees with the number of its symbol as each node's token.

        Args:
            corpus: the trees.
            strict: refuse a symbol that training never met; else it is the unknown
                word, or the first label.

        Raises:
            DataError: a node with too many children, or an unknown symbol.
        """
        wide = np.diff(corpus.child_offset) > self.arity
        if wide.any():
            node = int(np.argmax(wide))
            raise DataError(
                f"{_where(corpus, node)}: a node has "
                f"{int(np.diff(corpus.child_offset)[node])} children, but the model "
                f"knows {self.arity} at most; train one on trees as wide"
            )
        words, labels = self._numbers
        leaf = _is_leaf(corpus).tolist()
        token = []
        for node, (text, is_leaf) in enumerate(zip(_texts(corpus), leaf, strict=True)):
            number = (words if is_leaf else labels).get(text)
            if number is None:
                if strict:
                    kind = "word" if is_leaf else "label"
                    raise DataError(
                        f"{_where(corpus, node)}: the {kind} {text!r} is in no tree "
                        "of training, so that no code could hold it"
                    )
                number = 0 if is_leaf else len(self.words)
            token.append(number)
        return replace(
            corpus,
            token=np.array(token, np.int32),
            label=np.full(len(token), -1, np.int32),
            tokens=(*self.words, *self.labels),
            labels=(),
        )

    def texts(self, coded: Corpus) -> list[str]:
        """Write coded trees in brackets, in the one way that equal trees share."""
        alone = np.ones(coded.num_nodes, bool)  # roots, and only children
        arity = np.diff(coded.child_offset)
        first = np.repeat(coded.tree_offset[:-1], coded.sizes)
        parent = np.repeat(np.arange(coded.num_nodes), arity)
        alone[coded.child + first[parent]] = arity[parent] == 1
        split = [name.rpartition(" ") for name in self.words]
        names = [label or NOTHING for label, _, _ in split] + list(self.labels)
        words = [word for *_, word in split]
        # A leaf's label is told where it has one, or where brackets cannot do without.
        told = np.array([bool(k) for k, *_ in split] + [True] * len(self.labels))
        table = {name: i for i, name in enumerate(dict.fromkeys(names))}
        label = np.array([table[name] for name in names])[coded.token]
        label = np.where(told[coded.token] | alone, label, -1)
        token = np.where(arity == 0, np.minimum(coded.token, len(words) - 1), -1)
        plain = replace(
            coded, token=token, label=label, tokens=tuple(words), labels=tuple(table)
        )
        return list(format_brackets(plain))


def canonical(corpus: Corpus) -> list[str]:
    """Write trees in brackets, in the one way that equal trees share."""
    own = Symbols.build(corpus)
    return own.texts(own.code(corpus))


def _texts(corpus: Corpus) -> list[str]:
    """Return the symbol of every node."""
    labels = [name if name != NOTHING else "" for name in (*corpus.labels, "")]
    tokens = (*corpus.tokens, "")
    return [
        f"{labels[k]} {tokens[t]}".strip() or NOTHING
        for k, t in zip(corpus.label.tolist(), corpus.token.tolist(), strict=True)
    ]


def _is_leaf(corpus: Corpus) -> NDArray[np.bool_]:
    return np.diff(corpus.child_offset) == 0


def _arity(corpus: Corpus) -> int:
    return int(np.diff(corpus.child_offset).max(initial=0))


def _by_count(names: NDArray[np.object_]) -> list[str]:
    """Return the distinct names, the most frequent first, ties in ABC order."""
    values, counts = np.unique(names, return_counts=True)
    return [str(values[i]) for i in np.argsort(-counts, kind="stable")]


def _where(corpus: Corpus, node: int) -> str:
    tree = int(np.searchsorted(corpus.tree_offset, node, side="right")) - 1
    return corpus.where(tree)
