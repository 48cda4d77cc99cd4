"""What there is to tell of a parser: by length, by label, and its worst trees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from treefold.parsing import evalb
from treefold.parsing.tree import Tree
from treefold.report.figure import BLUE, FAINT, GREY, ORANGE, as_svg, layout
from treefold.tasks.base import Findings, Picture
from treefold.tasks.parse_trees import draw

if TYPE_CHECKING:
    from treefold.models.parser import RecursiveParser
    from treefold.tasks.parse import ParseTask

BOUNDS = (10, 15, 20, 25, 30, 40)  # words
DRAWN = 24  # words of the longest sentence drawn
WORST = 2
LABELS = 10


def findings(
    task: ParseTask, model: RecursiveParser, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model."""
    right = task.trees("test")
    lists = task.lists("test")
    said = task.said(model, "test", task.config.search)
    first = [lists.tree(b, 0) for b in range(len(lists))]
    sources = {"model": said, "PCFG, annotated": first}
    if task.config.merging:
        sources["greedy merging"] = task.said(model, "test", "greedy")
    own = {name: each["mean"] for name, each in result["test"].items()}
    rivals = {name: each["test"]["f1"] for name, each in result["baselines"].items()}
    best = max(rivals, key=lambda name: rivals[name])
    note = getattr(task.data, "note", "")
    return Findings(
        summary=(
            f"A recursive net chooses among the {task.config.candidates} best trees of "
            f"a grammar, or merges words without one: labelled F1 {own['f1']:.2%} on "
            f"the test trees, where {best} alone has {rivals[best]:.2%} and the best "
            f"tree of each list {own.get('oracle', float('nan')):.2%}. {note}"
            if task.config.search == "chart"
            else f"A recursive net merges neighbouring phrases: labelled F1 "
            f"{own['f1']:.2%} on the test trees, where {best} has {rivals[best]:.2%}. "
            f"{note}"
        ),
        not_this=(
            "It was taught on a few thousand trees of one kind of text; parsers taught "
            "on ten times as many, or on top of large language models, are far better."
        ),
        pictures=[
            *_drawn(said, right),
            Picture(
                _by_length(sources, right),
                "Labelled F1 of test sentences of so many words, punctuation included; "
                "below, how many there are.",
                "By length",
            ),
        ],
        samples=[("Labels", _by_label(said, first, right))],
        data={
            "symbols": len(task.parser.grammar.symbols),
            "rules of two": len(task.parser.grammar.binary),
            "labels of nodes": len(task.chains),
            "test trees": len(right),
            "mean words": round(float(np.mean([len(t.leaves()) for t in right])), 1),
        },
        limits=(
            "Sentences of more than 80 words are cut into pieces behind commas.",
            "Spans are compared by evalb's rules, deleting by the treebank's tags.",
        ),
    )


def _drawn(said: Sequence[Tree], right: Sequence[Tree]) -> list[Picture]:
    """Draw a sentence beside the right tree, and the worst ones."""
    short = [b for b, tree in enumerate(right) if len(tree.leaves()) <= DRAWN]
    scores = {b: evalb.score(said[b], right[b]) for b in short}
    wrong = [b for b in short if not scores[b].exact]
    pictures = []
    # One with a mistake or two: what is right is seen, and what goes wrong.
    usual = sorted(short, key=lambda b: abs(scores[b].f1 - 0.85))[:1]
    worst = sorted(wrong, key=lambda b: scores[b].f1)[:WORST]
    titles = ["A sentence parsed", "Where it is most wrong", *[""] * len(worst)]
    for b, title in zip([*usual, *worst], titles, strict=False):
        f1 = scores[b].f1
        text = " ".join(right[b].words())
        pictures.append(
            Picture(
                draw(said[b], right[b], f"Parsed: {text}"),
                f"The parser's tree, F1 {f1:.0%}: green phrases are right, orange ones "
                "are not in the treebank's tree.",
                title,
            )
        )
        pictures.append(
            Picture(
                draw(right[b], said[b], f"Treebank: {text}"),
                "The treebank's tree of the same sentence: orange phrases were missed.",
            )
        )
    return pictures


def _by_length(sources: Mapping[str, Sequence[Tree]], right: Sequence[Tree]) -> str:
    """Draw F1 by the length of sentences."""
    lengths = np.array([len(tree.leaves()) for tree in right])
    band = np.searchsorted(BOUNDS, lengths)
    bands = [k for k in range(len(BOUNDS) + 1) if (band == k).any()]
    edges = [0, *BOUNDS]
    names = [
        f"{edges[k] + 1}-{BOUNDS[k]}" if k < len(BOUNDS) else f"> {BOUNDS[-1]}"
        for k in bands
    ]
    figure = Figure(figsize=(7, 3.4), layout=layout())
    axes = figure.add_subplot()
    for (name, said), colour in zip(
        sources.items(), (BLUE, ORANGE, GREY), strict=False
    ):
        f1 = [
            100
            * evalb.total(
                (said[b], right[b]) for b in np.flatnonzero(band == k).tolist()
            ).f1
            for k in bands
        ]
        axes.plot(names, f1, "o-", color=colour, label=name)
    counts = [int((band == k).sum()) for k in bands]
    axes.set_xticks(
        range(len(bands)), [f"{n}\n{c}" for n, c in zip(names, counts, strict=True)]
    )
    axes.set_xlabel("words, and sentences")
    axes.set_ylabel("labelled F1, %")
    axes.grid(axis="y", color=FAINT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return as_svg(figure, "by-length", "Labelled F1 by length", "A line each parser.")


def _by_label(
    said: Sequence[Tree], first: Sequence[Tree], right: Sequence[Tree]
) -> str:
    """Write F1 of the most frequent labels, of the model and of the grammar alone."""
    wanted: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {"model": Counter(), "grammar": Counter()}
    found: dict[str, Counter[str]] = {"model": Counter(), "grammar": Counter()}
    for trees in zip(said, first, right, strict=True):
        tags = [leaf.label for leaf in trees[2].leaves()]
        gold = evalb.brackets(trees[2], tags)
        for (label, _, _), n in gold.items():
            wanted[label] += n
        for name, tree in zip(counts, trees[:2], strict=True):
            own = evalb.brackets(tree, tags)
            for (label, _, _), n in own.items():
                counts[name][label] += n
            for (label, _, _), n in (own & gold).items():
                found[name][label] += n
    lines = [f"{'':8}{'brackets':>9}{'model F1':>10}{'grammar F1':>12}"]
    for label, n in wanted.most_common(LABELS):
        f1 = [
            200 * found[name][label] / max(counts[name][label] + n, 1)
            for name in ("model", "grammar")
        ]
        lines.append(f"{label:8}{n:9,}{f1[0]:10.1f}{f1[1]:12.1f}")
    return "\n".join(lines)
