"""The task of telling something of documents: a class, a number, or their nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from treefold.data.document_batches import CodedDocuments, DocumentBatch, Epoch
from treefold.data.document_files import Way
from treefold.data.document_sets import NAMED, load_documents, load_more, read_documents
from treefold.data.documents import Document, Documents, DocumentSet, Goal
from treefold.data.errors import DataError
from treefold.data.schema import Schema
from treefold.models.document import DocumentModel
from treefold.tasks.base import DataTask, Findings, Metric, Picture
from treefold.tasks.documents_config import DocumentsConfig
from treefold.training.document_build import document_model
from treefold.training.document_defaults import defaults
from treefold.training.errors import RunError
from treefold.training.files import read_json
from treefold.training.run import DataSpec
from treefold.training.task import Split

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
AT_ONCE = 500  # documents predicted together
MOST_NAMED = 10  # classes, in a message
MOST_TOLD = 5  # messages on what was left out
Float = NDArray[np.float64]


@final
class DocumentsTask(DataTask):
    """Tell something of documents.

    The assets are the `schema`, the `goal`, the `classes` (none where numbers are
    told), the `mean` and `deviation` of numbers, the format of what was read, and the
    `note` on the data.
    """

    kind = "documents"
    Config = DocumentsConfig
    metrics = (
        Metric("accuracy", "accuracy", percent=True),
        Metric("macro_f1", "macro F1", percent=True),
        Metric("rmse", "root of the mean squared error", lower_is_better=True),
        Metric("mae", "mean absolute error", lower_is_better=True),
        Metric("r2", "R²"),
    )
    datasets = tuple(NAMED)
    formats = (
        "a file of JSON records or a table with --target FIELD, files of code, XML, "
        "HTML, SQL or CoNLL-U, or a folder of such files with labels.csv"
    )
    config: DocumentsConfig

    def __init__(
        self,
        config: DocumentsConfig,
        assets: Any,
        data: dict[str, Documents] | None = None,
        spec: DataSpec | None = None,
    ):
        super().__init__(config, assets, data, spec)
        self.schema = Schema.from_json(self.assets["schema"])
        self.goal: Goal = self.assets["goal"]
        if self.goal not in get_args(Goal) or (
            self.goal == "regress" and "mean" not in self.assets
        ):
            raise RunError(f"config.json is damaged: its goal is {self.goal!r}")
        self.classes: tuple[str, ...] = tuple(self.assets["classes"])
        self.parts: dict[str, Documents] = dict(data or {})
        self.coded = {split: self.code(part) for split, part in self.parts.items()}

    @classmethod
    def load(cls, config: Any, spec: DataSpec, progress: bool = False) -> Self:
        given = {split: getattr(spec, split) for split in SPLITS}
        found = load_documents(
            spec.data,
            {split: file for split, file in given.items() if file is not None},
            **config.reading,
            strict=config.strict and not spec.skip_bad,
            seed=spec.split_seed,
            progress=progress,
        )
        if config.format == "auto":  # what is predicted later is read the same way
            config = replace(config, format=found.format)
        task = cls.of(config, found, spec)
        shown = [f"left out: {message}" for message in found.skipped[:MOST_TOLD]]
        task.remarks = (*shown, found.note)
        return task

    @classmethod
    def of(
        cls, config: DocumentsConfig, found: DocumentSet, spec: DataSpec | None = None
    ) -> Self:
        """Make a task of documents.

        Raises:
            DataError: targets are missing or not what the goal needs.
        """
        train = found.train
        assets: dict[str, Any] = {
            "schema": schema_of(config, train, found.goal).to_json(),
            "goal": found.goal,
            "classes": _classes(found),
            "note": found.note,
        }
        if found.goal == "regress":
            numbers = _numbers(train)
            assets["mean"] = numbers.mean(axis=0).tolist()
            spread = numbers.std(axis=0)
            assets["deviation"] = np.where(spread > 0, spread, 1.0).tolist()
        chosen = defaults(len(train), found.goal)._asdict()
        left = {f.name for f in fields(config) if getattr(config, f.name) is None}
        config = replace(config, **{k: v for k, v in chosen.items() if k in left})
        return cls(config, assets, found.splits, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> Self:
        if spec.data == self.spec.data:
            return super().with_data(spec, progress)
        if spec.data in NAMED:
            data = NAMED[spec.data](spec.split_seed, progress).splits
        else:
            given = {split: getattr(spec, split) for split in SPLITS}
            files = {split: file for split, file in given.items() if file is not None}
            strict = self.config.strict and not spec.skip_bad
            data = load_more(files, self._way(), strict, progress)
        for documents in data.values():
            self._refuse_unknown(documents)
        return type(self)(self.config, self.assets, data, spec)

    def _refuse_unknown(self, documents: Documents) -> None:
        """Refuse classes that are not among those of training."""
        if self.goal != "classify":
            return
        for target, place in zip(documents.targets, documents.places, strict=True):
            if _name(target) not in self.classes:
                raise DataError(
                    f"{place}: expected {self._wanted()}, found the class {target!r}"
                )

    @property
    def metric(self) -> str:
        return "rmse" if self.goal == "regress" else "accuracy"

    @property
    def headline(self) -> str:
        passes = self.config.passes
        return self.config.model + (f", {passes}" if passes != "up" else "")

    def describe(self) -> str:
        sizes = {split: len(self.parts[split]) for split in SPLITS}
        if not all(sizes.values()):
            raise RunError(f"{self.name} is too small: a split of it has no document.")
        if self.goal != "regress" and len(self.classes) < 2:
            raise RunError(f"{self.name} has one class only; there is none to tell.")
        corpus = self.parts["train"].corpus
        height = corpus.height[corpus.roots]
        return (
            f"{self.name}: {sizes['train']:,} documents to train, {sizes['dev']:,} "
            f"dev, {sizes['test']:,} test, of {corpus.num_nodes / len(corpus):.1f} "
            f"nodes and {height.mean() + 1:.1f} levels on average; {self._wanted()}; "
            f"{len(self.schema.fields):,} fields, {self.schema.num_features:,} features"
        )

    def _wanted(self) -> str:
        """Say what is to be told."""
        if self.goal == "regress":
            return "a number" if len(self.assets["mean"]) == 1 else "numbers"
        names = ", ".join(self.classes[:MOST_NAMED])
        more = len(self.classes) - MOST_NAMED
        of = "classes" if self.goal == "classify" else "classes of nodes"
        return f"{of} {names}" + (f" and {more} more" if more > 0 else "")

    # -------------------------------------------------------------- data

    def code(self, documents: Documents) -> CodedDocuments:
        """Turn documents into numbers; targets that are not known into -1 or NaN."""
        target: NDArray[Any] | None = None
        if self.goal == "regress":
            target = _numbers(documents)
        elif self.goal == "classify":
            index = {name: k for k, name in enumerate(self.classes)}
            found = [index.get(_name(target), -1) for target in documents.targets]
            target = np.array(found, np.int64)
        names = self.classes if self.goal == "nodes" else ()
        return CodedDocuments.of(documents, self.schema, target, classes=names)

    def _labels(self, coded: CodedDocuments) -> NDArray[np.integer]:
        """Return the classes of documents, (B,), or of nodes, (V,), -1 for none."""
        if self.goal == "nodes":
            return coded.documents.corpus.label
        return coded.target[:, 0]

    def batches(self, seed: int, epoch: int) -> Epoch:
        size = self.config.batch_size
        assert size is not None, "sizes are chosen before a task is made"
        return self.coded["train"].epoch(size, seed, epoch)

    def where(self, batch: DocumentBatch) -> str:
        places = self.parts["train"].places
        return ", ".join(places[b] for b in batch.batch.trees[:5])

    # -------------------------------------------------------------- model

    def new_model(self) -> DocumentModel:
        config, goal = self.config, self.goal
        outputs = len(self.assets["mean"]) if goal == "regress" else 1
        sizes = [1] * outputs if goal == "regress" else [len(self.classes)]
        model = document_model(config, self.schema, goal, sizes, self._class_weights())
        if goal == "regress":
            model.mean.copy_(torch.tensor(self.assets["mean"]))
            model.deviation.copy_(torch.tensor(self.assets["deviation"]))
        return model

    def _class_weights(self) -> torch.Tensor | None:
        if not self.config.balance or self.goal == "regress" or not self.parts:
            return None
        coded = self.coded["train"]
        label = self._labels(coded)
        count = np.bincount(label[label >= 0], minlength=len(self.classes))
        weight = count.sum() / np.maximum(count, 1) / len(count)
        return torch.tensor(weight, dtype=torch.get_default_dtype())

    # -------------------------------------------------------------- measuring

    def answers(self, model: DocumentModel, coded: CodedDocuments) -> Float:
        """Return probabilities (B, C), or of nodes (V, C), or numbers (B, O).

        Nodes are those of ``coded.documents.corpus``, in its order.
        """
        device = model.output.weight.device
        corpus = coded.documents.corpus
        parts = list[Float]()
        for batch in coded.in_order():
            found = model.predict(batch.to(device)).double().cpu().numpy()
            if self.goal == "nodes":
                found = _by_document(found, batch)
            parts.append(found)
        width = len(self.classes) or len(self.assets["mean"])
        rows = corpus.num_nodes if self.goal == "nodes" else 0
        return np.concatenate(parts) if parts else np.empty((rows, width))

    def evaluate(self, model: DocumentModel, split: Split) -> dict[str, float]:
        coded = self.coded[split]
        return self.figures(self.answers(model, coded), coded)

    def figures(self, said: Float, coded: CodedDocuments) -> dict[str, float]:
        """Return the metrics of what `answers` returned."""
        if self.goal == "regress":
            return deviations(said, coded.target)
        label = self._labels(coded)
        return correctness(said[label >= 0].argmax(axis=1), label[label >= 0])

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.documents_rivals import rivals

        return rivals(self, progress)

    # -------------------------------------------------------------- saying

    def read(self, file: str) -> Iterator[Document | DataError]:
        return read_documents(file, self._way(), self.config.strict)

    def _way(self) -> Way:
        """Say how documents are read: as those of the run were."""
        return Way(**{**self.config.reading, "goal": self.goal})

    def predict(
        self, model: DocumentModel, items: Iterable[Any]
    ) -> Iterator[dict[str, Any]]:
        """Tell of documents in order: `Document`, or objects that make one."""
        waiting = list[Document]()
        for item in items:
            if isinstance(item, DataError):  # which stands in the place of an answer
                if waiting:
                    yield from self._predict(model, waiting)
                yield {"error": str(item)}
                waiting = []
                continue
            waiting.append(_document(item))
            # Whoever types a line waits for the answer before the next.
            if len(waiting) == AT_ONCE or waiting[-1].place.startswith("<stdin>"):
                yield from self._predict(model, waiting)
                waiting = []
        if waiting:
            yield from self._predict(model, waiting)

    def _predict(
        self, model: DocumentModel, found: list[Document]
    ) -> Iterator[dict[str, Any]]:
        bare = list[Document]()
        for document in found:
            document.target = None
            bare.append(document)
        coded = self.code(Documents.of(bare))
        said = self.answers(model, coded)
        if self.goal == "nodes":
            yield from self._nodes(said, coded.documents)
            return
        for document, row in zip(found, said, strict=True):
            place = {"place": document.place} if document.place else {}
            if self.goal == "regress":
                value = row.tolist()
                yield {**place, "value": value[0] if len(value) == 1 else value}
                continue
            best = int(row.argmax())
            yield {
                **place,
                "label": self.classes[best],
                "probability": float(row[best]),
                "probabilities": dict(zip(self.classes, row.tolist(), strict=True)),
            }

    def _nodes(self, said: Float, documents: Documents) -> Iterator[dict[str, Any]]:
        """Tell of each node, in the order of its document."""
        best, offset = said.argmax(axis=1), documents.corpus.tree_offset
        for b, place in enumerate(documents.places):
            mine = slice(offset[b], offset[b + 1])
            order = np.argsort(documents.node[mine])
            rows = np.arange(offset[b], offset[b + 1])[order]
            content = [documents.contents[documents.corpus.token[v]] for v in rows]
            yield {
                **({"place": place} if place else {}),
                "nodes": [
                    {
                        "content": str(each),
                        "label": self.classes[best[v]],
                        "probability": float(said[v, best[v]]),
                    }
                    for v, each in zip(rows, content, strict=True)
                ],
            }

    def draw(
        self, model: DocumentModel, items: Iterable[Any], *, near: int = 3
    ) -> Iterator[Picture]:
        """Draw documents, and why the model says of them what it says.

        Args:
            model: says it.
            items: documents, in order.
            near: how many of training are named that are near, 0 for none.
        """
        from treefold.tasks.documents_draw import pictures

        documents = (i if isinstance(i, DataError) else _document(i) for i in items)
        return pictures(self, model, documents, near)

    def findings(self, model: DocumentModel, result: dict[str, Any]) -> Findings:
        from treefold.tasks.documents_findings import findings

        return findings(self, model, result)


def schema_of(config: DocumentsConfig, train: Documents, goal: Goal) -> Schema:
    """Read the schema that the settings name, or learn one of training documents."""
    if config.schema is not None:
        if not Path(config.schema).exists():
            raise DataError(
                f"{config.schema}: no such file; treefold data DATA --out "
                f"{config.schema} writes a schema"
            )
        return Schema.from_json(read_json(Path(config.schema)))
    spelt = config.spelling
    spelling = spelt == "yes" or (spelt == "auto" and goal == "nodes")
    return Schema.learn(train, num_buckets=config.buckets, spelling=spelling)


def deviations(said: Float, target: Float) -> dict[str, float]:
    """Return the metrics of numbers (B, O) that were told; means over outputs."""
    error = said - target
    square = (error**2).mean(axis=0)
    spread = target.var(axis=0)
    share = np.divide(square, spread, out=np.ones_like(square), where=spread > 0)
    return {
        "rmse": float(np.sqrt(square.mean())),
        "mae": float(np.abs(error).mean()),
        "r2": float((1 - share).mean()),
    }


def correctness(
    said: NDArray[np.integer], label: NDArray[np.integer]
) -> dict[str, float]:
    """Return the metrics of classes (N,) that were told."""
    if not len(label):
        return {"accuracy": 0.0, "macro_f1": 0.0}
    return {
        "accuracy": float((said == label).mean()),
        "macro_f1": float(f1_score(label, said, average="macro")),
    }


def _by_document(found: Float, batch: DocumentBatch) -> Float:
    """Bring rows of nodes from the order of a batch to that of its documents.

    A batch has its nodes level by level, over all documents; a corpus has those of one
    document after another, each level by level.
    """
    tree = batch.forest.tree.cpu().numpy()
    return found[np.argsort(tree, kind="stable")]


def _classes(found: DocumentSet) -> list[str]:
    """Return the names of the classes, numbers in their order."""
    if found.goal == "regress":
        return []
    names: Counter[str] = Counter()
    if found.goal == "nodes":
        corpus = found.train.corpus
        names.update(corpus.labels[k] for k in np.unique(corpus.label) if k >= 0)
    else:
        names.update(map(_name, found.train.targets))
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _name(target: Any) -> str:
    """Return the name of a class."""
    return target if isinstance(target, str) else f"{target}"


def _numbers(documents: Documents) -> Float:
    """Return targets (B, O), NaN where there is none.

    Raises:
        DataError: a target is no number.
    """
    rows = list[Sequence[float]]()
    for target, place in zip(documents.targets, documents.places, strict=True):
        try:
            several = target if isinstance(target, tuple) else (target,)
            rows.append([float("nan") if t is None else float(t) for t in several])
        except (TypeError, ValueError):
            raise DataError(
                f"{place}: expected a number to be told, found {target!r}"
            ) from None
    return np.array(rows, np.float64).reshape(len(rows), -1)


def _document(item: Any) -> Document:
    if isinstance(item, Document):
        return item
    from treefold.data.readers.objects import document

    return document(item)
