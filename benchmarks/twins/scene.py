"""Parsing of scenes: all images and all pairs at once, and one piece after another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from treefold.models.scene import FORBIDDEN, SceneBatch, SceneParser
from twins import Twin

IMAGES, SIDE, CLASSES, FEATURES, SIZE = 20, 6, 4, 24, 64


@dataclass(eq=False)
class Piece:
    """A segment, or two pieces merged."""

    h: Tensor
    score: Tensor
    segments: frozenset[int]
    pixels: Tensor
    below: tuple[Piece, Piece] | None = None
    wrong: bool = False


class OneImage:
    """An image of a batch, parsed in the plainest way."""

    def __init__(self, parser: SceneParser, batch: SceneBatch, number: int):
        self.parser, self.batch = parser, batch
        self.segments = (batch.structure == number).nonzero().flatten().tolist()
        pairs = batch.edges.T.tolist()
        self.edges = [(a, b) for a, b in pairs if a in self.segments]
        self.regions: dict[int, set[int]] = {}
        for i in self.segments:
            self.regions.setdefault(int(batch.region[i]), set()).add(i)

    def is_wrong(self, segments: frozenset[int]) -> bool:
        """Say if a piece is neither within a region nor of whole regions."""
        touched = [r for r in self.regions.values() if r & segments]
        return len(touched) > 1 and any(r - segments for r in touched)

    def leaf(self, i: int) -> Piece:
        h = self.parser.encoder(self.batch.features[i])
        alone = frozenset([i])
        return Piece(h, h.new_zeros(()), alone, self.batch.pixels[i])

    def merge(self, a: Piece, b: Piece) -> Piece:
        cell = self.parser.cell
        h = (cell.weight_hh @ torch.cat([a.h, b.h]) + cell.bias).tanh()
        score = self.parser.score.weight[0] @ h
        both = a.segments | b.segments
        wrong = self.is_wrong(both)
        return Piece(h, score, both, a.pixels + b.pixels, (a, b), wrong)

    def greedy(self, bonus: float) -> list[Piece]:
        """Return all merges in their order, the root last."""
        piece = {i: self.leaf(i) for i in self.segments}
        made: list[Piece] = []
        looked: dict[tuple[int, int], Piece] = {}
        while len(set(map(id, piece.values()))) > 1:
            best = None
            for a, b in self.edges:
                if piece[a] is piece[b]:
                    continue
                left, right = sorted(
                    (piece[a], piece[b]), key=lambda p: min(p.segments)
                )
                pair = (id(left), id(right))
                if pair not in looked:
                    looked[pair] = self.merge(left, right)
                found = looked[pair]
                value = float(found.score.detach()) + bonus * found.wrong
                if best is None or value > best[0]:
                    best = (value, found)
            assert best is not None
            made.append(best[1])
            for i in best[1].segments:
                piece[i] = best[1]
        return made

    def logits(self, root: Piece) -> list[tuple[Piece, Tensor]]:
        """Return all pieces of a tree with the logits of their classes."""
        parser, found = self.parser, []

        def visit(piece: Piece, above: Tensor | None, slot: int) -> None:
            read = piece.h
            g = None
            if (down := parser.down) is not None:
                total = down.weight_ih @ piece.h + down.bias
                if above is not None:
                    total = total + down.weight_hh.chunk(2, dim=1)[slot] @ above
                g = total.tanh()
                read = torch.cat([piece.h, g])
            found.append((piece, parser.output(read)))
            for k, child in enumerate(piece.below or ()):
                visit(child, g, k)

        visit(root, None, 0)
        return found


def loss_by_piece(parser: SceneParser, batch: SceneBatch) -> Tensor:
    """The loss of a `SceneParser` with the plain cell, one piece after another."""
    margins, losses = [], []
    for number in range(len(batch)):
        image = OneImage(parser, batch, number)
        right, rival = image.greedy(FORBIDDEN), image.greedy(parser.kappa)
        ahead = [
            b.score + parser.kappa * b.wrong - a.score - parser.kappa * a.wrong
            for a, b in zip(right, rival, strict=True)
        ]
        prefixes = [sum(ahead[: k + 1]) for k in range(len(ahead))]
        margins.append(torch.stack([*map(torch.as_tensor, prefixes)]).max().relu())
        for tree in (right, rival):
            for piece, logits in image.logits(tree[-1]):
                most, total = piece.pixels.max(), piece.pixels.sum()
                leaf = piece.below is None
                if most > 0 and (leaf or most >= parser.pure * total):
                    losses.append(F.cross_entropy(logits, piece.pixels.argmax()))
    return (
        parser.margin_weight * torch.stack(margins).mean() + torch.stack(losses).mean()
    )


def some_images(
    images: int, side: int, num_classes: int, num_features: int, seed: int = 0
) -> SceneBatch:
    """Images of `side` · `side` segments in a grid, in two or three regions of rows."""
    random = torch.Generator().manual_seed(seed)
    here = torch.arange(images * side * side).view(images, side, side)
    edges = torch.cat(
        [
            torch.stack([here[:, :, :-1].flatten(), here[:, :, 1:].flatten()]),
            torch.stack([here[:, :-1].flatten(), here[:, 1:].flatten()]),
        ],
        dim=1,
    )
    region = (torch.arange(side) * 3 // side).view(1, side, 1).expand(here.shape)
    pixels = F.one_hot(region.flatten() % num_classes, num_classes) * 20.0
    pixels = pixels + torch.randint(0, 3, pixels.shape, generator=random)
    features = torch.randn(here.numel(), num_features, generator=random)
    structure = torch.arange(images).repeat_interleave(side * side)
    dtype = torch.get_default_dtype()
    return SceneBatch(
        features.to(dtype),
        structure,
        edges,
        pixels.to(dtype),
        region.flatten(),
    )


def twin() -> Twin:
    """Take the loss of some images, and its gradient."""
    parser = SceneParser(FEATURES, CLASSES, hidden_size=SIZE)
    batch = some_images(IMAGES, SIDE, CLASSES, FEATURES)

    def learn(loss: Tensor) -> Tensor:
        parser.zero_grad()
        loss.backward()
        grads = [p.grad.flatten() for p in parser.parameters() if p.grad is not None]
        return torch.cat([loss.detach()[None], *grads])

    return Twin(
        "scene parser",
        f"training step, {IMAGES} images of {SIDE * SIDE} segments, {SIZE} features",
        lambda: learn(parser.loss(batch)),
        lambda: learn(loss_by_piece(parser, batch)),
    )
