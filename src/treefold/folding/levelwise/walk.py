r"""The walk over the levels: one product and one pointwise step each.

With K slots a node's children are laid side by side and multiplied at once. In a sum
over children each place is multiplied as soon as it is made, in the order in which it
lies, and its parents add up the products: :math:`U \sum_k h_k = \sum_k U h_k`. Either
way the gradient of the weights is one product at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from treefold.folding.inputs import Inputs
from treefold.folding.levelwise.rules import Rule
from treefold.folding.levelwise.span import Span


class Walk:
    """A forest under way.

    Args:
        rule: the cell's steps and buffers.
        spans: the levels, leaves first.
        slots: K, or 0 for a sum over children.
        keep: whether the way down will be walked.
    """

    def __init__(self, rule: Rule, spans: list[Span], slots: int, keep: bool):
        self.rule, self.spans, self.slots, self.keep = rule, spans, slots, keep
        self.V = spans[-1].level.stop
        # Leaves below which nothing stands take no part in the products by slots.
        self.first = 0 if spans[0].num_edges else spans[0].level.stop
        self.widest = max((s.num_nodes for s in spans if s.num_edges), default=0)
        rows = self.V - self.first if keep else self.widest
        h = rule.state[0]
        self.below = h.new_empty(rows, slots * h.shape[1])  # the children, by slots

    def up(self, inputs: Inputs, u: Tensor) -> None:
        """Make the states of all levels; u is the rule's matrix."""
        h = self.rule.state[0]
        rows = self.widest if self.slots else len(h)
        products = h.new_empty(rows, self.rule.width)
        if not self.slots:
            torch.mm(h[self.V :], u.T, out=products[self.V :])
        for span in self.spans:
            x = inputs.of(span.number, span.level, inputs.level(span.number))
            made, slots = products, self.slots if span.num_edges else 0
            if slots:
                made = products[: span.num_nodes]
                torch.mm(self._children(span), u.T, out=made)
            self.rule.up(span, x, made, slots)
            if not self.slots and span is not self.spans[-1]:
                torch.mm(h[span.own], u.T, out=products[span.own])

    def down(self, to_state: list[Tensor], u: Tensor) -> tuple[Tensor, Tensor]:
        """Walk down, and add to the gradients of the states what parents send.

        Returns:
            The gradients of the projected input of every node, and of u.
        """
        h, to_h = self.rule.state[0], to_state[0]
        to_x = h.new_empty(self.V, len(self.rule.bias))
        rows = self.V - self.first if self.slots else len(h)
        to_products = h.new_zeros(rows, self.rule.width)
        to_below = h.new_empty(self.widest, self.below.shape[1])
        for span in reversed(self.spans):
            own, slots = span.own, self.slots if span.num_edges else 0
            made = to_products
            if slots:
                made = made[own.start - self.first : own.stop - self.first]
            elif not self.slots and span is not self.spans[-1]:
                to_h[own].addmm_(to_products[own], u)
            self.rule.down(span, to_state, to_x[own], made, slots)
            if slots:
                self._send(span, torch.mm(made, u, out=to_below[: len(made)]), to_h)
        if not self.slots:
            to_h[self.V :].addmm_(to_products[self.V :], u)
        return to_x, to_products.T @ (self.below if self.slots else h)

    def _children(self, span: Span) -> Tensor:
        """Lay the states of each node's children side by side, (N, K·H)."""
        start = span.level.start - self.first if self.keep else 0
        below = self.below[start : start + span.num_nodes]
        h, level = self.rule.state[0], span.level
        by_slot = below.view(-1, h.shape[1])
        if level.arity == self.slots:
            torch.index_select(h, 0, level.child, out=by_slot)
        else:
            place = level.parent * self.slots + level.slot
            by_slot.zero_().index_add_(0, place, h.index_select(0, level.child))
        return below

    def _send(self, span: Span, to_below: Tensor, to_h: Tensor) -> None:
        """Add to the gradients of the children what their parents' products send."""
        level, by_slot = span.level, to_below.view(-1, to_h.shape[1])
        if level.arity != self.slots:
            by_slot = by_slot.index_select(0, level.parent * self.slots + level.slot)
        to_h.index_add_(0, level.child, by_slot)
