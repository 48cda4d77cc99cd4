"""Strings of symbols, generated one after another, given a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.data.sequences import Int64, Sequences, chains
from treefold.forest import Forest
from treefold.layers import LSTM
from treefold.models.base import Model
from treefold.models.recurrence import DeepState, advance
from treefold.unfolding import Decision, Search, Step, Unfolding, unfold


@final
@dataclass(frozen=True)
class StringBatch:
    """B strings as one forest of chains of V nodes, a node for each symbol.

    Attributes:
        forest: the chains, in level order.
        previous: (V,) int64, the symbol before each node's, -1 at the first.
        label: (V,) int64, the symbol at each node.
        kind: (B,) int64, the strings' classes.
    """

    forest: Forest
    previous: Tensor
    label: Tensor
    kind: Tensor

    @classmethod
    def of(cls, strings: Sequences, kind: Int64, numbers: Int64) -> StringBatch:
        """Make a batch of the strings of these numbers, and of their classes."""
        forest, order, label = chains(strings, numbers)
        before = torch.from_numpy(strings.step[strings.steps(numbers)]).roll(1)
        first = torch.from_numpy(strings[numbers].offset[:-1])
        before[first] = -1
        of = torch.from_numpy(kind[numbers])
        return cls(forest, before[order], label, of)

    def __len__(self) -> int:
        """Return B."""
        return len(self.kind)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> StringBatch:
        """Return the batch on a device."""
        tensors = (self.previous, self.label, self.kind)
        moved = (t.to(device, non_blocking=non_blocking) for t in tensors)
        return StringBatch(self.forest.to(device, non_blocking), *moved)

    def pin_memory(self) -> StringBatch:
        """Return a copy in page-locked memory."""
        tensors = (self.previous, self.label, self.kind)
        pinned = (t.pin_memory() for t in tensors)
        return StringBatch(self.forest.pin_memory(), *pinned)


@final
class Generator(Model):
    r"""An LSTM that says, symbol by symbol, which comes next, given a class k.

    .. math::
        h_t, c_t &= \text{LSTM}([e_{y_{t-1}}; g_k], h_{t-1}, c_{t-1}), \qquad
        h_0, c_0 = \text{learned for } k \\
        p(y_t \mid y_{<t}, k) &= \text{softmax}(W h_t + b)

    Training reads known strings: a fold over chains. Generation grows them:
    `treefold.unfold`, with the same weights.

    Args:
        num_symbols: C, the end of a string among them.
        num_classes: K.
        end: the symbol that ends a string.
        embedding_size: features of a symbol's vector, and of a class's.
        hidden_size: H of the LSTM.
        num_layers: L of the LSTM.
        input_dropout: probability to drop a feature of the input, the same ones at
            all steps of a string (Gal & Ghahramani, 2016).
        state_dropout: the same for h as the next step sees it.
        output_dropout: the same for the output of a layer.
    """

    def __init__(
        self,
        num_symbols: int,
        num_classes: int,
        end: int,
        *,
        embedding_size: int = 64,
        hidden_size: int = 256,
        num_layers: int = 1,
        input_dropout: float = 0.0,
        state_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ):
        super().__init__()
        self.end = end
        # The last row stands before the first symbol.
        self.embedding = nn.Embedding(num_symbols + 1, embedding_size)
        self.kind = nn.Embedding(num_classes, embedding_size)
        self.layer = LSTM(
            2 * embedding_size,
            hidden_size,
            num_layers,
            dropout=output_dropout,
            state_dropout=state_dropout,
            variational=True,
        )
        self.begin = nn.Embedding(num_classes, 2 * num_layers * hidden_size)
        nn.init.zeros_(self.begin.weight)
        self.output = nn.Linear(hidden_size, num_symbols)
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout

    def forward(self, batch: StringBatch) -> Tensor:
        """Return the logits of the symbol at every node, (V, C)."""
        tree, B = batch.forest.tree, len(batch)
        x = self.read(batch.previous, batch.kind[tree])
        x = x * self._mask(x, B, self.input_dropout)[tree]
        h, _ = self.layer(batch.forest, x, initial=self.start(batch.kind).hx())
        return self.output(h * self._mask(h, B, self.output_dropout)[tree])

    def loss(self, batch: StringBatch) -> Tensor:
        """Return the mean over all symbols of -ln p."""
        return F.cross_entropy(self(batch), batch.label)

    def read(self, previous: Tensor, kind: Tensor) -> Tensor:
        """Return the LSTM's inputs (N, I) of the symbols before, and of classes."""
        number = previous.remainder(self.embedding.num_embeddings)  # -1: the last row
        return torch.cat([self.embedding(number), self.kind(kind)], dim=-1)

    def start(self, kind: Tensor) -> DeepState:
        """Return the state before the first symbol of (B,) classes."""
        layer = self.layer
        shape = (2, layer.num_layers, layer.hidden_size)
        return DeepState(*self.begin(kind).unflatten(1, shape).unbind(1))

    def generate(
        self, kind: Tensor, search: Search, max_length: int
    ) -> Unfolding[DeepState]:
        """Grow a string for each of (B,) classes, of `max_length` symbols at most."""
        start = self.start(kind)
        return unfold(
            GeneratorStep(self),
            start,
            max_depth=max_length,
            search=search,
            context=kind,
        )

    def _mask(self, like: Tensor, B: int, p: float) -> Tensor:
        """Return what each of B strings keeps of its features, (B, features)."""
        ones = like.new_ones(B, like.shape[-1])
        return F.dropout(ones, p, self.training)


@final
class GeneratorStep(Step[DeepState]):
    """One symbol of a `Generator`; the context is the structures' classes, (B,)."""

    def __init__(self, model: Generator):
        super().__init__()
        self.model = model
        self.end = model.end

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
        return Decision(state, self.model.output(h))
