"""RAAM of today: a tree to one vector by a fold, and back by an unfolding."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Children, State
from treefold.data.batching import Batch
from treefold.folding import fold
from treefold.forest import Forest
from treefold.models.base import Model
from treefold.models.binding import BindingCell
from treefold.unfolding import Decision, Step, Unfolding, unfold

SHUT = float("-inf")


class Reading(NamedTuple):
    """What is read from the codes of N nodes.

    Attributes:
        inner: (N,) logits that the node has children.
        more: (N, K - 1) logits that after 1, 2, ... children there is one more.
        features: (N, R), what words and labels are told by.
    """

    inner: Tensor
    more: Tensor
    features: Tensor


@final
class AutoEncoder(Model):
    r"""Recursive auto-associative memory (Pollack, 1990): trees to codes and back.

    One cell is folded up over the tree, another down from the root's state, the code:

    .. math::
        h_v &= f(x_v, [h_k : k \in C(v)]), \qquad z = h_{\text{root}} \\
        g_{\text{root}} &= z, \qquad g_{v_k} = f'_k(g_v)

    At every node the decoder reads from g whether it is a terminal, which is the
    learned stop, and else how many children it has, one after the other; then its
    symbol, a word at a leaf and a label at an inner node:

    .. math::
        p(v) = p(\text{inner}) \textstyle\prod_{j < n} p(\text{more}_j)
            \, (1 - p(\text{more}_n)) \; p(\text{label})
        \quad \text{or} \quad (1 - p(\text{inner})) \; p(\text{word})

    Training decodes over the known structure, which is a fold of the transposed forest:
    every node is scored at once, and the gradient of all of them meets in one code.
    Generation, with the same weights, is `treefold.unfold`. A tree comes back whole
    exactly where every one of its nodes is read right over the known structure.

    Deviations: Pollack's nets are a layer with a logistic function each way, of codes
    of 10 features, taught that a child's code decoded is the child's code; terminals
    are fixed codes, and a node is one where its code is near to one. Here cells are
    `BindingCell`, the loss is that of the tree which comes out, the stop is learned.

    Args:
        num_words: W; symbols 0 .. W - 1 stand at leaves.
        num_labels: L; symbols W .. W + L - 1 stand at inner nodes.
        arity: K, the most children of a node.
        code_size: H, features of a code.
        embedding_size: features of a symbol's vector.
        inner_size: of the cells.
        reader_size: R, features of what reads a state.

    Attributes:
        embedding: the symbols' vectors, (W + L, I).
        encoder, decoder: the cells.

    Example:
        >>> from treefold.data.readers.nested import read_nested
        >>> from treefold.data.symbols import Symbols
        >>> corpus = read_nested([(("a", "b"), "c"), ("b", ("a", ("c", "c")))])
        >>> symbols = Symbols.build(corpus)
        >>> batch = symbols.code(corpus).batch([0, 1])
        >>> model = AutoEncoder(4, 1, 2, code_size=32)
        >>> codes = model.encode(batch)
        >>> codes.shape
        torch.Size([2, 32])
        >>> model.decode(codes, max_depth=4, max_nodes=9).forest.num_trees
        2
    """

    def __init__(
        self,
        num_words: int,
        num_labels: int,
        arity: int,
        *,
        code_size: int = 256,
        embedding_size: int = 64,
        inner_size: int = 128,
        reader_size: int = 256,
    ):
        super().__init__()
        H = code_size
        self.num_words, self.arity = num_words, arity
        self.embedding = nn.Embedding(num_words + num_labels, embedding_size)
        self.encoder = BindingCell(
            embedding_size, H, arity=arity, inner_size=inner_size
        )
        self.decoder = BindingCell(
            H, H, arity=arity, inner_size=inner_size, leaf_is_input=True
        )
        self.decoder.undo_(self.encoder)
        self.reader = nn.Linear(H, reader_size)
        self.stop = nn.Linear(reader_size, arity)
        self.word = nn.Linear(reader_size, num_words)
        self.label = nn.Linear(reader_size, num_labels)

    def encode(self, batch: Batch) -> Tensor:
        """Return the codes of trees, (B, H)."""
        return self.states(batch)[batch.forest.roots]

    def states(self, batch: Batch) -> Tensor:
        """Return the codes of all subtrees, (V, H), each by itself."""
        x = self.embedding(batch.words)
        return fold(self.encoder, batch.forest, x, batch.nodes, rows=batch.rows).h

    def rebuild(self, codes: Tensor, forest: Forest) -> Tensor:
        """Take codes (B, H) apart along known structures: what nodes get, (V, H)."""
        down = forest.transpose()
        return fold(self.decoder, down, codes[forest.root_tree], forest.roots).h

    def read(self, h: Tensor) -> Reading:
        """Read states (N, H)."""
        features = F.gelu(self.reader(h))
        stop = self.stop(features)
        return Reading(stop[:, 0], stop[:, 1:], features)

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean over the trees of -ln p(tree | its code)."""
        return self.nats(batch).sum() / len(batch)

    def nats(self, batch: Batch) -> Tensor:
        """Return -ln p of each node given its tree's code, (V,)."""
        forest = batch.forest
        found = self.read(self.rebuild(self.encode(batch), forest))
        arity, symbol = forest.arities, batch.token
        nats = F.softplus(torch.where(arity > 0, -found.inner, found.inner))
        for one in range(1, self.arity):  # after `one` children, is there one more?
            logit = found.more[:, one - 1]
            nats = nats + torch.where(
                arity < one,
                0.0,
                F.softplus(torch.where(arity > one, -logit, logit)),
            )
        leaf, inner = forest.leaves, (arity > 0).nonzero().squeeze(1)
        for nodes, head, first in (
            (leaf, self.word, 0),
            (inner, self.label, self.num_words),
        ):
            logits = head(found.features[nodes])
            wanted = symbol[nodes] - first
            nats = nats.index_add(
                0, nodes, F.cross_entropy(logits, wanted, reduction="none")
            )
        return nats

    def decode(
        self, codes: Tensor, *, max_depth: int, max_nodes: int | None = None
    ) -> Unfolding[State]:
        """Grow a tree from each code (B, H), the likeliest choice at each node.

        Labels are symbols. Where `complete` is False, a limit has cut the tree.
        """
        return unfold(
            Split(self), State(codes), max_depth=max_depth, max_nodes=max_nodes
        )


@final
class Split(Step[State]):
    """A node of an `AutoEncoder` taken apart: its symbol, and which children it has.

    The choice of children is greedy, slot after slot; so the label may be drawn, but a
    beam over children would find nothing to choose from.
    """

    def __init__(self, model: AutoEncoder):
        super().__init__()
        self.model = model
        self.num_slots = model.arity

    def forward(self, state, previous, slot, tree, context) -> Decision:
        model, root = self.model, previous < 0
        h, N = state.h, len(slot)
        if not root.all():
            parent = torch.arange(N, device=h.device)
            child = model.decoder(h * 0, Children(state, parent, slot, N)).h
            h = torch.where(root[:, None], h, child)
        found = model.read(h)
        inner = (found.inner > 0)[:, None]
        # Words at a terminal and labels elsewhere: each a distribution of its own.
        logits = torch.cat(
            [
                model.word(found.features).log_softmax(-1).masked_fill(inner, SHUT),
                model.label(found.features).log_softmax(-1).masked_fill(~inner, SHUT),
            ],
            dim=-1,
        )
        exists = torch.cat([found.inner[:, None], found.more], dim=-1)
        # Beyond the first slot without a child nothing is asked any more.
        closed = (exists <= 0).cumsum(dim=-1)
        exists = exists.masked_fill(closed - (exists <= 0).long() > 0, SHUT)
        return Decision(State(h), logits, exists)
