"""What is run on every pair of neighbours of a merging, and what comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from treefold.forest import Forest

S = TypeVar("S", bound=tuple)


class Merge(nn.Module, ABC, Generic[S]):
    """The node function of a merging: a parent's state and score from two neighbours.

    Example:
        >>> import torch
        >>> from treefold import State, merge
        >>> class Closest(Merge):  # numbers; the closest two become their mean
        ...     def forward(self, left, right):
        ...         apart = (left.h - right.h).abs().sum(dim=1)
        ...         return State((left.h + right.h) / 2), -apart
        >>> numbers = torch.tensor([[1.0], [5.0], [6.0], [9.0]])
        >>> merge(Closest(), numbers, lengths=[4]).forest.child.tolist()
        [1, 2, 4, 3, 0, 5]
    """

    @abstractmethod
    def forward(self, left: S, right: S) -> tuple[S, Tensor]:
        """Return the states of M parents, and the scores of making them, (M,).

        Args:
            left: states of the left pieces, fields of (M, ...). Besides h they may
                carry whatever a score needs to know: a span, a region, a category.
            right: those of the right pieces.
        """


class Merging(NamedTuple, Generic[S]):
    """The trees that a merging found.

    Attributes:
        forest: binary trees over the pieces. Nodes 0 to N-1 are the pieces in their
            order; merged nodes follow, structure by structure as they were made.
        state: of the nodes, fields of (V, ...).
        score: (V,) of each node's merge; 0 at pieces.
        total: (B,) sum of the scores of a tree.
    """

    forest: Forest
    state: S
    score: Tensor
    total: Tensor


def merged(step: Merge[Any], left: Any, right: Any) -> tuple[Any, Tensor]:
    """Run a step, and check that what it returns are states and scores of M nodes."""
    name, M = type(step).__name__, len(left[0])
    returned = step(left, right)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise TypeError(
            f"{name}.forward must return the parents' states and their scores, got "
            f"{type(returned).__name__}."
        )
    state, score = returned
    if type(state) is not type(left):
        raise TypeError(
            f"{name}.forward must return states of the kind that it gets, "
            f"{type(left).__name__}, got {type(state).__name__}."
        )
    for field, old, new in zip(left._fields, left, state, strict=True):
        if new.shape != old.shape:
            raise ValueError(
                f"{name}.forward must return {field} of the shape that it gets, "
                f"{tuple(old.shape)}, got {tuple(new.shape)}."
            )
    if score.shape != (M,):
        raise ValueError(
            f"{name}.forward must return a score for each of the {M} pairs, got shape "
            f"{tuple(score.shape)}."
        )
    if score.isnan().any():
        raise ValueError(f"{name}.forward returned a score that is nan.")
    return state, score.double()


def rows(state: Any, index: Tensor) -> Any:
    """Take rows of a state."""
    return type(state)(*(field.index_select(0, index) for field in state))


def joined(first: Any, second: Any) -> Any:
    """Put the rows of two states after one another."""
    return type(first)(*map(torch.cat, zip(first, second, strict=True)))
