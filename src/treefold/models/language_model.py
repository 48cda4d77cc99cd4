"""A language model: the next symbol of a text from all before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.data.text import NOTHING, Block
from treefold.forest import Forest
from treefold.layers import GRU, LSTM
from treefold.models.base import Model
from treefold.models.softmax import linear_cross_entropy

Cell = Literal["lstm", "gru"]
LAYERS = {"lstm": LSTM, "gru": GRU}
Carried = tuple[Tensor, ...]  # each (num_layers, B, H): what one block leaves the next


@final
class LanguageModel(Model):
    r"""Predict each symbol from those before it (Mikolov et al., 2010; Zaremba 2014).

    .. math::
        h_t = \text{fold}(\text{cells}, \text{chain}, E_{w_1}, \dots, E_{w_t}), \qquad
        p(w_{t+1} \mid w_1 \dots w_t) = \text{softmax}(U P h_t + b)

    A text is a chain, and B rows of T steps a forest of B chains. The state at the end
    of a block is where the next one begins, and its gradient ends there: truncated
    back-propagation through time.

    The loss is the mean of the nats per symbol. `loss` keeps the carried state between
    the blocks of an epoch, and begins anew at one that is the first; `forward` takes
    and returns it.

    Args:
        num_symbols: W.
        cell: which layers.
        input_size: I, features of a symbol's vector.
        hidden_size: H, features of a state.
        num_layers: layers, one upon the other.
        tied: U = E, one matrix for what is read and what is told (Press & Wolf, 2017;
            Inan et al., 2017); P, of (I, H), is there where H is not I.
        input_dropout: probability to drop a feature of a symbol's vector. The mask is
            drawn once for each distinct symbol of a block, so that each is projected
            once.
        dropout: the same between layers.
        state_dropout: the same for h as the next step sees it.
        output_dropout: the same for what the output reads.
        variational: masks of the three last are the same at all steps of a block's
            row (Gal & Ghahramani, 2016).

    Shape:
        - block.input: (T, B).
        - output of `forward`: (T·B, W) logits, in the order of the flattened block,
          and the carried state, a tuple of (num_layers, B, H) a field.

    Attributes:
        embedding: E, (W, I). Its gradient is sparse unless the weights are tied.
        layers: the stack.
        projection: P.
        output: U and b.
    """

    def __init__(
        self,
        num_symbols: int,
        *,
        cell: Cell = "lstm",
        input_size: int = 256,
        hidden_size: int = 256,
        num_layers: int = 1,
        tied: bool = True,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        state_dropout: float = 0.0,
        output_dropout: float = 0.0,
        variational: bool = False,
    ):
        super().__init__()
        self.embedding = nn.Embedding(num_symbols, input_size, sparse=not tied)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.layers = LAYERS[cell](
            input_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            state_dropout=state_dropout,
            variational=variational,
        )
        self.projection = nn.Identity()
        width = hidden_size
        if tied and hidden_size != input_size:
            self.projection = nn.Linear(hidden_size, input_size, bias=False)
            width = input_size
        self.output = nn.Linear(width, num_symbols)
        nn.init.zeros_(self.output.bias)
        if tied:
            self.output.weight = self.embedding.weight
        else:
            nn.init.uniform_(self.output.weight, -0.1, 0.1)
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.variational = variational
        self._carried: Carried | None = None

    def forward(
        self, input: Tensor, carried: Carried | None = None
    ) -> tuple[Tensor, Carried]:
        """Return the logits of what follows each symbol, (T·B, W), and the state.

        Args:
            input: (T, B) symbols.
            carried: the state after those before them; None: there were none.
        """
        h, carried = self.states(input, carried)
        return self.read(h), carried

    def begin(self, B: int) -> Carried:
        """Return the state before any symbol: zeros, (num_layers, B, H) a field."""
        zeros = self.embedding.weight.new_zeros(
            self.layers.num_layers, B, self.layers.hidden_size
        )
        return (zeros, zeros) if isinstance(self.layers, LSTM) else (zeros,)

    def states(
        self, input: Tensor, carried: Carried | None = None
    ) -> tuple[Tensor, Carried]:
        """Return the last layer's h at each step, (T·B, H), and the carried state."""
        forest = _chains(*input.shape, str(input.device))
        distinct, rows = input.flatten().unique(return_inverse=True)
        # Folds keep the precision of the weights: rounding adds up along a chain.
        with torch.autocast(input.device.type, enabled=False):
            x = F.dropout(self.embedding(distinct), self.input_dropout, self.training)
            h, final = self.layers(forest, x, initial=carried, rows=rows)
        return h, final if isinstance(final, tuple) else (final,)

    def read(self, h: Tensor) -> Tensor:
        """Return logits (N, W) of states (N, H)."""
        return self.output(self.projection(h))

    def loss(self, batch: Block) -> Tensor:
        """Return the mean nats of a block's targets, its state carried over."""
        carried = None if batch.first else self._carried
        h, carried = self.states(batch.input, carried)
        self._carried = tuple(field.detach() for field in carried)
        h = self.projection(self._drop(h, batch.input.shape[1])).to(h.dtype)
        weight, bias = self.output.weight, self.output.bias
        return linear_cross_entropy(h, weight, bias, batch.target.flatten())

    def _drop(self, h: Tensor, B: int) -> Tensor:
        """Drop features of what the output reads."""
        if not (self.training and self.output_dropout):
            return h
        if not self.variational:
            return F.dropout(h, self.output_dropout)
        mask = F.dropout(h.new_ones(B, h.shape[1]), self.output_dropout)
        return (h.unflatten(0, (-1, B)) * mask).flatten(0, 1)

    def surprise(self, blocks: Iterable[Block]) -> Iterator[Tensor]:
        """Yield the nats of each block's targets, (T, B), 0 where there is none.

        Nothing is dropped, and the state is carried from block to block.
        """
        return (nats for _, nats in self.reading(blocks))

    @torch.no_grad()
    def reading(self, blocks: Iterable[Block]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield h before each target of a block, (T, B, H), and its nats, (T, B)."""
        was_training, carried = self.training, None
        self.eval()
        try:
            for block in blocks:
                block = block.to(self.embedding.weight.device)
                carried = None if block.first else carried
                h, carried = self.states(block.input, carried)
                target = block.target
                nats = F.cross_entropy(
                    self.read(h),
                    target.flatten(),
                    ignore_index=NOTHING,
                    reduction="none",
                )
                yield h.unflatten(0, target.shape), nats.view_as(target)
        finally:  # also where who reads stops early
            self.train(was_training)


@lru_cache(maxsize=8)
def _chains(T: int, B: int, device: str) -> Forest:
    """B chains of T steps: node t·B + b is step t of row b."""
    forest, _ = Forest.from_lengths([T] * B).sort()
    return forest.to(device)
