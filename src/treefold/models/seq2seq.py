"""An encoder and a decoder with attention: one sequence into another.

After Bahdanau, Cho & Bengio (2015, arXiv:1409.0473), with the input feeding of Luong,
Pham & Manning (2015, arXiv:1508.04025).
"""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Children, ChildSumTreeLSTMCell, LSTMState
from treefold.data.pair_batches import Pairs, Sources
from treefold.layers import LSTM
from treefold.models.attention import AdditiveAttention, Memory
from treefold.models.base import Model
from treefold.models.softmax import linear_cross_entropy
from treefold.unfolding import Decision, Search, Step, Unfolding, unfold


class DecoderState(NamedTuple):
    """What the decoder carries from step to step.

    Attributes:
        h, c: (N, H), hidden and memory state of its LSTM.
        feed: (N, I), the attentional state of the step before.
    """

    h: Tensor
    c: Tensor
    feed: Tensor


@final
class AttentionDecoder(nn.Module):
    r"""Write a sequence, looking at every step at a memory.

    .. math::
        s_t &= \text{LSTM}(W y_{t-1} + V a_{t-1}, s_{t-1}) \\
        c_t &= \text{attention}(s_t, \text{memory}) \\
        a_t &= \tanh(W_a s_t + c_t) \\
        p(y_t) &= \text{softmax}(E a_t + b)

    The memory is read through a matrix of its own, the other half of Luong's W_a.
    a, the attentional state, is fed to the next step (Luong et al., 2015, section
    3.3); the rows of E are also the vectors of the tokens y (Press & Wolf, 2017,
    arXiv:1608.05859). The token before the first is the end token.

    Args:
        num_tokens: C, tokens to choose from.
        embedding_size: I, features of a token's vector and of a.
        hidden_size: H, features of s.
        memory_size: M, features of a step of the memory.
        attention_size: A, features in which s and the memory are compared.
        dropout: share of the features of y and of a that are dropped in training.
        end: the token that ends a sequence.
    """

    def __init__(
        self,
        num_tokens: int,
        embedding_size: int,
        hidden_size: int,
        memory_size: int,
        attention_size: int,
        *,
        dropout: float = 0.0,
        end: int = 1,
    ):
        super().__init__()
        self.end = end
        self.embedding = nn.Embedding(num_tokens, embedding_size)
        nn.init.normal_(self.embedding.weight, std=embedding_size**-0.5)
        self.cell = ChildSumTreeLSTMCell(embedding_size, hidden_size)
        self.feed = nn.Linear(embedding_size, 4 * hidden_size, bias=False)
        self.attention = AdditiveAttention(
            hidden_size, memory_size, attention_size, embedding_size
        )
        self.combine = nn.Linear(hidden_size, embedding_size)
        self.bias = nn.Parameter(torch.zeros(num_tokens))
        self.dropout = nn.Dropout(dropout)

    def project(self, previous: Tensor) -> Tensor:
        """Return the input's share of the gates, (N, 4H), of tokens (N,)."""
        previous = previous.where(previous >= 0, self.end)
        return self.cell.project(self.dropout(self.embedding(previous)))

    def advance(
        self, x: Tensor, state: DecoderState, memory: Memory
    ) -> tuple[DecoderState, Tensor]:
        """Go a step further: the new state, and the weights of attention (N, S)."""
        number = torch.arange(len(x), device=x.device)
        before = LSTMState(state.h, state.c)
        children = Children(before, number, number.new_zeros(len(x)), len(x), arity=1)
        h, c = self.cell(x + self.feed(state.feed), children)
        mean, weights = self.attention(h, memory)
        a = torch.tanh(self.combine(h) + mean)
        return DecoderState(h, c, self.dropout(a)), weights

    def logits(self, feed: Tensor) -> Tensor:
        """Return the logits (N, C) of attentional states (N, I)."""
        return F.linear(feed, self.embedding.weight, self.bias)


@final
class WritingStep(Step[DecoderState]):
    """A step of an `AttentionDecoder` on its own; the context is the memory."""

    def __init__(self, decoder: AttentionDecoder):
        super().__init__()
        self.decoder = decoder
        self.end = decoder.end

    def forward(
        self,
        state: DecoderState,
        previous: Tensor,
        slot: Tensor,
        tree: Tensor,
        context: Memory,
    ) -> Decision:
        x = self.decoder.project(previous)
        state, _ = self.decoder.advance(x, state, context.select(tree))
        return Decision(state, self.decoder.logits(state.feed))


@final
class Seq2Seq(Model):
    r"""Read a sequence with an LSTM in both directions, and write another.

    The encoder is a fold over the chains of the sources and over their transposes; the
    decoder an `unfold` of `WritingStep`, whose first state is a linear layer and
    tanh of the encoder's last states. In training the decoder is told the right tokens
    instead of its own, and is run by a loop over the steps of all targets at once.

    Args:
        num_source_tokens: tokens of the sources.
        num_target_tokens: C, tokens of the targets.
        embedding_size: I, features of a token's vector.
        encoder_size: features of the encoder's state in each direction.
        decoder_size: H, features of the decoder's state.
        attention_size: A, features in which the decoder's state and the memory are
            compared.
        num_layers: of the encoder.
        dropout: share of features dropped: of vectors, memory and attentional states.
        label_smoothing: share of the target that is spread over all tokens.
        end: the token that ends a target.
    """

    def __init__(
        self,
        num_source_tokens: int,
        num_target_tokens: int,
        *,
        embedding_size: int = 256,
        encoder_size: int = 256,
        decoder_size: int = 512,
        attention_size: int = 256,
        num_layers: int = 1,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        end: int = 1,
    ):
        super().__init__()
        self.embedding = nn.Embedding(num_source_tokens, embedding_size, sparse=True)
        nn.init.normal_(self.embedding.weight, std=embedding_size**-0.5)
        self.encoder = LSTM(
            embedding_size,
            encoder_size,
            num_layers,
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=True,
        )
        self.begin = nn.Linear(2 * encoder_size, 2 * decoder_size)
        self.decoder = AttentionDecoder(
            num_target_tokens,
            embedding_size,
            decoder_size,
            2 * encoder_size,
            attention_size,
            dropout=dropout,
            end=end,
        )
        self.dropout = nn.Dropout(dropout)
        self.label_smoothing = label_smoothing

    def encode(self, sources: Sources) -> tuple[DecoderState, Memory]:
        """Return the decoder's first state, a row per source, and its memory."""
        x = self.dropout(self.embedding(sources.tokens))
        # In bfloat16 the fused fold cannot be run, and so little is gained.
        with torch.autocast(x.device.type, enabled=False):
            output, (last, _) = self.encoder(sources.forest, x)
        steps = self.dropout(output)[sources.nodes]  # (B, S, M)
        begin = self.begin(torch.cat([last[-2], last[-1]], dim=-1))
        h, c = begin.tanh().chunk(2, dim=-1)
        feed = h.new_zeros(len(h), self.decoder.embedding.embedding_dim)
        memory = self.decoder.attention.remember(steps, sources.mask)
        return DecoderState(h, c, feed), memory

    def forward(self, pairs: Pairs) -> tuple[Tensor, list[Tensor]]:
        """Return logits (W, C) of the targets' steps, and each step's attention."""
        feeds, weights = self.states(pairs)
        return self.decoder.logits(feeds), weights

    def states(self, pairs: Pairs) -> tuple[Tensor, list[Tensor]]:
        """Return attentional states (W, I) of the targets' steps, and attention."""
        state, memory = self.encode(pairs.sources)
        xs = self.decoder.project(pairs.previous).split(pairs.sizes)
        feeds, weights = [], []
        for x in xs:
            if len(x) < len(state.h):  # targets that have ended stand at the back
                state = DecoderState(*(field[: len(x)] for field in state))
            state, weight = self.decoder.advance(x, state, memory.first(len(x)))
            feeds.append(state.feed)
            weights.append(weight)
        return torch.cat(feeds), weights

    def loss(self, pairs: Pairs) -> Tensor:
        """Return the mean cross-entropy of the targets' tokens, in nats."""
        feeds, _ = self.states(pairs)
        return linear_cross_entropy(
            feeds.to(self.decoder.bias.dtype),
            self.decoder.embedding.weight,
            self.decoder.bias,
            pairs.labels,
            label_smoothing=self.label_smoothing,
        )

    @torch.no_grad()
    def log_probability(self, pairs: Pairs) -> Tensor:
        """Return the log-probability (B,) of each target, its end included."""
        logits, _ = self(pairs)
        each = -F.cross_entropy(logits, pairs.labels, reduction="none")
        pair = pairs.pair.to(each.device)
        return each.new_zeros(len(pairs)).index_add(0, pair, each)

    @torch.no_grad()
    def attention(self, pairs: Pairs) -> list[Tensor]:
        """Return for each pair the weights (T, S) of its source's steps."""
        was_training = self.training
        self.eval()
        _, weights = self(pairs)
        self.train(was_training)
        by_pair = torch.cat(weights)[pairs.pair.argsort(stable=True)]
        steps = torch.tensor(pairs.sizes)
        lengths = [int((steps > b).sum()) for b in range(len(pairs))]
        each = by_pair.split(lengths)
        widths = pairs.sources.mask.sum(dim=1).tolist()
        return [w[:, :width] for w, width in zip(each, widths, strict=True)]

    @torch.no_grad()
    def write(
        self, sources: Sources, *, max_length: int, search: Search
    ) -> Unfolding[DecoderState]:
        """Write a target for each source, of `max_length` tokens at most."""
        was_training = self.training
        self.eval()
        state, memory = self.encode(sources)
        step = WritingStep(self.decoder)
        written = unfold(
            step, state, max_depth=max_length, search=search, context=memory
        )
        self.train(was_training)
        return written
