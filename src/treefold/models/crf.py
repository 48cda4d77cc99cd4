r"""A linear-chain conditional random field (Lafferty, McCallum & Pereira, 2001).

.. math::
    s(e, y) = a_{y_1} + \sum_t e_{t, y_t} + \sum_{t > 1} A_{y_{t-1}, y_t} + z_{y_T},
    \qquad p(y \mid e) = \frac{\exp s(e, y)}{\sum_{y'} \exp s(e, y')}

The sum over all label sequences is a recursion along the chain: a fold whose state is
the log of the summed weight of all ways to end in each label,

.. math::
    \alpha_1 = a + e_1, \qquad
    \alpha_{t, j} = e_{t, j} + \log \sum_i \exp(\alpha_{t-1, i} + A_{i, j}),

and its gradient is the probability of each label and of each pair of neighbours, which
the recursion from the other end completes. With a maximum in place of the sum it finds
the best sequence (Viterbi).
"""

from __future__ import annotations

from typing import Any, NamedTuple, final

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

FORBIDDEN = -1e4  # finite: a sequence that breaks a rule has a loss, not infinity


class Best(NamedTuple):
    """The best label of every step, (V,) int64, and each sequence's score, (B,)."""

    label: Tensor
    score: Tensor


@final
class LinearChainCRF(nn.Module):
    """Score whole label sequences: a weight for each label and each pair of neighbours.

    Steps stand one sequence after another; `offset` says where each begins. The
    recursions are compiled loops in float64 on the CPU, also for tensors of a GPU: they
    go step by step, and C is small.

    Args:
        num_classes: C.
        forbidden: (C, C) bool, whether label j must not follow label i.
        forbidden_first: (C,) bool, whether a sequence must not begin with a label.

    Attributes:
        transition: (C, C), A above, from row to column.
        first: (C,), a above.
        last: (C,), z above.
    """

    forbidden: Tensor
    forbidden_first: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        forbidden: Tensor | None = None,
        forbidden_first: Tensor | None = None,
    ):
        super().__init__()
        C = num_classes
        self.transition = nn.Parameter(torch.zeros(C, C))
        self.first = nn.Parameter(torch.zeros(C))
        self.last = nn.Parameter(torch.zeros(C))
        for name, mask, shape in (
            ("forbidden", forbidden, (C, C)),
            ("forbidden_first", forbidden_first, (C,)),
        ):
            if mask is None:
                mask = torch.zeros(shape, dtype=torch.bool)
            if mask.shape != shape or mask.dtype != torch.bool:
                raise ValueError(
                    f"{name} must be bool of shape {shape}, got {mask.dtype} of "
                    f"{tuple(mask.shape)}."
                )
            self.register_buffer(name, mask, persistent=False)

    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return transition, first and last, with the rules in them."""
        return (
            self.transition.masked_fill(self.forbidden, FORBIDDEN),
            self.first.masked_fill(self.forbidden_first, FORBIDDEN),
            self.last,
        )

    def score(self, emissions: Tensor, label: Tensor, offset: NDArray) -> Tensor:
        """Return s(e, y) of each sequence, (B,).

        Args:
            emissions: (V, C), e above, of all sequences one after another.
            label: (V,) int64, y above.
            offset: (B + 1,) int64, where each sequence begins, and V.
        """
        begin, end = self._ends(emissions, offset)
        transition, first, last = self.weights()
        at = emissions.gather(1, label[:, None])[:, 0]
        inner = torch.ones(len(label), dtype=torch.bool)
        inner[begin] = False
        step = inner.nonzero()[:, 0].to(label.device)
        pairs = torch.zeros_like(at)
        pairs = pairs.index_put((step,), transition[label[step - 1], label[step]])
        lengths = torch.from_numpy(np.diff(offset)).to(label.device)
        tree = torch.repeat_interleave(torch.arange(len(begin)).to(lengths), lengths)
        total = at.new_zeros(len(begin)).index_add(0, tree, at + pairs)
        return total + first[label[begin]] + last[label[end]]

    def log_partition(self, emissions: Tensor, offset: NDArray) -> Tensor:
        """Return the log of the sum of exp s(e, y') over all y', (B,)."""
        self._ends(emissions, offset)
        found: Any = _LogPartition.apply(emissions, *self.weights(), offset)
        return found

    def log_likelihood(
        self, emissions: Tensor, label: Tensor, offset: NDArray
    ) -> Tensor:
        """Return log p(y | e) of each sequence, (B,), never above 0."""
        score = self.score(emissions, label, offset)
        return score - self.log_partition(emissions, offset)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, offset: NDArray) -> Tensor:
        """Return the probability of every label at every step, (V, C)."""
        self._ends(emissions, offset)
        e, *weights = map(_array, (emissions, *self.weights()))
        single = _forward_backward(e, weights[0], weights[1], weights[2], offset)[1]
        return torch.from_numpy(single).to(emissions)

    @torch.no_grad()
    def best(self, emissions: Tensor, offset: NDArray) -> Best:
        """Return the label sequences of the highest score (Viterbi, 1967)."""
        self._ends(emissions, offset)
        e, *weights = map(_array, (emissions, *self.weights()))
        label, score = viterbi(e, weights[0], weights[1], weights[2], offset)
        return Best(
            torch.from_numpy(label).to(emissions.device),
            torch.from_numpy(score).to(emissions),
        )

    def _ends(self, emissions: Tensor, offset: NDArray) -> tuple[NDArray, NDArray]:
        """Return each sequence's first and last step, after a check."""
        C, V = len(self.first), len(emissions)
        good = len(offset) > 0 and offset[0] == 0 and offset[-1] == V
        if emissions.shape != (V, C) or not good or (np.diff(offset) < 1).any():
            raise ValueError(
                f"emissions must have shape (V, {C}) and offset must go from 0 up to "
                f"V, a step or more a sequence; got {tuple(emissions.shape)} and "
                f"{offset.tolist()[:5]} ... {offset.tolist()[-1:]}."
            )
        return offset[:-1], offset[1:] - 1


class _LogPartition(torch.autograd.Function):
    """The forward recursion; its gradient is made of marginals in the same pass."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        transition: Tensor,
        first: Tensor,
        last: Tensor,
        offset: NDArray,
    ) -> Tensor:
        log_z, single, pair = _forward_backward(
            _array(emissions), _array(transition), _array(first), _array(last), offset
        )
        ctx.offset = offset
        ctx.save_for_backward(
            *(torch.from_numpy(p).to(emissions) for p in (single, pair))
        )
        return torch.from_numpy(log_z).to(emissions)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,) = gradients  # (B,)
        single, pair = ctx.saved_tensors  # (V, C), (B, C, C)
        offset = ctx.offset
        lengths = torch.from_numpy(np.diff(offset)).to(gradient.device)
        of_step = gradient.repeat_interleave(lengths)[:, None]
        to_first = gradient @ single[offset[:-1]]
        to_last = gradient @ single[offset[1:] - 1]
        to_pairs = torch.einsum("b,bij->ij", gradient, pair)
        return single * of_step, to_pairs, to_first, to_last, None


def _array(x: Tensor) -> NDArray[np.float64]:
    return x.detach().to("cpu", torch.float64).contiguous().numpy()


@numba.njit(cache=True)
def _log_sum(x: NDArray) -> float:
    largest = x.max()
    total = 0.0
    for value in x:
        total += np.exp(value - largest)
    return largest + np.log(total)


@numba.njit(cache=True)
def _forward_backward(
    emission: NDArray, transition: NDArray, first: NDArray, last: NDArray, offset: Any
) -> tuple[NDArray, NDArray, NDArray]:
    """Return log Z (B,), P(label) (V, C) and expected pairs (B, C, C)."""
    V, C = emission.shape
    B = len(offset) - 1
    log_z = np.empty(B)
    single = np.empty((V, C))
    pair = np.zeros((B, C, C))
    alpha = np.empty((V, C))
    backward, ahead, term = np.empty(C), np.empty(C), np.empty(C)
    for b in range(B):
        begin, end = offset[b], offset[b + 1]
        alpha[begin] = first + emission[begin]
        for t in range(begin + 1, end):
            for j in range(C):
                for i in range(C):
                    term[i] = alpha[t - 1, i] + transition[i, j]
                alpha[t, j] = emission[t, j] + _log_sum(term)
        z = _log_sum(alpha[end - 1] + last)
        log_z[b] = z
        backward[:] = last
        single[end - 1] = np.exp(alpha[end - 1] + backward - z)
        for t in range(end - 1, begin, -1):
            ahead[:] = backward + emission[t]
            for i in range(C):
                total = 0.0
                for j in range(C):
                    p = np.exp(alpha[t - 1, i] + transition[i, j] + ahead[j] - z)
                    pair[b, i, j] += p
                    total += p
                    term[j] = transition[i, j] + ahead[j]
                single[t - 1, i] = total
                backward[i] = _log_sum(term)
    return log_z, single, pair


@numba.njit(cache=True)
def viterbi(
    emission: NDArray, transition: NDArray, first: NDArray, last: NDArray, offset: Any
) -> tuple[NDArray, NDArray]:
    """Find the best label sequence of each chain; of equals the smallest label.

    Args:
        emission: (V, C) float64 scores of the labels at each step.
        transition: (C, C) float64, from row to column.
        first: (C,) float64, of the first label.
        last: (C,) float64, of the last.
        offset: (B + 1,) int64, where each sequence begins, and V.

    Returns:
        The labels, (V,) int64, and the scores, (B,) float64.
    """
    V, C = emission.shape
    B = len(offset) - 1
    label = np.empty(V, np.int64)
    score = np.empty(B)
    came = np.empty((V, C), np.int64)
    now, before = np.empty(C), np.empty(C)
    for b in range(B):
        begin, end = offset[b], offset[b + 1]
        now[:] = first + emission[begin]
        for t in range(begin + 1, end):
            before[:] = now
            for j in range(C):
                best = 0
                for i in range(1, C):
                    if (
                        before[i] + transition[i, j]
                        > before[best] + transition[best, j]
                    ):
                        best = i
                came[t, j] = best
                now[j] = before[best] + transition[best, j] + emission[t, j]
        now += last
        k = now.argmax()
        score[b] = now[k]
        for t in range(end - 1, begin, -1):
            label[t] = k
            k = came[t, k]
        label[begin] = k
    return label, score
