"""Leaky units (Jaeger, Lukoševičius, Popovici & Siewert, 2007)."""

from __future__ import annotations

from typing import TypeVar, final

import torch
from torch import Tensor, nn

from treefold.cells.base import Cell, Children
from treefold.cells.combinators import Around

S = TypeVar("S", bound=tuple)


@final
class Leaky(Around[S]):
    r"""Let h move only a part of the way from the children to what the cell says.

    .. math::
        h = (1 - \alpha) \odot \bar h + \alpha \odot \tilde h

    where :math:`\tilde h` is the cell's h and :math:`\bar h` the mean of the
    children's, on a chain :math:`h_{t-1}`, and zero below a leaf. Gradients pass the
    first term unchanged but for :math:`1 - \alpha`: units of small :math:`\alpha`
    remember for about :math:`1/\alpha` steps. The other fields of the state are the
    cell's, as are leaves that are their input.

    Args:
        cell: the cell to wrap.
        alpha: a number for all units, or (H,) for each.
        learned: learn alpha, starting there, as the logistic function of `logit`.

    Attributes:
        logit: (H,), a parameter; None where alpha is fixed.

    Raises:
        ValueError: alpha outside (0, 1], or at 1 where it is learned; or not (H,).
    """

    def __init__(
        self, cell: Cell[S], alpha: float | Tensor = 0.1, *, learned: bool = False
    ):
        super().__init__(cell)
        rates = torch.as_tensor(alpha, dtype=torch.get_default_dtype()).detach()
        highest = "below 1 to be learned" if learned else "1 at most"
        if not bool(((rates > 0) & ((rates < 1) | (not learned and rates <= 1))).all()):
            raise ValueError(f"alpha must be above 0 and {highest}, got {alpha}.")
        if rates.shape not in ((), (cell.hidden_size,)):
            raise ValueError(
                f"alpha must be a number or of shape (hidden_size,) = "
                f"({cell.hidden_size},), got {tuple(rates.shape)}."
            )
        rates = rates.expand(cell.hidden_size).clone()
        self.logit = nn.Parameter(rates.logit()) if learned else None
        self.register_buffer("_fixed", None if learned else rates)

    @property
    def alpha(self) -> Tensor:
        """(H,), how far each unit moves."""
        return self._fixed if self.logit is None else torch.sigmoid(self.logit)  # type: ignore[return-value]

    def forward(self, x: Tensor, children: Children[S]) -> S:
        state = self.cell(x, children)
        if self.leaf_is_input and not len(children):
            return state
        new, *others = state
        below = children.mean(children.state[0]) if len(children) else 0 * new
        h = below + self.alpha * (new - below)  # of two dtypes under autocast
        if self.leaf_is_input and children.arity is None:
            h = torch.where((children.count == 0)[:, None], new, h)
        return type(state)(h, *others)
