"""Deep and bidirectional folds of any cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Dropout, TiedDropout, Zoneout
from treefold.folding import fold
from treefold.forest import Forest


class Options(TypedDict, total=False):
    """What every layer takes by name; `Stack` says what each means."""

    bidirectional: bool
    dropout: float
    state_dropout: float
    variational: bool
    zoneout: float
    learned_initial: bool


class StackOptions(Options, total=False):
    """The same, and the number of layers."""

    num_layers: int


class Stack(nn.Module):
    r"""Folds upon folds: layer i reads at each node what layer i - 1 wrote there.

    A layer is the fold of the forest and, with ``bidirectional=True``, beside it the
    fold of its transpose, in which a node sees its parent, in the slot that it fills
    below it (Irsoy & Cardie, 2013, 2014). On chains that is ``torch.nn.LSTM``'s stack.

    Args:
        new_cell: makes a cell of that many input features.
        input_size: I, features of a node's input.
        num_layers: number of layers, one upon the other.
        bidirectional: fold downward, too; both states stand side by side.
        dropout: probability to drop a feature of a layer's output before the next
            layer reads it, as in torch: nothing is dropped after the last.
        state_dropout: the same for h of a child as its parent's cell sees it.
        variational: draw the masks of both dropouts once a structure, the same at
            every node and step (Gal & Ghahramani, 2016), instead of anew each time.
        zoneout: probability that a feature of the state stays what it was below
            (Krueger et al., 2017).
        learned_initial: learn the state below the leaves, where none is given.

    Shape:
        - x: (V, I), or (R, I) of the nodes listed; as in `treefold.fold`.
        - initial: (num_layers·D, B, H) as ``torch.nn.LSTM``'s hx, B or 1 structures,
          D = 2 directions or 1; a tuple where the state has several fields.
        - output: (V, D·H), the last layer's h in the forest's numbering.
        - final: (num_layers·D, B, H), or a tuple: where each direction ends, the roots
          upward, the leaves downward; their mean where a structure has several.

    Attributes:
        cells: layer by layer, in each the upward cell before the downward one.
        initial: the learned states, a parameter of (num_layers·D, 1, H) a field.

    Raises:
        ValueError: no layer, probabilities outside [0, 1), shapes that do not fit.
    """

    def __init__(
        self,
        new_cell: Callable[[int], Cell[Any]],
        input_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        state_dropout: float = 0.0,
        variational: bool = False,
        zoneout: float = 0.0,
        learned_initial: bool = False,
    ):
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"num_layers must be at least 1, got {num_layers}.")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be a probability below 1, got {dropout}.")
        self.input_size = input_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.variational = variational

        def new(size: int) -> Cell[Any]:
            cell = new_cell(size)
            if state_dropout:
                drop = TiedDropout if variational else Dropout
                cell = drop(cell, state_dropout)
            # Outside the dropout, so that what stays is the whole state below.
            return Zoneout(cell, zoneout) if zoneout else cell

        first = [new(input_size) for _ in range(self.num_directions)]
        like = torch.empty(0)
        self._shapes = [f.shape[1:] for f in _unmasked(first[0].zeros(1, like))]
        wide = self.output_size
        more = (num_layers - 1) * self.num_directions
        self.cells = nn.ModuleList([*first, *(new(wide) for _ in range(more))])
        self.initial = (
            nn.ParameterList(torch.zeros(len(self.cells), 1, *s) for s in self._shapes)
            if learned_initial
            else None
        )

    @property
    def num_directions(self) -> int:
        """D."""
        return 2 if self.bidirectional else 1

    @property
    def hidden_size(self) -> int:
        """H, features of a state h."""
        return self._shapes[0][0]

    @property
    def memory_size(self) -> int:
        """Features of the state's last field: of an LSTM's c, else H."""
        return self._shapes[-1][0]

    @property
    def output_size(self) -> int:
        """D·H, features of the output at a node."""
        return self.num_directions * self.hidden_size

    def forward(
        self,
        forest: Forest,
        x: Tensor,
        nodes: Tensor | None = None,
        initial: Any = None,
        *,
        rows: Tensor | None = None,
    ) -> tuple[Tensor, Any]:
        """Fold each layer in each direction; return output and final state.

        Args:
            forest: the structures.
            x: input of the nodes; `nodes` and `rows` as in `treefold.fold`.
            nodes: the nodes that have input; None: all.
            initial: the states below the leaves (and, downward, above the roots).
            rows: the row of x that each node reads.
        """
        starts = self._starts(forest, x, initial)
        ways = [forest, forest.transpose()] if self.bidirectional else [forest]
        ends = list[list[Tensor]]()
        for layer in range(self.num_layers):
            if layer:
                x, nodes, rows = self._drop(forest, x), None, None
            outputs = list[Tensor]()
            for way, number in zip(ways, self._numbers(layer), strict=True):
                state = self._fold(number, way, x, nodes, starts[number], rows)
                ends.append([_at_roots(way, field) for field in state])
                outputs.append(state[0])
            x = torch.cat(outputs, dim=1) if self.bidirectional else outputs[0]
        final = [torch.stack(field) for field in zip(*ends, strict=True)]
        return x, tuple(final) if len(final) > 1 else final[0]

    def _numbers(self, layer: int) -> range:
        """Which cells a layer has."""
        D = self.num_directions
        return range(layer * D, layer * D + D)

    def _fold(
        self,
        number: int,
        forest: Forest,
        x: Tensor,
        nodes: Tensor | None,
        start: tuple[Tensor, ...] | None,
        rows: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """Fold one cell; return the fields of its state, without a mask."""
        cell: Any = self.cells[number]
        below: Any = start
        inner = cell.cell if isinstance(cell, Zoneout) else cell
        if isinstance(inner, TiedDropout):
            below = inner.begin(start, forest.num_trees, cell.project(x[:0]))
        return _unmasked(fold(cell, forest, x, nodes, below, rows=rows))

    def _drop(self, forest: Forest, x: Tensor) -> Tensor:
        """Drop features between two layers."""
        if not (self.training and self.dropout):
            return x
        if not self.variational:
            return F.dropout(x, self.dropout)
        mask = F.dropout(x.new_ones(forest.num_trees, x.shape[1]), self.dropout)
        return x * mask[forest.tree]

    def _starts(
        self, forest: Forest, x: Tensor, initial: Any
    ) -> Sequence[tuple[Tensor, ...] | None]:
        """Divide the initial states among the cells."""
        if initial is None:
            if self.initial is None:
                return [None] * len(self.cells)
            initial = tuple(self.initial)
        fields = (initial,) if isinstance(initial, Tensor) else tuple(initial)
        wanted = [(len(self.cells), forest.num_trees, *s) for s in self._shapes]
        got = [tuple(field.shape) for field in fields]
        alike = [
            (*g[:1], *g[2:]) == (*w[:1], *w[2:]) and g[1] in (1, w[1])
            for g, w in zip(got, wanted, strict=False)
        ]
        if len(got) != len(wanted) or not all(alike):
            raise ValueError(
                "the initial state must have the shape (num_layers·directions, "
                f"structures, features) = {' and '.join(map(str, wanted))}, got "
                f"{' and '.join(map(str, got))}."
            )
        return list(zip(*(field.unbind(0) for field in fields), strict=True))

    def extra_repr(self) -> str:
        """Sizes, as torch prints them."""
        shown = [f"{self.input_size}, {self.hidden_size}"]
        shown += [f"num_layers={self.num_layers}"] * (self.num_layers > 1)
        shown += ["bidirectional=True"] * self.bidirectional
        shown += [f"dropout={self.dropout}"] * bool(self.dropout)
        return ", ".join(shown)


def _unmasked(state: Any) -> tuple[Tensor, ...]:
    """Leave out the mask that `TiedDropout` lets travel with a state."""
    names = state._fields
    return tuple(f for f, name in zip(state, names, strict=True) if name != "dropped")


def _at_roots(forest: Forest, field: Tensor) -> Tensor:
    """State of each structure's root, (B, ...); the mean of several roots."""
    at_root = field.index_select(0, forest.roots)
    if len(at_root) == forest.num_trees:
        return at_root
    count = torch.bincount(forest.root_tree, minlength=forest.num_trees)
    total = field.new_zeros(forest.num_trees, *field.shape[1:])
    total = total.index_add(0, forest.root_tree, at_root)
    return total / count.to(field.dtype).view(-1, *[1] * (field.dim() - 1))
