"""A label on every node of a DAG, from the labels of all (Frasconi et al., 1998)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import ByType, Cell, Children
from treefold.folding import fold
from treefold.forest import Forest
from treefold.models.base import Model


@final
@dataclass(frozen=True)
class GraphBatch:
    """B structures whose V nodes have labels.

    Attributes:
        forest: the structures, DAGs of ordered children.
        label: (V,) int64, the label of each node.
        target: (V,) int64, what is to be told of each node, or (B,), of each
            structure; -1 where it is not known.
    """

    forest: Forest
    label: Tensor
    target: Tensor

    def __len__(self) -> int:
        """Return B, the number of structures."""
        return self.forest.num_trees

    def to(self, device: torch.device | str, non_blocking: bool = False) -> GraphBatch:
        """Return the batch on a device."""
        return GraphBatch(
            self.forest.to(device, non_blocking),
            self.label.to(device, non_blocking=non_blocking),
            self.target.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> GraphBatch:
        """Return a copy in page-locked memory."""
        label, target = self.label.pin_memory(), self.target.pin_memory()
        return GraphBatch(self.forest.pin_memory(), label, target)


@final
class Transducer(Model):
    r"""Map a DAG of labelled nodes to one of the same form, or to a single label.

    For a node v with ordered children C(v) and the label's vector :math:`x_v`
    (Frasconi, Gori & Sperduti, 1998, IEEE Transactions on Neural Networks 9:5):

    .. math::
        h_v &= f([h_k : k \in C(v)], x_v, v) \\
        b_v &= \bar f([b_p : v \in C(p)], [x_v; h_v], v) \\
        y_v &= \operatorname{softmax}(g([h_v; b_v; x_v]))

    f and g are any functions, and with `ByType` cells f depends on the node's label.
    Without a transposed cell there is no b, and a node knows what is below it only;
    with one it knows what is above, too, and through h all that is beside it. A
    sequence is the case of one child. With a cell for the super-source, a node above
    all roots of a structure, the output is that node's alone, :math:`y = g(s)` with
    :math:`s = f_s([h_r : r \text{ a root}], 0)`.

    A node that serves several parents has one state: where the structure unfolded to a
    tree has a copy of it for every path, here it is computed once.

    Args:
        cell: f; its input size is that of the labels' vectors, and one more for the
            type in a `ByType`.
        num_labels: W, labels that nodes may have.
        num_classes: C, labels to tell.
        transposed: the cell of the transposed pass, whose input is [x; h].
        source: the cell of the super-source, which takes any number of children.
        output: makes g of the number of its features, a module from there to C; None
            is a linear layer.

    Shape:
        - output: (V, C) logits of all nodes; (B, C) with a super-source.

    Attributes:
        embedding: the vectors of the labels, (W, I).
        cell: f.
        transposed: its counterpart, or None.
        source: the super-source's, or None.
        output: g.

    Raises:
        ValueError: cells whose sizes do not fit each other.

    Example:
        >>> from treefold.cells import ChildSumTreeLSTMCell
        >>> model = Transducer(ChildSumTreeLSTMCell(8, 16), num_labels=5, num_classes=2)
        >>> forest = Forest([[], [], [0, 1], [0, 2]])  # node 0 has two parents
        >>> label = torch.tensor([0, 1, 3, 4])
        >>> model(GraphBatch(forest, label, torch.tensor([-1, -1, 1, 0]))).shape
        torch.Size([4, 2])
    """

    def __init__(
        self,
        cell: Cell[Any],
        num_labels: int,
        num_classes: int,
        *,
        transposed: Cell[Any] | None = None,
        source: Cell[Any] | None = None,
        output: Callable[[int], nn.Module] | None = None,
    ):
        super().__init__()
        size = _features(cell)
        H, read = cell.hidden_size, cell.hidden_size + size
        if transposed is not None:
            _check("transposed", transposed, size + H, "the vector and h of a node")
            read += transposed.hidden_size
        if source is not None:
            _check("source", source, size, "a label's vector")
            if source.max_arity is not None:
                raise ValueError(
                    "source must take any number of children, as a structure may have "
                    f"any number of roots, got {source!r} of {source.max_arity} slots."
                )
            read = source.hidden_size
        self.embedding = nn.Embedding(num_labels, size)
        self.cell = cell
        self.transposed = transposed
        self.source = source
        new_output = output or (lambda features: nn.Linear(features, num_classes))
        self.output = new_output(read)

    def forward(self, batch: GraphBatch) -> Tensor:
        """Return logits, (V, C), or (B, C) of the super-sources."""
        x, forest = self.embedding(batch.label), batch.forest
        state = fold(self.cell, forest, _typed(self.cell, batch.label, x))
        if self.source is not None:
            return self.output(self._above_roots(forest, state))
        parts = [state.h]
        if self.transposed is not None:
            both = torch.cat([x, state.h], dim=1)
            both = _typed(self.transposed, batch.label, both)
            parts.append(fold(self.transposed, forest.transpose(), both).h)
        return self.output(torch.cat([*parts, x], dim=1))

    def loss(self, batch: GraphBatch) -> Tensor:
        """Return the mean cross-entropy of what has a target."""
        return F.cross_entropy(self(batch), batch.target, ignore_index=-1)

    def _above_roots(self, forest: Forest, state: Any) -> Tensor:
        """Run the super-source's cell on the roots of each structure, in order."""
        assert self.source is not None
        of_root = forest.root_tree  # ascending
        first = torch.searchsorted(of_root, of_root)
        slot = torch.arange(len(of_root), device=of_root.device) - first
        below = type(state)(*(f[forest.roots] for f in state))
        B = forest.num_trees
        x = self.source.project(state.h.new_zeros(B, self.source.input_size))
        return self.source(x, Children(below, of_root, slot, B)).h


def _features(cell: Cell[Any]) -> int:
    """Return the features that a cell takes beside a type."""
    return cell.input_size - isinstance(cell, ByType)


def _typed(cell: Cell[Any], label: Tensor, x: Tensor) -> Tensor:
    return ByType.typed(label, x) if isinstance(cell, ByType) else x


def _check(name: str, cell: Cell[Any], wanted: int, what: str) -> None:
    if _features(cell) != wanted:
        raise ValueError(
            f"{name} must have input_size = {wanted}, {what}, got {_features(cell)}."
        )
