"""What there is to tell of a model that compares two structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from torch import Tensor
from torch.nn import functional as F

from treefold.folding import fold
from treefold.models.pair import SimilarityHead
from treefold.report.pairs import by_group, scatter
from treefold.svg import diverging, tree_svg
from treefold.tasks.base import Findings, Picture

if TYPE_CHECKING:
    from treefold.data.batching import Batch
    from treefold.data.tree_pairs import TreePairs
    from treefold.models.pair import PairModel
    from treefold.tasks.compare import CompareTask

Float = NDArray[np.float64]

TAI = "Tai et al., 2015, 300 features"
PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "sick-relatedness": {
        f"dependency Tree-LSTM ({TAI})": {
            "pearson": 0.8676,
            "spearman": 0.8083,
            "mse": 0.2532,
        },
        f"constituency Tree-LSTM ({TAI})": {
            "pearson": 0.8582,
            "spearman": 0.7966,
            "mse": 0.2734,
        },
        f"LSTM ({TAI})": {"pearson": 0.8528, "spearman": 0.7911, "mse": 0.2831},
        f"mean vectors ({TAI})": {"pearson": 0.7577, "spearman": 0.6738, "mse": 0.4557},
    }
}
OPERATORS = ("7", "8", "9", "10", "11", "12")
BY_GROUP: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "logic": {
        "TreeRNN, published": (0.98, 0.98, 0.97, 0.96, 0.95, 0.96),
        "Tree-LSTM, published": (0.94, 0.92, 0.92, 0.88, 0.87, 0.86),
        # Made of the gated cell, but finds the trees itself.
        "Ordered Memory, published": (0.98, 0.97, 0.96, 0.94, 0.93, 0.92),
        "LSTM, published": (0.88, 0.84, 0.80, 0.78, 0.71, 0.69),
    }
}
MOST_NODES = 60  # of two trees that are drawn
NEAREST = 3
ASKED = 6


def findings(
    task: CompareTask, model: PairModel, result: Mapping[str, Any]
) -> Findings:
    """Tell of a trained model."""
    test = task.pairs["test"]
    probability = task.probabilities(model, test)
    figures = {name: each["mean"] for name, each in result["test"].items()}
    scores = {
        name: each["test"].get(task.metric, 0.0)
        for name, each in result["baselines"].items()
    }
    rival = max(scores, key=scores.__getitem__)
    digits = 3 if task.scored else 4
    outcome = (
        f"{'correlation' if task.scored else 'accuracy'} "
        f"{figures[task.metric]:.{digits}f}, that of {rival} {scores[rival]:.{digits}f}"
    )
    what = "scores how alike they are" if task.scored else "tells how they are related"
    asked = _samples(task, model, probability)
    return Findings(
        summary=(
            f"One encoder ({task.headline}) reads both structures of a pair, and a "
            f"head {what}: {outcome}. {task.assets['note']}"
        ),
        not_this=(
            "It knows of meaning what the pairs of training taught it; of pairs of "
            "another kind the figures say nothing."
        ),
        published=PUBLISHED.get(task.name, {}),
        pictures=_pictures(task, model, probability, result),
        samples=asked,
        confusion=None
        if task.scored
        else confusion_matrix(
            test.target, probability.argmax(axis=1), labels=range(len(task.classes))
        ),
        classes=task.classes,
        data={
            **{f"{s} pairs": f"{len(p):,}" for s, p in task.pairs.items()},
            "words known": f"{len(task.vocabulary):,}",
            "trees": task.config.trees,
        },
        limits=[
            "Words that training did not have are all the same to it.",
            "It must be given trees of the kind it was trained on."
            if task.config.trees in ("dependency", "constituency", "given")
            else "It reads words in their order and sees no structure.",
        ],
    )


def _pictures(
    task: CompareTask, model: PairModel, probability: Float, result: Mapping[str, Any]
) -> list[Picture]:
    test = task.pairs["test"]
    pictures = []
    if task.scored:
        said = task.scores(probability)
        pictures.append(
            Picture(
                scatter(test.target, said),
                "Each point is a pair of the test; the dashed line is where all would "
                "lie, were the model always right.",
                "Scores said against the right ones",
            )
        )
        error = np.abs(said - test.target)
    else:
        right = np.take_along_axis(
            probability, test.target.astype(np.int64)[:, None], axis=1
        )
        error = 1 - right[:, 0]
        groups = {name: each["mean"] for name, each in result["groups"].items()}
        if groups:
            pictures.append(_curve(task, groups, result))
    return [*pictures, *_drawn(task, model, probability, error)]


def _curve(
    task: CompareTask, groups: Mapping[str, float], result: Mapping[str, Any]
) -> Picture:
    others = {
        name: each["groups"]
        for name, each in result["baselines"].items()
        if each.get("groups")
    }
    for name, values in BY_GROUP.get(task.name, {}).items():
        others[name] = dict(zip(OPERATORS, values, strict=True))
    seen = set(task.pairs["train"].group.tolist())
    label = "operators of the longer formula" if task.name == "logic" else "group"
    lines = "; ".join(f"{name}: {100 * each:.1f}" for name, each in groups.items())
    return Picture(
        by_group(groups, others, label=label, seen=sorted(seen)),
        f"Accuracy in percent by {label}. This model, {lines}.",
        f"Accuracy by {label}",
    )


def _drawn(
    task: CompareTask, model: PairModel, probability: Float, error: Float
) -> list[Picture]:
    """Draw pairs: two that were told well, and the one that was told worst."""
    test = task.pairs["test"]
    size = test.corpus.sizes[test.left] + test.corpus.sizes[test.right]
    fit = np.flatnonzero((size <= MOST_NODES) & (test.left != test.right))
    if not len(fit):
        return []
    order = fit[np.argsort(error[fit], kind="stable")]
    well = order[: max(len(order) // 20, 1)]
    # Of the best those that are far from each other in what was right to say.
    by_target = well[np.argsort(test.target[well], kind="stable")]
    chosen = dict.fromkeys([int(by_target[0]), int(by_target[-1]), int(order[-1])])
    pictures = []
    for b in chosen:
        pictures.append(
            Picture(
                two_trees(task, model, test, b),
                f"{_said(task, probability[b])}; right is {_right(task, b)}. The bluer "
                "a node, the nearer (by the cosine of the states) comes a node of the "
                "other side; orange nodes have none near.",
                "" if pictures else "Pairs of the test, compared",
            )
        )
    return pictures


@torch.no_grad()
def two_trees(
    task: CompareTask, model: PairModel, pairs: TreePairs, b: int, title: str = ""
) -> str:
    """Draw both trees of a pair, each node by how near the other side comes to it."""
    trees = pairs.corpus.batch(np.array([pairs.left[b], pairs.right[b]]))
    forest = trees.forest
    nodes = torch.arange(forest.num_nodes) if trees.nodes is None else trees.nodes
    h = F.normalize(_states(model, trees).double().cpu(), dim=1)
    apart = forest.tree[:, None] != forest.tree[None]
    near = (h @ h.T).masked_fill(~apart, -1).amax(dim=1).tolist()
    text: list[str | None] = [None] * forest.num_nodes
    for node, word in zip(nodes.tolist(), trees.token.tolist(), strict=True):
        text[node] = task.vocabulary.words[word]
    return tree_svg(
        forest.offset.numpy(),
        forest.child.numpy(),
        forest.roots.numpy(),
        text=text,
        fill=[diverging(value, -0.2, 1.0) for value in near],
        note=[f"nearest on the other side: cosine {value:.2f}" for value in near],
        title=title or "A pair, compared",
    )


def _states(model: PairModel, trees: Batch) -> Tensor:
    """Return the state of every node of trees, each by itself, (V, H)."""
    trees = trees.to(model.embedding.weight.device)
    x = model.embedding(trees.words)
    return fold(model.cell, trees.forest, x, trees.nodes, rows=trees.rows).h


def _said(task: CompareTask, row: Float) -> str:
    if task.scored:
        return f"The model says {task.scores(row):.2f}"
    best = int(row.argmax())
    return f"The model says {_long(task, best)} ({row[best]:.2f})"


def _right(task: CompareTask, b: int) -> str:
    target = task.pairs["test"].target[b]
    return f"{target:.2f}" if task.scored else _long(task, int(target))


def _long(task: CompareTask, k: int) -> str:
    name = task.classes[k]
    long = task.assets["long_names"].get(name)
    return f"{name} ({long})" if long else name


def _samples(
    task: CompareTask, model: PairModel, probability: Float
) -> list[tuple[str, str]]:
    test = task.pairs["test"]
    pairs = task.data["test"]
    if task.scored:
        error = task.scores(probability) - test.target
        worst = np.argsort(-np.abs(error), kind="stable")[:ASKED]
        found = [("The nearest sentences of the test", _nearest(task, model))]
    else:
        said = probability.argmax(axis=1)
        wrong = np.flatnonzero(said != test.target)
        sure = probability[wrong, said[wrong]]
        worst = wrong[np.argsort(-sure, kind="stable")][:ASKED]
        found = []
    text = "\n\n".join(
        f"{pairs[b].left.text}\n{pairs[b].right.text}\n"
        f"  {_said(task, probability[b])}; right is {_right(task, b)}"
        for b in worst
    )
    return [*found, ("Told worst", text)] if text else found


@torch.no_grad()
def _nearest(task: CompareTask, model: PairModel) -> str:
    """List the test sentences most alike to a few, by the model's own score."""
    assert isinstance(model.head, SimilarityHead)
    test, pairs = task.pairs["test"], task.data["test"]
    text: dict[int, str] = {}
    for b, pair in enumerate(pairs):
        text.setdefault(int(test.left[b]), pair.left.text)
        text.setdefault(int(test.right[b]), pair.right.text)
    trees = sorted(text)
    root = _roots(task, model, trees)
    lines = []
    for asked in np.linspace(0, len(trees) - 1, min(ASKED, len(trees))).astype(int):
        p = model.head(root[asked].expand_as(root), root).softmax(dim=1)
        score = model.head.score(p)
        score[asked] = -torch.inf
        best = score.topk(min(NEAREST, len(trees) - 1)).indices.tolist()
        lines.append(text[trees[asked]])
        lines += [f"  {float(score[k]):.2f}  {text[trees[k]]}" for k in best]
        lines.append("")
    return "\n".join(lines[:-1])


def _roots(task: CompareTask, model: PairModel, trees: Sequence[int]) -> Tensor:
    """Return the state of the root of each tree of the test, (len(trees), H)."""
    found = []
    for some in np.array_split(np.array(trees), max(1, len(trees) // 1000)):
        batch = task.pairs["test"].corpus.batch(some)
        found.append(_states(model, batch)[batch.forest.roots])
    return torch.cat(found)
