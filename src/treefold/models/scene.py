"""Scenes: adjacent segments of an image merge to a tree; each node gets a class."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Children, GatedRecursiveCell, RecursiveCell, State
from treefold.folding import fold
from treefold.forest import Forest
from treefold.merging import Merge, Merging, merge
from treefold.models.base import Model
from treefold.unfolding import Beam, Greedy

FORBIDDEN = -1e6  # added to the score of a merge that must not be


@final
@dataclass(frozen=True)
class SceneBatch:
    """B images as N adjacent segments, and as far as known what they show.

    Attributes:
        features: (N, F), of each segment.
        structure: (N,) int64, the image of each segment, ascending from 0.
        edges: (2, E) int64, pairs of segments that touch.
        pixels: (N, C) how many pixels of each class a segment has; zeros where that is
            not known.
        region: (N,) int64, the region of each segment, numbered in its image from 0: a
            connected set of segments of one class.
    """

    features: Tensor
    structure: Tensor
    edges: Tensor
    pixels: Tensor
    region: Tensor

    def __len__(self) -> int:
        """Return B."""
        return int(self.structure[-1]) + 1 if len(self.structure) else 0

    def start(self, h: Tensor) -> SceneState:
        """Return the states of the segments before any merge, with their h (N, H)."""
        covered = F.one_hot(self.region).to(h)
        # The segments of an image's regions, for each image and then each segment.
        whole = covered.new_zeros(len(self), covered.shape[1])
        whole = whole.index_add(0, self.structure, covered)[self.structure]
        return SceneState(h, self.pixels.to(h), covered, whole)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SceneBatch:
        """Return the batch on a device."""
        return self._carried(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> SceneBatch:
        """Return a copy in page-locked memory."""
        return self._carried(lambda part: part.pin_memory())

    def _carried(self, move: Any) -> SceneBatch:
        parts = {field.name: move(getattr(self, field.name)) for field in fields(self)}
        return replace(self, **parts)


class SceneState(NamedTuple):
    """The state of a piece of an image, and what is known of the piece.

    Attributes:
        h: (N, H).
        pixels: (N, C), its pixels by class.
        covered: (N, R), how many of its segments are of each region of its image.
        whole: (N, R), how many segments those regions have in all.
    """

    h: Tensor
    pixels: Tensor
    covered: Tensor
    whole: Tensor

    @property
    def right(self) -> Tensor:
        """(N,) bool, whether a piece is in any right tree of its image.

        In a right tree the segments of a region merge before anything else does: the
        piece is a part of one region, or all of several.
        """
        touched = self.covered > 0
        parts = touched & (self.covered < self.whole)
        return (touched.sum(dim=1) == 1) | ~parts.any(dim=1)

    def joined(self, other: SceneState, h: Tensor) -> SceneState:
        """Return the state of the union of these pieces and others, with its h."""
        pixels, covered = self.pixels + other.pixels, self.covered + other.covered
        return SceneState(h, pixels, covered, self.whole)


class Parsing(NamedTuple):
    """What a `SceneParser` finds in images.

    Attributes:
        forest: a tree for each image over its segments: nodes 0 to N-1 are the
            segments, merged nodes follow.
        probability: (V, C), of each class at each node.
        score: (V,) of each merge, 0 at segments.
        right: (V,) bool, whether a node is in any right tree.
        pixels: (V, C), pixels of a node by their class.
    """

    forest: Forest
    probability: Tensor
    score: Tensor
    right: Tensor
    pixels: Tensor


@final
class SceneMerge(Merge[SceneState]):
    """One merge of a `SceneParser`: a cell over two pieces, and its score.

    Args:
        parser: whose cell and score they are.
        wrong: added to the score of a merge that is in no right tree.
    """

    def __init__(self, parser: SceneParser, wrong: float = 0.0):
        super().__init__()
        self.parser = parser
        self.wrong = wrong

    def forward(self, left: SceneState, right: SceneState) -> tuple[SceneState, Tensor]:
        children = Children.of_pairs(State(left.h), State(right.h))
        h = self.parser.cell(torch.zeros_like(left.h), children).h
        state = left.joined(right, h)
        score = self.parser.score(h).squeeze(-1)
        return state, score + self.wrong * ~state.right


@final
class SceneParser(Model):
    r"""Parses images: segments merge with their neighbours until one node is left.

    Socher, Lin, Ng & Manning (2011, ICML), "Parsing natural scenes and natural
    language with recursive neural networks". A segment's features become a vector,
    two adjacent pieces the vector of their union, and every vector has a score and
    a class:

    .. math::
        h_i &= \tanh(W_s F_i + b_s) \\
        h_p &= \tanh(W [h_l; h_r] + b), \qquad s_p = w^\top h_p \\
        p(c \mid v) &= \text{softmax}(W_c [h_v; g_v] + b_c)

    The tree of an image is that of the highest sum of scores that the search finds. A
    merge is *right* if its piece is a part of one region of the image or all of
    several, in whatever order. With :math:`\hat y` any tree, :math:`y` a right one and
    :math:`\Delta(\hat y) = \kappa \cdot` (number of wrong merges), the loss is

    .. math::
        \max\Bigl(0, \max_{\hat y} \bigl(s(\hat y) + \Delta(\hat y)\bigr)
            - \max_y s(y)\Bigr)

    per image, both maxima found by the same search, plus the mean cross-entropy of the
    classes over all segments and over all merged nodes whose pixels are nearly all of
    one class, in both trees. As the search is not exact, a wrong tree may be found that
    scores less than the right one, and then nothing would be learned from it. The
    difference is therefore taken where it is the largest: over the first merges of both
    searches, as many as make it so (max-violation: Huang, Fayong & Guo, 2012, NAACL).

    Deviations from the paper: g is the state of a fold from the root down (Irsoy &
    Cardie, 2013), :math:`g_v = \tanh(W_g^{slot} g_{parent} + V h_v + b_g)`, by which a
    segment's class depends on the tree around it (``context=False`` leaves it out, as
    the paper does); features may pass a hidden layer (``inner_size=0`` is the paper);
    the cell may be the gated one.

    Args:
        num_features: F.
        num_classes: C.
        hidden_size: H.
        inner_size: features of a hidden layer before h_i; 0 has none.
        cell: "recursive", as above, or "gated" (`GatedRecursiveCell`).
        context: whether classes see g.
        kappa: κ, the margin for each wrong merge.
        pure: share of one class from which a merged node is of that class.
        margin_weight: of the structure's loss beside that of the classes.
        width: of the beam; 1 searches greedily, as the paper does.
        dropout: share of features dropped before and behind the cell.

    Shape:
        - batch.features: (N, F).
        - output: logits (V, C) of the nodes of the trees found.

    Example:
        >>> import torch
        >>> from treefold.models.scene import SceneBatch, SceneParser
        >>> structure, region = torch.tensor([0, 0, 0]), torch.tensor([0, 0, 1])
        >>> edges = torch.tensor([[0, 1], [1, 2]])
        >>> pixels = torch.tensor([[9.0, 0], [7, 1], [0, 5]])
        >>> batch = SceneBatch(torch.randn(3, 4), structure, edges, pixels, region)
        >>> parser = SceneParser(4, 2, hidden_size=8)
        >>> parser.loss(batch).shape, parser.parse(batch).probability.shape
        (torch.Size([]), torch.Size([5, 2]))
    """

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        *,
        hidden_size: int = 64,
        inner_size: int = 0,
        cell: Literal["recursive", "gated"] = "recursive",
        context: bool = True,
        kappa: float = 0.1,
        pure: float = 0.9,
        margin_weight: float = 1.0,
        width: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        H, inner = hidden_size, inner_size
        layers: list[nn.Module] = [nn.Linear(inner or num_features, H), nn.Tanh()]
        if inner:
            layers = [nn.Linear(num_features, inner), nn.GELU(), *layers]
        self.encoder = nn.Sequential(*layers)
        if cell not in ("recursive", "gated"):
            raise ValueError(f'cell must be "recursive" or "gated", got {cell!r}.')
        kind = RecursiveCell if cell == "recursive" else GatedRecursiveCell
        self.cell: Cell[State] = kind(H, H, arity=2)
        self.down = RecursiveCell(H, H, arity=2, input="affine") if context else None
        self.score = nn.Linear(H, 1, bias=False)
        self.output = nn.Linear(2 * H if context else H, num_classes)
        self.kappa = kappa
        self.pure = pure
        self.margin_weight = margin_weight
        self.search = Beam(width) if width > 1 else Greedy()
        self.dropout = dropout

    def forward(self, batch: SceneBatch) -> Tensor:
        """Return the logits of every node of the trees found, (V, C)."""
        vectors = self.encode(batch.features)
        forest = self.find(batch, vectors).forest
        h = fold(self.cell, forest, vectors, nodes=forest.leaves).h
        return self.classify(forest, h)

    def encode(self, features: Tensor) -> Tensor:
        """Return the vectors (N, H) of segments (N, F)."""
        return F.dropout(self.encoder(features), self.dropout, self.training)

    @torch.no_grad()
    def find(
        self, batch: SceneBatch, vectors: Tensor, wrong: float = 0.0
    ) -> Merging[SceneState]:
        """Search a tree for each image.

        Args:
            batch: the images.
            vectors: (N, H) of their segments.
            wrong: added to the score of each wrong merge.
        """
        alone = Forest.from_lengths([1] * len(vectors)).to(vectors.device)
        start = batch.start(fold(self.cell, alone, vectors).h)
        return merge(
            SceneMerge(self, wrong),
            start,
            edges=batch.edges,
            structure=batch.structure,
            search=self.search,
        )

    def classify(self, forest: Forest, h: Tensor) -> Tensor:
        """Return the logits (V, C) of nodes with states (V, H)."""
        if self.down is not None:
            h = torch.cat([h, fold(self.down, forest.transpose(), h).h], dim=1)
        return self.output(F.dropout(h, self.dropout, self.training))

    def loss(self, batch: SceneBatch) -> Tensor:
        """Return the margin's loss, a mean over images, plus that of the classes."""
        vectors = self.encode(batch.features)
        right = self.find(batch, vectors, FORBIDDEN)
        rival = self.find(batch, vectors, self.kappa)
        forest = Forest.cat([right.forest, rival.forest])
        N, V = len(vectors), forest.num_nodes
        rows = torch.arange(N, device=vectors.device).repeat(2)
        h = fold(self.cell, forest, vectors, forest.leaves, rows=rows).h

        score = self.score(h).squeeze(-1)
        wrong = ~torch.cat([right.state.right, rival.state.right])
        best, highest = (score + self.kappa * wrong).view(2, -1)[:, N:]
        margin = self._margin(highest - best, right.forest.tree[N:], len(batch))

        pixels = torch.cat([right.state.pixels, rival.state.pixels])
        leaf = torch.arange(V, device=pixels.device) % (V // 2) < N
        logits = self.classify(forest, h)
        return self.margin_weight * margin + self._class_loss(logits, pixels, leaf)

    def _margin(self, ahead: Tensor, structure: Tensor, num_trees: int) -> Tensor:
        """Return by how much rivals are ahead at most, the mean over images.

        Args:
            ahead: (M,) of each merge of a rival over the right tree's merge of the same
                turn; those of an image stand together, in the order of their making.
            structure: (M,) the image of each.
            num_trees: B.
        """
        first = torch.searchsorted(structure, structure)
        turn = torch.arange(len(ahead), device=ahead.device) - first
        most = int(turn.max()) + 1 if len(turn) else 1
        table = ahead.new_zeros(num_trees, most)
        table = table.index_put((structure, turn), ahead)
        return table.cumsum(dim=1).amax(dim=1).relu().mean()

    def _class_loss(self, logits: Tensor, pixels: Tensor, leaf: Tensor) -> Tensor:
        """Return the mean cross-entropy of nodes that are nearly of one class."""
        most, label = pixels.max(dim=1)
        # Segments are what pixels get their class of, however mixed.
        known = (most > 0) & (leaf | (most >= self.pure * pixels.sum(dim=1)))
        if not known.any():
            return logits.sum() * 0
        return F.cross_entropy(logits[known], label[known])

    @torch.no_grad()
    def parse(self, batch: SceneBatch) -> Parsing:
        """Parse images."""
        training = self.training
        self.eval()
        vectors = self.encode(batch.features)
        found = self.find(batch, vectors)
        logits = self.classify(found.forest, found.state.h)
        self.train(training)
        return Parsing(
            found.forest,
            logits.softmax(dim=1),
            found.score,
            found.state.right,
            found.state.pixels,
        )
