"""From structures and a model's probabilities to coloured pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from treefold.report.content import TreePicture
from treefold.svg import categorical, diverging, tree_svg
from treefold.svg.text import cut

_SIGNS = {2: "− +", 3: "− 0 +", 4: "−− − + ++", 5: "−− − 0 + ++"}


class _Forest(Protocol):
    """Any object with the arrays of a forest."""

    @property
    def offset(self) -> Any: ...
    @property
    def child(self) -> Any: ...
    @property
    def roots(self) -> Any: ...


@dataclass(frozen=True)
class Reading:
    """How a model's probabilities for a node become a colour and a word.

    Ordered classes (two are always ordered) run from orange through white to blue by
    the expected class; others have a colour each, the paler the less sure the model.
    The class and its probability are printed on the node in any case.

    Attributes:
        classes: names of the C classes.
        ordered: whether they run from one end to the other, as ratings do.
        short: the names to print on nodes; by default signs for classes that run from
            a negative to a positive one, else the names themselves.
    """

    classes: Sequence[str]
    ordered: bool = False
    short: Sequence[str] | None = None

    @property
    def names(self) -> list[str]:
        """What is printed on nodes for each class."""
        if self.short is not None:
            return list(self.short)
        ends = (
            [self.classes[0].lower(), self.classes[-1].lower()] if self.classes else []
        )
        if (
            "neg" in "".join(ends[:1])
            and "pos" in ends[1]
            and len(self.classes) in _SIGNS
        ):
            return _SIGNS[len(self.classes)].split()
        return list(self.classes)

    @property
    def legend(self) -> list[tuple[str, str]]:
        """A (colour, text) for each class, as a sure model would have it."""
        sure = np.eye(len(self.classes))
        texts = [
            name if name == short else f"{short}  {name}"
            for name, short in zip(self.classes, self.names, strict=True)
        ]
        return [(self.fill(p), text) for p, text in zip(sure, texts, strict=True)]

    def fill(self, probability: np.ndarray) -> str:
        """Return the colour for (C,) probabilities; grey if they are not numbers."""
        C = len(probability)
        if not np.isfinite(probability).all():
            return diverging(float("nan"))
        if C == 1:
            return categorical(0, 0.5)
        if self.ordered or C == 2:
            return diverging(float(probability @ np.arange(C)), 0.0, C - 1.0)
        k = int(probability.argmax())
        strength = (float(probability[k]) - 1 / C) / (1 - 1 / C)
        return categorical(k, 0.15 + 0.65 * strength)

    def word(self, probability: np.ndarray) -> str:
        """Return the likeliest class and its probability: '++ 71%'."""
        if not np.isfinite(probability).all():
            return "?"
        k = int(probability.argmax())
        return f"{self.names[k]} {100 * probability[k]:.0f}%"

    def note(self, probability: np.ndarray) -> str:
        """Return the probabilities of all classes, one a line."""
        pairs = zip(self.classes, probability.tolist(), strict=True)
        return "\n".join(f"{name}: {100 * p:.1f}%" for name, p in pairs)


def tree_picture(
    forest: _Forest,
    probability: Any,
    reading: Reading,
    *,
    text: Sequence[str | None] | None = None,
    truth: int | None = None,
    caption: str | None = None,
    max_nodes: int = 400,
) -> TreePicture:
    """Draw one structure, each node coloured by what a model reads there.

    Args:
        forest: one structure; its first root bears the prediction.
        probability: (V, C), the classes' probabilities at each node; rows of NaN are
            nodes of which the model says nothing, drawn without colour. Or (V,), known
            class numbers, negative where there is none, to show labels and no model.
        reading: how to show them.
        text: each node's own word, or None for nodes without.
        truth: number of the right class of the structure, None (or negative) where it
            is unknown.
        caption: by default the words from left to right.
        max_nodes: a larger structure is drawn as a summary.
    """
    given = np.asarray(probability)
    roots = np.asarray(forest.roots)
    V, C = len(given), len(reading.classes)
    plain = given.ndim == 1
    p = _certain(given, C) if plain else given.astype(np.float64)
    if p.ndim != 2 or p.shape[1] != C:
        raise ValueError(
            f"probability must have shape (num_nodes, {C}), one column per class of "
            f"the reading, or (num_nodes,) for known classes, got {given.shape}."
        )
    words = [None] * V if text is None else [_one_line(t) for t in text]
    silent = np.isnan(p.sum(1))
    labels, fills, notes = [], [], []
    if max_nodes >= V:
        for row, word, no in zip(p, words, silent, strict=True):
            said = reading.names[row.argmax()] if plain else reading.word(row)
            labels.append("\n".join([t for t in (word, None if no else said) if t]))
            fills.append(None if no else reading.fill(row))
            notes.append(None if no or plain else reading.note(row))
    if caption is None:
        order = _left_to_right(
            np.asarray(forest.offset), np.asarray(forest.child), roots
        )
        caption = cut(" ".join(words[v] or "" for v in order).strip(), 400)
    mute = plain or not len(roots) or silent[roots[0]]
    said = None if mute else int(p[roots[0]].argmax())
    prediction = None if said is None else reading.classes[said]
    known = truth is not None and truth >= 0
    svg = tree_svg(
        forest.offset,
        forest.child,
        roots,
        text=labels or None,
        fill=fills or None,
        note=notes or None,
        title=caption or None,
        max_nodes=max_nodes,
    )
    return TreePicture(
        svg,
        caption,
        reading.classes[truth] if known and truth is not None else None,
        prediction,
        None if said is None else float(p[roots[0], said]),
    )


def corpus_picture(
    corpus: Any,
    tree: int,
    reading: Reading,
    probability: Any = None,
    *,
    caption: str | None = None,
    max_nodes: int = 400,
) -> TreePicture:
    """Draw tree number `tree` of a packed corpus.

    Args:
        corpus: anything with the arrays of `treefold.data.Corpus`.
        tree: the tree's number.
        reading: how to show its classes.
        probability: (V, C) for that tree's own nodes, in the corpus's order; None
            shows the tree's labels instead.
        caption: by default the tree's words from left to right.
        max_nodes: a larger tree is drawn as a summary.
    """
    a, b = (int(i) for i in corpus.tree_offset[tree : tree + 2])
    offset = np.asarray(corpus.child_offset[a : b + 1], np.int64)
    token = np.asarray(corpus.token[a:b]).tolist()
    root = int(corpus.roots[tree])
    one = _Arrays(
        offset - offset[:1],
        np.asarray(corpus.child[offset[0] : offset[-1]], np.int64),
        np.array([root - a]),
    )
    return tree_picture(
        one,
        corpus.label[a:b] if probability is None else probability,
        reading,
        text=[corpus.tokens[t] if t >= 0 else None for t in token],
        truth=int(corpus.label[root]),
        caption=caption,
        max_nodes=max_nodes,
    )


def most_confident(
    probability: Any, truth: Any, count: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the surest right and of the surest wrong examples.

    Args:
        probability: (B, C), the classes' probabilities for each example.
        truth: (B,), the right classes; examples with a negative one are left out.
        count: at most so many of each, surest first, equals in their order.
    """
    p, truth = np.asarray(probability, np.float64), np.asarray(truth)
    if not len(p):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    said, known = p.argmax(1), truth >= 0
    order = np.argsort(-p.max(1), kind="stable")
    right, wrong = known & (said == truth), known & (said != truth)
    return order[right[order]][:count], order[wrong[order]][:count]


@dataclass(frozen=True)
class _Arrays:
    offset: np.ndarray
    child: np.ndarray
    roots: np.ndarray


def _certain(labels: np.ndarray, C: int) -> np.ndarray:
    """Return (V, C) rows of 0 and 1, and of NaN where a label is negative."""
    p = (labels[:, None] == np.arange(C)).astype(np.float64)
    p[labels < 0] = np.nan
    return p


def _one_line(text: str | None) -> str | None:
    """A newline would end the word's line in the picture; show it as a sign instead."""
    return None if text is None else text.replace("\n", "\u240a")


def _left_to_right(
    offset: np.ndarray, child: np.ndarray, roots: np.ndarray
) -> list[int]:
    """Return the leaves as a reader meets them, each once."""
    stack, leaves, seen = roots.tolist()[::-1], [], set()
    while stack:
        v = stack.pop()
        if v in seen:
            continue
        seen.add(v)
        below = child[offset[v] : offset[v + 1]].tolist()
        if not below:
            leaves.append(v)
        stack.extend(reversed(below))
    return leaves
