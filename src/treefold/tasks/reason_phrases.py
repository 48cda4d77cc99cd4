"""Phrases as points: which are near each other, and what D takes them apart to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from treefold.data.bracketing import spans
from treefold.data.sequences import Sequences
from treefold.models.reasoner import Reasoner
from treefold.unfolding import Greedy, Unfolding

if TYPE_CHECKING:
    from treefold.tasks.reason import ReasonTask

RECALLED = (2, 3, 5)  # words of the phrases that are taken apart again
PHRASES = 2000  # of each length, and sentences that phrases are found in
MOST_WORDS = 5  # of a phrase that is shown
ASKED = 8  # phrases whose neighbours are shown
NEAR = 4  # neighbours

Int64 = NDArray[np.int64]


def leaf_words(grown: Unfolding[Any]) -> list[list[int]]:
    """Return the labels of the leaves of each structure, from left to right."""
    forest = grown.forest
    child, slot = forest.child.cpu().numpy(), forest.slot.cpu().numpy()
    arity = forest.arities.cpu().numpy()
    parent = np.repeat(np.arange(forest.num_nodes), arity)
    # The place of a node in [0, 1): each child gets its half of its parent's part.
    place, part = np.zeros(forest.num_nodes), np.ones(forest.num_nodes)
    for p, c, k in zip(parent, child, slot, strict=True):  # parents come first
        part[c] = part[p] / 2
        place[c] = place[p] + k * part[c]
    tree, label = forest.tree.cpu().numpy(), grown.labels.cpu().numpy()
    leaf = np.flatnonzero(arity == 0)
    leaf = leaf[np.lexsort((place[leaf], tree[leaf]))]
    cut = np.searchsorted(tree[leaf], np.arange(1, forest.num_trees))
    return [some.tolist() for some in np.split(label[leaf], cut)]


@torch.no_grad()
def recalled(task: ReasonTask, model: Reasoner) -> dict[str, float]:
    """Return how often phrases of the test text come back from their representation.

    Pieces of the text of a few words, as they stand side by side, are associated by the
    model's own structure and taken apart again, without being told of how many words
    they are or by which structure they were made.
    """
    text, found = task.text["test"], {}
    for length in RECALLED:
        pieces = _pieces(text, length)
        if not len(pieces):
            continue
        h = _representations(task, model, pieces)
        again = leaf_words(model.recall(h, max_depth=length))
        kept = [words if len(words) == length else [-1] * length for words in again]
        right = np.array(kept) == pieces
        found[f"{length} words, all recalled"] = float(right.all(axis=1).mean())
        found[f"{length} words, share recalled in place"] = float(right.mean())
    return found


def _pieces(text: Sequences, length: int) -> Int64:
    """Cut the first sentences into pieces of so many words, (P, length)."""
    some = [
        sentence[: len(sentence) - len(sentence) % length].reshape(-1, length)
        for sentence in text[: min(len(text), PHRASES)]
    ]
    return np.concatenate([np.zeros((0, length), np.int64), *some])[:PHRASES]


def _representations(task: ReasonTask, model: Reasoner, pieces: Int64) -> torch.Tensor:
    """Return what pieces (P, length) are associated to, (P, H)."""
    P, length = pieces.shape
    text = Sequences(pieces.reshape(-1), np.arange(P + 1) * length)
    built = task.build(model, text, Greedy())
    return built.state.h[built.forest.roots.to(built.state.h.device)]


class Phrases(NamedTuple):
    """Distinct phrases that were found, the most frequent first.

    Attributes:
        text: of each.
        count: how often each was found.
        words: their numbers.
        h: (P, H), what they are associated to where they were first found.
        saliency: (P,).
    """

    text: list[str]
    count: list[int]
    words: list[list[int]]
    h: torch.Tensor
    saliency: torch.Tensor


def found_phrases(task: ReasonTask, model: Reasoner) -> Phrases:
    """Collect the phrases of the structures of some test sentences."""
    text = task.text["test"]
    some = text[: min(len(text), PHRASES)]
    built = task.build(model, some, Greedy())
    N = len(some.step)
    span = spans(built.forest, N)
    short = np.flatnonzero(span[:, 1] - span[:, 0] <= MOST_WORDS)
    first: dict[tuple[int, ...], int] = {}
    counts: Counter[tuple[int, ...]] = Counter()
    for v in short[short >= N].tolist():
        words = tuple(some.step[span[v, 0] : span[v, 1]].tolist())
        if 0 in words:  # the unknown word is many words
            continue
        counts[words] += 1
        first.setdefault(words, v)
    order = sorted(first, key=lambda words: (-counts[words], words))
    node = torch.tensor([first[words] for words in order], dtype=torch.int64)
    known = task.vocabulary.words
    return Phrases(
        [" ".join(known[k] for k in words) for words in order],
        [counts[words] for words in order],
        [list(words) for words in order],
        built.state.h.cpu()[node],
        built.score.cpu()[node],
    )


def neighbours(found: Phrases) -> str:
    """Write some phrases, and the phrases nearest to them by the angle."""
    asked = _asked(found)
    unit = F.normalize(found.h, dim=1)
    near = unit[asked] @ unit.T
    lines = []
    for row, p in zip(near, asked, strict=True):
        best = row.argsort(descending=True).tolist()
        others = [q for q in best if q != p][:NEAR]
        said = "; ".join(f"{found.text[q]} ({float(row[q]):.2f})" for q in others)
        lines.append(f"{found.text[p]}:\n    {said}")
    return "\n".join(lines)


def _asked(found: Phrases) -> list[int]:
    """Choose frequent phrases, of two and of more words in turn, all words new."""
    seen: set[int] = set()
    chosen: list[int] = []
    for p, words in enumerate(found.words):
        more = len(words) > 2
        if more == bool(len(chosen) % 2) and not seen & set(words):
            chosen.append(p)
            seen |= set(words)
        if len(chosen) == ASKED:
            break
    return chosen


def taken_apart(task: ReasonTask, model: Reasoner, found: Phrases) -> str:
    """Write some phrases beside the words that they are taken apart to."""
    device = model.embedding.weight.device
    asked = _asked(found)
    again = leaf_words(model.recall(found.h[asked].to(device), max_depth=MOST_WORDS))
    known = task.vocabulary.words
    pairs = zip((found.text[p] for p in asked), again, strict=True)
    return "\n".join(f"{text:34} ->  {_said(known, words)}" for text, words in pairs)


def _said(known: Sequence[str], words: list[int]) -> str:
    return " ".join(known[k] for k in words)


def salient(found: Phrases) -> str:
    """Write the most and the least salient of the phrases found more than once."""
    often = [p for p, count in enumerate(found.count) if count > 1]
    order = sorted(often, key=lambda p: -float(found.saliency[p]))
    most, least = order[:ASKED], order[-ASKED:]
    lines = [f"{float(found.saliency[p]):8.2f}  {found.text[p]}" for p in most]
    lines += [f"{'...':>8}"]
    lines += [f"{float(found.saliency[p]):8.2f}  {found.text[p]}" for p in least]
    return "\n".join(lines)
