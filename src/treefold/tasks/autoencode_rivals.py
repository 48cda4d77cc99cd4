"""What an auto-encoder of trees is measured against."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from treefold.data.corpus import Corpus
from treefold.data.order import reading_order
from treefold.data.sequences import Sequences, plan
from treefold.models.generator import StringBatch
from treefold.models.string_auto_encoder import StringAutoEncoder
from treefold.training.optim import Optimizer
from treefold.unfolding import sequences

if TYPE_CHECKING:
    from treefold.tasks.autoencode import AutoencodeTask

AT_ONCE = 200


def usual_tree(task: AutoencodeTask) -> dict[str, Any]:
    """Say the most frequent training tree of the size: the share it is right."""
    begun = time.perf_counter()
    train = task.coded["train"]
    counts: dict[int, Counter[str]] = {}
    for text, size in zip(task.symbols.texts(train), leaves(train), strict=True):
        counts.setdefault(size, Counter())[text] += 1
    usual = {size: each.most_common(1)[0][0] for size, each in counts.items()}
    found: dict[str, Any] = {}
    for split in ("dev", "test"):
        corpus = task.coded[split]
        sizes = leaves(corpus)
        right = [
            usual.get(size, "") == text
            for text, size in zip(task.texts[split], sizes, strict=True)
        ]
        found[split] = {"exact": float(np.mean(right))}
    return {**found, "seconds": round(time.perf_counter() - begun, 2)}


class Strings:
    """Trees as strings: pre-order, a symbol for each node, and the end.

    A word stands for itself; an inner node's symbol says its label and how many
    children it has. That makes brackets needless, and the strings as short as can be.
    """

    def __init__(self, train: Corpus, num_words: int):
        self.num_words = num_words
        self.pairs = {
            pair: num_words + i
            for i, pair in enumerate(sorted(set(self._pairs(train)) - {(-1, 0)}))
        }
        self.end = num_words + len(self.pairs)

    def _pairs(self, corpus: Corpus) -> list[tuple[int, int]]:
        arity = np.diff(corpus.child_offset)
        label = np.where(arity > 0, corpus.token, -1)
        return list(zip(label.tolist(), arity.tolist(), strict=True))

    def of(self, corpus: Corpus) -> Sequences:
        """Write trees as strings; an inner node unlike any of training is symbol 0."""
        inner = [self.pairs.get(pair, 0) for pair in self._pairs(corpus)]
        symbol = np.where(np.diff(corpus.child_offset) > 0, inner, corpus.token)
        first = np.repeat(corpus.tree_offset[:-1], corpus.sizes)
        symbol = symbol[reading_order(corpus).order + first].astype(np.int64)
        step = np.insert(symbol, corpus.tree_offset[1:], self.end)
        return Sequences(step, corpus.tree_offset + np.arange(len(corpus) + 1))


def strings_rival(task: AutoencodeTask, progress: bool) -> dict[str, Any]:
    """Train an LSTM to read the tree as a string and to write it again."""
    config, begun = task.config, time.perf_counter()
    torch.manual_seed(0)
    strings = Strings(task.coded["train"], len(task.symbols.words))
    model = StringAutoEncoder(
        strings.end + 1,
        strings.end,
        code_size=config.code_size,
        embedding_size=config.embedding_size,
    ).to(config.device)
    optimizer = Optimizer(model, config)
    seen, epochs = 0, config.rival_epochs
    for epoch in range(epochs):
        share = (time.perf_counter() - begun) / 60 / (config.rival_minutes or np.inf)
        if share >= 1:
            break
        corpus = task.training_trees(0, epoch + 1)
        coded, kind = strings.of(corpus), np.zeros(len(corpus), np.int64)
        batches = plan(coded.lengths, config.batch_size, 0, epoch)
        for k, numbers in enumerate(batches):
            passed = time.perf_counter() - begun
            share = passed / 60 / (config.rival_minutes or np.inf)
            if share >= 1:
                break
            optimizer.zero_grad()
            batch = StringBatch.of(coded, kind, numbers).to(config.device)
            model.loss(batch).backward()
            optimizer.step(max((epoch + k / len(batches)) / epochs, share))
            seen += len(batch)
    found: dict[str, Any] = {"trees_seen": seen}
    for split in ("dev", "test"):
        right = _recovered(model, strings.of(task.coded[split]))
        found[split] = {"exact": float(right.mean())}
        found["by_size"] = by_size(leaves(task.coded[split]), right)  # test comes last
    found["seconds"] = round(time.perf_counter() - begun, 2)
    return found


@torch.no_grad()
def _recovered(model: StringAutoEncoder, strings: Sequences) -> np.ndarray:
    """Tell of each string whether it comes back, (B,) bool."""
    device = next(model.parameters()).device
    right = np.zeros(len(strings), bool)
    for numbers in plan(strings.lengths, AT_ONCE, None, 0):
        kind = np.zeros(len(strings), np.int64)
        batch = StringBatch.of(strings, kind, numbers).to(device)
        longest = int(strings.lengths[numbers].max())
        grown = model.decode(model.encode(batch), longest)
        written = sequences(grown.forest, grown.labels)
        for number, each in zip(numbers, written, strict=True):
            right[number] = each.tolist() == strings[number].tolist()
    return right


def leaves(corpus: Corpus) -> list[int]:
    """Return the number of leaves of each tree."""
    leaf = np.diff(corpus.child_offset) == 0
    return np.add.reduceat(leaf, corpus.tree_offset[:-1], dtype=np.int64).tolist()


def by_size(
    sizes: Sequence[int], right: Sequence[bool] | np.ndarray
) -> dict[str, float]:
    """Return the share that is right by the number of leaves."""
    size, good = np.asarray(sizes), np.asarray(right, float)
    return {str(n): float(good[size == n].mean()) for n in np.unique(size)}
