"""What the fused fold on a device knows of each cell: its buffers and its steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from treefold.folding.levelwise.span import Span


class Rule(ABC):
    """A cell's pointwise steps over buffers of its own.

    The steps get K as `slots`, and 0 for leaves, which have no products, and for a sum
    over children.

    Args:
        cell: for what is no tensor of it.
        points: the module of pointwise steps.
        bias: as `weights` gives it.
        state: the state's fields, (V + F, H) each, h first; F initial rows stand last.
        room: nodes and edges to keep gates of: all, or those of the widest levels.
        keep: which of the two.

    Attributes:
        per_node, per_edge: gates to keep, in units of H.
        leaf_is_input: whether a leaf's state is its input, and meets no bias.
        width: columns of a row of products.
    """

    per_node: ClassVar[int]
    per_edge: ClassVar[int]
    leaf_is_input = False

    def __init__(
        self, cell: Any, points: ModuleType, bias: Tensor, state: list[Tensor],
        room: tuple[int, int], keep: bool,
    ):  # fmt: skip
        self.points, self.bias, self.state, self.keep = points, bias, state, keep
        H = cell.hidden_size
        self.width = self.products(cell.max_arity or 1) * H
        self.nodes = bias.new_empty(room[0], self.per_node * H)
        self.edges = bias.new_empty(room[1], self.per_edge * H)

    @staticmethod
    @abstractmethod
    def products(slots: int) -> int:
        """Say how many products of H numbers a node has, of so many slots or a sum."""

    @staticmethod
    def weights(cell: Any) -> tuple[Tensor, Tensor]:
        """Gather the parameters into one bias and one matrix for the products."""
        return cell.bias, cell.weight_hh

    @staticmethod
    def parameters(cell: Any, bias: Tensor, u: Tensor) -> dict[str, Tensor]:
        """Take apart what `weights` gathered."""
        return {"bias": bias, "weight_hh": u}

    @abstractmethod
    def up(self, span: Span, x: Tensor, products: Tensor, slots: int) -> None:
        """Make the states of a level."""

    @abstractmethod
    def down(
        self, span: Span, to_state: list[Tensor], to_x: Tensor, to_products: Tensor,
        slots: int,
    ) -> None:  # fmt: skip
        """Make the gradients of a level's inputs and products from its states'."""

    def kept(self, span: Span) -> tuple[Tensor, Tensor]:
        """A level's rows of the gates; not kept, all levels have the same."""
        start, row = (span.level.start, span.row) if self.keep else (0, 0)
        return (
            self.nodes[start : start + span.num_nodes],
            self.edges[row : row + span.num_edges],
        )


@final
class LSTMRule(Rule):
    """Both Tree-LSTMs; kept are i | u | o of each node and f of each edge."""

    per_node, per_edge = 3, 1

    @staticmethod
    def products(slots):
        return 3 + slots

    def up(self, span, x, products, slots):
        made = (*self.kept(span), *self.state)
        self.points.lstm_up(span, x, self.bias, products, slots, *made)

    def down(self, span, to_state, to_x, to_products, slots):
        made = (*self.kept(span), self.state[1])
        self.points.lstm_down(span, slots, *made, *to_state, to_x, to_products)


@final
class GRURule(Rule):
    """Both Tree-GRUs. Every node must have a child; `aten` says what is kept."""

    per_node, per_edge = 2, 3

    @staticmethod
    def products(slots):
        return 3 * slots

    @staticmethod
    def weights(cell):
        bias, u = torch.cat([cell.bias, cell.bias_hn]), cell.weight_hh
        if cell.max_arity is not None:  # U_n of a slot meets that slot's child alone
            u = torch.cat([u, torch.block_diag(*cell.weight_hn)])
        return bias, u

    @staticmethod
    def parameters(cell, bias, u):
        H, K = cell.hidden_size, cell.max_arity
        found = {"bias": bias[: 3 * H], "bias_hn": bias[3 * H :], "weight_hh": u}
        if K is not None:
            found["weight_hh"] = u[: 2 * K * H]
            blocks = u[2 * K * H :].view(K, H, K, H).diagonal(dim1=0, dim2=2)
            found["weight_hn"] = blocks.movedim(-1, 0)
        return found

    def up(self, span, x, products, slots):
        made = (*self.kept(span), *self.state)
        self.points.gru_up(span, x, self.bias, products, slots, *made)

    def down(self, span, to_state, to_x, to_products, slots):
        made = (*self.kept(span), *self.state)
        self.points.gru_down(span, slots, *made, *to_state, to_x, to_products)


@final
class RecursiveRule(Rule):
    """The plain recursive cell; its state is all that is kept."""

    per_node, per_edge = 0, 0

    def __init__(self, cell, points, bias, state, room, keep):
        super().__init__(cell, points, bias, state, room, keep)
        self.activation, self.leaf_is_input = cell.activation, cell.leaf_is_input

    @staticmethod
    def products(slots):
        return 1

    def up(self, span, x, products, slots):
        (h,) = self.state
        if self.leaf_is_input and span.number == 0:
            h[span.own] = x
            return
        args = (products, slots, self.activation, h)
        self.points.recursive_up(span, x, self.bias, *args)

    def down(self, span, to_state, to_x, to_products, slots):
        (h,), (to_h,) = self.state, to_state
        if self.leaf_is_input and span.number == 0:
            to_x.copy_(to_h[span.own])
            return
        args = (h, to_h, to_x, to_products)
        self.points.recursive_down(span, slots, self.activation, *args)
