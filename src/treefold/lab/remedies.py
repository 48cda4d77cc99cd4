"""The remedies: recurrent nets that differ in one thing each.

All sum over children, so that the very same cell, with the same weights, is folded over
a chain and over a tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from treefold.cells import (
    Cell,
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    Leaky,
    RecursiveCell,
    Skip,
    forget_bias_,
    identity_,
    orthogonal_,
    reservoir_,
)

NewCell = Callable[[int, int, int], Cell[Any]]  # I, H, K -> a cell


@dataclass(frozen=True)
class Remedy:
    """A way to keep gradients from vanishing or exploding.

    Attributes:
        title: as pictures have it.
        idea: what it does about the gradient, in a few words.
        paper: who proposed it.
        new_cell: makes a cell of I inputs, H units and K slots.
        rate: learning rate of Adam.
        clip: largest norm of the gradient; None: no bound.
        clip_value: largest entry of the gradient; None: no bound.
        window: (k1, k2) of truncated BPTT, on chains alone; None: the whole chain.
        noise: variance of noise added to the gradient at first; None: no noise.
        cost: of a step on a chain, where the plain net's is 1; jobs that take long
            begin first.
    """

    title: str
    idea: str
    paper: str
    new_cell: NewCell = field(repr=False)
    rate: float = 5e-3
    clip: float | None = 1.0
    clip_value: float | None = None
    window: tuple[int, int] | None = None
    noise: float | None = None
    cost: float = 1.0

    def serves(self, shape: str) -> bool:
        """Whether it means anything in a shape: time is cut on chains alone."""
        return shape == "chain" or self.window is None


def _plain(I: int, H: int, K: int = 1) -> RecursiveCell:  # noqa: E741
    return RecursiveCell(I, H, arity=None, input="affine")


def _rectified(I: int, H: int) -> Cell[Any]:  # noqa: E741
    return RecursiveCell(I, H, arity=None, input="affine", activation="relu")


def _wide(cell: RecursiveCell) -> Cell[Any]:
    """Draw larger input weights, so that tanh is no straight line for single inputs.

    To add what is marked a net must multiply number and mark, and where tanh is nearly
    straight it takes long to find that. It has nothing to do with depth.
    """
    assert cell.weight_ih is not None
    nn.init.uniform_(cell.weight_ih, -2, 2)
    return cell


def _far(K: int) -> int:
    """Distance of a skip: a tree of depth 8 has grandchildren, a chain more."""
    return 20 if K == 1 else 2


REMEDIES: dict[str, Remedy] = {
    "tanh": Remedy(
        "tanh RNN",
        "none: torch's default initialisation, no clipping",
        "Elman (1990)",
        _plain,
        clip=None,
    ),
    "wide": Remedy(
        "tanh, wide input",
        "none against depth: the tanh RNN with input weights from ± 2, which bend at "
        "the leaves",
        "",
        lambda I, H, K: _wide(_plain(I, H)),  # noqa: E741
        rate=3e-3,
        clip=None,
    ),
    "clip-norm": Remedy(
        "clip by norm",
        "the tanh RNN; a gradient longer than 1 is shortened to 1",
        "Pascanu et al. (2013)",
        _plain,
    ),
    "clip-value": Remedy(
        "clip by value",
        "the tanh RNN; entries of the gradient are cut to ± 0.1",
        "Mikolov (2012)",
        _plain,
        clip=None,
        clip_value=0.1,
    ),
    "noise": Remedy(
        "gradient noise",
        "the tanh RNN; noise that fades is added to the gradient",
        "Neelakantan et al. (2015)",
        _plain,
        noise=1e-4,
    ),
    "truncated": Remedy(
        "truncated BPTT",
        "the tanh RNN; the way back ends after 50 steps",
        "Williams & Peng (1990)",
        _plain,
        window=(50, 50),
    ),
    "orthogonal": Remedy(
        "orthogonal",
        "the tanh RNN; recurrent weights begin as a rotation, which changes no norm",
        "Saxe et al. (2014)",
        lambda I, H, K: orthogonal_(_plain(I, H), K**-0.5),  # noqa: E741
    ),
    "irnn": Remedy(
        "IRNN",
        "rectified linear units; recurrent weights begin as the identity",
        "Le et al. (2015)",
        lambda I, H, K: identity_(_rectified(I, H), 1 / K),  # noqa: E741
        rate=1e-3,
    ),
    "leaky": Remedy(
        "leaky",
        "the tanh RNN; a state moves 2 % of the way at a step",
        "Jaeger et al. (2007)",
        lambda I, H, K: Leaky(_plain(I, H), 0.02 if K == 1 else 0.5),  # noqa: E741
        cost=8,
    ),
    "leaky-learned": Remedy(
        "leaky, learned",
        "the same; each unit learns how far it moves",
        "Jaeger et al. (2007)",
        lambda I, H, K: Leaky(  # noqa: E741
            _plain(I, H), 0.02 if K == 1 else 0.5, learned=True
        ),
        cost=8,
    ),
    "skip": Remedy(
        "skip",
        "the orthogonal RNN; a state also sees the one 20 steps ago, or grandchildren",
        "Zhang et al. (2016)",
        lambda I, H, K: orthogonal_(Skip(_plain(I, H), _far(K)), K**-0.5),  # noqa: E741
        cost=14,
    ),
    "lstm": Remedy(
        "LSTM",
        "gates: what is kept is multiplied by a number near 1, not by a matrix",
        "Hochreiter & Schmidhuber (1997)",
        lambda I, H, K: ChildSumTreeLSTMCell(I, H),  # noqa: E741
        rate=1e-2,
        cost=3,
    ),
    "lstm-forget": Remedy(
        "LSTM, bias 1",
        "the LSTM; forget gates begin open",
        "Gers et al. (2000)",
        lambda I, H, K: forget_bias_(ChildSumTreeLSTMCell(I, H)),  # noqa: E741
        rate=1e-2,
        cost=3,
    ),
    "gru": Remedy(
        "GRU",
        "gates: a state is a mixture of the old and the new",
        "Cho et al. (2014)",
        lambda I, H, K: ChildSumTreeGRUCell(I, H),  # noqa: E741
        rate=1e-2,
        cost=2.5,
    ),
    "echo": Remedy(
        "echo state",
        "recurrent weights are drawn once, of spectral radius 0.99; only the readout "
        "learns",
        "Jaeger (2001)",
        lambda I, H, K: reservoir_(_plain(I, H), 0.99 / K, input_scale=0.5),  # noqa: E741
        rate=5e-3,
    ),
}
