"""Text from a language model: a chain unfolded from what it has read."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from treefold.cells import State
from treefold.cells.tree_lstm import LSTMState
from treefold.models.language_model import Carried, LanguageModel
from treefold.unfolding import Decision, Greedy, Sample, Step, unfold


@final
class Writer(Step[Any]):
    """One more symbol: the step of a language model, to be unfolded.

    Args:
        model: whose step it is.
        never: symbols that are not written, such as the unknown one.
    """

    def __init__(self, model: LanguageModel, never: tuple[int, ...] = ()):
        super().__init__()
        self.model = model
        self.never = list(never)

    def forward(
        self, state: Any, previous: Tensor, slot: Tensor, tree: Tensor, context: Any
    ) -> Decision:
        """Read the symbol before, and tell of the next; see `Step`."""
        layers = self.model.layers.num_layers
        carried = tuple(f.unflatten(1, (layers, -1)).transpose(0, 1) for f in state)
        logits, carried = self.model(previous[None], carried)
        logits[:, self.never] = -torch.inf
        return Decision(_state(carried), logits)


@torch.no_grad()
def write(
    model: LanguageModel,
    prompt: Tensor,
    length: int,
    search: Greedy | Sample,
    *,
    never: tuple[int, ...] = (),
) -> Tensor:
    """Continue a text.

    Args:
        model: in either mode; nothing is dropped.
        prompt: (N,) symbols to begin with, at least one.
        length: how many symbols to write.
        search: how each is chosen.
        never: symbols that are not written.

    Returns:
        (length,) symbols.
    """
    if not len(prompt):
        raise ValueError("prompt must have a symbol, such as the end of a line.")
    was_training = model.training
    model.eval()
    carried = model.begin(1)
    if len(prompt) > 1:
        _, carried = model.states(prompt[:-1, None])
    _, labels, _ = unfold(
        Writer(model, never),
        _state(carried),
        max_depth=length,
        search=search,
        previous=prompt[-1:],
    )
    model.train(was_training)
    return labels


def _state(carried: Carried) -> Any:
    """Carried state as a row for each text: (L, N, H) to (N, L·H)."""
    fields = [field.transpose(0, 1).flatten(1) for field in carried]
    return LSTMState(*fields) if len(fields) == 2 else State(*fields)
