"""A parser that scores trees by a recursive net, over charts' lists or by merging."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Children, State
from treefold.folding import fold
from treefold.forest import Forest
from treefold.layers import LSTM
from treefold.merging import Merge, Merging, merge
from treefold.models.base import Model
from treefold.models.parse_batch import ParseBatch
from treefold.models.phrase_cell import PhraseCell
from treefold.unfolding.search import Beam, Greedy

IMPOSSIBLE = -1e4  # finite, so that a search never meets infinities


@final
class _Total(Cell[State]):
    """Adds up: the value of a node and of all below it."""

    def forward(self, x: Tensor, children: Children[State]) -> State:
        return State(x + children.sum(children.state.h))


class Piece(NamedTuple):
    """What merging carries: a phrase's h, its first gap, its last, and its label."""

    h: Tensor
    begin: Tensor
    end: Tensor
    label: Tensor


@final
class _Step(Merge[Piece]):
    """Make a phrase of two neighbours, with the label of the highest score.

    Args:
        parser: whose weights.
        gaps: (G, 2H), of the sentences, see `RecursiveParser.gaps`.
        right: sorted keys of the right phrases; those that are not among them
        price: score so much more. Learning looks for what is good *and* wrong.
    """

    def __init__(
        self,
        parser: RecursiveParser,
        gaps: Tensor,
        right: Tensor | None = None,
        price: float = 0.0,
    ):
        super().__init__()
        # No child module: a step has no weights of its own.
        object.__setattr__(self, "parser", parser)
        self.gaps, self.right, self.price = gaps, right, price

    def forward(self, left: Piece, right: Piece) -> tuple[Piece, Tensor]:
        parser: RecursiveParser = self.parser  # type: ignore[assignment]
        begin, end = left.begin, right.end
        s = parser.spans(self.gaps, begin, end)
        u, v = parser.diagonals(parser.pair(left.label, right.label)).chunk(2, dim=1)
        a = parser.cell.joined(s, u, v, left.h, right.h)
        scores = parser.phrase_scores(torch.tanh(a))
        if self.right is not None and self.price:
            key = parser.key(begin, end, len(self.gaps))[:, None]
            key = key + torch.arange(scores.shape[1], device=key.device)
            at = torch.searchsorted(self.right, key).clamp(max=len(self.right) - 1)
            scores = scores + self.price * (self.right[at] != key)
        score, label = scores.max(dim=1)
        h = torch.tanh(a + parser.labels(label))
        return Piece(h, begin, end, label), score


@final
class RecursiveParser(Model):
    r"""Score trees over sentences: every node by its label and by what is below it.

    Words are read by a bidirectional LSTM, phrases by a `PhraseCell`:

    .. math::
        s(p) = (U \max(0, U_1 g_p + b_1) + b)_{\text{label of } p}, \qquad
        s(t) = \textstyle\sum_{p \in t} s(p)

    *Chart* (Socher et al., 2013): of the k best trees of a grammar the one of the
    highest :math:`s(t) + \alpha \ln P(t)` is taken. *Merging* (Socher, Manning & Ng,
    2010; Socher, Lin, Ng & Manning, 2011): neighbours are merged, greedily or by beam,
    without a grammar; a phrase's label is that of the highest score, a word's the most
    probable one. The two share all but their U, b and U_1, b_1.

    Learning is by the margin of the papers, over trees t of a sentence whose right one
    is y, Δ(t) = κ times what is wrong in t,

    .. math:: \max_t (s(t) + \Delta(t)) - s(y)

    with the candidates as t, and the best of them as y. With ``soft`` the maximum is
    :math:`\ln \sum \exp`, so that the whole list teaches. In merging t is what a search
    finds that is paid κ for every wrong phrase. As it does not find the maximum, the
    difference has no lower bound; so the margin is asked of each phrase,

    .. math::
        \textstyle\sum_{p \in t \setminus y} \max(0, \kappa + s(p))
        + \sum_{p \in y} \max(0, \kappa - s(p)),

    which is what makes a greedy search right: every right phrase scores above every
    wrong one. The labels of right phrases and words are learned by cross-entropy beside
    it.

    Args:
        encoder: vectors (N, I) of the words of a batch.
        input_size: I.
        categories: (labels,), the category of each label, by which a pair is known;
            label 0 is any that training did not have.
        num_categories: how many there are.
        of_words: (labels,) bool, which labels words have; phrases have the others.
        context_size: features of the LSTM's states, in each direction.
        hidden_size: H.
        score_size: features between a phrase and its score.
        dropout: share of the features of words, and of phrases before they are scored.
        margin: κ.
        soft: whether the whole list teaches.
        merging: share of what is learned by merging; 0 leaves it out.
        beam: pieces' sets that the search for a wrong tree keeps.

    Attributes:
        cell: the node function.
        alpha: α, learned, too; it begins at 1.

    Example:
        >>> import numpy as np
        >>> from treefold.data.sequences import Sequences
        >>> from treefold.parsing.candidates import Candidates, Node
        >>> the, dog, both = (("DT",), 0, 1), (("NN",), 1, 2), (("TOP", "NP"), 0, 2)
        >>> nodes = [Node(*the, -1, -1), Node(*dog, -1, -1), Node(*both, 0, 1)]
        >>> found = Candidates.of([["the", "dog"]], [(nodes, [2], [-1.0])])
        >>> words = Sequences.of([np.ones((2, 5), np.float32)])
        >>> label, number = np.array([1, 2, 3]), np.array([0])
        >>> batch = ParseBatch.of_candidates(words, found, label, number)
        >>> of_words = torch.tensor([False, True, True, False])
        >>> parser = RecursiveParser(nn.Identity(), 5, torch.arange(4), 4, of_words)
        >>> parser(batch).shape, parser.build(batch, Greedy()).forest.num_nodes
        (torch.Size([1]), 3)
    """

    category: Tensor
    no_word: Tensor
    no_phrase: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        input_size: int,
        categories: Tensor,
        num_categories: int,
        of_words: Tensor,
        *,
        context_size: int = 100,
        hidden_size: int = 50,
        score_size: int = 100,
        dropout: float = 0.3,
        margin: float = 0.3,
        soft: bool = True,
        merging: float = 0.5,
        beam: int = 1,
    ):
        super().__init__()
        L, H = len(categories), hidden_size
        self.encoder = encoder
        self.context = LSTM(input_size, context_size, bidirectional=True)
        self.word = nn.Linear(2 * context_size, H)
        self.gap_begin = nn.Linear(2 * context_size, H)
        self.gap_end = nn.Linear(2 * context_size, H, bias=False)
        self.cell = PhraseCell(H)
        self.labels = nn.Embedding(L, H)
        self.diagonals = nn.Embedding(num_categories**2, 2 * H, sparse=True)
        nn.init.normal_(self.labels.weight, std=0.1)
        nn.init.zeros_(self.diagonals.weight)
        self.tree_hidden, self.tree_score = (
            nn.Linear(H, score_size),
            nn.Linear(score_size, L),
        )
        self.merge_hidden, self.merge_score = (
            nn.Linear(H, score_size),
            nn.Linear(score_size, L),
        )
        self.word_score = nn.Linear(2 * context_size, L)
        self.alpha = nn.Parameter(torch.ones(()))
        self.register_buffer("category", categories, persistent=False)
        known = torch.arange(L) > 0
        self.register_buffer("no_word", ~(of_words & known), persistent=False)
        self.register_buffer("no_phrase", of_words | ~known, persistent=False)
        self.num_categories = num_categories
        self.dropout, self.margin, self.soft = dropout, margin, soft
        self.merging, self.beam = merging, beam

    # ------------------------------------------------------------------ reading

    def read(self, batch: ParseBatch) -> Tensor:
        """Return the LSTM's states of the words, (N, 2·context), by sentence."""
        x = F.dropout(self.encoder(batch.steps), self.dropout, self.training)
        h, _ = self.context(batch.chains, x)
        h = F.dropout(h, self.dropout, self.training)
        return h.index_select(0, batch.place)

    def gaps(self, batch: ParseBatch, words: Tensor) -> Tensor:
        """Return what a phrase that begins, or ends, in each gap reads there, (G, 2H).

        The state of a gap is the forward one of the word before it, and the backward
        one of the word behind it; zeros at the ends of a sentence.
        """
        forward, backward = words.chunk(2, dim=1)
        G = len(words) + len(batch)
        empty = words.new_zeros(G, forward.shape[1])
        before = empty.index_copy(0, batch.begin_of + 1, forward)
        behind = empty.index_copy(0, batch.begin_of, backward)
        state = torch.cat([before, behind], 1)
        return torch.cat([self.gap_begin(state), self.gap_end(state)], 1)

    def spans(self, gaps: Tensor, begin: Tensor, end: Tensor) -> Tensor:
        """Return what phrases from gap to gap read at both, (M, H)."""
        first, last = gaps.chunk(2, dim=1)
        return first.index_select(0, begin) + last.index_select(0, end)

    def pair(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the number of the pair of the categories of two labels, (M,)."""
        return self.category[left] * self.num_categories + self.category[right]

    def key(self, begin: Tensor, end: Tensor, gaps: int) -> Tensor:
        """Return a number of each span, apart from the next by the number of labels."""
        return (begin * gaps + end) * len(self.category)

    def phrases(
        self, batch: ParseBatch, words: Tensor, gaps: Tensor, tree: Tree
    ) -> Tensor:
        """Return g of every node of trees over a batch's sentences, (V, H)."""
        forest, label, begin, end, left, right = tree
        pair = self.pair(label[left], label[right])
        inner = (left != right)[:, None]
        # A word's number is that of its gap less the sentences' ends before it.
        word = torch.empty_like(begin[: len(gaps)])
        word = word.new_zeros(len(gaps)).index_copy(
            0, batch.begin_of, torch.arange(len(words), device=words.device)
        )
        s = torch.where(
            inner,
            self.spans(gaps, begin, end),
            self.word(words).index_select(0, word[begin]),
        )
        x = torch.cat([s, self.labels(label), self.diagonals(pair) * inner], 1)
        return fold(self.cell, forest, x).g

    def phrase_scores(self, g: Tensor) -> Tensor:
        """Return the scores of all labels in merging, (M, labels), of g (M, H)."""
        return self._phrase_scores(self.merge_hidden(g).relu())

    def _phrase_scores(self, z: Tensor) -> Tensor:
        return self.merge_score(z).masked_fill(self.no_phrase, IMPOSSIBLE)

    def word_scores(self, words: Tensor) -> Tensor:
        """Return the scores of all labels of words, (N, labels), for merging."""
        return self.word_score(words).masked_fill(self.no_word, IMPOSSIBLE)

    def _score(self, g: Tensor, label: Tensor, merging: bool) -> Tensor:
        """Return the score of each node's own label, (V,)."""
        hidden = self.merge_hidden if merging else self.tree_hidden
        output = self.merge_score if merging else self.tree_score
        z = F.dropout(hidden(g).relu(), self.dropout, self.training)
        rows = F.embedding(label, output.weight)  # (V, score)
        return (z * rows).sum(1) + output.bias[label]

    # ------------------------------------------------------------------ chart

    def forward(self, batch: ParseBatch) -> Tensor:
        """Return s(t) + α ln P(t) of every candidate, (R,)."""
        words = self.read(batch)
        g = self.phrases(batch, words, self.gaps(batch, words), tree_of(batch))
        return self._totals(batch, g)[batch.root] + self.alpha * batch.score

    def _totals(self, batch: ParseBatch, g: Tensor) -> Tensor:
        scores = self._score(g, batch.label, False)
        return fold(_Total(1, 1), batch.forest, scores[:, None]).h[:, 0]

    def list_loss(self, batch: ParseBatch, scores: Tensor) -> Tensor:
        """Return the mean margin of a sentence, of its candidates' scores (R,)."""
        wrong = scores + self.margin * batch.wrong
        B = len(batch)
        if self.soft:
            least = torch.finfo(scores.dtype).min
            good = scores.masked_fill(~batch.best, least)
            return (_lse(wrong, batch.of, B) - _lse(good, batch.of, B)).mean()
        # Of several best candidates the one that scores highest is the target.
        empty = scores.new_full((B,), -torch.inf)
        found = empty.scatter_reduce(0, batch.of, wrong, "amax")
        right = scores.masked_fill(~batch.best, -torch.inf)
        target = empty.scatter_reduce(0, batch.of, right, "amax")
        return (found - target).mean()

    @torch.no_grad()
    def choose(self, batch: ParseBatch) -> Tensor:
        """Return the best candidate of each sentence, (B,), counted from its first."""
        was_training = self.training
        self.eval()
        scores = self(batch)
        self.train(was_training)
        count = torch.bincount(batch.of, minlength=len(batch))
        first = count.cumsum(0) - count
        table = scores.new_full((len(batch), int(count.max())), -torch.inf)
        table[batch.of, torch.arange(len(scores)) - first[batch.of]] = scores
        return table.argmax(1)

    # ------------------------------------------------------------------ merging

    @torch.no_grad()
    def build(
        self,
        batch: ParseBatch,
        search: Greedy | Beam,
        *,
        right: Tensor | None = None,
        price: float = 0.0,
    ) -> Merging[Piece]:
        """Build trees of the batch's words without candidates.

        Args:
            batch: the sentences.
            search: `Greedy()` or `Beam(width)`.
            right: keys of right phrases, sorted, and
            price: what a phrase that is not among them gains; for learning.
        """
        was_training = self.training
        self.eval()
        words = self.read(batch)
        gaps = self.gaps(batch, words)
        label = self.word_scores(words).argmax(1)
        h = torch.tanh(self.word(words) + self.labels(label))
        pieces = Piece(h, batch.begin_of, batch.begin_of + 1, label)
        step = _Step(self, gaps, right, price)
        found = merge(step, pieces, lengths=batch.length, search=search)
        self.train(was_training)
        return found

    def _merge_loss(
        self, batch: ParseBatch, words: Tensor, gaps: Tensor, g: Tensor
    ) -> Tensor:
        """The margin of merging, and the cross-entropy of right labels."""
        in_gold = torch.zeros(len(batch.label), dtype=torch.bool, device=g.device)
        in_gold[batch.gold] = True
        in_gold = _below(batch, in_gold)
        inner = batch.left != batch.right
        phrase = (in_gold & inner).nonzero().flatten()
        leaf = (in_gold & ~inner).nonzero().flatten()
        G = len(gaps)
        keys = self.key(batch.begin, batch.end, G) + batch.label
        right = keys[phrase].sort().values
        found = self.build(
            batch,
            Beam(self.beam) if self.beam > 1 else Greedy(),
            right=right,
            price=self.margin,
        )
        own = tree_of_merging(found)
        g_found = self.phrases(batch, words, gaps, own)
        N = len(words)
        made = torch.arange(N, len(own.label), device=g.device)
        key = self.key(own.begin, own.end, G)[made] + own.label[made]
        at = torch.searchsorted(right, key).clamp(max=max(len(right) - 1, 0))
        wrong = made[right[at] != key] if len(right) else made
        said = self._score(g_found[wrong], own.label[wrong], True)
        wanted = self._score(g[phrase], batch.label[phrase], True)
        B = len(batch)
        loss = (self.margin + said).relu().sum() + (self.margin - wanted).relu().sum()
        loss = loss / B
        z = F.dropout(self.merge_hidden(g[phrase]).relu(), self.dropout, self.training)
        logits = self._phrase_scores(z)
        loss = loss + F.cross_entropy(logits, batch.label[phrase], reduction="sum") / B
        place = batch.begin[leaf]
        word = torch.searchsorted(batch.begin_of, place)
        tags = self.word_scores(words[word])
        return loss + F.cross_entropy(tags, batch.label[leaf], reduction="sum") / B

    def loss(self, batch: ParseBatch) -> Tensor:
        """Return the mean loss of a sentence."""
        words = self.read(batch)
        gaps = self.gaps(batch, words)
        g = self.phrases(batch, words, gaps, tree_of(batch))
        scores = self._totals(batch, g)[batch.root] + self.alpha * batch.score
        loss = self.list_loss(batch, scores)
        if self.merging:
            loss = loss + self.merging * self._merge_loss(batch, words, gaps, g)
        return loss


class Tree(NamedTuple):
    """Trees over sentences, as `ParseBatch` has them."""

    forest: Forest
    label: Tensor
    begin: Tensor
    end: Tensor
    left: Tensor
    right: Tensor


def tree_of(batch: ParseBatch) -> Tree:
    """Return a batch's candidates and right trees."""
    return Tree(
        batch.forest, batch.label, batch.begin, batch.end, batch.left, batch.right
    )


def tree_of_merging(found: Merging[Piece]) -> Tree:
    """Return the trees that merging found."""
    forest, state = found.forest, found.state
    left = torch.arange(forest.num_nodes, device=forest.device)
    right = left.clone()
    inner = forest.arities.nonzero().flatten()
    both = forest.child.view(-1, 2)
    left[inner], right[inner] = both[:, 0], both[:, 1]
    return Tree(forest, state.label, state.begin, state.end, left, right)


def _below(batch: ParseBatch, chosen: Tensor) -> Tensor:
    """Return whether a node is chosen, or below one that is, (V,) bool."""
    up = batch.forest.transpose()
    mark = chosen.to(torch.get_default_dtype())[:, None]
    return fold(_Total(1, 1), up, mark).h[:, 0] > 0


def _lse(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Return ln Σ exp of each group's values, (groups,)."""
    most = values.detach().new_full((groups,), -torch.inf)
    most = most.scatter_reduce(0, group, values.detach(), "amax")
    small = (values - most[group]).exp()
    return most + values.new_zeros(groups).index_add(0, group, small).log()
