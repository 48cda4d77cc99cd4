"""What a recursive parser must beat: a branch to the right, and grammars alone.

- *right-branching*: every word joins all that follows, under the usual label.
- *PCFG*: the treebank's own rules, nothing annotated (Charniak, 1996).
- *PCFG, annotated*: symbols that know their parent and their brothers (Johnson, 1998;
  Klein & Manning, 2003); the first tree of each list that the net chooses from.

All learn from the training trees, all find their own tags; unknown words have the same
classes for both grammars, and the same coarse grammar rules out what is hopeless.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from treefold.parsing.binary import Markov
from treefold.parsing.grammar import Grammar
from treefold.parsing.parser import ChartParser
from treefold.parsing.tree import TOP, Tree, right_branching
from treefold.tasks.parse_lists import listed

if TYPE_CHECKING:
    from treefold.tasks.parse import ParseTask

Rival = Callable[[str], list[Tree]]


def measure(task: ParseTask, progress: bool) -> dict[str, Any]:
    """Train and measure all rivals."""
    from treefold.tasks.parse import figures

    rivals = {
        "right-branching": right,
        "PCFG": vanilla,
        "PCFG, annotated": annotated,
    }
    found = {}
    bar = tqdm(rivals.items(), "baselines", disable=not progress, leave=False)
    for name, make in bar:
        begun = time.perf_counter()
        rival = make(task)
        measured = {
            split: figures(rival(split), task.trees(split)) for split in ("dev", "test")
        }
        seconds = round(time.perf_counter() - begun, 1)
        found[name] = {**measured, "seconds": seconds}
    return found


def right(task: ParseTask) -> Rival:
    """Branch to the right, under the usual label, with each word's usual tag."""
    labels: Counter[str] = Counter()
    tags: dict[str, Counter[str]] = {}
    for tree in task.trees("train"):
        for node, _, _ in tree.spans():
            if node.word is not None:
                tags.setdefault(node.word, Counter())[node.label] += 1
            elif node.label != TOP:
                labels[node.label] += 1
    usual = sum(tags.values(), Counter()).most_common(1)[0][0]
    label = labels.most_common(1)[0][0] if labels else "X"

    def parse(words: list[str]) -> Tree:
        own = [tags[w].most_common(1)[0][0] if w in tags else usual for w in words]
        return right_branching(words, own, label)

    return lambda split: [parse(tree.words()) for tree in task.trees(split)]


def vanilla(task: ParseTask) -> Rival:
    """The treebank's rules as they stand."""
    grammar = Grammar.of(task.trees("train"), Markov(), classes=True)
    parser = ChartParser(grammar, task.parser.coarse, threshold=task.config.threshold)

    def parse(split: str) -> list[Tree]:
        sentences = [tree.words() for tree in task.trees(split)]
        found = listed(parser, sentences, 1)
        return [found.tree(b, 0) for b in range(len(found))]

    return parse


def annotated(task: ParseTask) -> Rival:
    """The grammar whose trees the net chooses from."""

    def parse(split: str) -> list[Tree]:
        found = task.lists(split)
        return [found.tree(b, 0) for b in range(len(found))]

    return parse
