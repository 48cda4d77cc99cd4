"""Pen strokes by a mixture of densities (Graves, 2013, arXiv:1308.0850)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.forest import Forest
from treefold.layers import LSTM
from treefold.models.base import Model
from treefold.models.recurrence import DeepState, advance
from treefold.unfolding import Decision, Sample, Search, Step, Unfolding, unfold
from treefold.unfolding.draws import Draws
from treefold.unfolding.search import Greedy

POINT = 3  # dx, dy, up
START = (0.0, 0.0, 1.0)  # what stands before the first point: a pen in the air
MOST_RHO = 3.5  # of artanh(rho): |rho| < 0.9982


@final
@dataclass(frozen=True)
class StrokeBatch:
    """B drawings as one forest of chains of V nodes, a node for each point.

    Attributes:
        forest: the chains, in level order.
        previous: (V, 3), the point before each node's, `START` at the first.
        point: (V, 3), the point (dx, dy, up) at each node.
        kind: (B,) int64, the drawings' classes.
    """

    forest: Forest
    previous: Tensor
    point: Tensor
    kind: Tensor

    def __len__(self) -> int:
        """Return B."""
        return len(self.kind)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> StrokeBatch:
        """Return the batch on a device."""
        return replace(
            self,
            forest=self.forest.to(device, non_blocking),
            previous=self.previous.to(device, non_blocking=non_blocking),
            point=self.point.to(device, non_blocking=non_blocking),
            kind=self.kind.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> StrokeBatch:
        """Return a copy in page-locked memory."""
        return replace(
            self,
            forest=self.forest.pin_memory(),
            previous=self.previous.pin_memory(),
            point=self.point.pin_memory(),
            kind=self.kind.pin_memory(),
        )


class Mixture(NamedTuple):
    r"""M bivariate normal densities for N nodes, Eqs. (18)-(22) of the paper.

    Attributes:
        log_pi: (N, M), ln of the weights.
        mean: (N, M, 2).
        log_sigma: (N, M, 2).
        rho: (N, M), the correlation.
    """

    log_pi: Tensor
    mean: Tensor
    log_sigma: Tensor
    rho: Tensor

    @classmethod
    def of(cls, output: Tensor, min_log_sigma: float) -> Mixture:
        """Make the densities of a network's output (N, 6M)."""
        pi, a, b, c, d, r = output.chunk(6, dim=-1)
        # A sigma of zero would be a density without bound.
        log_sigma = torch.stack([c, d], -1).clamp(min=min_log_sigma)
        rho = r.clamp(-MOST_RHO, MOST_RHO).tanh()
        return cls(pi.log_softmax(-1), torch.stack([a, b], -1), log_sigma, rho)

    def log_density(self, x: Tensor) -> Tensor:
        r"""Return ln of the density at x (N, 2), (N,); Eqs. (23)-(26).

        .. math::
            \ln \textstyle\sum_j \pi_j
            \frac{1}{2\pi\sigma_1\sigma_2\sqrt{1-\rho^2}}
            e^{-\frac{1}{2}\left(z_1^2 + (z_2 - \rho z_1)^2 / (1 - \rho^2)\right)}

        The exponent is the paper's, written as a sum of squares, which rounding
        cannot make positive.
        """
        z = (x[:, None] - self.mean) * torch.exp(-self.log_sigma)  # (N, M, 2)
        free = 1 - self.rho.square()
        square = z[..., 0].square() + (z[..., 1] - self.rho * z[..., 0]).square() / free
        log_scale = self.log_sigma.sum(-1) + 0.5 * free.log() + math.log(2 * math.pi)
        return torch.logsumexp(self.log_pi - log_scale - 0.5 * square, dim=-1)

    def draw(self, search: Greedy | Sample, draws: Draws | None) -> Tensor:
        """Draw (N, 2) of the mixture; the mean of the heaviest component if greedy.

        At temperature τ weights are π^(1/τ) and variances τ σ² (Ha & Eck, 2018), which
        is what the paper's probability bias does.
        """
        component = search.label(self.log_pi, draws)[:, None]  # (N, 1)
        mean, log_sigma = (
            field.gather(1, component[..., None].expand(-1, 1, 2)).squeeze(1)
            for field in (self.mean, self.log_sigma)
        )
        if draws is None or isinstance(search, Greedy):
            return mean
        rho = self.rho.gather(1, component)
        z = draws.normal(2).to(mean)
        second = rho * z[:, :1] + (1 - rho.square()).sqrt() * z[:, 1:]
        z = math.sqrt(search.temperature) * torch.cat([z[:, :1], second], dim=1)
        return mean + log_sigma.exp() * z


@final
class Strokes(Model):
    r"""An LSTM that says where the pen goes next, and whether it is lifted there.

    .. math::
        h_t &= \text{LSTM}([p_{t-1}; g_k], h_{t-1}), \qquad
            h_0 \text{ learned for } k \\
        p(\Delta_t \mid h_t) &=
            \textstyle\sum_j \pi_j \mathcal{N}(\mu_j, \sigma_j, \rho_j)

    The last point of a drawing has :math:`p(\text{end}) = \sigma(a)`; another is the
    last of its stroke with :math:`(1 - \sigma(a)) \sigma(b)` (Graves' texts have no
    end). A point's loss is -ln of the density of its offset and of these.

    Args:
        num_classes: K, 1 where drawings have no classes.
        class_size: features of a class's vector.
        hidden_size: H of the LSTM.
        num_layers: L of the LSTM.
        num_mixtures: M.
        dropout: probability to drop a feature of a layer's output, the same ones all
            along a drawing.
        min_sigma: the smallest standard deviation, in units of the offsets.
    """

    def __init__(
        self,
        num_classes: int = 1,
        *,
        class_size: int = 16,
        hidden_size: int = 256,
        num_layers: int = 1,
        num_mixtures: int = 20,
        dropout: float = 0.0,
        min_sigma: float = 1e-3,
    ):
        super().__init__()
        self.kind = nn.Embedding(num_classes, class_size)
        self.layer = LSTM(
            POINT + class_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            variational=True,
        )
        self.begin = nn.Embedding(num_classes, 2 * num_layers * hidden_size)
        nn.init.zeros_(self.begin.weight)
        self.output = nn.Linear(hidden_size, 6 * num_mixtures + 2)
        self.dropout = dropout
        self.min_log_sigma = math.log(min_sigma)

    def forward(self, batch: StrokeBatch) -> Tensor:
        """Return the output at every node, (V, 6M + 2)."""
        h, _ = self.run(batch.forest, batch.previous, batch.kind)
        return self.output(h)

    def run(
        self, forest: Forest, previous: Tensor, kind: Tensor
    ) -> tuple[Tensor, DeepState]:
        """Fold over known points; return h at every node and the states at the ends."""
        tree, start = forest.tree, self.start(kind)
        x = self.read(previous, kind[tree])
        h, (last_h, last_c) = self.layer(forest, x, initial=start.hx())
        if self.training and self.dropout:
            ones = h.new_ones(forest.num_trees, h.shape[1])
            h = h * F.dropout(ones, self.dropout)[tree]
        return h, DeepState(last_h.transpose(0, 1), last_c.transpose(0, 1))

    def nats(self, batch: StrokeBatch) -> Tensor:
        """Return -ln of the density of every point, (V,)."""
        output, forest = self(batch), batch.forest
        last = torch.zeros_like(output[:, 0])
        last[forest.roots] = 1
        mixture = Mixture.of(output[:, :-2], self.min_log_sigma)
        lifted, ends = output[:, -2], output[:, -1]
        # In the binary cross-entropies: -ln of a logistic function, without overflow.
        pen = F.binary_cross_entropy_with_logits(
            lifted, batch.point[:, 2], reduction="none"
        )
        end = F.binary_cross_entropy_with_logits(ends, last, reduction="none")
        return end + (1 - last) * pen - mixture.log_density(batch.point[:, :2])

    def loss(self, batch: StrokeBatch) -> Tensor:
        """Return the mean over all points."""
        return self.nats(batch).mean()

    def read(self, previous: Tensor, kind: Tensor) -> Tensor:
        """Return the LSTM's inputs of (N, 3) points and (N,) classes."""
        return torch.cat([previous, self.kind(kind)], dim=-1)

    def start(self, kind: Tensor) -> DeepState:
        """Return the state before the first point of (B,) classes."""
        shape = (2, self.layer.num_layers, self.layer.hidden_size)
        return DeepState(*self.begin(kind).unflatten(1, shape).unbind(1))

    def generate(
        self,
        kind: Tensor,
        search: Search,
        max_points: int,
        state: DeepState | None = None,
        previous: Tensor | None = None,
    ) -> Unfolding[DeepState]:
        """Grow a drawing for each of (B,) classes, its labels the points (V, 3).

        Args:
            kind: the classes.
            search: how points are drawn.
            max_points: of a drawing at most.
            state: the state after points that are known; None: before the first.
            previous: (B, 3), the last known points.
        """
        state = self.start(kind) if state is None else state
        if previous is None:
            previous = state.h.new_tensor(START).expand(len(kind), POINT)
        return unfold(
            StrokeStep(self),
            state,
            max_depth=max_points,
            search=search,
            context=kind,
            previous=previous,
        )


@final
class StrokeStep(Step[DeepState]):
    """One point of `Strokes`; the context is the structures' classes, (B,)."""

    def __init__(self, model: Strokes):
        super().__init__()
        self.model = model

    def forward(
        self,
        state: DeepState,
        previous: Tensor,
        slot: Tensor,
        tree: Tensor,
        context: Any,
    ) -> Decision:
        x = self.model.read(previous, context[tree])
        h, state = advance(self.model.layer, x, state)
        output = self.model.output(h)
        return Decision(state, output[:, :-1], -output[:, -1:])

    def choose(
        self, logits: Tensor, search: Greedy | Sample, draws: Draws | None
    ) -> tuple[Tensor, Tensor]:
        mixture = Mixture.of(logits[:, :-1], self.model.min_log_sigma)
        # A point is read like a known one: without gradient.
        offset, lifted = mixture.draw(search, draws).detach(), logits[:, -1:]
        up = search.child(lifted, draws).to(offset)
        pen = F.logsigmoid(torch.where(up > 0, lifted, -lifted)).squeeze(1)
        return torch.cat([offset, up], dim=1), mixture.log_density(offset) + pen
