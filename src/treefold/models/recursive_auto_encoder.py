"""Recursive auto-encoders of word vectors (Socher et al., 2011): trees nobody gave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Children, RecursiveCell, State
from treefold.cells.parameters import uniform
from treefold.cells.recursive import leaf_or
from treefold.folding import fold
from treefold.forest import Forest
from treefold.merging import Merge, merge
from treefold.models.base import Model


@final
@dataclass(frozen=True)
class Phrases:
    """Sentences as vectors of their words, and their trees where they are known.

    Attributes:
        vectors: (N, H), of the words, sentence by sentence, each of length 1.
        lengths: (B,) int64, words of each sentence.
        forest: binary trees whose nodes 0 .. N - 1 are the words; None where the model
            is to find them.
    """

    vectors: Tensor
    lengths: Tensor
    forest: Forest | None = None

    def __len__(self) -> int:
        """Return B."""
        return len(self.lengths)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Phrases:
        """Return them on a device."""
        forest = None if self.forest is None else self.forest.to(device, non_blocking)
        vectors = self.vectors.to(device, non_blocking=non_blocking)
        return Phrases(vectors, self.lengths, forest)

    def pin_memory(self) -> Phrases:
        """Return a copy in page-locked memory."""
        forest = None if self.forest is None else self.forest.pin_memory()
        return Phrases(self.vectors.pin_memory(), self.lengths, forest)


@final
class UnitCell(Cell[State]):
    r"""One layer over two children, brought to length 1: p = u / |u|.

    .. math:: u = \tanh(W_e [c_1; c_2] + b_e)

    A leaf's input is its state. The length is fixed so that codes cannot shrink, which
    would make any of them easy to reconstruct.

    Args:
        size: H, features of a vector.
    """

    leaf_is_input = True
    max_arity = 2

    def __init__(self, size: int):
        super().__init__(size, size)
        self.weight_hh = uniform(size, 2 * size, fan=2 * size)
        self.bias = nn.Parameter(torch.zeros(size))

    def join(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the parents of M pairs, (M, H)."""
        below = torch.cat([left, right], dim=-1)
        return F.normalize(torch.tanh(below @ self.weight_hh.T + self.bias), dim=-1)

    def forward(self, x: Tensor, children: Children[State]) -> State:
        if len(children) == 0:
            return State(x)
        h = children.slots(2).h
        return State(leaf_or(self.join(h[:, 0], h[:, 1]), x, children))


class PieceState(NamedTuple):
    """A phrase while a tree is sought: its vector (M, H), and its words (M,)."""

    h: Tensor
    size: Tensor


@final
class RecursiveAutoEncoder(Model):
    r"""Parents from which their children can be made again (Socher et al., 2011).

    .. math::
        p &= u / |u|, \quad u = \tanh(W_e [c_1; c_2] + b_e), \qquad
        [c_1'; c_2'] = \tanh(W_d p + b_d) \\
        E(p) &= \frac{n_1}{n_1 + n_2} |c_1 - c_1'|^2
            + \frac{n_2}{n_1 + n_2} |c_2 - c_2'|^2

    where n counts the words below a child (EMNLP 2011, Eq. 4). Where no tree is given,
    the pair of neighbours with the least E is merged again and again, which is
    `treefold.merge`; then the errors of all its nodes are the loss, with gradients by
    folding. With `unfolding` (NIPS 2011, section 3.2) each node is taken apart down to
    its words instead, and these are compared:

    .. math:: E(p) = \textstyle\sum_{i \text{ below } p} |x_i - x_i'|^2

    Deviations: :math:`b_d` is the same for both children. The tree is sought by the
    error of one merge in either case, as the whole one's would grow with the phrase.

    Args:
        size: H, features of a word's vector and of every other.
        unfolding: compare words, not children.

    Example:
        >>> model = RecursiveAutoEncoder(8)
        >>> words = F.normalize(torch.randn(5, 8), dim=1)
        >>> found = model.find(Phrases(words, torch.tensor([3, 2])))
        >>> found.forest.num_nodes
        8
    """

    def __init__(self, size: int, *, unfolding: bool = False):
        super().__init__()
        self.unfolding = unfolding
        self.encoder = UnitCell(size)
        self.decoder = RecursiveCell(size, size, arity=2)

    def find(self, phrases: Phrases) -> Phrases:
        """Return the sentences with the trees of the least errors, greedily."""
        size = torch.ones(len(phrases.vectors), device=phrases.vectors.device)
        pieces = PieceState(phrases.vectors.detach(), size.to(phrases.vectors))
        found = merge(LeastError(self), pieces, lengths=phrases.lengths)
        return replace(phrases, forest=found.forest)

    def loss(self, batch: Phrases) -> Tensor:
        """Return the mean over the inner nodes of their error E; trees are found."""
        if batch.forest is None:
            batch = self.find(batch)
        assert batch.forest is not None
        return self.errors(batch.vectors, batch.forest).mean()

    def errors(self, vectors: Tensor, forest: Forest) -> Tensor:
        """Return E of every inner node, in ascending order."""
        h = self.encode(vectors, forest)
        inner = (forest.arities > 0).nonzero().squeeze(1)
        if not self.unfolding:
            words = word_counts(forest).to(h)
            left, right = forest.child.view(-1, 2).unbind(1)
            return self.error(h[inner], h[left], h[right], words[left], words[right])
        forest, top, node = subtrees(forest, inner)
        made = self.unfold_along(h[inner], forest)
        leaf = forest.leaves
        each = (made[leaf] - h[node[leaf]]).square().sum(dim=1)
        return each.new_zeros(len(inner)).index_add(0, top[leaf], each)

    def leaf_errors(self, vectors: Tensor, forest: Forest) -> Tensor:
        """Take whole sentences apart: the squared error of each word, (N,)."""
        codes = self.encode(vectors, forest)[forest.roots]
        made = self.unfold_along(codes, forest)
        return (made[: len(vectors)] - vectors).square().sum(dim=1)

    def encode(self, vectors: Tensor, forest: Forest) -> Tensor:
        """Return the codes of all phrases, (V, H)."""
        return fold(self.encoder, forest, vectors, forest.leaves).h

    def unfold_along(self, codes: Tensor, forest: Forest) -> Tensor:
        """Take codes (B, H) apart along known trees: what nodes get, (V, H)."""
        down = forest.transpose()
        return fold(self.decoder, down, codes[forest.root_tree], forest.roots).h

    def error(
        self, p: Tensor, left: Tensor, right: Tensor, n1: Tensor, n2: Tensor
    ) -> Tensor:
        """Return E of M merges, (M,), comparing children."""
        W1, W2 = self.decoder.weight_hh.chunk(2, dim=1)
        one = torch.tanh(p @ W1.T + self.decoder.bias) - left
        two = torch.tanh(p @ W2.T + self.decoder.bias) - right
        total = n1 * one.square().sum(dim=-1) + n2 * two.square().sum(dim=-1)
        return total / (n1 + n2)


@final
class LeastError(Merge[PieceState]):
    """Merges by the least error of a `RecursiveAutoEncoder`."""

    def __init__(self, model: RecursiveAutoEncoder):
        super().__init__()
        self.model = model

    def forward(self, left: PieceState, right: PieceState) -> tuple[PieceState, Tensor]:
        p = self.model.encoder.join(left.h, right.h)
        error = self.model.error(p, left.h, right.h, left.size, right.size)
        return PieceState(p, left.size + right.size), -error


def word_counts(forest: Forest) -> Tensor:
    """Return the number of leaves below every node, (V,) int64."""
    tops = torch.arange(forest.num_nodes, device=forest.device)
    below, top, _ = subtrees(forest, tops)
    return torch.bincount(top[below.leaves], minlength=forest.num_nodes)


def subtrees(forest: Forest, tops: Tensor) -> tuple[Forest, Tensor, Tensor]:
    """Copy the trees below some nodes, each as a structure of its own.

    Returns:
        The forest of copies; which of `tops` each copied node is below, and which node
        it is a copy of, (V') int64 each. Nodes of equal depth stand together, so that
        those of the first are `tops`.
    """
    arity, first, child = forest.arities, forest.offset, forest.child
    top, node = torch.arange(len(tops), device=tops.device), tops
    parts = []
    while len(node):
        parts.append((top, node))
        count = arity[node]
        begin = (first[node] - count.cumsum(0) + count).repeat_interleave(count)
        node = child[begin + torch.arange(len(begin), device=begin.device)]
        top = top.repeat_interleave(count)
    top, node = (torch.cat(each) for each in zip(*parts, strict=True))
    starts = F.pad(arity[node].cumsum(0), (1, 0))
    # Level by level, the children of one node after another are the next level.
    below = torch.arange(len(tops), len(node))
    copies = Forest.from_csr(starts.cpu(), below, top.cpu())
    return copies.to(forest.device), top, node
