"""Integrated gradients of what nodes carry (Sundararajan, Taly & Yan, 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from treefold.data.document_batches import CodedDocuments
from treefold.explain.answers import node_places, per_tree
from treefold.explain.variants import Subtrees
from treefold.models.document import DocumentModel

Float = NDArray[np.float64]

POINTS, MOST_POINTS = 8, 512  # of a part of the way, of all parts
WORK = 1_000_000  # nodes of all copies together
AT_ONCE = 50_000  # nodes of the copies that are folded at a time
CLOSE = 1e-3  # of the sum to what it should be


@dataclass(frozen=True)
class IntegratedGradients:
    """How much the content of each node adds to what is said of a document.

    Attributes:
        value: (V,) of each node, by its number in the `Document`.
        total: what is said of the document, less what is said of the baseline.
        steps: points at which the gradient was taken.
        below: the document's subtrees.
    """

    value: Float
    total: float
    steps: int
    below: Subtrees

    def __len__(self) -> int:
        """Return V."""
        return len(self.value)

    @property
    def gap(self) -> float:
        """By how much the values of all nodes miss the total, which they add up to."""
        return float(abs(self.value.sum() - self.total))

    @property
    def of_subtrees(self) -> Float:
        """The values summed over each node's subtree, (V,)."""
        return self.below.sums(self.value)


def integrated_gradients(
    model: DocumentModel,
    coded: CodedDocuments,
    number: int = 0,
    *,
    output: int = 0,
    against: int | None = None,
    node: int | None = None,
    steps: int | None = None,
) -> IntegratedGradients:
    r"""Follow the gradient from a document of empty nodes to the document as it is.

    With :math:`x_v` the vector of what node v carries, and the baseline a document of
    the same shape whose vectors are all zero, Eq. (1) of the paper is

    .. math::
        a_v = x_v \cdot \int_0^1 \frac{\partial f(\alpha x)}{\partial x_v} d\alpha,
        \qquad \textstyle\sum_v a_v = f(x) - f(0) \quad \text{(completeness)}.

    Where a class is asked about `against` another, f is the logarithm of the odds of
    the one to the other: unlike a probability near 0 or 1 it still has a slope.

    The integral is taken at Gauss and Legendre's points rather than at equal steps.
    What f gains on a part of the way is known from its ends, so that where the
    gradients' sum misses it, that part is halved, the worst first. The copies of the
    document, one for each point, are folded as one batch.

    Args:
        model: says (C,) probabilities or numbers of a document.
        coded: documents.
        number: which of them.
        output: which of the C.
        against: another of them, of the same classes.
        node: of a model of nodes, the node of which it is asked.
        steps: points on the whole way; by default as many as bring the sum within
            0.001 of what it should be (times the total, where that is above 1), but no
            more than 512, and no more than a million nodes in all.

    Raises:
        ValueError: `steps` is less than 1, or there is no such output.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    C = sum(model.sizes)
    for name, k in (("output", output), ("against", against)):
        if k is not None and not 0 <= k < C:
            raise ValueError(f"{name} must lie in 0..{C - 1}, got {k}.")
    below = Subtrees(coded.documents.document(number).parent)
    V = len(below.parent)
    asked = _Asked(model, coded, number, output, against, node, V)
    was_training = model.training
    model.eval()
    parts = [asked.part(0.0, 1.0, steps or max(min(POINTS, WORK // V), 1))]
    total, used = parts[0].gain, parts[0].points
    most = 0 if steps else min(MOST_POINTS, WORK // V)
    close = CLOSE * max(1, abs(total))
    while sum(part.gap for part in parts) > close and used + 2 * POINTS <= most:
        worst = parts.pop(max(range(len(parts)), key=lambda k: parts[k].gap))
        middle = (worst.low + worst.high) / 2
        parts.append(asked.part(worst.low, middle, POINTS))
        parts.append(asked.part(middle, worst.high, POINTS))
        used += 2 * POINTS
    model.train(was_training)
    value = np.sum([part.value for part in parts], axis=0)
    return IntegratedGradients(value, total, used, below)


class _Part(NamedTuple):
    """A part of the way from the baseline to the document."""

    low: float
    high: float
    points: int
    value: Float  # (V,) the integral over it
    gain: float  # of f, from its one end to the other

    @property
    def gap(self) -> float:
        return float(abs(self.value.sum() - self.gain))


class _Asked:
    """What is said of one document whose vectors are scaled."""

    def __init__(
        self,
        model: DocumentModel,
        coded: CodedDocuments,
        number: int,
        output: int,
        against: int | None,
        node: int | None,
        V: int,
    ):
        self.model, self.coded, self.number = model, coded, number
        self.output, self.against, self.node, self.V = output, against, node, V
        self._known: dict[float, float] = {}

    @torch.no_grad()
    def value(self, scale: float) -> float:
        if scale not in self._known:
            said = self._forward(torch.tensor([scale], dtype=torch.float64))[0]
            self._known[scale] = float(said[0])
        return self._known[scale]

    def part(self, low: float, high: float, points: int) -> _Part:
        at, weight = np.polynomial.legendre.leggauss(points)
        scale = torch.from_numpy(low + (high - low) * (at + 1) / 2)
        weights = torch.from_numpy((high - low) * weight / 2)
        size = max(AT_ONCE // self.V, 1)
        total = np.zeros(self.V)
        for some, each in zip(scale.split(size), weights.split(size), strict=True):
            total += self._gradients(some, each)
        documents = self.coded.documents
        offset = documents.corpus.tree_offset
        node = documents.node[offset[self.number] : offset[self.number + 1]]
        value = np.empty(self.V)
        value[node] = total
        return _Part(low, high, points, value, self.value(high) - self.value(low))

    def _gradients(self, scale: Tensor, weight: Tensor) -> Float:
        """Return the sum over K points of x times its gradient, (V,)."""
        with torch.enable_grad():
            said, x, scaled, order = self._forward(scale)
            weight = weight.to(said)
            (gradient,) = torch.autograd.grad((said * weight).sum(), scaled)
        each = (gradient * x).sum(dim=1).double()[order]  # the K copies, one by one
        return each.view(len(scale), self.V).sum(dim=0).cpu().numpy()

    def _forward(self, scale: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Say it of K copies: (K,), the vectors (KV, I), and these scaled."""
        model, K = self.model, len(scale)
        numbers = np.full(K, self.number, np.int64)
        batch = self.coded.batch(numbers).to(model.mean.device)
        order = per_tree(batch)
        with torch.no_grad():
            x = model.vectors(batch)[batch.batch.rows]
        scaled = (x * scale.to(x)[batch.forest.tree][:, None]).requires_grad_()
        h = model.fold(batch.forest, scaled)
        if self.node is None:
            r = model.summary(batch.forest, h)
        else:
            asked = np.full(K, self.node, np.int64)
            places = torch.from_numpy(node_places(self.coded, numbers, asked))
            r = h[order[places.to(order.device)]]
        read = model.read(r)
        if self.against is not None:
            said = read[:, self.output] - read[:, self.against]
        else:
            said = model.answer(read)[:, self.output]
        return said, x, scaled, order
