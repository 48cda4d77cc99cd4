"""Lists of candidate trees, of sentences to train on and of sentences to parse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from tqdm.auto import tqdm

from treefold.data.places import cache_folder
from treefold.parsing.binary import Markov
from treefold.parsing.candidates import Candidates, Node, as_list, nodes_of
from treefold.parsing.grammar import Grammar
from treefold.parsing.parser import LONGEST, ChartParser
from treefold.parsing.tree import TOP, Tree, right_branching

VERSION = 1  # of what charts find: lists kept by another are made anew
STOPS = frozenset({",", ";", ":", "--", "."})
HASTE = 0.8  # training lists may lack a good tree now and then
COARSE = Markov(horizontal=0)
Sentence = Sequence[str]


@final
@dataclass(frozen=True)
class Charts:
    """How lists are made.

    Attributes:
        markov: the annotation of the grammar whose trees are listed.
        candidates: k, trees of a sentence.
        folds: parts of the training data; each is parsed with a grammar of the others.
        threshold: see `ChartParser`.
        longest: words of a training sentence at most.
    """

    markov: Markov
    candidates: int
    folds: int
    threshold: float
    longest: int

    def parser(self, trees: Sequence[Tree], haste: float = 1.0) -> ChartParser:
        """Return a parser with grammars of these trees; haste lowers the threshold."""
        grammar = Grammar.of(trees, self.markov, classes=True)
        coarse = Grammar.of(trees, COARSE, classes=True)
        return ChartParser(grammar, coarse, threshold=haste * self.threshold)


def listed(
    parser: ChartParser,
    sentences: Sequence[Sentence],
    k: int,
    truth: Sequence[Tree] | None = None,
    progress: bool = False,
) -> Candidates:
    """Return the k best trees of each sentence; where there is none, `instead`."""
    lists = []
    for words in tqdm(sentences, "charts", disable=not progress, leave=False):
        found = parser.k_best(words, k)
        if found is None:
            lists.append(instead(parser, words))
        else:
            lists.append(as_list(parser.grammar, found))
    return Candidates.of(sentences, lists, truth)


def instead(
    parser: ChartParser, words: Sentence
) -> tuple[list[Node], list[int], list[float]]:
    """Return a single tree of a sentence that has no chart.

    One of more than `LONGEST` words is cut behind commas and the like, its pieces
    parsed, and what is below their roots put under one S. What has no tree at all
    branches to the right, every word a noun.
    """
    words = list(words)
    pieces = []
    while words:
        size = len(words)
        if size > LONGEST:
            stops = [i + 1 for i in range(LONGEST) if words[i] in STOPS]
            size = stops[-1] if stops else LONGEST
        pieces.append(words[:size])
        words = words[size:]
    below: list[Tree] = []
    for piece in pieces:
        tree = parser.parse(piece)
        if tree is None:
            tree = right_branching(piece, ["NN"] * len(piece))
        below += tree.below
    tree = Tree(TOP, (Tree("S", tuple(below)),)) if len(below) > 1 else below[0]
    if tree.label != TOP:
        tree = Tree(TOP, (tree,))
    nodes = nodes_of(tree)
    return nodes, [len(nodes) - 1], [0.0]


def jackknifed(
    trees: Sequence[Tree], charts: Charts, progress: bool = False
) -> Candidates:
    """Return lists of training sentences, by grammars that have not seen their trees.

    A grammar gives trees that it was read off a probability that it gives no others;
    who learns to choose from such lists would trust it too much. Sentences of more
    than `charts.longest` words, or without a tree, are left out.
    """
    name = _key(trees, charts, ())
    return _kept(name, lambda: _jackknifed(trees, charts, progress))


def listed_by(
    trees: Sequence[Tree], charts: Charts, truth: Sequence[Tree], progress: bool = False
) -> Candidates:
    """Return lists of the sentences of other trees, by a grammar of all of these."""

    def make() -> Candidates:
        sentences = [tree.words() for tree in truth]
        parser = charts.parser(trees)
        return listed(parser, sentences, charts.candidates, truth, progress)

    return _kept(_key(trees, charts, truth), make)


def _jackknifed(trees: Sequence[Tree], charts: Charts, progress: bool) -> Candidates:
    folds = max(2, min(charts.folds, len(trees)))
    lists, learned = [], []
    bar = tqdm(total=len(trees), desc="lists", disable=not progress, leave=False)
    for fold in range(folds):
        rest = [tree for b, tree in enumerate(trees) if b % folds != fold]
        parser = charts.parser(rest or trees, HASTE)
        for tree in trees[fold::folds]:
            words = tree.words()
            bar.update()
            if len(words) > charts.longest:
                continue
            found = parser.k_best(words, charts.candidates)
            if found is not None:
                lists.append(as_list(parser.grammar, found))
                learned.append(tree)
    bar.close()
    return Candidates.of([tree.words() for tree in learned], lists, learned)


def _key(trees: Sequence[Tree], charts: Charts, others: Sequence[Tree]) -> str:
    """Return a name of what lists depend on."""
    digest = hashlib.sha256(f"{VERSION} {charts} {LONGEST}".encode())
    for part in (trees, others):
        digest.update(b"\n")
        for tree in part:
            digest.update(tree.brackets().encode())
    return digest.hexdigest()[:24]


def _kept(name: str, make: Callable[[], Candidates]) -> Candidates:
    """Return what lies in the user's cache under a name; make it where it does not."""
    path = cache_folder() / "parses" / f"{name}.npz"
    if path.is_file():
        try:
            return Candidates.load(path)
        except (OSError, ValueError, KeyError, json.JSONDecodeError):
            path.unlink(missing_ok=True)  # damaged: it can be made again
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(f"{path}.part.npz")
        made.save(part)
        part.replace(path)
    except OSError:
        pass  # a full disk costs the next run's time, not this run
    return made
