"""What there is to tell of an auto-encoder: sizes, codes, a tree there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.decomposition import PCA

from treefold.data.corpus import Corpus
from treefold.data.generators.pollack import PHRASE, SYMBOLS
from treefold.data.readers.nested import read_nested
from treefold.data.symbols import canonical
from treefold.forest import Forest
from treefold.models.auto_encoder import AutoEncoder
from treefold.report.figure import BLUE, ORANGE, STYLE, as_svg, layout
from treefold.svg import categorical, tree_svg
from treefold.tasks.autoencode_rivals import leaves
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.tasks.autoencode import AutoencodeTask

CODES = 300  # trees whose subtrees' codes are drawn
DRAWN = (5, 9)  # leaves of the tree that is drawn beside what it comes back as
SHOWN = 120  # points of a kind
MARKS = "os^DvP"
LEARNED = 1000  # training trees that are tried
WRONG = 5  # trees that are shown as texts


def findings(
    task: AutoencodeTask, model: AutoEncoder, result: dict[str, Any]
) -> Findings:
    """Tell of a trained model."""
    coded = task.coded["test"]
    told, _ = task.recover(model, coded)
    wrong = [b for b, text in enumerate(told) if text != task.texts["test"][b]]
    own = result["test"]["exact"]["mean"]
    rivals = {n: each["test"]["exact"] for n, each in result["baselines"].items()}
    best = max(rivals, key=lambda name: rivals[name])
    size = task.config.code_size
    return Findings(
        f"A tree is folded into {size} numbers, and unfolded from them again: "
        f"{100 * own:.2f} % of {len(coded):,} test trees come back whole, every symbol "
        f"and every bracket; {best}, {100 * rivals[best]:.2f} %.",
        not_this=(
            "Codes hold trees like those of training. A tree much larger, or a vector "
            "that is no tree's code, decodes to something else without a warning."
        ),
        pictures=[
            Picture(
                by_size_picture(result),
                "Test trees that come back whole, by their number of leaves.",
                "By size",
            ),
            Picture(
                codes_picture(task, model),
                "The codes of test trees and of the phrases in them, each once, in the "
                "plane in which they differ most (principal components).",
                "Codes",
            ),
            Picture(
                _pair(task, told, wrong),
                "A test tree, and what its code decodes to."
                + " It is the first that is wrong." * bool(wrong),
                "There and back",
            ),
        ],
        samples=_samples(task, told, wrong),
        data={
            "words": len(task.symbols.words) - 1,
            "labels": len(task.symbols.labels),
            "children at most": task.symbols.arity,
            "test trees": len(coded),
            "training trees that come back": _learned(task, model),
            "note": task.data.note if task.data else "",
        },
        limits=(
            "A word or label that training never met has no code.",
            f"A decoded tree has {task.config.max_depth} levels and "
            f"{task.config.max_nodes} nodes at most; beyond, it stops and says so.",
        ),
    )


def _samples(
    task: AutoencodeTask, told: Sequence[str], wrong: Sequence[int]
) -> list[tuple[str, str]]:
    """Show some trees that come back wrong, if any does."""
    lines = [
        f"tree     {task.texts['test'][b]}\ndecoded  {told[b] or '(no end)'}"
        for b in wrong[:WRONG]
    ]
    title = f"Test trees that come back wrong, {len(wrong)} in all"
    return [(title, "\n\n".join(lines))] if lines else []


def _learned(task: AutoencodeTask, model: AutoEncoder) -> str:
    """Say how many of the first training trees come back."""
    assert task.data is not None
    some = task.data.splits["train"][:LEARNED]
    told, _ = task.recover(model, task.symbols.code(some))
    right = sum(a == b for a, b in zip(told, canonical(some), strict=True))
    return f"{right:,} of the first {len(some):,}"


def by_size_picture(result: Mapping[str, Any]) -> str:
    """Draw the share of trees recovered by the number of leaves."""
    lines = _by_size(result)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{n} leaves {s[n]:.1f} %" for n in sorted(s))
        for name, s in lines.items()
    )
    with mpl.rc_context(STYLE):
        figure = by_size_figure(result)
        return as_svg(figure, "by-size", "Trees recovered by size", words)


def by_size_figure(result: Mapping[str, Any]) -> Figure:
    """Draw the same as a figure of matplotlib's."""
    figure = Figure(figsize=(7.2, 3.4), layout=layout())
    axes = figure.subplots()
    for (name, shares), colour, mark in zip(
        _by_size(result).items(), (BLUE, ORANGE), "os", strict=False
    ):
        places = sorted(shares)
        values = [shares[n] for n in places]
        axes.plot(places, values, mark + "-", color=colour, label=name)
    axes.set(xlabel="leaves", ylabel="trees recovered %", ylim=(-3, 104))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left")
    return figure


def _by_size(result: Mapping[str, Any]) -> dict[str, dict[int, float]]:
    """Return the percentages by leaves, of the model and of rivals that have some."""
    groups = result["groups"].items()
    own = {int(name.split()[2]): 100 * each["mean"] for name, each in groups}
    lines = {"tree auto-encoder": own}
    for name, each in result["baselines"].items():
        if "by_size" in each:
            lines[name] = {int(n): 100 * share for n, share in each["by_size"].items()}
    return lines


def codes_picture(task: AutoencodeTask, model: AutoEncoder) -> str:
    """Draw codes of trees and subtrees, coloured by what they are."""
    with mpl.rc_context(STYLE):
        figure, kinds = codes_figure(task, model)
        words = f"Points of {len(kinds)} kinds: {', '.join(kinds)}"
        return as_svg(figure, "codes", "Codes of trees and their subtrees", words)


def codes_figure(task: AutoencodeTask, model: AutoEncoder) -> tuple[Figure, list[str]]:
    """Draw the same as a figure of matplotlib's; return the kinds of points, too."""
    coded = task.coded["test"][:CODES]
    device = next(model.parameters()).device
    batch = coded.batch(slice(None)).to(device)
    with torch.no_grad():
        h = model.states(batch).double().cpu().numpy()
    kinds = np.array(_kinds(task, batch.forest.to("cpu"), batch.token.cpu().numpy()))
    inner = batch.forest.arities.cpu().numpy() > 0
    _, once = np.unique(h.round(4), axis=0, return_index=True)  # of equal subtrees one
    once = np.sort(once[inner[once]]) if inner.any() else once
    names = sorted(set(kinds[once]), key=lambda name: (len(name), name))
    shown = [once[kinds[once] == name][:SHOWN] for name in names]
    every = h[np.concatenate(shown)]
    plane = PCA(2).fit(every) if min(every.shape) > 1 else None
    figure = Figure(figsize=(7.2, 4.6), layout=layout())
    axes = figure.subplots()
    for k, (name, rows) in enumerate(zip(names, shown, strict=True)):
        points = h[rows, :2] if plane is None else plane.transform(h[rows])
        style = {"color": categorical(k), "marker": MARKS[k % len(MARKS)]}
        axes.scatter(*points.T, s=22, alpha=0.75, lw=0, label=name, **style)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure, names


def _kinds(task: AutoencodeTask, forest: Forest, token: np.ndarray) -> list[str]:
    """Say of each node what colour shows: its phrase, its label, or its leaves."""
    offset, child = forest.offset.tolist(), forest.child.tolist()
    names = (*task.symbols.words, *task.symbols.labels)
    below = [child[offset[v] : offset[v + 1]] for v in range(forest.num_nodes)]
    if set(task.symbols.words[1:]) <= set(SYMBOLS):
        kinds: list[str] = []
        for v, under in enumerate(below):  # in level order: children come first
            pair = tuple(kinds[c] for c in under)
            kinds.append(PHRASE.get(pair, "") if under else names[token[v]])  # type: ignore[call-overload]
        if all(kinds):
            return kinds
    if len(task.symbols.labels) > 1:
        most = set(task.symbols.labels[:6])
        shown = [names[t] if u else "word" for t, u in zip(token, below, strict=True)]
        return [s if s in most | {"word"} else "other" for s in shown]
    count = [1] * forest.num_nodes
    for v, under in enumerate(below):
        count[v] = sum(count[c] for c in under) or 1
    bands = [next(k for k in (1, 2, 4, 8, 1 << 62) if n <= k) for n in count]
    text = {1: "1 leaf", 2: "2 leaves", 4: "3–4 leaves", 8: "5–8 leaves"}
    return [text.get(b, "more leaves") for b in bands]


def _pair(task: AutoencodeTask, told: Sequence[str], wrong: Sequence[int]) -> str:
    """Draw a tree and what its code decodes to."""
    size = np.array(leaves(task.coded["test"]))
    fit = np.flatnonzero((size >= DRAWN[0]) & (size <= DRAWN[1])).tolist()
    ended = [b for b in wrong if told[b]]
    number = next(iter([*ended, *fit, 0]))
    texts = [task.texts["test"][number], told[number]]
    trees = read_nested([text for text in texts if text])
    return draw(trees, "A tree, and what its code decodes to")


def draw(trees: Corpus, title: str) -> str:
    """Draw trees side by side, words at leaves and labels above."""
    batch = trees.batch(slice(None))
    forest = batch.forest
    word = np.full(forest.num_nodes, -1)
    nodes = forest.leaves if batch.nodes is None else batch.nodes
    word[nodes.numpy()] = batch.token.numpy()
    labels = (*trees.labels, "")
    text = []
    for w, k in zip(word.tolist(), batch.label.tolist(), strict=True):
        label = "" if labels[k] == "_" else labels[k]
        text.append(" ".join(filter(None, [label, trees.tokens[w] if w >= 0 else ""])))
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=[each or None for each in text],
        title=title,
    )
