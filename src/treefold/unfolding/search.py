"""How an unfolding decides: the best of each node, a draw, or a beam of hypotheses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from treefold.unfolding.draws import Draws

FIRST_LOOK = 256  # labels among which a nucleus is looked for first


@final
@dataclass(frozen=True)
class Greedy:
    """Take the most probable label of each node, and children of p > 1/2."""

    def label(self, logits: Tensor, draws: Draws | None) -> Tensor:
        """(N,) labels of (N, C) logits."""
        return logits.argmax(dim=-1)

    def child(self, logits: Tensor, draws: Draws | None) -> Tensor:
        """(N, K) bool, the slots that get a child."""
        return logits > 0


@final
@dataclass(frozen=True)
class Sample:
    r"""Draw labels and children from their probabilities.

    A label is drawn from :math:`\mathrm{softmax}(\text{logits} / \tau)`, cut to its
    `top_k` most probable labels, and to the nucleus: the fewest labels whose
    probabilities, then, add up to at least `top_p` (Holtzman et al., 2020,
    arXiv:1904.09751). Whether a child exists is drawn at the same temperature; it is
    never cut, as a rare end would then not come at all.

    Numbers are drawn from a seed, which is one number of the generator, and from the
    node's place: a structure does not depend on its neighbours in the batch.

    Args:
        temperature: :math:`\tau > 0`; below 1 sharper, towards 0 `Greedy`.
        top_k: labels to draw from at most.
        top_p: probability of the nucleus, 0 < top_p <= 1.
        generator: where the seed is drawn; None is torch's global generator.

    Raises:
        ValueError: a value out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ValueError(
                f"temperature must be a number above 0, got {self.temperature}. Its "
                "limit at 0 is the most probable label: search=Greedy()."
            )
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(
                f"top_k must be at least 1, got {self.top_k}; None draws from all."
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(
                f"top_p must be a probability in (0, 1], got {self.top_p}; None draws "
                "from all labels."
            )

    def label(self, logits: Tensor, draws: Draws | None) -> Tensor:
        """(N,) labels of (N, C) logits."""
        assert draws is not None
        logits = logits.detach()
        logits = logits - logits.amax(dim=-1, keepdim=True)  # a low temperature is safe
        p, names = (logits / self.temperature).softmax(dim=-1), None
        if self.top_k is not None or self.top_p is not None:
            p, names = self._likeliest(p)
        total = p.cumsum(dim=-1, dtype=torch.float64)
        # The first label whose sum is above the draw; one of p = 0 is never that.
        drawn = draws.uniform(1) * total[:, -1:]
        place = torch.searchsorted(total, drawn, right=True)
        place = place.clamp(max=p.shape[-1] - 1)
        return (place if names is None else names.gather(-1, place)).squeeze(-1)

    def _likeliest(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Cut (N, C) probabilities: those that stay, falling, and their labels."""
        C = p.shape[-1]
        first = min(self.top_k or FIRST_LOOK, C)
        some, names = p.topk(first, dim=-1)
        if self.top_p is None:
            return some, names
        if self.top_k is not None:
            some = some / some.sum(dim=-1, keepdim=True)
        elif first < C and bool((some.sum(dim=-1) < self.top_p).any()):
            some, names = p.sort(dim=-1, descending=True)  # rare, and far slower
        before = some.cumsum(dim=-1) - some
        return torch.where(before < self.top_p, some, 0.0), names

    def child(self, logits: Tensor, draws: Draws | None) -> Tensor:
        """(N, K) bool, the slots that get a child."""
        assert draws is not None
        p = (logits.detach().double() / self.temperature).sigmoid()
        return draws.uniform(logits.shape[-1]) < p


@final
@dataclass(frozen=True)
class Beam:
    r"""Keep the `width` most probable hypotheses of each structure.

    A hypothesis is a structure that has grown so far, and the nodes that wait, breadth
    first. In each round every hypothesis decides its first waiting node in every way;
    of all these ways the `width` most probable stay. Those without a waiting node leave
    the beam as finished (Sutskever et al., 2014, arXiv:1409.3215). The result is the
    finished one of the highest score, and one that no limit has cut before any other.

    The score of a structure of V nodes is, with Wu et al. (2016, arXiv:1609.08144,
    Eq. 14), without their coverage penalty,

    .. math::
        \log P \cdot \frac{(5 + 1)^\alpha}{(5 + V)^\alpha}

    where log P sums over the nodes log p(label), and for each slot log p(there is a
    child) or log p(there is none).

    Args:
        width: hypotheses kept for each structure; 1 is `Greedy`, except that a beam
            weighs a label together with the children below it.
        length_penalty: :math:`\alpha \ge 0`; 0 compares log P, more favours longer
            ones.

    Raises:
        ValueError: a value out of its range.
    """

    width: int
    length_penalty: float = 0.0

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be at least 1, got {self.width}.")
        if not 0 <= self.length_penalty < float("inf"):
            raise ValueError(
                f"length_penalty must be at least 0, got {self.length_penalty}; 0 "
                "compares log-probabilities as they are."
            )


Search = Greedy | Sample | Beam


def penalty(search: Search, num_nodes: float) -> float:
    """What the log-probability of a structure of so many nodes is divided by."""
    if not isinstance(search, Beam):
        return 1.0
    return ((5 + num_nodes) / 6) ** search.length_penalty


class Limits(NamedTuple):
    """Where a structure is cut: its levels, and its nodes, counted breadth first."""

    max_depth: int
    max_nodes: int | None

    def allows(self, depth: int, num_nodes: int) -> bool:
        """Say if there is room for a child below a node, in a structure so large."""
        return depth < self.max_depth and (
            self.max_nodes is None or num_nodes < self.max_nodes
        )
