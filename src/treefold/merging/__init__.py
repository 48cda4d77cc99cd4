"""Merge neighbours into trees: the verb that finds a structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor

from treefold.cells import State
from treefold.forest import Forest
from treefold.merging.batched import merge_batched
from treefold.merging.plain import merge_plain
from treefold.merging.step import Merge, Merging
from treefold.unfolding.search import Beam, Greedy
from treefold.unfolding.step import num_rows

__all__ = ["Merge", "Merging", "merge"]

S = TypeVar("S", bound=tuple)

GREEDY = Greedy()


@torch.no_grad()
def merge(
    step: Merge[S],
    state: S | Tensor,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    edges: Tensor | None = None,
    structure: Tensor | None = None,
    search: Greedy | Beam = GREEDY,
    algorithm: Literal["batched", "plain"] | None = None,
) -> Merging[S]:
    r"""Build a binary tree over the pieces of each structure, merging neighbours.

    Two neighbours a, b become a node p, with the step's f:

    .. math::
        s_p, r_p = f(s_a, s_b)

    p inherits the neighbours of both, and so on until one node is left. The score of a
    tree is the sum of its r. Neighbours are consecutive pieces of a sequence, or what
    `edges` says (Socher et al., 2011, ICML: segments of an image). The left one of two
    is that which begins with the smaller piece.

    The search returns a forest and carries no gradients: learn by folding a cell over
    it, and over the right one.

    Args:
        step: the node function.
        state: what the pieces begin with, fields of (N, ...). A tensor will do where
            the state is h alone.
        lengths: (B,) pieces of each sequence.
        edges: (2, E) instead of lengths, pairs of neighbours, in any direction.
        structure: (N,) with edges, the structure of each piece, ascending from 0. None
            is one structure.
        search: `Greedy()` merges the pair of the highest score, again and again;
            `Beam(width)` keeps the `width` best sets of merges of each structure.
        algorithm: None and "batched" merge all structures together, one pair of each a
            round; "plain" is the definition. Both give the same, to rounding.

    Returns:
        A `Merging`: forest, states, scores, and the total of each structure.

    Raises:
        ValueError: pieces, lengths, edges and structure do not fit each other; the
            pieces of a structure do not hang together.
        TypeError: not a step, a state or a search; numbers that are not whole.

    Example:
        >>> import torch
        >>> class Sum(Merge):  # prefers small sums
        ...     def forward(self, left, right):
        ...         total = left.h + right.h
        ...         return State(total), -total.sum(dim=1)
        >>> numbers = torch.tensor([[3.0], [1.0], [1.0], [4.0]])
        >>> found = merge(Sum(), numbers, lengths=[4])
        >>> found.forest.child.tolist(), found.total.tolist()
        ([1, 2, 0, 4, 5, 3], [-16.0])
    """
    start: Any = State(state) if isinstance(state, Tensor) else state
    _check(step, start, search, algorithm)
    N = len(start[0])
    if (lengths is None) == (edges is None):
        raise ValueError(
            "merge takes either lengths, for sequences, or edges, for a graph of "
            f"neighbours, got {'neither' if edges is None else 'both'}."
        )
    if edges is None:
        edges, structure = _chains(lengths, N)
    else:
        edges, structure = _graph(edges, structure, N)
    width = search.width if isinstance(search, Beam) else 1
    run = merge_plain if algorithm == "plain" else merge_batched
    found, children, score, total = run(step, start, edges, structure, width)

    above = torch.full((len(children), 1), 2).flatten()
    arity = torch.cat([torch.zeros(N, dtype=torch.int64), above])
    offset = torch.cat([torch.zeros(1, dtype=torch.int64), arity.cumsum(0)])
    device = start[0].device
    forest = Forest.from_csr(offset, children.flatten()).to(device)
    like = start[0] if start[0].is_floating_point() else torch.empty(0, device=device)
    score = torch.cat([torch.zeros(N, dtype=torch.float64), score]).to(like)
    return Merging(forest, found, score, total.to(like))


def _check(step: Any, state: Any, search: Any, algorithm: Any) -> None:
    if not isinstance(step, Merge):
        raise TypeError(
            f"step must be a treefold.Merge, got {type(step).__name__}. Derive your "
            "module from treefold.Merge and write its `forward`."
        )
    if not isinstance(search, Greedy | Beam):
        raise TypeError(
            "search must be Greedy() or Beam(width), got "
            f"{getattr(search, '__name__', type(search).__name__)}."
        )
    num_rows(state, "piece")
    if algorithm not in (None, "batched", "plain"):
        raise ValueError(
            f'algorithm must be None, "batched" or "plain", got {algorithm!r}.'
        )


def _whole(values: Any, name: str) -> Tensor:
    """Take whole numbers of any kind."""
    try:
        found = torch.as_tensor(values, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be whole numbers, got {values!r}.") from None
    if found.is_floating_point() and bool((found != found.round()).any()):
        raise TypeError(f"{name} must be whole numbers, got {found.tolist()}.")
    return found.long()


def _chains(lengths: Any, num_pieces: int) -> tuple[Tensor, Tensor]:
    """Neighbours in sequences, and the structure of each piece."""
    lengths = _whole(lengths, "lengths")
    if lengths.dim() != 1 or (lengths < 1).any():
        raise ValueError(
            "lengths must be (B,) numbers of pieces, each at least 1, got "
            f"{lengths.tolist()}."
        )
    if int(lengths.sum()) != num_pieces:
        raise ValueError(
            f"lengths add up to {int(lengths.sum())}, but state has {num_pieces} rows."
        )
    structure = torch.arange(len(lengths)).repeat_interleave(lengths)
    left = (structure[1:] == structure[:-1]).nonzero().flatten()
    return torch.stack([left, left + 1]), structure


def _graph(edges: Any, structure: Any, num_pieces: int) -> tuple[Tensor, Tensor]:
    """Check a graph of neighbours."""
    edges = _whole(edges, "edges")
    if edges.dim() != 2 or len(edges) != 2:
        raise ValueError(f"edges must be (2, E), got {tuple(edges.shape)}.")
    outside = ((edges < 0) | (edges >= num_pieces)).any(dim=0).nonzero().flatten()
    if len(outside):
        raise ValueError(
            f"edges must join pieces 0 to {num_pieces - 1}, but edge "
            f"{int(outside[0])} is {edges[:, outside[0]].tolist()}."
        )
    edges = edges[:, edges[0] != edges[1]]
    if structure is None:
        structure = torch.zeros(num_pieces, dtype=torch.int64)
    structure = _whole(structure, "structure")
    steps = structure.diff()
    if structure.shape != (num_pieces,) or (
        num_pieces and (structure[0] != 0 or ((steps != 0) & (steps != 1)).any())
    ):
        raise ValueError(
            f"structure must number the structure of each of the {num_pieces} pieces, "
            "ascending from 0 without a gap."
        )
    across = (structure[edges[0]] != structure[edges[1]]).nonzero().flatten()
    if len(across):
        a, b = edges[:, across[0]].tolist()
        raise ValueError(
            f"pieces {a} and {b} are neighbours, but of structures "
            f"{int(structure[a])} and {int(structure[b])}."
        )
    _refuse_parts(edges, structure)
    return edges, structure


def _refuse_parts(edges: Tensor, structure: Tensor) -> None:
    """Refuse a structure that falls into parts, as it could not become one tree."""
    N = len(structure)
    label = torch.arange(N)
    while True:  # each round passes the smallest number on, and jumps along it
        before = label.clone()
        for a, b in (edges, edges.flip(0)):
            label.scatter_reduce_(0, a, before[b], "amin")
        label = label[label]
        if torch.equal(label, before):
            break
    first = torch.searchsorted(structure, structure)
    apart = (label != first).nonzero().flatten()
    if len(apart):
        piece = int(apart[0])
        raise ValueError(
            f"the pieces of structure {int(structure[piece])} do not hang together: no "
            f"path of neighbours leads from piece {int(first[piece])} to piece {piece}."
        )
