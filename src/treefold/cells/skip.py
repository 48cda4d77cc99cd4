"""Skip connections through time (Lin et al., 1996; Zhang et al., 2016)."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any, final

import torch
from torch import Tensor

from treefold.cells.base import Cell, Children
from treefold.cells.combinators import Around, with_state
from treefold.cells.parameters import uniform


@final
class Skip(Around[Any]):
    r"""Let a node see its descendants at distance s, beside its children.

    Zhang et al. (2016, arXiv:1602.08210) add :math:`S h_{t-s}` to what a recurrent net
    computes at t. Here it is added where the projected input enters, inside the
    nonlinearity, so that it serves whatever cell is wrapped:

    .. math::
        h_v = f(x_v + S \, \bar h^{(s)}_v, \; \text{children}), \qquad
        \bar h^{(d)}_v = \frac{1}{|C(v)|} \sum_{k \in C(v)} \bar h^{(d-1)}_k, \qquad
        \bar h^{(0)}_v = h_v

    On a chain :math:`\bar h^{(s)}` is :math:`h_{t-s}`; on trees it is the mean over
    the children of theirs, zero where there is none. A gradient then reaches a node
    d edges away over d/s steps instead of d. A cell that reads no input at inner
    nodes (`leaf_is_input`) gets the term added to h instead.

    Args:
        cell: the cell to wrap; its state gets the field ``ago``, (N, s - 1, H): the
            mean h of the descendants at distances 1 to s - 1.
        distance: s, at least 1.

    Attributes:
        weight_skip: (P, H), S, where P are the features of a projected input; (H, H)
            for cells that read no input at inner nodes.

    Raises:
        ValueError: a distance below 1.
    """

    def __init__(self, cell: Cell[Any], distance: int):
        super().__init__(cell)
        if distance < 1:
            raise ValueError(f"distance must be at least 1, got {distance}.")
        self.distance = distance
        H, wide = self.hidden_size, self.hidden_size
        if not self.leaf_is_input:
            like = next(cell.parameters(), torch.empty(0))
            wide = cell.project(like.new_empty(0, cell.input_size)).shape[1]
        self.weight_skip = uniform(wide, H, fan=H)

    def zeros(self, num_nodes: int, like: Tensor) -> Any:
        inner = self.cell.zeros(num_nodes, like)
        ago = like.new_zeros(num_nodes, self.distance - 1, self.hidden_size)
        return _with_ago(type(inner))(*inner, ago)

    def forward(self, x: Tensor, children: Children[Any]) -> Any:
        *fields, ago = children.state
        inner = with_state(children, type(self.cell.zeros(0, fields[0]))(*fields))
        if not len(children):
            state = self.cell(x, inner)
            none = state[0].new_zeros(len(x), *ago.shape[1:])
            return _with_ago(type(state))(*state, none)
        # Distances 1 to s of each node are 0 to s - 1 of its children.
        ago = children.mean(torch.cat([fields[0][:, None], ago], dim=1))  # (N, s, H)
        further = ago[:, -1] @ self.weight_skip.T
        if self.leaf_is_input:
            state = self.cell(x, inner)
            state = type(state)(state[0] + further, *state[1:])
        else:
            state = self.cell(x + further, inner)
        return _with_ago(type(state))(*state, ago[:, :-1])

    def extra_repr(self) -> str:
        """Sizes, as torch prints them."""
        return f"{super().extra_repr()}, distance={self.distance}"


@cache
def _with_ago(inner: type) -> Any:
    """Make the state type of an inner state type and the generations below."""
    return namedtuple(f"Skipping{inner.__name__}", (*inner._fields, "ago"))  # type: ignore[attr-defined]
