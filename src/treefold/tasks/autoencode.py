"""The task of encoding a tree in one vector, and of decoding it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import numpy as np
import torch
from torch import Tensor

from treefold.data.batching import Batch, plan_batches
from treefold.data.corpus import Corpus
from treefold.data.errors import DataError
from treefold.data.readers.brackets import format_brackets, read_brackets
from treefold.data.readers.codes import read_codes
from treefold.data.readers.nested import read_nested
from treefold.data.symbols import Symbols, canonical
from treefold.data.tree_sets import TreeSet, load_trees, read_trees
from treefold.models.auto_encoder import AutoEncoder
from treefold.tasks.autoencode_rivals import by_size, leaves, strings_rival, usual_tree
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.training.errors import RunError
from treefold.training.run import DataSpec
from treefold.training.settings import Settings
from treefold.training.task import Split
from treefold.unfolding import Unfolding

AT_ONCE = 200  # trees in a batch where nothing is learned


@final
@dataclass(frozen=True, kw_only=True)
class AutoencodeConfig(Settings):
    """Settings of an auto-encoder of trees, and of its training.

    Attributes:
        code_size: features of a code.
        embedding_size: features of a symbol's vector.
        inner_size: features of the inner layer of the cells that join and split.
        reader_size: features of the layer that reads a state.
        epoch_trees: trees of an epoch, where the data are made as training goes on.
        max_depth: levels of a decoded tree at most.
        max_nodes: nodes of a decoded tree at most.
        rival_epochs: epochs that the LSTM beside it is trained for; 0 trains none.
        rival_minutes: the same in minutes, whichever ends first.
        batch_size: trees in a batch.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    code_size: int = 256
    embedding_size: int = 64
    inner_size: int = 128
    reader_size: int = 256
    epoch_trees: int = 6400
    max_depth: int = 64
    max_nodes: int = 256
    rival_epochs: int = 10
    rival_minutes: float | None = None
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    final_learning_rate: float = 0.02
    clip: float | None = 1.0
    batch_size: int = 64
    epochs: int = 20
    patience: int | None = None
    metric: Literal["exact", "nats"] = "exact"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("code_size", "embedding_size", "inner_size", "reader_size")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        limits = ("epoch_trees", "max_depth", "max_nodes")
        self.check("at least 1", lambda value: value >= 1, *limits)
        self.check("0 or more", lambda value: value >= 0, "rival_epochs")
        self.check("above 0", lambda value: value > 0, "rival_minutes")


@final
class Epoch:
    """Batches of one epoch, each made when it is its turn."""

    def __init__(self, trees: Corpus, batches: list[Any]):
        self._trees, self._batches = trees, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return (self._trees.batch(numbers) for numbers in self._batches)


@final
class AutoencodeTask(DataTask):
    """Encode trees of any arity, with symbols at their nodes, and decode them."""

    kind = "autoencode"
    Config = AutoencodeConfig
    config: AutoencodeConfig
    metrics = (
        Metric("exact", "trees recovered", percent=True, digits=2),
        Metric("nats", "nats per tree", lower_is_better=True, digits=4),
    )
    datasets = ("pollack", "random-trees")
    formats = "a file of bracket trees, such as (_ (_ a b) c)"

    def __init__(
        self,
        config: AutoencodeConfig,
        assets: Mapping[str, Any],
        data: TreeSet | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        table = self.assets
        self.symbols = Symbols(
            tuple(table["words"]), tuple(table["labels"]), table["arity"]
        )
        self.coded: dict[str, Corpus] = {}
        if data is not None:
            self.coded = {s: self.symbols.code(c) for s, c in data.splits.items()}
            # Of the trees as they came: a word that is unknown is never recovered.
            held = data.splits.keys() & {"dev", "test"}
            self.texts = {s: canonical(data.splits[s]) for s in held}

    @property
    def headline(self) -> str:
        return "tree auto-encoder"

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        data = _load(spec)
        others = [data.splits[s] for s in ("dev", "test")]
        symbols = Symbols.build(data.splits["train"], others)
        assets = {
            "words": list(symbols.words),
            "labels": list(symbols.labels),
            "arity": symbols.arity,
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return type(self)(self.config, self.assets, _load(spec), spec)
        files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
        data = {split: read_brackets(file) for split, file in files.items() if file}
        return type(self)(self.config, self.assets, TreeSet(data), spec)

    def describe(self) -> str:
        assert self.data is not None
        sizes = {split: len(self.coded[split]) for split in ("train", "dev", "test")}
        if not all(sizes.values()):
            raise RunError(
                f"{self.name} is too small: it has {sizes['train']} trees to train, "
                f"{sizes['dev']} dev, {sizes['test']} test. Each needs one."
            )
        train = "new trees every epoch" if self.data.fresh else f"{sizes['train']:,}"
        return (
            f"{self.name}: {train} to train, {sizes['dev']:,} dev, {sizes['test']:,} "
            f"test; {len(self.symbols.words) - 1} words, {len(self.symbols.labels)} "
            f"labels, up to {self.symbols.arity} children"
        )

    def new_model(self) -> AutoEncoder:
        config = self.config
        return AutoEncoder(
            len(self.symbols.words),
            len(self.symbols.labels),
            self.symbols.arity,
            code_size=config.code_size,
            embedding_size=config.embedding_size,
            inner_size=config.inner_size,
            reader_size=config.reader_size,
        )

    def training_trees(self, seed: int, epoch: int) -> Corpus:
        """Return the trees of an epoch."""
        assert self.data is not None
        if self.data.fresh is None:
            return self.coded["train"]
        made = self.data.fresh(self.config.epoch_trees, seed, epoch)
        return self.symbols.code(made)

    def batches(self, seed: int, epoch: int) -> Epoch:
        trees = self.training_trees(seed, epoch)
        size = self.config.batch_size
        return Epoch(
            trees, plan_batches(trees, batch_size=size, seed=seed, epoch=epoch)
        )

    # -------------------------------------------------------------- measuring

    def evaluate(self, model: AutoEncoder, split: Split) -> dict[str, float]:
        told, nats = self.recover(model, self.coded[split])
        right = [a == b for a, b in zip(told, self.texts[split], strict=True)]
        return {"exact": float(np.mean(right)), "nats": float(np.mean(nats))}

    def measure(self, model: AutoEncoder) -> dict[str, Any]:
        told, _ = self.recover(model, self.coded["test"])
        right = [a == b for a, b in zip(told, self.texts["test"], strict=True)]
        each = by_size(leaves(self.coded["test"]), right)
        groups = {f"exact of {n} leaves": share for n, share in each.items()}
        return {**super().measure(model), "groups": groups}

    @torch.no_grad()
    def recover(
        self, model: AutoEncoder, coded: Corpus
    ) -> tuple[list[str], list[float]]:
        """Encode trees and decode their codes: texts, and nats of the right tree."""
        told: list[str] = []
        nats: list[float] = []
        for batch in self._in_parts(model, coded):
            told += self.write(self.grow(model, model.encode(batch)))
            each = model.nats(batch)
            total = each.new_zeros(len(batch)).index_add(0, batch.forest.tree, each)
            nats += total.tolist()
        return told, nats

    def _in_parts(self, model: AutoEncoder, coded: Corpus) -> Iterator[Batch]:
        device, training = next(model.parameters()).device, model.training
        model.eval()
        for s in range(0, len(coded), AT_ONCE):
            yield coded.batch(slice(s, s + AT_ONCE)).to(device)
        model.train(training)

    @torch.no_grad()
    def codes(self, model: AutoEncoder, coded: Corpus) -> Tensor:
        """Return the codes of trees, (B, H)."""
        parts = [model.encode(batch) for batch in self._in_parts(model, coded)]
        return torch.cat(parts) if parts else torch.empty(0, self.config.code_size)

    def grow(
        self,
        model: AutoEncoder,
        codes: Tensor,
        *,
        max_depth: int | None = None,
        max_nodes: int | None = None,
    ) -> Unfolding[Any]:
        """Decode codes, within the limits given or those of the settings."""
        with torch.no_grad():
            return model.decode(
                codes,
                max_depth=max_depth or self.config.max_depth,
                max_nodes=max_nodes or self.config.max_nodes,
            )

    def write(self, grown: Unfolding[Any]) -> list[str]:
        """Write decoded trees in brackets; "" stands for one that a limit has cut."""
        texts = self.symbols.texts(_corpus_of(grown, self.symbols))
        cut = (~grown.complete).tolist()
        return ["" if c else text for text, c in zip(texts, cut, strict=True)]

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        found = {"usual tree of the size": usual_tree(self)}
        if self.config.rival_epochs:
            found["LSTM over the string"] = strings_rival(self, progress)
        return found

    # -------------------------------------------------------------- on new trees

    def read(self, file: str) -> Iterator[str]:
        for corpus in read_trees(file):
            self.symbols.code(corpus, strict=True)  # told with the line, while known
            yield from format_brackets(corpus)

    def predict(self, model: AutoEncoder, items: Iterable[str]) -> Iterator[dict]:
        """Encode and decode trees: what comes back, and how probable the right one."""
        for tree in items:
            coded = self.symbols.code(read_nested([tree]), strict=True)
            (back,), (nats,) = self.recover(model, coded)
            text = self.symbols.texts(coded)[0]
            yield {
                "tree": text,
                "decoded": back,
                "recovered": back == text,
                "nats": round(nats, 4),
            }

    def encode(
        self, model: AutoEncoder, trees: Iterable[str]
    ) -> Iterator[dict[str, Any]]:
        """Encode trees: each in brackets, with its code."""
        coded = self.symbols.code(read_nested(trees), strict=True)
        codes = self.codes(model, coded).double().tolist()
        for text, code in zip(self.symbols.texts(coded), codes, strict=True):
            yield {"tree": text, "code": [float(f"{x:.7g}") for x in code]}

    def read_codes(self, file: str) -> Iterator[tuple[str, list[float]]]:
        """Read codes as JSON lines, each with where it stands."""
        return read_codes(file, self.config.code_size)

    def decode(
        self,
        model: AutoEncoder,
        codes: Sequence[tuple[str, list[float]]],
        *,
        max_depth: int | None = None,
        max_nodes: int | None = None,
    ) -> list[str]:
        """Decode codes to trees in brackets.

        Raises:
            DataError: a tree beyond the limits, or numbers beyond what the model can
                reckon with, with where the code stands.
        """
        like = next(model.parameters())
        rows = torch.tensor([code for _, code in codes], dtype=torch.float64).to(like)
        limits = {"max_depth": max_depth, "max_nodes": max_nodes}
        try:
            grown = self.grow(model, rows, **limits)
        except ValueError:  # no label is probable: which code was it?
            if len(codes) > 1:
                alone = ([code] for code in codes)
                return [self.decode(model, one, **limits)[0] for one in alone]
            raise DataError(
                f"{codes[0][0]}: the numbers are too large for a code of this model"
            ) from None
        texts = self.write(grown)
        for (where, _), text in zip(codes, texts, strict=True):
            if not text:
                raise DataError(
                    f"{where}: the tree of this code goes beyond "
                    f"{max_depth or self.config.max_depth} levels or "
                    f"{max_nodes or self.config.max_nodes} nodes, as that of a vector "
                    "which is no code may; allow more with --max-depth and --max-nodes"
                )
        return texts

    def findings(self, model: AutoEncoder, result: dict[str, Any]) -> Findings:
        from treefold.tasks.autoencode_findings import findings

        return findings(self, model, result)


def _load(spec: DataSpec) -> TreeSet:
    files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
    return load_trees(spec.data, files, spec.split_seed, skip_bad=spec.skip_bad)


def _corpus_of(grown: Unfolding[Any], symbols: Symbols) -> Corpus:
    """Pack decoded trees, whose nodes stand breadth first, as a corpus."""
    forest = grown.forest
    sizes = torch.bincount(forest.tree, minlength=forest.num_trees)
    offset = np.concatenate(([0], sizes.cumsum(0).cpu().numpy()))
    parent = np.full(forest.num_nodes, -1)
    above = np.repeat(np.arange(forest.num_nodes), forest.arities.cpu().numpy())
    tree = forest.tree.cpu().numpy()
    parent[forest.child.cpu().numpy()] = above - offset[tree[above]]
    return Corpus.from_parents(
        offset,
        parent,
        grown.labels.cpu().numpy(),
        np.full(forest.num_nodes, -1),
        (*symbols.words, *symbols.labels),
        (),
        source="decoded",
    )
