"""The task of labelling the nodes of trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from treefold.data.batching import Batch, collate, plan_batches
from treefold.data.corpus import Corpus
from treefold.data.datasets import Dataset, load_dataset
from treefold.data.glove import load_vectors, vectors_file
from treefold.models.baselines import baselines
from treefold.models.classifier import NodeClassifier
from treefold.training.build import balanced_weights, build_model
from treefold.training.config import Config
from treefold.training.errors import RunError, TrainingError
from treefold.training.evaluation import evaluate
from treefold.training.files import write_bytes
from treefold.training.run import VOCABULARY, DataSpec, Manifest, load, versions
from treefold.training.task import Split, Task

MOST_LEVELS = 150_000  # of a tree to learn from: each takes some 30 kB of memory


@final
class Epoch:
    """Batches of one epoch over a corpus, each collated when it is its turn."""

    def __init__(self, corpus: Corpus, **options: Any):
        self._plan = plan_batches(corpus, **options)
        self._corpus = corpus

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        return (collate(self._corpus, trees) for trees in self._plan)


@final
class TreeTask(Task):
    """Tell the class of every node of a tree (Socher et al., 2013).

    Args:
        config: the settings.
        dataset: the trees.
        spec: where they came from, for the run folder.
    """

    kind = "trees"

    def __init__(self, config: Config, dataset: Dataset, spec: DataSpec | None = None):
        if config.model in ("rnn", "rntn"):
            config = replace(config, input_size=config.hidden_size)
        self.config: Config = config
        self.dataset = dataset
        self.name = dataset.name
        self.spec = spec or DataSpec(dataset.name)

    @classmethod
    def load(cls, config: Config, spec: DataSpec, progress: bool = False) -> TreeTask:
        """Load the data that a `DataSpec` names.

        Raises:
            DataError: they cannot be had.
        """
        dataset = load_dataset(
            spec.data,
            train=spec.train,
            dev=spec.dev,
            test=spec.test,
            seed=spec.split_seed,
            skip_bad=spec.skip_bad,
            lower=config.lower,
            min_count=config.min_count,
            progress=progress,
        )
        return cls(config, dataset, spec)

    @property
    def metric(self) -> str:
        return self.config.metric

    @property
    def headline(self) -> str:
        passes = self.config.passes
        return self.config.model + ("" if passes == "up" else f", {passes}")

    def describe(self) -> str:
        dataset = self.dataset
        for part, split in (("train", dataset.train), ("dev", dataset.dev)):
            if len(split) == 0:
                raise RunError(f"{dataset.name} has no {part} trees to learn from.")
        _refuse_depth(dataset.train)
        skipped = f"; {dataset.skipped:,} bad trees were left out"
        return (
            f"{dataset.name}: {len(dataset.train):,} trees to train, "
            f"{len(dataset.dev):,} dev, {len(dataset.test):,} test; "
            f"{len(dataset.vocabulary):,} words; classes {', '.join(dataset.classes)}"
            + skipped
            * (dataset.skipped > 0)
        )

    def new_model(self) -> NodeClassifier:
        """Make an untrained model, with pretrained vectors if asked for."""
        config, dataset = self.config, self.dataset
        balanced = config.class_weights == "balanced"
        model = build_model(
            config,
            num_tokens=len(dataset.vocabulary),
            num_classes=len(dataset.classes),
            arity=max_arity(dataset),
            class_weights=balanced_weights(dataset) if balanced else None,
        )
        if config.vectors is not None:
            _begin_with(model, config.vectors, dataset)
        return model

    def batches(self, seed: int, epoch: int) -> Epoch:
        return Epoch(
            self.dataset.train,
            batch_size=self.config.batch_size,
            max_nodes=self.config.max_nodes,
            height_window=self.config.height_window,
            seed=seed,
            epoch=epoch,
        )

    def where(self, batch: Batch) -> str:
        named = (self.dataset.train.where(int(tree)) for tree in batch.trees[:5])
        more = f" and {len(batch) - 5} more" if len(batch) > 5 else ""
        return ", ".join(named) + more

    def evaluate(self, model: NodeClassifier, split: Split) -> dict[str, float]:
        return evaluate(model, getattr(self.dataset, split)).metrics

    def measure(self, model: NodeClassifier) -> dict[str, Any]:
        test = evaluate(model, self.dataset.test)
        right = test.root_probability.argmax(axis=1) == test.root_label
        return {
            "dev": self.evaluate(model, "dev"),
            "test": test.metrics,
            "groups": _group_accuracy(self.dataset, right),
        }

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        test_label = self.dataset.test.label[self.dataset.test.roots]
        found = {}
        for name, each in baselines(self.dataset, progress=progress).items():
            right = each.test_probability.argmax(axis=1) == test_label
            found[name] = {
                "dev": each.dev,
                "test": each.test,
                "groups": _group_accuracy(self.dataset, right),
                "seconds": round(each.seconds, 1),
            }
        return found

    def manifest(self, command: str = "") -> Manifest:
        """What the run folder says of the task."""
        return Manifest(
            self.spec,
            self.config,
            self.dataset.classes,
            max_arity(self.dataset),
            versions(),
            command,
        )

    def write_manifest(self, out: Path, command: str) -> None:
        vocabulary = self.dataset.vocabulary.to_json()
        write_bytes(out / VOCABULARY, vocabulary.encode())
        self.manifest(command).write(out)  # last: from here on the folder is a run

    def write_summary(self, out: Path, result: dict[str, Any]) -> None:
        from treefold.training.summary import write_summary

        run = load(out, device=self.config.device)
        write_summary(run, self.dataset, result)


def max_arity(dataset: Dataset) -> int:
    """Return the largest number of children of any node of a data set."""
    corpora = (dataset.train, dataset.dev, dataset.test)
    return max(int(np.diff(c.child_offset).max(initial=0)) for c in corpora)


def _begin_with(model: NodeClassifier, file: str, dataset: Dataset) -> None:
    """Give the known words their pretrained vectors."""
    vectors, found = load_vectors(vectors_file(file), dataset.vocabulary)
    if vectors.shape[1] > model.embedding.embedding_dim:
        raise TrainingError(
            f"{file} has vectors of {vectors.shape[1]} features, more than the model's "
            f"{model.embedding.embedding_dim}; set input_size={vectors.shape[1]}."
        )
    known = torch.from_numpy(vectors[found]).to(model.embedding.weight)
    with torch.no_grad():  # features beyond the file's stay random
        rows = torch.from_numpy(np.flatnonzero(found))
        model.embedding.weight[rows, : vectors.shape[1]] = known


def _refuse_depth(train: Corpus) -> None:
    """Refuse trees whose gradient no memory holds, before hours of training."""
    deepest = int(train.height[train.roots].argmax())
    levels = int(train.height.max(initial=-1)) + 1
    if levels > MOST_LEVELS:
        raise RunError(
            f"{train.where(deepest)} has {levels:,} levels, and training keeps each in "
            f"memory; at most {MOST_LEVELS:,} can be learned from. Leave the tree out, "
            "or binarize it in a flatter way; it can still be predicted."
        )


def _group_accuracy(dataset: Dataset, right: np.ndarray) -> dict[str, float]:
    """Share of right test trees in each group that the data set tells apart."""
    return {
        name: float(right[inside].mean())
        for name, inside in dataset.groups.items()
        if inside.any()
    }
