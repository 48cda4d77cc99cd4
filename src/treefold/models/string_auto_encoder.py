"""The rival of the tree auto-encoder: one LSTM reads a string, another writes it."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn import functional as F

from treefold.layers import LSTM
from treefold.models.base import Model
from treefold.models.generator import StringBatch
from treefold.models.recurrence import DeepState, advance
from treefold.unfolding import Decision, Step, Unfolding, unfold


@final
class StringAutoEncoder(Model):
    r"""Sequence to sequence with itself (Sutskever et al., 2014): a string, one vector.

    The string is read from its end, so that what is written first was read last.

    .. math::
        z = h_1, \quad h_t, c_t = \text{LSTM}(e_{y_t}, h_{t+1}, c_{t+1}); \qquad
        p(y_t \mid y_{<t}, z) = \text{softmax}(W s_t),
        \quad s_0 = (z, \tanh(W_0 z))

    Args:
        num_symbols: C, the end of a string among them.
        end: the symbol that ends a string.
        code_size: H, features of the code and of both LSTMs' states.
        embedding_size: features of a symbol's vector.
    """

    def __init__(
        self, num_symbols: int, end: int, *, code_size: int, embedding_size: int = 64
    ):
        super().__init__()
        self.end = end
        # The last row stands before the first symbol.
        self.embedding = nn.Embedding(num_symbols + 1, embedding_size)
        self.reader = LSTM(embedding_size, code_size)
        self.memory = nn.Linear(code_size, code_size)
        self.writer = LSTM(embedding_size, code_size)
        self.output = nn.Linear(code_size, num_symbols)

    def encode(self, batch: StringBatch) -> Tensor:
        """Return the codes of strings, (B, H)."""
        backwards = batch.forest.transpose()
        _, (h, _) = self.reader(backwards, self.embedding(batch.label))
        return h[-1]

    def start(self, codes: Tensor) -> DeepState:
        """Return the state before the first symbol."""
        return DeepState(codes[:, None], self.memory(codes).tanh()[:, None])

    def read(self, previous: Tensor) -> Tensor:
        """Return the vectors of the symbols before, -1 where there is none."""
        return self.embedding(previous.remainder(self.embedding.num_embeddings))

    def loss(self, batch: StringBatch) -> Tensor:
        """Return the mean over the strings of -ln p."""
        start = self.start(self.encode(batch))
        s, _ = self.writer(batch.forest, self.read(batch.previous), initial=start.hx())
        total = F.cross_entropy(self.output(s), batch.label, reduction="sum")
        return total / len(batch)

    def decode(self, codes: Tensor, max_length: int) -> Unfolding[DeepState]:
        """Write a string from each code, the likeliest symbol at each step."""
        return unfold(Write(self), self.start(codes), max_depth=max_length)


@final
class Write(Step[DeepState]):
    """One symbol of a `StringAutoEncoder`."""

    def __init__(self, model: StringAutoEncoder):
        super().__init__()
        self.model = model
        self.end = model.end

    def forward(self, state, previous, slot, tree, context) -> Decision:
        s, state = advance(self.model.writer, self.model.read(previous), state)
        return Decision(state, self.model.output(s))
