"""What the fused fold on a device knows of each cell: its buffers and its steps.

A rule has the state's fields, h first, each of (V + F, H) with F initial rows last; the
`width` of a row of products; and says whether a leaf's state is its input, without a
bias. Its steps get K as `slots`, and 0 for leaves, which have no products, and for a
sum over children.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from torch import Tensor

from treefold.folding.levelwise.span import Span


class LSTMRule:
    """Both Tree-LSTMs.

    Args:
        cell: one of them.
        points: the module of pointwise steps.
        bias: the cell's.
        state: room for h and c.
        room: nodes and edges to keep gates of; None for those of a level at a time.
        widest: nodes and edges of the widest levels.
    """

    leaf_is_input = False

    def __init__(
        self, cell: Any, points: ModuleType, bias: Tensor, state: list[Tensor],
        room: tuple[int, int] | None, widest: tuple[int, int],
    ):  # fmt: skip
        self.state, self.points, self.bias = state, points, bias
        self.keep = room is not None
        H, (nodes, edges) = cell.hidden_size, room or widest
        self.width = (3 + (cell.max_arity or 1)) * H
        self.gates = bias.new_empty(nodes, 3 * H)
        self.forget = bias.new_empty(edges, H)

    def up(self, span: Span, x: Tensor, products: Tensor, slots: int) -> None:
        """Make the states of a level."""
        made = (*self._gates(span), *self.state)
        self.points.lstm_up(span, x, self.bias, products, slots, *made)

    def down(
        self, span: Span, to_state: list[Tensor], to_x: Tensor, to_products: Tensor,
        slots: int,
    ) -> None:  # fmt: skip
        """Make the gradients of a level's inputs and products from its states'."""
        kept = (*self._gates(span), self.state[1])
        self.points.lstm_down(span, slots, *kept, *to_state, to_x, to_products)

    def _gates(self, span: Span) -> tuple[Tensor, Tensor]:
        """A level's i | u | o and forget gates; one level's overwrite another's."""
        start, row = (span.level.start, span.row) if self.keep else (0, 0)
        return (
            self.gates[start : start + span.num_nodes],
            self.forget[row : row + span.num_edges],
        )


class RecursiveRule:
    """The plain recursive cell; see `LSTMRule`."""

    def __init__(
        self, cell: Any, points: ModuleType, bias: Tensor, state: list[Tensor],
        room: tuple[int, int] | None, widest: tuple[int, int],
    ):  # fmt: skip
        self.state, self.points, self.bias = state, points, bias
        self.activation, self.leaf_is_input = cell.activation, cell.leaf_is_input
        self.width = cell.hidden_size

    def up(self, span: Span, x: Tensor, products: Tensor, slots: int) -> None:
        """Make the states of a level."""
        (h,) = self.state
        if self.leaf_is_input and span.number == 0:
            h[span.own] = x
            return
        self.points.recursive_up(
            span, x, self.bias, products, slots, self.activation, h
        )

    def down(
        self, span: Span, to_state: list[Tensor], to_x: Tensor, to_products: Tensor,
        slots: int,
    ) -> None:  # fmt: skip
        """Make the gradients of a level's inputs and products from its states'."""
        (h,), (to_h,) = self.state, to_state
        if self.leaf_is_input and span.number == 0:
            to_x.copy_(to_h[span.own])
            return
        self.points.recursive_down(
            span, slots, self.activation, h, to_h, to_x, to_products
        )
