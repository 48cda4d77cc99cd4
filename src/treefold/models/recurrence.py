"""A deep LSTM that is folded over known sequences and stepped through unknown ones."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from treefold.layers import LSTM


class DeepState(NamedTuple):
    """The states of an LSTM's L layers at N nodes.

    Attributes:
        h: (N, L, H).
        c: (N, L, H).
    """

    h: Tensor
    c: Tensor

    def hx(self) -> tuple[Tensor, Tensor]:
        """Return the same as torch has it, (L, N, H) each."""
        return self.h.transpose(0, 1), self.c.transpose(0, 1)


def advance(layer: LSTM, x: Tensor, state: DeepState) -> tuple[Tensor, DeepState]:
    """Take one step at N nodes at once: the fold of N chains of one node.

    Args:
        layer: an LSTM in one direction.
        x: (N, I) inputs.
        state: before the step.

    Returns:
        The last layer's h, (N, H), and the state after the step.
    """
    output, (h, c) = layer(x[None], state.hx())
    return output[0], DeepState(h.transpose(0, 1), c.transpose(0, 1))
