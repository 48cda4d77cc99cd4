"""Unfold states into structures: the one verb from parents to children."""

from __future__ import annotations

from operator import index
from typing import Any, Literal, SupportsIndex, TypeVar

import torch
from torch import Tensor

from treefold.cells import State
from treefold.forest import Forest
from treefold.unfolding.batched import unfold_batched
from treefold.unfolding.beam import unfold_beam
from treefold.unfolding.draws import Draws
from treefold.unfolding.recursive import unfold_recursive
from treefold.unfolding.result import Unfolding, assemble, sequences
from treefold.unfolding.search import Beam, Greedy, Limits, Sample, Search, penalty
from treefold.unfolding.step import Decision, Step, improbable, num_rows

__all__ = [
    "Beam",
    "Decision",
    "Draws",
    "Greedy",
    "Sample",
    "Step",
    "Unfolding",
    "sequences",
    "unfold",
    "unfold_recursive",
]

S = TypeVar("S", bound=tuple)

GREEDY = Greedy()
MOST_SLOTS = 10  # a beam looks at each of the 2^K patterns of children


def unfold(
    step: Step[S],
    state: S | Tensor,
    *,
    max_depth: int,
    max_nodes: int | None = None,
    search: Search = GREEDY,
    context: Any = None,
    previous: Tensor | None = None,
    algorithm: Literal["batched", "recursive"] | None = None,
) -> Unfolding[S]:
    r"""Grow a structure from each row of a state, parents before children.

    .. math::
        s_v, y_v, C(v) &= f(a_v, y_{\text{parent}}, \text{slot}) \\
        [a_k : k \in C(v)] &= g(s_v, y_v)

    The step's `forward` is f and its `below` g: a node begins with what its parent
    left to it, and the search decides its label y and which children it has. Nodes are
    decided breadth first; all of one level are run at once, across all structures, or
    with a `Beam`, one node of every hypothesis at once.

    States and log-probabilities carry gradients to the state, to the context, and to
    the parameters of the step, as far as gradients are enabled. What is chosen has
    none.

    Args:
        step: the node function.
        state: what the roots begin with, fields of (B, ...). A tensor will do where the
            state is h alone.
        max_depth: levels, at most; the steps of a sequence.
        max_nodes: nodes of a structure, at most, breadth first. None: no limit.
        search: `Greedy()`, `Sample(...)` or `Beam(width)`.
        context: anything; the step gets it, and the number of each node's structure.
        previous: (B,), or (B, F) where labels are vectors, the labels that precede the
            roots, as the last word of a prompt does. None is -1.
        algorithm: None and "batched" run all structures together; "recursive" is the
            definition, one node at a time. Both give the same, to rounding, and take
            the same random numbers.

    Returns:
        An `Unfolding`, which unpacks to the forest, the labels (V,) and the states of
        the nodes, and tells log-probabilities, scores and what is complete.

    Raises:
        ValueError: limits, state, and what the step returns do not fit each other; no
            label is possible.
        TypeError: not a step, a state or a search.

    Example:
        >>> import torch
        >>> from treefold import State
        >>> class Halves(Step):  # a number, split until 1 remains
        ...     num_slots = 2
        ...     def forward(self, state, previous, slot, tree, context):
        ...         size = state.h
        ...         logits = -(size - torch.arange(10)).abs()
        ...         return Decision(state, logits, exists=(size - 1.5).expand(-1, 2))
        ...     def below(self, state, label):
        ...         return State(torch.stack([state.h // 2, state.h - state.h // 2], 1))
        >>> forest, labels, state = unfold(Halves(), torch.tensor([[5.0]]), max_depth=9)
        >>> labels.tolist()
        [5, 2, 3, 1, 1, 1, 2, 1, 1]
        >>> forest
        Forest(num_trees=1, num_nodes=9, num_edges=8, num_levels=4)
    """
    start: Any = State(state) if isinstance(state, Tensor) else state
    _check(step, start, max_depth, max_nodes, search, previous, algorithm)
    h = start[0]
    if previous is None:
        previous = torch.full((len(h),), -1, device=h.device)
    if not len(h):
        return _nothing(start, previous)
    limits = Limits(max_depth, max_nodes)
    if algorithm == "recursive":
        grown = unfold_recursive(step, start, previous, limits, search, context)
    elif isinstance(search, Beam):
        grown = unfold_beam(step, start, previous, limits, search, context)
    else:
        grown = unfold_batched(step, start, previous, limits, search, context)
    result = assemble(grown, lambda num_nodes: penalty(search, num_nodes))
    wrong = result.score.isnan().nonzero()
    if len(wrong):
        raise improbable(int(wrong[0]))
    return result


def _nothing(state: Any, previous: Tensor) -> Unfolding[Any]:
    empty = state[0].new_empty(0)
    return Unfolding(Forest([]), previous, state, empty, empty, empty.bool())


def _check(
    step: Any,
    state: Any,
    max_depth: int,
    max_nodes: int | None,
    search: Any,
    previous: Any,
    algorithm: Any,
) -> None:
    """Raise the clear error for whatever does not fit together, once, at the door."""
    if not isinstance(step, Step):
        raise TypeError(
            f"step must be a treefold.Step, got {type(step).__name__}. Derive your "
            "module from treefold.Step and write its `forward`."
        )
    if not isinstance(search, Search):
        raise TypeError(
            "search must be Greedy(), Sample(...) or Beam(width), got "
            f"{getattr(search, '__name__', type(search).__name__)}."
        )
    B = num_rows(state, "structure")
    for name, value in (("max_depth", max_depth), ("max_nodes", max_nodes)):
        if value is None and name == "max_nodes":
            continue
        if not isinstance(value, SupportsIndex):
            raise TypeError(f"{name} must be a whole number, got {value!r}.")
        value = index(value)
        if value < 1:
            raise ValueError(
                f"{name} must be at least 1, as every structure has a root, got "
                f"{value}."
            )
    if step.num_slots < 1:
        raise ValueError(f"step.num_slots must be at least 1, got {step.num_slots}.")
    if not isinstance(previous, Tensor | None):
        raise TypeError(
            f"previous must be a tensor of labels, got {type(previous).__name__}."
        )
    if previous is not None and len(previous) != B:
        raise ValueError(
            f"previous must have a label for each of the {B} structures, got shape "
            f"{tuple(previous.shape)}."
        )
    if algorithm not in (None, "batched", "recursive"):
        raise ValueError(
            f'algorithm must be None, "batched" or "recursive", got {algorithm!r}.'
        )
    if isinstance(search, Beam):
        if type(step).choose is not Step.choose:
            raise TypeError(
                f"{type(step).__name__} chooses labels in its own way, but a beam "
                "compares classes. Use Greedy() or Sample()."
            )
        if step.num_slots > MOST_SLOTS:
            raise ValueError(
                f"a beam looks at all 2^K ways to have children, at most "
                f"{MOST_SLOTS} slots, got num_slots = {step.num_slots}. Use Greedy() "
                "or Sample()."
            )
