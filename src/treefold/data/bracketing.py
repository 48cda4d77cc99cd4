"""Binary trees over sentences: made without knowledge, and compared by their phrases.

A bracketing of B sentences of N words in all is a binary `Forest` whose nodes 0..N-1
are the words, sentence by sentence; the nodes above them follow, each after its
children. So `treefold.merging.merge` makes them, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

from treefold.forest import Forest

Branching = Literal["left", "right", "balanced", "random"]
LEFT, RIGHT, BALANCED, RANDOM = range(4)

Int64 = NDArray[np.int64]
Span = tuple[int, int]


def branching(lengths: Int64, kind: Branching, seed: int | None = None) -> Forest:
    """Bracket sentences in a way that does not look at their words.

    Args:
        lengths: (B,) int64, words of each sentence, at least 1.
        kind: "right" takes the first word from what follows, again and again; "left"
            the last; "balanced" cuts in the middle; "random" at any place, all as
            probable.
        seed: of the places, for "random".

    Raises:
        ValueError: another kind, an empty sentence, or random places without a seed.
    """
    kinds = get_args(Branching)
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}.")
    if (lengths < 1).any():
        raise ValueError(
            f"lengths must be at least 1, got {int(lengths.min())}: a sentence without "
            "words has no tree."
        )
    uniform = np.empty(0)
    if kind == "random":
        if seed is None:
            raise ValueError('kind="random" needs a seed, which fixes the trees.')
        uniform = np.random.default_rng(seed).random(int(lengths.sum()))
    return _forest(lengths, _branch(lengths, kinds.index(kind), uniform))


def of_phrases(lengths: Int64, phrases: Sequence[Sequence[Span]]) -> Forest:
    """Bracket sentences so that given phrases stand, right-branching within them.

    Args:
        lengths: (B,) int64, words of each sentence.
        phrases: of each sentence spans (first word, one past the last), no two of
            which cross.
    """
    spans, sentence = _flat(phrases)
    # The longer phrase first, so that it stands below the shorter on the stack.
    order = np.lexsort((-spans[:, 1], spans[:, 0], sentence))
    offset = np.append(0, np.cumsum(np.bincount(sentence, minlength=len(lengths))))
    return _forest(lengths, _nest(lengths, spans[order], offset))


def spans(forest: Forest, num_words: int) -> Int64:
    """Return the words below each node, (V, 2): the first, and one past the last.

    Args:
        forest: a bracketing.
        num_words: N.
    """
    offset, child = forest.offset.cpu().numpy(), forest.child.cpu().numpy()
    found = np.empty((forest.num_nodes, 2), np.int64)
    found[:num_words] = np.arange(num_words)[:, None] + [0, 1]
    _span(offset, child, found, num_words)
    return found


class Agreement(NamedTuple):
    """How well phrases that were found agree with those that are known.

    Of a sentence the phrases of two words or more count, but not the whole, which all
    trees have; each counts once, whatever its label. Sentences of fewer than three
    words have none and are left out.

    Attributes:
        f1: mean over the sentences of their F1; of one that has no known phrase the
            recall is 1.
        corpus_f1: F1 of all phrases of all sentences together.
        recall: share of all known phrases that were found.
    """

    f1: float
    corpus_f1: float
    recall: float


def agreement(
    found: Forest | Int64, lengths: Int64, phrases: Sequence[Sequence[Span]]
) -> Agreement:
    """Compare a bracketing with known phrases.

    Args:
        found: a bracketing of B sentences of N words, or the spans (M, 2) of its
            associations.
        lengths: (B,) int64, words of the sentences.
        phrases: the known phrases of each, without repetition.
    """
    known, of = _flat(phrases)
    N, B = int(lengths.sum()), len(lengths)
    begin = np.cumsum(lengths) - lengths
    ours = spans(found, N)[N:] if isinstance(found, Forest) else found
    sentence = np.searchsorted(begin, ours[:, 0], side="right") - 1
    inner = ours[:, 1] - ours[:, 0] < lengths[sentence]
    ours, sentence = ours[inner], sentence[inner]
    known = known + begin[of, None]
    same = np.isin(ours @ [N + 1, 1], known @ [N + 1, 1])

    hit = np.bincount(sentence[same], minlength=B)
    said = np.bincount(sentence, minlength=B)
    true = np.bincount(of, minlength=B)
    counts = lengths >= 3
    hit, said, true = hit[counts], said[counts], true[counts]
    precision = hit / np.maximum(said, 1)
    recall = np.where(true > 0, hit / np.maximum(true, 1), 1.0)
    both = precision + recall
    f1 = np.divide(
        2 * precision * recall, both, out=np.zeros(len(both)), where=both > 0
    )
    total = max(int(said.sum() + true.sum()), 1)
    return Agreement(
        float(f1.mean()) if len(f1) else float("nan"),
        float(2 * hit.sum() / total),
        float(hit.sum() / max(int(true.sum()), 1)),
    )


def crossing(
    found: Forest, lengths: Int64, phrases: Sequence[Sequence[Span]]
) -> NDArray[np.bool_]:
    """Say of each node of a bracketing if it overlaps a known phrase in part, (V,)."""
    N = int(lengths.sum())
    known, of = _flat(phrases)
    begin = np.cumsum(lengths) - lengths
    known = known + begin[of, None]
    offset = np.append(0, np.cumsum(np.bincount(of, minlength=len(lengths))))
    return _crossing(spans(found, N), begin, known, offset)


def _flat(phrases: Sequence[Sequence[Span]]) -> tuple[Int64, Int64]:
    """Lay phrases end to end: (P, 2) spans, and the (P,) sentences they are of."""
    rows = [span for each in phrases for span in each]
    of = np.repeat(np.arange(len(phrases)), [len(each) for each in phrases])
    return np.array(rows, np.int64).reshape(-1, 2), of


def _forest(lengths: Int64, pair: Int64) -> Forest:
    """Make a forest of words and the pairs (M, 2) above them, sentence by sentence."""
    N, B = int(lengths.sum()), len(lengths)
    offset = np.append(np.zeros(N, np.int64), 2 * np.arange(len(pair) + 1))
    tree = np.repeat(np.arange(B), lengths)
    above = np.repeat(np.arange(B), lengths - 1)
    return Forest.from_csr(offset, pair.reshape(-1), np.append(tree, above))


@njit(cache=True)
def _branch(lengths, kind, uniform):
    """Cut every span in two, from the sentences down, and list the pairs backwards."""
    N, B = lengths.sum(), len(lengths)
    pair = np.empty((N - B, 2), np.int64)
    stack = np.empty((N + 1, 3), np.int64)  # begin, end, which child of which pair
    begin, first = 0, 0
    for b in range(B):
        T = lengths[b]
        free = first + T - 1  # pairs are filled from the end: parents above children
        stack[0, 0], stack[0, 1], stack[0, 2] = begin, begin + T, -1
        top = 1
        while top > 0:
            top -= 1
            i, j, place = stack[top]
            if j - i == 1:
                node = i
            else:
                free -= 1
                node = N + free
                if kind == LEFT:
                    cut = j - 1
                elif kind == RIGHT:
                    cut = i + 1
                elif kind == BALANCED:
                    cut = (i + j) // 2
                else:  # a number of its own for each pair
                    cut = i + 1 + np.int64(uniform[free + b] * (j - i - 1))
                stack[top, 0], stack[top, 1], stack[top, 2] = i, cut, 2 * free
                stack[top + 1, 0], stack[top + 1, 1] = cut, j
                stack[top + 1, 2] = 2 * free + 1
                top += 2
            if place >= 0:
                pair[place // 2, place % 2] = node
        begin += T
        first += T - 1
    return pair


@njit(cache=True)
def _nest(lengths, spans, offset):
    """Read words from left to right; at the end of a phrase join what it holds."""
    N, B = lengths.sum(), len(lengths)
    pair = np.empty((N - B, 2), np.int64)
    stack = np.empty(N, np.int64)  # nodes that wait, from left to right
    opened = np.empty((N + 1, 2), np.int64)  # end of a phrase, and where it begins
    begin, m = 0, 0
    for b in range(B):
        T = lengths[b]
        top, depth, k = 0, 1, offset[b]
        opened[0, 0], opened[0, 1] = T, 0
        for i in range(T):
            while k < offset[b + 1] and spans[k, 0] == i:
                opened[depth, 0], opened[depth, 1] = spans[k, 1], top
                depth += 1
                k += 1
            stack[top] = begin + i
            top += 1
            while depth > 0 and opened[depth - 1, 0] == i + 1:
                depth -= 1
                while top > opened[depth, 1] + 1:
                    pair[m, 0], pair[m, 1] = stack[top - 2], stack[top - 1]
                    stack[top - 2] = N + m
                    m += 1
                    top -= 1
        begin += T
    return pair


@njit(cache=True)
def _span(offset, child, found, num_words):
    for v in range(num_words, len(offset) - 1):  # children come first
        found[v, 0] = found[child[offset[v]], 0]
        found[v, 1] = found[child[offset[v + 1] - 1], 1]


@njit(cache=True)
def _crossing(span, begin, known, offset):
    crossed = np.zeros(len(span), np.bool_)
    for v in range(len(span)):
        i, j = span[v]
        b = np.searchsorted(begin, i, side="right") - 1
        for k in range(offset[b], offset[b + 1]):
            s, e = known[k]
            if (i < s < j < e) or (s < i < e < j):
                crossed[v] = True
                break
    return crossed
