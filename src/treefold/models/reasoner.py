"""Association, dissociation and saliency: structures of raw text (Bottou, 2011)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Children, State
from treefold.cells.activations import tanh
from treefold.data.bracketing import Span, crossing, spans
from treefold.folding import fold
from treefold.forest import Forest
from treefold.merging import Merge, Merging, merge
from treefold.models.base import Model
from treefold.unfolding import Decision, Step, Unfolding, unfold
from treefold.unfolding.search import Beam, Greedy

GREEDY = Greedy()
RankingLoss = Literal["hinge", "logistic"]

Int64 = NDArray[np.int64]


@final
@dataclass(frozen=True)
class Windows:
    """B windows of text, each with one word replaced.

    Attributes:
        word: (N,) the words of all windows, one window after another.
        other: (N,) the same, but for the replaced word of each window.
        lengths: (B,) words of each window.
        place: (B,) which of the N words is replaced.
        forest: a bracketing of the windows; None: the model finds its own.
    """

    word: Tensor
    other: Tensor
    lengths: Int64
    place: Int64
    forest: Forest | None = None

    def __len__(self) -> int:
        """Return B."""
        return len(self.lengths)


@final
@dataclass(frozen=True)
class Taught:
    """B sentences with what is known of them.

    Attributes:
        word: (N,) the words of all sentences, one after another.
        lengths: (B,) words of each.
        phrases: the known phrases of each; None where none are.
        label: (B,) the class of each, -1 where it is not known; None: of none.
        forest: a bracketing of the sentences; None: the model finds its own.
        gold: a bracketing in which the known phrases stand; None without phrases.
    """

    word: Tensor
    lengths: Int64
    phrases: Sequence[Sequence[Span]] | None = None
    label: Tensor | None = None
    forest: Forest | None = None
    gold: Forest | None = None

    def __len__(self) -> int:
        """Return B."""
        return len(self.lengths)


@final
@dataclass(frozen=True)
class Reading:
    """What a step of training learns from: windows, taught sentences, or both."""

    windows: Windows | None
    taught: Taught | None

    def __len__(self) -> int:
        """Return how many windows and sentences there are."""
        return len(self.windows or ()) + len(self.taught or ())

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Return the same on a device; what is only counted stays where it is."""

        def moved(part: Any) -> Any:
            held = {
                name: value.to(device, non_blocking=non_blocking)
                for name, value in vars(part).items()
                if isinstance(value, Tensor | Forest)
            }
            return replace(part, **held)

        parts = (self.windows, self.taught)
        return type(self)(*(None if part is None else moved(part) for part in parts))

    def pin_memory(self) -> Self:
        """Return this: its parts are small."""
        return self


class Weights(NamedTuple):
    """Shares of the losses of a `Reasoner`; a loss of share 0 is not computed."""

    ranking: float = 1.0
    dissociation: float = 0.0
    phrases: float = 0.0
    labels: float = 0.0


class Piece(NamedTuple):
    """A representation h, (N, H), and of how many words it is, (N,)."""

    h: Tensor
    words: Tensor


@final
class Associate(Merge[Piece]):
    """Merge two neighbours by A, and score the result by R; see `Reasoner`.

    Args:
        association: A.
        saliency: R.
        per_word: what is taken off the saliency for each word of the result.
    """

    def __init__(
        self, association: Cell[State], saliency: nn.Module, per_word: float = 0.0
    ):
        super().__init__()
        self.association = association
        self.saliency = saliency
        self.per_word = per_word

    def forward(self, left: Piece, right: Piece) -> tuple[Piece, Tensor]:
        # Inner nodes have no input, which a cell sees as zeros.
        x = torch.zeros_like(left.h)
        pairs = Children.of_pairs(State(left.h), State(right.h))
        h, words = self.association(x, pairs).h, left.words + right.words
        return Piece(h, words), self.saliency(h).squeeze(-1) - self.per_word * words


@final
class Dissociate(Step[State]):
    """Take a representation apart by D, down to the nearest words; see `Reasoner`."""

    num_slots = 2

    def __init__(self, reasoner: Reasoner):
        super().__init__()
        self.reasoner = reasoner

    def forward(
        self, state: State, previous: Tensor, slot: Tensor, tree: Tensor, context: Any
    ) -> Decision:
        # The nearest word: of -|h - e|^2 what does not depend on e is left out.
        table = context
        logits = 2 * state.h @ table.T - table.square().sum(dim=1)
        composed = self.reasoner.composed(state.h)
        return Decision(state, logits, composed.expand(-1, 2))

    def below(self, state: State, label: Tensor) -> State:
        return State(self.reasoner.dissociation(state.h).unflatten(1, (2, -1)))


@final
class Reasoner(Model):
    r"""Associate words and phrases, say how meaningful the result is, take it apart.

    Bottou (2011, arXiv:1102.1808) builds structures out of three trained modules on
    one space of representations:

    .. math::
        z = A(x, y), \qquad r = R(z), \qquad (\tilde x, \tilde y) = D(z)

    A, the association, is a binary cell whose leaves are vectors of words. R, the
    saliency, scores a representation. No tree is given: `build` merges neighbours, by
    greedy choice of the highest R or by a beam over the sum of R. D, the dissociation,
    is the inverse of A; `recall` unfolds a representation by D, down to words.

    The loss is a weighted sum of four:

    - *ranking* (Collobert & Weston, 2008): a window of text s and the same with a word
      replaced, s', under the same structure; at every association v above that word

      .. math:: \max(0, 1 - R(z_v) + R(z'_v))

      With ``loss="logistic"`` true ones are told from corrupted ones instead,
      :math:`\log(1 + e^{-R(z_v)}) + \log(1 + e^{R(z'_v)})`, so that saliencies of
      different phrases can be compared, as `build` does.

    - *dissociation*: at all associations of the true windows,
      :math:`\sum \lVert D(A(x, y)) - [x; y] \rVert^2` over the variance of
      :math:`[x; y]`, which is 1 for a D that knows nothing; and the cross-entropy of
      telling from :math:`x` and from :math:`\tilde x` if x is a word.
    - *phrases*, where sentences have trees: the logistic loss of a second saliency, by
      which the model then builds, that tells whether an association overlaps a known
      phrase in part. It is learned on the known tree and on the one that the model
      finds, so that it meets its own mistakes.
    - *labels*, where sentences have a class: cross-entropy of a linear layer on the
      root of the structure that the model finds.

    The choice of a structure carries no gradient.

    Args:
        association: A, a binary cell of input size and hidden size H whose state is h
            alone and whose leaves are their input.
        num_tokens: W, size of the vocabulary.
        num_classes: C, of sentences; 0 where they have none.
        weights: shares of the losses.
        embedding_std: standard deviation of the vectors at the start.
        dropout: probability to drop a feature of a word's vector in sentences that
            are taught; a window and its corruption are compared as they are.
        loss: of ranking, "hinge" or "logistic".
        per_word: what `build` takes off a saliency for each word of the association.
            In a longer phrase more words agree with each other, so that it is more
            salient than what it is made of; without this, phrases grow word by word.

    Attributes:
        embedding: (W, H), with sparse gradients.
        dissociation: D, from (N, H) to (N, 2H), one hidden layer of 2H.
        saliency: R, from (N, H) to (N, 1), one hidden layer of H.
        phrase: the second R; None where the share of phrases is 0.
        composed: (N, H) to (N, 1), the logit that a representation is of more words.
        output: the linear layer from H to C; None without classes.

    Raises:
        ValueError: the cell is not as said above; another loss.

    Example:
        >>> import torch
        >>> from treefold.cells import RecursiveCell
        >>> model = Reasoner(RecursiveCell(8, 8), 20)
        >>> found = model.build(torch.arange(7), [4, 3])
        >>> found.forest
        Forest(num_trees=2, num_nodes=12, num_edges=10, num_levels=4)
        >>> roots = found.state.h[found.forest.roots]
        >>> model.recall(roots, max_depth=3).forest.num_trees
        2
    """

    def __init__(
        self,
        association: Cell[State],
        num_tokens: int,
        *,
        num_classes: int = 0,
        weights: Weights = Weights(),  # noqa: B008 - a tuple
        embedding_std: float = 0.1,
        dropout: float = 0.0,
        loss: RankingLoss = "hinge",
        per_word: float = 0.0,
    ):
        super().__init__()
        H = association.hidden_size
        binary = association.leaf_is_input and association.max_arity == 2
        if not binary or association.input_size != H:
            raise ValueError(
                "association must be a binary cell whose leaves are their input, such "
                f"as RecursiveCell({H}, {H}), got {association}."
            )
        self.embedding = nn.Embedding(num_tokens, H, sparse=True)
        nn.init.normal_(self.embedding.weight, std=embedding_std)
        self.association = association
        self.dissociation = _perceptron(H, 2 * H, 2 * H)
        self.saliency = _perceptron(H, H, 1)
        self.phrase = _perceptron(H, H, 1) if weights.phrases else None
        self.composed = nn.Linear(H, 1)
        self.output = nn.Linear(H, num_classes) if num_classes else None
        self.weights = weights
        self.dropout = dropout
        self.above = ranking_loss(loss)
        self.per_word = per_word

    def states(self, forest: Forest, word: Tensor, *, dropout: float = 0.0) -> Tensor:
        """Return the representation of every node of a bracketing, (V, H)."""
        distinct, rows = word.unique(return_inverse=True)
        vectors, nodes = self.embedding(distinct), forest.leaves
        if self.training and dropout:
            x = F.dropout(F.embedding(rows, vectors), dropout)
            return fold(self.association, forest, x, nodes).h
        return fold(self.association, forest, vectors, nodes, rows=rows).h

    @torch.no_grad()
    def build(
        self,
        word: Tensor,
        lengths: Int64 | Sequence[int],
        search: Greedy | Beam = GREEDY,
    ) -> Merging[Piece]:
        """Find a structure for each of B sentences.

        Args:
            word: (N,) the words of all sentences, one after another.
            lengths: (B,) words of each.
            search: `Greedy()` or `Beam(width)`.

        Returns:
            A bracketing with representations, and the saliency of each association,
            less `per_word` for each of its words.
        """
        saliency = self.phrase or self.saliency
        step = Associate(self.association, saliency, self.per_word)
        start = Piece(self.words(word), torch.ones_like(word))
        return merge(step, start, lengths=torch.as_tensor(lengths), search=search)

    @torch.no_grad()
    def recall(
        self, h: Tensor, *, max_depth: int, max_nodes: int | None = None
    ) -> Unfolding[State]:
        """Take representations (N, H) apart, down to words.

        Returns:
            A structure for each row. The labels of its leaves are the nearest words.
        """
        step, words = Dissociate(self), self.words()
        return unfold(step, h, max_depth=max_depth, max_nodes=max_nodes, context=words)

    def words(self, word: Tensor | None = None) -> Tensor:
        """Return the representations of words (N,), or of all words, (N, H)."""
        table = self.embedding.weight
        x = table if word is None else self.embedding(word)
        alone = Forest.from_lengths([1] * len(x)).to(x.device)
        return fold(self.association, alone, x).h

    def loss(self, batch: Reading) -> Tensor:
        """Return the weighted sum of the losses, each a mean over what it looks at."""
        shares, total = self.weights, self.embedding.weight.new_zeros(())
        if batch.windows is not None:
            total = total + self._of_windows(batch.windows)
        if batch.taught is None:
            return total
        taught = batch.taught
        if shares.phrases:
            assert taught.gold is not None
            own = self.build(taught.word, taught.lengths).forest
            for forest in (taught.gold, own):
                total = total + shares.phrases / 2 * self._of_phrases(taught, forest)
        if shares.labels:
            assert taught.label is not None
            logits = self.classify(taught)
            loss = F.cross_entropy(logits, taught.label, ignore_index=-1)
            total = total + shares.labels * loss
        return total

    def classify(self, taught: Taught) -> Tensor:
        """Return the logits of the class of each sentence, (B, C)."""
        assert self.output is not None
        forest = taught.forest
        if forest is None:
            forest = self.build(taught.word, taught.lengths).forest
        h = self.states(forest, taught.word, dropout=self.dropout)
        return self.output(h[forest.roots])

    def _of_windows(self, windows: Windows) -> Tensor:
        """Return the losses of ranking and dissociation."""
        shares, N = self.weights, len(windows.word)
        forest = windows.forest
        if forest is None:
            forest = self.build(windows.word, windows.lengths).forest
        twice = Forest.cat([forest, forest])  # true windows, then corrupted ones
        h = self.states(twice, torch.cat([windows.word, windows.other]))
        V = forest.num_nodes
        total = h.new_zeros(())
        if shares.ranking:
            above = torch.from_numpy(_above(forest, windows, N)).to(h.device)
            true, corrupt = self.saliency(h[torch.cat([above, above + V])]).chunk(2)
            total = total + shares.ranking * self.above(true, corrupt)
        if shares.dissociation:
            loss = self._of_dissociation(forest, h[:V], N)
            total = total + shares.dissociation * loss
        return total

    def _parts(self, forest: Forest, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the share that is lost of the parts, and the parts as D gives them."""
        part = h[forest.child]  # (2M, H), the two parts of each association in turn
        above = (forest.arities > 0).nonzero().flatten()
        again = self.dissociation(h[above]).view(-1, h.shape[1])
        variance = (part - part.mean(dim=0)).square().sum().detach()
        return (again - part).square().sum() / variance, again

    def _of_dissociation(self, forest: Forest, h: Tensor, N: int) -> Tensor:
        """Return how much of the parts is lost, and which parts are not known apart."""
        lost, again = self._parts(forest, h)
        # Both what is to be taken apart and what came of it must be told from words.
        node = torch.arange(len(h), device=h.device)
        composed = torch.cat([node, forest.child]) >= N
        told = self.composed(torch.cat([h.detach(), again])).squeeze(-1)
        return lost + F.binary_cross_entropy_with_logits(told, composed.to(h))

    def _of_phrases(self, taught: Taught, forest: Forest) -> Tensor:
        """Return how badly associations are told from overlaps, on a bracketing."""
        assert self.phrase is not None
        assert taught.phrases is not None
        N = len(taught.word)
        h = self.states(forest, taught.word, dropout=self.dropout)[N:]
        bad = crossing(forest, taught.lengths, taught.phrases)[N:]
        good = torch.from_numpy(~bad).to(h)
        return F.binary_cross_entropy_with_logits(self.phrase(h).squeeze(-1), good)

    @torch.no_grad()
    def lost(self, windows: Windows) -> Tensor:
        """Return the share of the variance of parts that A and D lose, a scalar."""
        forest = windows.forest
        if forest is None:
            forest = self.build(windows.word, windows.lengths).forest
        return self._parts(forest, self.states(forest, windows.word))[0]

    @torch.no_grad()
    def rank(self, windows: Windows) -> tuple[Tensor, Tensor]:
        """Return the saliency of B windows and of the corrupted ones, (B,) each."""
        forest = windows.forest
        if forest is None:
            forest = self.build(windows.word, windows.lengths).forest
        scores = (
            self.saliency(self.states(forest, word)[forest.roots]).squeeze(-1)
            for word in (windows.word, windows.other)
        )
        return next(scores), next(scores)


def ranking_loss(name: RankingLoss) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what is to be small where true scores are above corrupted ones.

    Raises:
        ValueError: another name.
    """
    if name == "hinge":
        return lambda true, corrupt: F.relu(1 - true + corrupt).mean()
    if name == "logistic":
        return lambda true, corrupt: (F.softplus(-true) + F.softplus(corrupt)).mean()
    raise ValueError(f'loss must be "hinge" or "logistic", got {name!r}.')


class _Tanh(nn.Module):
    """As ``nn.Tanh``, but fast."""

    def forward(self, x: Tensor) -> Tensor:
        return tanh(x)


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), _Tanh(), nn.Linear(hidden, outputs))


def _above(forest: Forest, windows: Windows, N: int) -> Int64:
    """Return the associations that the replaced word of each window is part of."""
    begin, end = spans(forest, N).T
    place = windows.place[forest.tree.cpu().numpy()]
    over = (begin <= place) & (place < end)
    over[:N] = False
    return np.flatnonzero(over)
