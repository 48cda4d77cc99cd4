"""DAGs as numbers, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch
from numpy.typing import NDArray

from treefold.data.errors import DataError
from treefold.data.graphs import Graph
from treefold.forest import Forest
from treefold.models.transducer import GraphBatch

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class CodedGraphs:
    """B structures in flat arrays, V nodes and E edges in all.

    Attributes:
        offset: (B + 1,), where each structure's nodes begin.
        child_offset: (V + 1,), where each node's children begin.
        child: (E,), a child's number among all nodes.
        label: (V,), the label of each node.
        target: (V,), or (B,) of wholes; -1 where it is not known.
        graph_of_target: the structure of each target.
        height: (B,), of each structure.
        whole: whether targets are of structures, not of nodes.
    """

    offset: Int64
    child_offset: Int64
    child: Int64
    label: Int64
    target: Int64
    graph_of_target: Int64
    height: Int64
    whole: bool

    @classmethod
    def of(
        cls,
        graphs: Sequence[Graph],
        labels: Sequence[str],
        classes: Sequence[str],
        whole: bool,
        arity: int,
    ) -> Self:
        """Number labels and targets.

        Raises:
            DataError: a label that is not among `labels`, or a node of more children
                than `arity`; targets of the other kind.
        """
        number = {name: k for k, name in enumerate(labels)}
        code = {name: k for k, name in enumerate(classes)}
        label, target, child, arities, height = [], [], [], [], []
        first = 0
        for graph in graphs:
            _check(graph, number, arity, whole)
            label += [number[name] for name in graph.nodes]
            child += [first + c for below in graph.children for c in below]
            arities += [len(below) for below in graph.children]
            told = graph.targets
            if whole:
                target.append(code.get(told, -1) if isinstance(told, str) else -1)
            else:
                each = [None] * len(graph.nodes) if told is None else told
                target += [-1 if t is None else code.get(t, -1) for t in each]
            height.append(graph.height)
            first += len(graph.nodes)
        sizes = np.array([len(graph.nodes) for graph in graphs], np.int64)
        of_node = np.repeat(np.arange(len(graphs)), sizes)
        return cls(
            np.append(0, np.cumsum(sizes)),
            np.append(0, np.cumsum(np.array(arities, np.int64))),
            np.array(child, np.int64),
            np.array(label, np.int64),
            np.array(target, np.int64),
            np.arange(len(graphs)) if whole else of_node,
            np.array(height, np.int64),
            whole,
        )

    def __len__(self) -> int:
        """Return B."""
        return len(self.height)

    def batch(self, numbers: Int64) -> GraphBatch:
        """Make a batch of the structures of these numbers."""
        sizes = self.offset[numbers + 1] - self.offset[numbers]
        first = np.append(0, np.cumsum(sizes))
        nodes = np.arange(first[-1]) + np.repeat(
            self.offset[numbers] - first[:-1], sizes
        )
        arity = self.child_offset[nodes + 1] - self.child_offset[nodes]
        starts = np.append(0, np.cumsum(arity))
        edges = np.arange(starts[-1]) + np.repeat(
            self.child_offset[nodes] - starts[:-1], arity
        )
        shift = np.repeat(np.repeat(first[:-1] - self.offset[numbers], sizes), arity)
        forest = Forest.from_csr(
            starts, self.child[edges] + shift, np.repeat(np.arange(len(numbers)), sizes)
        )
        target = self.target[numbers if self.whole else nodes]
        return GraphBatch(
            forest, torch.from_numpy(self.label[nodes]), torch.from_numpy(target)
        )


@final
class GraphBatches:
    """An epoch of batches."""

    def __init__(self, coded: CodedGraphs, plan: list[Int64]):
        self.coded, self.plan = coded, plan

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[GraphBatch]:
        return (self.coded.batch(numbers) for numbers in self.plan)


def _check(graph: Graph, number: dict[str, int], arity: int, whole: bool) -> None:
    """Refuse what a model cannot read."""
    for v, name in enumerate(graph.nodes):
        if name not in number:
            shown = ", ".join([*number][:12]) + ", ..." * (len(number) > 12)
            raise DataError(
                f"{graph.place}: node {v} has the label {name!r}, which no node of the "
                f"training data has; they have {shown}"
            )
        if len(graph.children[v]) > arity:
            raise DataError(
                f"{graph.place}: node {v} has {len(graph.children[v])} children, but "
                f"those of the training data have at most {arity}"
            )
    if graph.targets is not None and isinstance(graph.targets, str) != whole:
        raise DataError(
            f"{graph.place}: expected targets {'of the whole' if whole else 'of nodes'}"
            ", as in the training data"
        )
