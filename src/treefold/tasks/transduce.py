"""A label for every node of a DAG, or for the whole of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from treefold.cells import ByType, Cell, ModuleCell, PooledCell
from treefold.data.errors import DataError
from treefold.data.graphs import NAMED, Graph, GraphSet, load_graphs, read_graphs
from treefold.data.readers.lines import STDIN
from treefold.models.transducer import GraphBatch, Transducer
from treefold.tasks.base import DataTask, Findings, Metric
from treefold.tasks.transduce_data import CodedGraphs, GraphBatches
from treefold.training.errors import RunError
from treefold.training.settings import Settings

if TYPE_CHECKING:
    from treefold.training.run import DataSpec
    from treefold.training.task import Split

AT_ONCE = 256  # structures that are run together


@final
@dataclass(frozen=True, kw_only=True)
class TransduceConfig(Settings):
    """Settings of a model that labels the nodes of DAGs.

    Attributes:
        functions: "by-label" gives the nodes of each label a function of their own;
            "shared" gives all nodes one, which is told the label.
        transposed: whether a second pass, from the roots down, lets a node know what
            is above it, too.
        hidden_size: features of a node's state, in each direction.
        inner_size: features of the layer within a node's function.
        label_size: features of the vector of a label.
    """

    functions: Literal["by-label", "shared"] = "by-label"
    transposed: bool = False
    hidden_size: int = 32
    inner_size: int = 64
    label_size: int = 16
    clip: float | None = 1.0
    batch_size: int = 64
    epochs: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("hidden_size", "inner_size", "label_size")
        self.check("at least 1", lambda value: value >= 1, *sizes)


@final
class TransduceTask(DataTask):
    """Label every node, or the whole, of node-labelled DAGs; see `TransduceConfig`.

    Its `data` is a `GraphSet`. Assets are the `labels` that nodes may have, the
    `classes` to tell, whether they are of the `whole`, the largest `arity`, and the
    `height` of the highest structure of training.
    """

    kind = "transduce"
    Config = TransduceConfig
    metrics = (
        Metric("accuracy", "accuracy", percent=True, digits=2),
        Metric("whole", "structures all right", percent=True, digits=2),
        Metric("higher", "accuracy, higher than in training", percent=True, digits=2),
        Metric("loss", "loss, nats a label", lower_is_better=True),
    )
    datasets = NAMED
    formats = "structures as JSON lines of nodes, children and targets"

    config: TransduceConfig
    data: GraphSet | None

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        self._coded: dict[str, CodedGraphs] = {}

    @classmethod
    def load(
        cls, config: TransduceConfig, spec: DataSpec, progress: bool = False
    ) -> Self:
        data = _load(spec)
        train = data.splits.get("train")
        if not train:
            raise RunError(f"{spec.data} has nothing to train on.")
        targets = (t for graph in train for t in _targets(graph))
        children = (len(below) for graph in train for below in graph.children)
        assets = {
            "labels": sorted({label for graph in train for label in graph.nodes}),
            "classes": sorted({t for t in targets if t is not None}),
            "whole": isinstance(train[0].targets, str),
            "arity": max(children),
            "height": max(graph.height for graph in train),
        }
        return cls(config, assets, data, spec)

    def with_data(self, spec: DataSpec, progress: bool = False) -> TransduceTask:
        return TransduceTask(self.config, self.assets, _load(spec), spec)

    @property
    def classes(self) -> list[str]:
        """The C labels to tell."""
        return self.assets["classes"]

    @property
    def headline(self) -> str:
        passes = "forward and transposed" if self.config.transposed else "forward"
        return f"transducer, {passes}, {self.config.functions}"

    def describe(self) -> str:
        assert self.data is not None
        if len(self.classes) < 2:
            found = f"only {self.classes[0]!r}" if self.classes else "none"
            raise RunError(
                f"{self.name}: expected two targets to tell apart, found {found}"
            )
        counts = ", ".join(
            f"{len(each):,} structures of {sum(len(g.nodes) for g in each):,} nodes "
            f"{split}"
            for split, each in self.data.splits.items()
        )
        what = "of the whole" if self.assets["whole"] else "of nodes"
        return (
            f"{self.name}: {counts}; {len(self.assets['labels'])} labels; targets "
            f"{what}: {', '.join(self.classes)}"
        )

    def new_model(self) -> Transducer:
        config, H = self.config, self.config.hidden_size
        transposed = config.transposed and not self.assets["whole"]
        return Transducer(
            self._new_cell(config.label_size),
            len(self.assets["labels"]),
            len(self.classes),
            transposed=self._new_cell(config.label_size + H) if transposed else None,
            source=PooledCell(config.label_size, H) if self.assets["whole"] else None,
            output=lambda size: nn.Sequential(
                nn.Linear(size, config.inner_size),
                nn.GELU(),
                nn.Linear(config.inner_size, len(self.classes)),
            ),
        )

    def _new_cell(self, size: int) -> Cell[Any]:
        """Make the node function, one for all labels or one for each."""
        config, H, K = self.config, self.config.hidden_size, self.assets["arity"]

        def new() -> ModuleCell:
            perceptron = nn.Sequential(
                nn.Linear(size + K * H, config.inner_size),
                nn.GELU(),
                nn.Linear(config.inner_size, H),
                nn.LayerNorm(H),  # states of one size however high the structure
            )
            return ModuleCell(perceptron, size, H, arity=K)

        if config.functions == "shared":
            return new()
        return ByType([new() for _ in self.assets["labels"]])

    def coded(self, split: str) -> CodedGraphs:
        """Return a split as numbers."""
        if split not in self._coded:
            assert self.data is not None
            self._coded[split] = self.code(self.data.splits[split])
        return self._coded[split]

    def code(self, graphs: Sequence[Graph]) -> CodedGraphs:
        """Return structures as numbers.

        Raises:
            DataError: a label that training did not have, or more children.
        """
        assets = self.assets
        return CodedGraphs.of(
            graphs,
            assets["labels"],
            assets["classes"],
            assets["whole"],
            assets["arity"],
        )

    def batches(self, seed: int, epoch: int) -> GraphBatches:
        coded = self.coded("train")
        order = np.random.default_rng([seed, epoch]).permutation(len(coded))
        cuts = range(self.config.batch_size, len(order), self.config.batch_size)
        return GraphBatches(coded, np.split(order, cuts))

    def evaluate(self, model: Transducer, split: Split) -> dict[str, float]:
        if self.data is None or split not in self.data.splits:
            raise RunError(f"{self.name} has no {split} data.")
        return self.compare(split, self.say(model, self.coded(split)))

    @torch.no_grad()
    def say(self, model: Transducer, coded: CodedGraphs) -> NDArray[np.float64]:
        """Return the probabilities of all classes, (V, C), or (B, C) of wholes."""
        was_training = model.training
        model.eval()
        found = []
        for first in range(0, len(coded), AT_ONCE):
            some = np.arange(first, min(first + AT_ONCE, len(coded)))
            batch: GraphBatch = coded.batch(some).to(self.config.device)
            found.append(torch.softmax(model(batch).double(), dim=-1).cpu().numpy())
        model.train(was_training)
        return np.concatenate(found)

    def compare(self, split: str, p: NDArray[np.floating]) -> dict[str, float]:
        """Measure what was said of a split, with probabilities of all classes."""
        coded = self.coded(split)
        known, right = coded.target >= 0, p.argmax(axis=1) == coded.target
        if not known.any():
            raise RunError(f"{self.name} has no target in {split}.")
        of = coded.graph_of_target
        wrong = np.bincount(of[known & ~right], minlength=len(coded))
        asked = np.bincount(of[known], minlength=len(coded)) > 0
        high = known & (coded.height[of] > self.assets["height"])
        said = p[np.flatnonzero(known), coded.target[known]]
        found = {
            "accuracy": float(right[known].mean()),
            "whole": float((wrong[asked] == 0).mean()),
            "loss": float(-np.log(np.maximum(said, 1e-12)).mean()),
        }
        return {**found, "higher": float(right[high].mean())} if high.any() else found

    def baselines(self, progress: bool) -> dict[str, dict[str, Any]]:
        from treefold.tasks.transduce_rivals import measure

        return measure(self)

    def read(self, file: str) -> Iterator[Graph]:
        empty = True
        for graph in read_graphs(file):
            empty = False
            yield graph
        if empty:
            raise DataError(f"{file}: it is empty; expected a structure a line")

    def predict(
        self, model: Transducer, items: Iterable[Graph]
    ) -> Iterator[dict[str, Any]]:
        for some in _together(items):
            bare = [graph._replace(targets=None) for graph in some]
            coded = self.code(bare)
            p = self.say(model, coded)
            best, likely = p.argmax(axis=1), p.max(axis=1)
            names = [self.classes[k] for k in best]
            for b in range(len(some)):
                if self.assets["whole"]:
                    yield {"target": names[b], "probability": round(likely[b], 4)}
                    continue
                here = slice(coded.offset[b], coded.offset[b + 1])
                yield {
                    "targets": names[here],
                    "probabilities": likely[here].round(4).tolist(),
                }

    def findings(self, model: Transducer, result: dict[str, Any]) -> Findings:
        from treefold.tasks.transduce_findings import findings

        return findings(self, model, result)


def _together(graphs: Iterable[Graph]) -> Iterator[list[Graph]]:
    """Group structures; one of standard input, whose writer may wait, ends a group."""
    held: list[Graph] = []
    for graph in graphs:
        held.append(graph)
        if len(held) == AT_ONCE or graph.place.startswith(STDIN):
            yield held
            held = []
    if held:
        yield held


def _targets(graph: Graph) -> Sequence[str | None]:
    targets = graph.targets
    return [targets] if isinstance(targets, str) else targets or ()


def _load(spec: DataSpec) -> GraphSet:
    files = {"train": spec.train, "dev": spec.dev, "test": spec.test}
    return load_graphs(spec.data, files, seed=spec.split_seed)
