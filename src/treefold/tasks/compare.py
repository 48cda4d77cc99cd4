"""The task of comparing two structures: how alike they are, or how they are related."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Any, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score
from torch import nn

from treefold import cells
from treefold.data.errors import DataError
from treefold.data.glove import load_vectors, vectors_file
from treefold.data.readers.lines import STDIN
from treefold.data.readers.tree_pairs import read_side, read_tree_pairs
from treefold.data.tree_pair_sets import NAMED, TreePairSet, load_tree_pairs
from treefold.data.tree_pairs import Int64, Pair, PairBatch, TreePairs
from treefold.data.vocabulary import UNKNOWN, Vocabulary
from treefold.models.pair import Head, PairModel, RelationHead, SimilarityHead
from treefold.models.pair_rivals import MeanCell
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.compare_config import CompareConfig
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.task import Split

AT_ONCE = 500  # pairs in a batch where nothing is learned
MOST_NAMED = 10  # relations, in a message
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Float = NDArray[np.float64]


@final
class Epoch:
    """Batches of one epoch, each collated when it is its turn."""

    def __init__(self, pairs: TreePairs, numbers: list[Int64]):
        self._pairs, self._numbers = pairs, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[PairBatch]:
        return (self._pairs.batch(numbers) for numbers in self._numbers)


@final
class CompareTask(DataTask):
    """Compare two structures.

    The assets are the `words` known, the most `children` of a node in training, and
    either the lowest and the highest score, `low` and `high`, or the names of the
    relations, `classes`, with what some are called at length, `long_names`; and the
    `note` on the data.
    """

    kind = "compare"
    Config = CompareConfig
    metrics = (
        Metric("pearson", "Pearson's r", digits=4),
        Metric("spearman", "Spearman's ρ", digits=4),
        Metric("mse", "mean squared error", lower_is_better=True, digits=4),
        Metric("accuracy", "accuracy", percent=True),
        Metric("macro_f1", "macro F1", percent=True),
    )
    datasets = tuple(sorted(NAMED))
    formats = (
        "lines of left<TAB>right<TAB>score or relation, each side a tree in brackets "
        "or a text, or objects in JSON with the words' heads"
    )
    config: CompareConfig

    def __init__(
        self,
        config: CompareConfig,
        assets: Any,
        data: dict[str, list[Pair]] | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.vocabulary = Vocabulary(tuple(self.assets["words"]), config.lower)
        self.classes: tuple[str, ...] = tuple(self.assets.get("classes", ()))
        self.pairs: dict[str, TreePairs] = {}
        for split, pairs in (data or {}).items():
            self.pairs[split] = self.coded(pairs)

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        given = {split: getattr(spec, split) for split in SPLITS}
        files = {split: file for split, file in given.items() if file is not None}
        found = load_tree_pairs(
            spec.data, files, seed=spec.split_seed, skip_bad=spec.skip_bad
        )
        return cls.of(config, found, spec)

    @classmethod
    def of(
        cls, config: CompareConfig, found: TreePairSet, spec: DataSpec | None = None
    ) -> Self:
        """Make a task of pairs."""
        train = found.splits["train"]
        sides = {side[:3]: side for p in train for side in (p.left, p.right)}
        parents = (side.tree(config.trees).parent for side in sides.values())
        most = max(max(Counter(parent).values()) for parent in parents)
        assets: dict[str, Any] = {
            "words": _words(config, found),
            "children": most,
            "note": found.note,
        }
        targets = [pair.target for pair in train]
        scored = all(isinstance(target, float) for target in targets)
        if config.head == "similarity" and not scored:
            odd = next(p for p in train if not isinstance(p.target, float))
            raise DataError(
                f"{odd.place}: expected a score for the similarity head, found "
                f"{odd.target!r}; take head=relation for names"
            )
        if scored and config.head != "relation":
            low, high = floor(min(targets)), ceil(max(targets))  # type: ignore[type-var]
            assets |= {"low": low, "high": max(high, low + 1)}
        else:
            assets["classes"] = sorted({_name(target) for target in targets})
            assets["long_names"] = dict(found.long_names)
        return cls(config, assets, dict(found.splits), spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        given = {split: getattr(spec, split) for split in SPLITS}
        data: dict[str, list[Pair]] = {}
        for split, file in given.items():
            if file is None:
                continue
            found = load_tree_pairs(
                file, {} if file in NAMED else {split: file}, skip_bad=spec.skip_bad
            )
            data[split] = found.splits[split]
        return type(self)(self.config, self.assets, data, spec)

    @property
    def scored(self) -> bool:
        """Whether pairs have a score, and not a relation."""
        return not self.classes

    @property
    def metric(self) -> str:
        return "pearson" if self.scored else "accuracy"

    @property
    def headline(self) -> str:
        trees = self.config.trees
        return self.config.model + (f", {trees}" if trees != "given" else "")

    def describe(self) -> str:
        sizes = {split: len(self.pairs[split]) for split in SPLITS}
        if not all(sizes.values()):
            raise RunError(f"{self.name} is too small: a split of it has no pair.")
        if not self.scored and len(self.classes) < 2:
            raise RunError(f"{self.name} has one relation only; there is none to tell.")
        trees = self.pairs["train"].corpus
        inner = trees.child_offset[1:] > trees.child_offset[:-1]
        if self.config.model == "gated" and (trees.token[inner] >= 0).any():
            raise RunError(
                "the gated cell has no input at inner nodes, and in these trees they "
                "bear words. Take trees=constituency, or another model."
            )
        low, high = self.assets.get("low"), self.assets.get("high")
        of = f"scores from {low} to {high}"
        if not self.scored:
            of = f"relations {', '.join(self.classes)}"
        return (
            f"{self.name}: {sizes['train']:,} pairs to train, {sizes['dev']:,} dev, "
            f"{sizes['test']:,} test; {len(trees):,} distinct trees of "
            f"{trees.num_nodes / len(trees):.1f} nodes on average, "
            f"{len(self.vocabulary):,} words; {of}"
        )

    # -------------------------------------------------------------- data

    def coded(self, pairs: Sequence[Pair]) -> TreePairs:
        """Turn pairs into numbers.

        Raises:
            DataError: a score where relations are known, or the other way round; a
                relation that is not known; a structure that the model cannot read.
        """
        known = {name: k for k, name in enumerate(self.classes)}
        target = list[float]()
        for pair in pairs:
            if pair.target is None:
                target.append(float("nan") if self.scored else -1)
            elif not self.scored and (k := known.get(_name(pair.target))) is not None:
                target.append(k)
            elif self.scored and isinstance(pair.target, float):
                target.append(pair.target)
            else:
                raise DataError(
                    f"{pair.place}: expected {self._wanted()}, found {pair.target!r}"
                )
        index = self.vocabulary.index.get
        lower = self.config.lower

        def number(word: str) -> int:
            return index(word.lower() if lower else word, 0)

        coded = TreePairs.of(pairs, self.config.trees, number, target)
        values = coded.target.astype(np.float64 if self.scored else np.int64)
        return replace(coded, target=values)

    def batches(self, seed: int, epoch: int) -> Epoch:
        pairs, B = self.pairs["train"], self.config.batch_size
        order = np.random.default_rng([seed, epoch]).permutation(len(pairs))
        return Epoch(pairs, np.split(order, np.arange(B, len(pairs), B)))

    def where(self, batch: PairBatch) -> str:
        return ", ".join(self.data["train"][b].place for b in batch.numbers[:5])

    # -------------------------------------------------------------- model

    def new_model(self) -> PairModel:
        config = self.config
        cell = self._cell()
        head: Head = (
            SimilarityHead(
                cell.hidden_size,
                inner_size=config.inner_size,
                levels=np.linspace(
                    self.assets["low"], self.assets["high"], config.levels
                ).tolist(),
            )
            if self.scored
            else RelationHead(
                cell.hidden_size,
                len(self.classes),
                inner_size=config.inner_size,
                tensor=config.tensor,
                label_smoothing=config.label_smoothing,
            )
        )
        model = PairModel(
            cell,
            len(self.vocabulary),
            head,
            embedding_std=config.embedding_std,
            fixed_words=config.fixed_words,
            input_dropout=config.input_dropout,
            output_dropout=config.output_dropout,
        )
        if config.vectors is not None and self.pairs:
            begin_with(model.embedding, config.vectors, self.vocabulary)
        return model

    def _cell(self) -> cells.Cell[Any]:
        config = self.config
        sizes, K = (config.input_size, config.hidden_size), self.assets["children"]
        if config.model == "rnn":
            return cells.RecursiveCell(*sizes, arity=K, input="affine")
        if config.model == "tree-lstm":
            return cells.NaryTreeLSTMCell(*sizes, arity=K)
        if config.model == "child-sum-tree-lstm":
            return cells.ChildSumTreeLSTMCell(*sizes)
        if config.model == "tree-gru":
            return cells.NaryTreeGRUCell(*sizes, arity=K)
        if config.model == "child-sum-tree-gru":
            return cells.ChildSumTreeGRUCell(*sizes)
        if config.model == "gated":
            return cells.GatedRecursiveCell(*sizes, arity=K)
        return MeanCell(config.input_size)

    # -------------------------------------------------------------- measuring

    @torch.no_grad()
    def probabilities(self, model: PairModel, pairs: TreePairs) -> Float:
        """Return the probability of each relation or level for each pair, (P, C)."""
        self._refuse_arity(model, pairs)
        device = model.embedding.weight.device
        parts = [
            model.predict(pairs.batch(numbers).to(device)).double().cpu().numpy()
            for numbers in np.split(
                np.arange(len(pairs)), np.arange(AT_ONCE, len(pairs), AT_ONCE)
            )
        ]
        return np.concatenate(parts)

    def _refuse_arity(self, model: PairModel, pairs: TreePairs) -> None:
        arity, most = model.cell.max_arity, pairs.corpus.child_offset
        widest = int(np.diff(most).max(initial=0))
        if arity is not None and widest > arity:
            raise DataError(
                f"a node has {widest} children, more than the {arity} of training that "
                "the model has slots for; take a child-sum model, or binary trees"
            )

    def scores(self, probability: Float) -> Float:
        """Return the expected score (P,) of probabilities (P, K)."""
        levels = np.linspace(
            self.assets["low"], self.assets["high"], self.config.levels
        )
        return probability @ levels

    def evaluate(self, model: PairModel, split: Split) -> dict[str, float]:
        pairs = self.pairs[split]
        return self.figures(self.probabilities(model, pairs), pairs.target)

    def figures(self, probability: Float, target: NDArray[Any]) -> dict[str, float]:
        """Return the metrics of probabilities (P, C) against targets (P,)."""
        if self.scored:
            return agreement(self.scores(probability), target)
        return correctness(probability.argmax(axis=1), target)

    def measure(self, model: PairModel) -> dict[str, Any]:
        found: dict[Split, Float] = {
            split: self.probabilities(model, self.pairs[split]) for split in SPLITS[1:]
        }
        measured: dict[str, Any] = {
            split: self.figures(each, self.pairs[split].target)
            for split, each in found.items()
        }
        if not self.scored:
            said: dict[Split, NDArray[Any]] = {
                split: each.argmax(axis=1) for split, each in found.items()
            }
            measured["groups"] = self.by_group(said)
        return measured

    def by_group(self, said: Mapping[Split, NDArray[Any]]) -> dict[str, float]:
        """Return the accuracy of what was said of dev and test, group by group."""
        parts = [self.pairs[split] for split in said]
        group = np.concatenate([pairs.group for pairs in parts])
        right = np.concatenate(
            [s == p.target for s, p in zip(said.values(), parts, strict=True)]
        )
        names = sorted(set(group.tolist()) - {""}, key=lambda name: (len(name), name))
        return {name: float(right[group == name].mean()) for name in names}

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.compare_rivals import rivals

        return rivals(self, progress)

    # -------------------------------------------------------------- saying

    def read(self, file: str) -> Iterator[Pair]:
        return read_tree_pairs(file, labelled=False)

    def _wanted(self) -> str:
        """Say what a target must be."""
        if self.scored:
            return "a score"
        names = ", ".join(self.classes[:MOST_NAMED])
        more = len(self.classes) - MOST_NAMED
        if more <= 0:
            return names
        return f"one of {names} or {more} more (take head=similarity for scores)"

    def predict(
        self, model: PairModel, items: Iterable[Any]
    ) -> Iterator[dict[str, Any]]:
        """Compare pairs in order, as they come: `Pair` or two texts."""
        waiting = list[Pair]()
        for item in items:
            pair = item
            if not isinstance(item, Pair):
                left, right = item
                pair = Pair(read_side(left), read_side(right))
            waiting.append(pair._replace(target=None))
            # Whoever types a line waits for the answer before the next.
            if len(waiting) == AT_ONCE or pair.place.startswith(STDIN):
                yield from self._predict(model, waiting)
                waiting = []
        if waiting:
            yield from self._predict(model, waiting)

    def _predict(self, model: PairModel, pairs: list[Pair]) -> Iterator[dict[str, Any]]:
        probability = self.probabilities(model, self.coded(pairs))
        scores = self.scores(probability) if self.scored else None
        for b, (pair, row) in enumerate(zip(pairs, probability, strict=True)):
            said: dict[str, Any] = {"left": pair.left.text, "right": pair.right.text}
            if scores is not None:
                yield {**said, "score": float(scores[b])}
                continue
            best = int(row.argmax())
            yield {
                **said,
                "label": self.classes[best],
                "probability": float(row[best]),
                "probabilities": dict(zip(self.classes, row.tolist(), strict=True)),
            }

    def findings(self, model: PairModel, result: dict[str, Any]) -> Findings:
        from treefold.tasks.compare_findings import findings

        return findings(self, model, result)


def agreement(said: Float, score: Float) -> dict[str, float]:
    """Return the metrics of scores (P,) that were said against the right ones.

    Where all of either are one number, it agrees with nothing: the correlation is 0.
    """
    flat = np.ptp(said) == 0 or np.ptp(score) == 0
    return {
        "pearson": 0.0 if flat else float(pearsonr(said, score).statistic),  # type: ignore[union-attr]
        "spearman": 0.0 if flat else float(spearmanr(said, score).statistic),  # type: ignore[union-attr]
        "mse": float(np.mean((said - score) ** 2)),
    }


def correctness(said: Int64, label: Int64) -> dict[str, float]:
    """Return the metrics of relations (P,) that were said against the right ones."""
    return {
        "accuracy": float((said == label).mean()),
        "macro_f1": float(f1_score(label, said, average="macro")),
    }


def begin_with(embedding: nn.Embedding, files: str, words: Vocabulary) -> None:
    """Give the known words the vectors of files, side by side.

    Raises:
        RunError: they have more features than the words.
        DataError: a file cannot be read.
    """
    at = 0
    with torch.no_grad():
        for file in files.split(","):
            vectors, found = load_vectors(vectors_file(file), words)
            end = at + vectors.shape[1]
            if end > embedding.embedding_dim:
                raise RunError(
                    f"{files} has vectors of {end} features or more, and a word of the "
                    f"model {embedding.embedding_dim}; set input_size={end}."
                )
            rows = torch.from_numpy(np.flatnonzero(found))
            known = torch.from_numpy(vectors[found]).to(embedding.weight)
            embedding.weight[rows, at:end] = known
            at = end


def _words(config: CompareConfig, found: TreePairSet) -> list[str]:
    """Return the words to know, the most frequent first, ties in ABC order."""

    def counts(split: str) -> Counter[str]:
        total = Counter[str]()
        for pair in found.splits.get(split, ()):
            for side in (pair.left, pair.right):
                words = side.read(config.trees)
                total.update(map(str.lower, words) if config.lower else words)
        total.pop(UNKNOWN, None)
        return total

    train = counts("train")
    kept = {word for word, n in train.items() if n >= config.min_count}
    if config.vectors is not None:
        others = sorted((counts("dev") | counts("test")).keys() - kept)
        words = Vocabulary((UNKNOWN, *others), config.lower)
        for file in config.vectors.split(","):
            _, has = load_vectors(vectors_file(file), words)
            kept |= {words.words[k] for k in np.flatnonzero(has)} - {UNKNOWN}
    return [UNKNOWN, *sorted(kept, key=lambda word: (-train[word], word))]


def _name(target: float | str | None) -> str:
    """Return a relation's name; a number as it would be written."""
    return f"{target:g}" if isinstance(target, float) else str(target)
