"""2011: sentences without trees are put together, two neighbours at a time."""

from __future__ import annotations

from io import StringIO
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from museum import Exhibit
from reviews import reviews
from treefold import Forest
from treefold.cells import GatedRecursiveCell
from treefold.data import Corpus, Vocabulary, read_brackets
from treefold.data.bracketing import Span, agreement, branching, of_phrases, spans
from treefold.models.reasoner import Reading, Reasoner, Taught, Weights
from treefold.svg import tree_svg

NUM_TRAIN, NUM_TEST, SIZE, STEPS = 150, 100, 32, 120


class Sentences(NamedTuple):
    """B sentences and their phrases, which only those for training are shown with.

    Attributes:
        word: (N,) the words of all sentences, one after another.
        lengths: (B,) words of each.
        phrases: spans (first word, one past the last) of each.
    """

    word: torch.Tensor
    lengths: NDArray[np.int64]
    phrases: list[list[Span]]


def sentences(corpus: Corpus) -> Sentences:
    """Take the words and the phrases of trees."""
    word, lengths, phrases = [], [], []
    for number in range(len(corpus)):
        tree = corpus.batch([number])
        leaves = _left_to_right(tree.forest)
        token = torch.full((tree.forest.num_nodes,), -1)
        token[tree.forest.leaves if tree.nodes is None else tree.nodes] = tree.token
        word.append(token[leaves])
        lengths.append(len(leaves))
        phrases.append(_phrases(tree.forest, leaves))
    return Sentences(torch.cat(word), np.array(lengths), phrases)


def _left_to_right(forest: Forest) -> list[int]:
    """Return the leaves of one tree as they stand in the sentence."""
    found, waiting = [], forest.roots.tolist()
    while waiting:
        node = waiting.pop()
        begin, end = forest.offset[node : node + 2].tolist()
        waiting += forest.child[begin:end].flip(0).tolist()
        if begin == end:
            found.append(node)
    return found


def _phrases(forest: Forest, leaves: list[int]) -> list[Span]:
    """Return the words below each inner node of one tree."""
    begin = {leaf: place for place, leaf in enumerate(leaves)}
    end = {leaf: place + 1 for place, leaf in enumerate(leaves)}
    for node in range(forest.num_nodes):  # in level order, children come first
        below = forest.child[forest.offset[node] : forest.offset[node + 1]].tolist()
        if below:
            begin[node], end[node] = begin[below[0]], end[below[-1]]
    return [(begin[v], end[v]) for v in range(forest.num_nodes) if v not in leaves]


def exhibit() -> Exhibit:
    """Learn which neighbours belong together, and bracket new sentences."""
    corpus = read_brackets(StringIO("\n".join(reviews(NUM_TRAIN + NUM_TEST))))
    vocabulary = Vocabulary.build(corpus)
    corpus = corpus.recode(vocabulary, corpus.labels)
    train, test = sentences(corpus[:NUM_TRAIN]), sentences(corpus[NUM_TRAIN:])

    torch.manual_seed(0)
    weights = Weights(ranking=0.0, phrases=1.0)
    cell = GatedRecursiveCell(SIZE, SIZE)
    model = Reasoner(cell, len(vocabulary), weights=weights, embedding_std=1.0)
    model.embedding.sparse = False
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    gold = of_phrases(train.lengths, train.phrases)
    taught = Taught(train.word, train.lengths, train.phrases, gold=gold)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model.loss(Reading(None, taught)).backward()
        optimizer.step()

    found = model.build(test.word, test.lengths).forest
    ours = agreement(found, test.lengths, test.phrases).corpus_f1
    right = branching(test.lengths, "right")
    rival = agreement(right, test.lengths, test.phrases).corpus_f1
    return Exhibit(
        2011,
        "Association by saliency",
        "Bottou, arXiv:1102.1808; Socher et al., ICML and EMNLP",
        "One module joins two vectors, another says how well they belong together; "
        "no parser and no tree is given.",
        f"{ours:.0%} agreement with the right phrases of {NUM_TEST} new sentences "
        f"(F1; right-branching: {rival:.0%}).",
        _picture(model, vocabulary, test),
        "A new sentence, built from its words alone.",
    )


def _picture(model: Reasoner, vocabulary: Vocabulary, test: Sentences) -> str:
    """Draw the structure of a long sentence."""
    number = int(np.argmax(test.lengths))
    first = int(test.lengths[:number].sum())
    N = int(test.lengths[number])
    word = test.word[first : first + N]
    forest = model.build(word, [N]).forest
    text = [vocabulary.words[w] for w in word.tolist()]
    note = [" ".join(text[a:b]) for a, b in spans(forest, N).tolist()]
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=[*text, *[""] * (N - 1)],
        note=note,
        title="A sentence that was built by association",
    )
