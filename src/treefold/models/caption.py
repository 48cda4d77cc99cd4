"""Words for an image: its columns are read, then words are said with attention."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.data.sequences import Int64, Sequences
from treefold.forest import Forest
from treefold.layers import LSTM
from treefold.models.attention import AdditiveAttention, Memory
from treefold.models.base import Model
from treefold.models.recurrence import DeepState, advance
from treefold.unfolding import Decision, Search, Step, Unfolding, unfold

PLACES = 16  # features that say where a column stands: waves of 2π to 256π columns


@final
@dataclass(frozen=True)
class ImageBatch:
    """B images as chains of their V columns, and as far as known their words.

    Attributes:
        pixels: (V, height), the columns, image by image from left to right.
        forest: the chains of columns, in level order.
        order: (V,) int64; ``pixels[order]`` stands in level order.
        place: (B, S) int64, the node of each column, 0 beyond an image's last.
        mask: (B, S) bool, where there is a column.
        words: a forest of chains of W words, the end among them, in level order.
        previous: (W,) int64, the word before each, -1 at the first.
        label: (W,) int64, the words.
    """

    pixels: Tensor
    forest: Forest
    order: Tensor
    place: Tensor
    mask: Tensor
    words: Forest
    previous: Tensor
    label: Tensor

    @classmethod
    def of(cls, columns: Sequences, words: Sequences, numbers: Int64) -> ImageBatch:
        """Make a batch of the images of these numbers, and of their words."""
        some = columns[numbers]
        forest, order = Forest.from_lengths(some.lengths).sort()
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order))
        each = list(place.split(some.lengths.tolist()))
        padded = nn.utils.rnn.pad_sequence(each, batch_first=True, padding_value=-1)
        said = words[numbers]
        chains, of_word = Forest.from_lengths(said.lengths).sort()
        label = torch.from_numpy(said.step)
        previous = label.roll(1)
        previous[torch.from_numpy(said.offset[:-1])] = -1
        return cls(
            torch.from_numpy(some.step),
            forest,
            order,
            padded.clamp(min=0),
            padded >= 0,
            chains,
            previous[of_word],
            label[of_word],
        )

    def __len__(self) -> int:
        """Return B."""
        return len(self.mask)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ImageBatch:
        """Return the batch on a device."""
        return self._carried(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> ImageBatch:
        """Return a copy in page-locked memory."""
        return self._carried(lambda part: part.pin_memory())

    def _carried(self, move: Any) -> ImageBatch:
        parts = {field.name: move(getattr(self, field.name)) for field in fields(self)}
        return replace(self, **parts)


@final
class Window(nn.Module):
    """A layer that sees a column and its neighbours: a convolution along chains.

    Args:
        input_size: features of a column.
        output_size: features it gives.
        radius: neighbours on each side; beyond an image's edge there are zeros.
    """

    def __init__(self, input_size: int, output_size: int, radius: int):
        super().__init__()
        self.radius = radius
        self.linear = nn.Linear((2 * radius + 1) * input_size, output_size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Turn columns (B, S, I), zeros beyond `mask`, into (B, S, O), zeros again."""
        padded = F.pad(x, (0, 0, self.radius, self.radius))
        seen = padded.unfold(1, 2 * self.radius + 1, 1).flatten(2)
        return self.linear(seen).relu() * mask[..., None]


def places(length: int, like: Tensor) -> Tensor:
    """Return sines and cosines of the places 0, 1, ..., (length, PLACES)."""
    wave = torch.arange(PLACES // 2, device=like.device)
    angle = torch.arange(length, device=like.device)[:, None] / 2.0**wave
    return torch.cat([angle.sin(), angle.cos()], dim=1).to(like)


class TellState(NamedTuple):
    """The state while words are said.

    Attributes:
        h: (N, 1, H).
        c: (N, 1, H).
        weights: (N, S), what attention looked at for this word.
    """

    h: Tensor
    c: Tensor
    weights: Tensor


@final
class Captioner(Model):
    r"""Reads an image column by column, both ways, and says words about it.

    Two layers of windows see a column with its neighbours; beside them stands where it
    is, as waves of several lengths (Vaswani et al., 2017). A bidirectional LSTM is
    folded over the columns and their transpose:

    .. math::
        m_j &= \text{BiLSTM}([\text{windows}(\text{pixels}); \text{places}])_j \\
        s_t &= \text{LSTM}(e_{y_{t-1}}, s_{t-1}), \qquad
            s_0 = \tanh(W_0 [\overrightarrow{m}_S; \overleftarrow{m}_1]) \\
        p(y_t) &= \text{softmax}(W \tanh(W_c [s_t; \textstyle\sum_j \alpha_{tj} V m_j]))

    with additive attention :math:`\alpha_t` of s_t over the columns. What was read
    does not enter the next state (Luong et al., 2015, arXiv:1508.04025, without input
    feeding), so that known words are a fold, too; unknown ones are unfolded.

    Args:
        height: pixels of a column.
        num_words: C, the end of a caption among them.
        end: the word that ends a caption.
        window_size: features that the windows give.
        hidden_size: H of the LSTM that reads, each way, and of the one that says.
        embedding_size: features of a word's vector.
        dropout: probability to drop a feature of what was read, and before the words.
    """

    def __init__(
        self,
        height: int,
        num_words: int,
        end: int,
        *,
        window_size: int = 96,
        hidden_size: int = 96,
        embedding_size: int = 32,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.end = end
        self.windows = nn.ModuleList(
            [Window(height, window_size, 2), Window(window_size, window_size, 2)]
        )
        self.reader = LSTM(window_size + PLACES, hidden_size, bidirectional=True)
        self.attention = AdditiveAttention(
            hidden_size, 2 * hidden_size, hidden_size, hidden_size
        )
        self.begin = nn.Linear(2 * hidden_size, hidden_size)
        # The last row stands before the first word.
        self.embedding = nn.Embedding(num_words + 1, embedding_size)
        self.teller = LSTM(embedding_size, hidden_size)
        self.combine = nn.Linear(2 * hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, num_words)
        self.dropout = dropout

    def forward(self, batch: ImageBatch) -> Tensor:
        """Return the logits of every word, (W, C), given those before it."""
        memory, start = self.look(batch)
        vectors = self.read(batch.previous)
        s, _ = self.teller(batch.words, vectors, initial=start.hx())
        logits, _ = self.say(s, memory.select(batch.words.tree))
        return logits

    def loss(self, batch: ImageBatch) -> Tensor:
        """Return the mean over all words of -ln p."""
        return F.cross_entropy(self(batch), batch.label)

    def look(self, batch: ImageBatch) -> tuple[Memory, DeepState]:
        """Read the images: what attention looks at, and the state before any word."""
        mask = batch.mask
        x = batch.pixels.new_zeros(*mask.shape, batch.pixels.shape[1])
        x[mask] = batch.pixels
        x = x.to(self.output.weight.dtype)
        for window in self.windows:
            x = F.dropout(window(x, mask), self.dropout, self.training)
        where = places(mask.shape[1], x).expand(len(mask), -1, -1)
        x = torch.cat([x, where], dim=-1)
        read, (h, _) = self.reader(batch.forest, x[mask][batch.order])
        values = read[batch.place] * mask[..., None]  # (B, S, 2H)
        values = F.dropout(values, self.dropout, self.training)
        first = self.begin(h.transpose(0, 1).flatten(1)).tanh()[:, None]
        return self.attention.remember(values, mask), DeepState(first, first * 0)

    def read(self, previous: Tensor) -> Tensor:
        """Return the vectors of (N,) words, or for -1 of what stands before all."""
        return self.embedding(previous.remainder(self.embedding.num_embeddings))

    def say(self, s: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and weights (N, S) of states (N, H), a memory each."""
        read, weights = self.attention(s, memory)
        told = self.combine(torch.cat([s, read], dim=-1)).tanh()
        return self.output(F.dropout(told, self.dropout, self.training)), weights

    def tell(
        self, batch: ImageBatch, search: Search, max_words: int
    ) -> Unfolding[TellState]:
        """Grow a caption for each image; the words a batch may have are not read."""
        memory, start = self.look(batch)
        weights = memory.mask.to(start.h) * 0
        return unfold(
            TellStep(self),
            TellState(start.h, start.c, weights),
            max_depth=max_words,
            search=search,
            context=memory,
        )


@final
class TellStep(Step[TellState]):
    """One word of a `Captioner`; the context is the memory of the images."""

    def __init__(self, model: Captioner):
        super().__init__()
        self.model = model
        self.end = model.end

    def forward(
        self,
        state: TellState,
        previous: Tensor,
        slot: Tensor,
        tree: Tensor,
        context: Any,
    ) -> Decision:
        x = self.model.read(previous)
        s, (h, c) = advance(self.model.teller, x, DeepState(state.h, state.c))
        logits, weights = self.model.say(s, context.select(tree))
        return Decision(TellState(h, c, weights), logits)
