"""What the fused fold on a device knows of each cell: its buffers and its steps.

A rule has the state's fields, h first, each of (V + F, H) with F initial rows last; the
`width` of a row of products; and says whether a leaf's state is its input, without a
bias. Its steps get K as `slots`, and 0 for leaves, which have no products, and for a
sum over children.

`weights` gathers a cell's parameters into one bias and one matrix for the product, and
`parameters` takes these apart again.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from treefold.folding.levelwise.span import Span


class _OneMatrix:
    """A cell whose parameters are the bias and the matrix."""

    @staticmethod
    def weights(cell: Any) -> tuple[Tensor, Tensor]:
        return cell.bias, cell.weight_hh

    @staticmethod
    def parameters(cell: Any, bias: Tensor, u: Tensor) -> dict[str, Tensor]:
        return {"bias": bias, "weight_hh": u}


class LSTMRule(_OneMatrix):
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
        made = (*_rows(span, self.keep, self.gates, self.forget), *self.state)
        self.points.lstm_up(span, x, self.bias, products, slots, *made)

    def down(
        self, span: Span, to_state: list[Tensor], to_x: Tensor, to_products: Tensor,
        slots: int,
    ) -> None:  # fmt: skip
        """Make the gradients of a level's inputs and products from its states'."""
        kept = (*_rows(span, self.keep, self.gates, self.forget), self.state[1])
        self.points.lstm_down(span, slots, *kept, *to_state, to_x, to_products)


class RecursiveRule(_OneMatrix):
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


class GRURule:
    """Both Tree-GRUs; see `LSTMRule`. Every node must have a child."""

    leaf_is_input = False

    def __init__(
        self, cell: Any, points: ModuleType, bias: Tensor, state: list[Tensor],
        room: tuple[int, int] | None, widest: tuple[int, int],
    ):  # fmt: skip
        self.state, self.points, self.bias = state, points, bias
        self.keep = room is not None
        H, (nodes, edges) = cell.hidden_size, room or widest
        self.width = 3 * (cell.max_arity or 1) * H
        self.mixed = bias.new_empty(nodes, 2 * H)
        self.edges = bias.new_empty(edges, 3 * H)

    @staticmethod
    def weights(cell: Any) -> tuple[Tensor, Tensor]:
        bias, u = torch.cat([cell.bias, cell.bias_hn]), cell.weight_hh
        if cell.max_arity is not None:  # U_n of a slot meets that slot's child alone
            u = torch.cat([u, torch.block_diag(*cell.weight_hn)])
        return bias, u

    @staticmethod
    def parameters(cell: Any, bias: Tensor, u: Tensor) -> dict[str, Tensor]:
        H, K = cell.hidden_size, cell.max_arity
        found = {"bias": bias[: 3 * H], "bias_hn": bias[3 * H :], "weight_hh": u}
        if K is not None:
            found["weight_hh"] = u[: 2 * K * H]
            blocks = u[2 * K * H :].view(K, H, K, H).diagonal(dim1=0, dim2=2)
            found["weight_hn"] = blocks.movedim(-1, 0)
        return found

    def up(self, span: Span, x: Tensor, products: Tensor, slots: int) -> None:
        """Make the states of a level."""
        mixed, edges = _rows(span, self.keep, self.mixed, self.edges)
        self.points.gru_up(
            span, x, self.bias, products, slots, edges, mixed, *self.state
        )

    def down(
        self, span: Span, to_state: list[Tensor], to_x: Tensor, to_products: Tensor,
        slots: int,
    ) -> None:  # fmt: skip
        """Make the gradients of a level's inputs and products from its states'."""
        mixed, edges = _rows(span, self.keep, self.mixed, self.edges)
        self.points.gru_down(
            span, slots, edges, mixed, *self.state, *to_state, to_x, to_products
        )


def _rows(
    span: Span, keep: bool, nodes: Tensor, edges: Tensor
) -> tuple[Tensor, Tensor]:
    """Cut a level's rows from two buffers; not kept, all levels have the same."""
    start, row = (span.level.start, span.row) if keep else (0, 0)
    return nodes[start : start + span.num_nodes], edges[row : row + span.num_edges]


Rule = LSTMRule | RecursiveRule | GRURule
