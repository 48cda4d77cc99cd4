"""The run time of plans of templates that were never met, and which plan is slower.

    python benchmarks/plans.py [--seeds 3] [--models cost boosting forest tree ...]
        [--plain] [--quick] [--out FILE [--picture FILE]]

Each of the 19 templates of TPC-H is left out once, and every plan is judged by models
that have seen no plan of its template; `--plain` takes the 14 without sub-plans. A
pair is ranked by what is said of its two plans, each by the model that has not met its
template. "known" pairs a plan that was left out with one that was learned from, both
judged by the same model.

mean      the mean logarithm of the run times that were learned from
cost      the optimizer's cost of the root, scaled: linear regression of logarithms
boosting  gradient boosting of flat features: for each kind of operator their number,
          and the sums of estimated rows and costs; estimates of the root, height, sizes
forest    extremely randomised trees on the same features
root      Tree-LSTM over the plan, told the run times of whole plans alone
tree      the same, told the time of every operator (`PlanCostModel`)
ranking   the same, with a loss of pairs beside
          and, where both are asked for, the mean of what boosting and tree say

Figures are means over seeds, with standard deviations. "several" is of the mean answer
of all seeds. Each line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from torch import nn

from treefold.cells import ChildSumTreeLSTMCell
from treefold.data.document_batches import CodedDocuments
from treefold.data.plan_tables import PLAIN, held_out, load_plans, pack
from treefold.data.readers.plans import Plan
from treefold.data.schema import Schema
from treefold.models.content import ContentEncoder
from treefold.models.plan_cost import PlanBatch, PlanCostModel

TREES: dict[str, dict[str, Any]] = {
    "root": {"operators": False},
    "tree": {},
    "ranking": {"ranking": 1.0},
}
FLAT = ("cost", "boosting", "forest")
SIZE, BATCH, EPOCHS, RATE, DECAY = 32, 32, 25, 4e-3, 0.01
EACH = 15  # plans of a template that a tree model learns from: they are nearly equal
PAIRS = 200_000
MARKS = {"cost": "x", "boosting": "s", "tree": "o"}

Float = np.ndarray
Answers = tuple[Float, Float, Float]  # of the left out; of known ones, and their truth


# ------------------------------------------------------------------ flat rivals


def features(plans: Sequence[Plan], kinds: Sequence[str]) -> Float:
    """Return what a plan says of itself without its shape, (B, F)."""
    rows = []
    for plan in plans:
        content = plan.document.content
        estimate = np.array([c.vector for c in content])  # (n, 5) logarithms
        start, total, count, width, workers = estimate.T
        sums = np.expm1(estimate)
        row: list[float] = []
        for kind in kinds:
            mine = np.array([c.kind == kind for c in content])
            row += [mine.sum(), *np.log1p(sums[mine][:, [1, 2]].sum(axis=0))]
        row += [start[0], total[0], count[0], width[0], workers.max(), len(content)]
        row += [*np.log1p(sums.sum(axis=0)), _height(plan.document.parent)]
        rows.append(row)
    return np.array(rows)


def _height(parent: Sequence[int]) -> int:
    depth: list[int] = []
    for above in parent:
        depth.append(depth[above] + 1 if above >= 0 else 0)
    return max(depth)


def flat(name: str, train: list[Plan], test: list[Plan], seed: int) -> Answers:
    kinds = sorted({c.kind for plan in train for c in plan.document.content})
    cost = -7 - 5  # the root's total cost stands so far from the end
    x, target = features(train, kinds), _target(train)
    z = features(test, kinds)
    if name == "cost":
        x, z = x[:, [cost + 1]], z[:, [cost + 1]]
    model = {
        "cost": LinearRegression(),
        "boosting": GradientBoostingRegressor(n_estimators=200, random_state=seed),
        "forest": ExtraTreesRegressor(200, random_state=seed),
    }[name]
    model.fit(x, target)
    return model.predict(z), model.predict(x), target


def _target(plans: Sequence[Plan]) -> Float:
    """Return the logarithms of run times in milliseconds."""
    return np.array([float(plan.document.target) for plan in plans])


# ------------------------------------------------------------------ trees


def tree(settings: dict[str, Any], train: list[Plan], test: list[Plan], seed: int):
    """Train a Tree-LSTM over plans; see the module."""
    documents, times = pack(train)
    schema = Schema.learn(documents)
    # Without pieces between quantiles, which say nothing beyond what was met.
    schema = replace(schema, vector=tuple(replace(s, knots=()) for s in schema.vector))
    learned, logs = coded(documents, schema), np.log(times.clip(1e-3))
    torch.manual_seed(seed)
    encoder = ContentEncoder(schema.num_features, SIZE)
    model = PlanCostModel(encoder, ChildSumTreeLSTMCell(SIZE, SIZE), **settings)
    use = logs if model.operators else logs[documents.corpus.roots]
    model.mean.fill_(float(use.mean()))
    model.deviation.fill_(float(use.std()))
    sparse = list(encoder.parameters())
    dense = [p for p in model.parameters() if p is not sparse[0]]
    optimizers = [
        torch.optim.SparseAdam(sparse, RATE),
        torch.optim.AdamW(dense, RATE, weight_decay=DECAY),
    ]
    random = np.random.default_rng(seed)
    steps = EPOCHS * -(-len(train) // BATCH)
    done = 0
    for _ in range(EPOCHS):
        order = random.permutation(len(train))
        for k in range(0, len(train), BATCH):
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] = RATE * (1 - 0.97 * done / steps)
                optimizer.zero_grad()
            batch = learned.batch(order[k : k + BATCH])
            time_of = torch.from_numpy(logs[batch.batch.label.numpy()]).float()
            model.loss(PlanBatch(batch, time_of)).backward()
            nn.utils.clip_grad_norm_(dense, 1.0)
            for optimizer in optimizers:
                optimizer.step()
            done += 1
    return said(model, test, schema), said(model, train, schema), _target(train)


def coded(documents, schema: Schema) -> CodedDocuments:
    """Code plans; the label of a node is its number in the corpus."""
    found = CodedDocuments.of(documents, schema)
    corpus = replace(
        documents.corpus, label=np.arange(documents.corpus.num_nodes, dtype=np.int32)
    )
    return replace(found, documents=replace(documents, corpus=corpus))


def said(model: PlanCostModel, plans: list[Plan], schema: Schema) -> Float:
    batch = coded(pack(plans)[0], schema).batch(slice(None))
    return model.predict(batch).double().numpy()


# ------------------------------------------------------------------ measuring


def judge(name: str, train: list[Plan], test: list[Plan], seed: int) -> Answers:
    """Return what a model says of the plans left out, and of those it knows."""
    if name == "mean":
        target = _target(train)
        return (
            np.full(len(test), target.mean()),
            np.full_like(target, target.mean()),
            target,
        )
    if name in FLAT:
        return flat(name, train, test, seed)
    return tree(TREES[name], _some(train, seed), test, seed)


def _some(train: list[Plan], seed: int) -> list[Plan]:
    """Return `EACH` plans of each template, others for each seed."""
    by: dict[str, list[Plan]] = {}
    for plan in train:
        by.setdefault(plan.document.place.split("_")[0], []).append(plan)
    return [
        mine[k % len(mine)]
        for mine in by.values()
        for k in range(seed * EACH, (seed + 1) * EACH)
    ]


def figures(found: Float, target: Float, template: Float) -> dict[str, float]:
    """Return the metrics of logarithms of milliseconds (B,)."""
    relative = np.abs(np.expm1(found - target))
    random = np.random.default_rng(0)
    a, b = random.integers(len(target), size=(2, PAIRS))
    right = (found[a] > found[b]) == (target[a] > target[b])
    apart, same = template[a] != template[b], (template[a] == template[b]) & (a != b)
    return {
        "relative error": float(relative.mean()),
        "median": float(np.median(relative)),
        "log RMSE": float(np.sqrt(((found - target) ** 2).mean())),
        "pairs": float(right[apart].mean()),
        "same template": float(right[same].mean()),
        "tau": float(kendalltau(found, target).statistic),
    }


def known_pairs(found: Answers, target: Float) -> float:
    """Return how many pairs of a left out and a known plan are ranked rightly."""
    test, known, truth = found
    right = (test[:, None] > known) == (target[:, None] > truth)
    return float(right.mean())


def run(
    name: str, plans: dict[str, list[Plan]], seeds: int
) -> tuple[dict[str, Any], list[Float]]:
    """Leave each template out, with each seed; return figures, and answers by seed."""
    start = time.process_time()
    seeds = seeds if name in TREES else 1  # the others are not drawn, or hardly
    target = np.concatenate([_target(plans[out]) for out in plans])
    template = np.concatenate([[out] * len(plans[out]) for out in plans])
    answers, known = [], []
    for seed in range(seeds):
        parts, pairs = [], []
        for out in plans:
            train, dev, test = held_out(plans, out)
            found = judge(name, train + dev, test, seed)
            parts.append(found[0])
            pairs.append(known_pairs(found, _target(test)))
        answers.append(np.concatenate(parts))
        known.append(float(np.mean(pairs)))
    each = [figures(answer, target, template) for answer in answers]
    row: dict[str, Any] = {"model": name, "templates": len(plans), "seeds": seeds}
    for key in each[0]:
        values = [one[key] for one in each]
        row[key] = [round(float(np.mean(values)), 3), round(float(np.std(values)), 3)]
    row["known"] = [round(float(np.mean(known)), 3), round(float(np.std(known)), 3)]
    if seeds > 1:
        both = figures(np.mean(answers, axis=0), target, template)
        row["several"] = {key: round(value, 3) for key, value in both.items()}
    mean = np.mean(answers, axis=0)
    row["template"] = {
        out: [
            round(float(np.exp(np.median(x[template == out])))) for x in (mean, target)
        ]
        for out in plans
    }
    row["cpu seconds"] = round(time.process_time() - start)
    return row, answers


def main() -> None:
    global EPOCHS, EACH
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    names = ["mean", *FLAT, *TREES]
    parser.add_argument("--models", nargs="*", default=names, choices=names)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", help="draw what --out holds, after the rest")
    args = parser.parse_args()
    torch.set_num_threads(1)
    plans = load_plans()
    if args.plain:
        plans = {name: plans[name] for name in PLAIN}
    if args.quick:
        EPOCHS, EACH, args.seeds = 1, 2, 1
        plans = {name: each[:10] for name, each in list(plans.items())[:4]}
    answers: dict[str, list[Float]] = {}
    for name in args.models:
        row, answers[name] = run(name, plans, args.seeds)
        tell(row, args.out)
    if {"boosting", "tree"} <= answers.keys():
        tell(both(answers["boosting"], answers["tree"], plans), args.out)
    if args.picture:
        if not args.out:
            parser.error("--picture draws what --out FILE holds; give both")
        draw([json.loads(line) for line in args.out.open()], args.picture)


def both(
    one: list[Float], other: list[Float], plans: dict[str, list[Plan]]
) -> dict[str, Any]:
    """Measure the mean of the answers of two models, seed by seed."""
    target = np.concatenate([_target(each) for each in plans.values()])
    template = np.concatenate([[out] * len(each) for out, each in plans.items()])
    each = [figures((one[0] + x) / 2, target, template) for x in other]
    row: dict[str, Any] = {"model": "boosting and tree", "seeds": len(each)}
    for key in each[0]:
        values = [found[key] for found in each]
        row[key] = [round(float(np.mean(values)), 3), round(float(np.std(values)), 3)]
    return row


def draw(rows: Sequence[dict[str, Any]], file: str) -> None:
    """Draw each template's run time, and what models say that have not met it."""
    import matplotlib.pyplot as plt

    shown = {row["model"]: row["template"] for row in rows if row["model"] in MARKS}
    truth = {out: pair[1] for out, pair in next(iter(shown.values())).items()}
    order = sorted(truth, key=truth.__getitem__)
    figure, axis = plt.subplots(figsize=(7.5, 3.6))
    place = np.arange(len(order))
    y = [truth[out] for out in order]
    axis.hlines(y, place - 0.42, place + 0.42, color="0.2", label="measured")
    for name, marker in MARKS.items():
        if name in shown:
            y = [shown[name][out][0] for out in order]
            axis.plot(
                place, y, marker, label=name, markersize=6, markerfacecolor="none"
            )
    axis.set(yscale="log", ylabel="milliseconds", xticks=place)
    ticks = [200, 500, 1000, 2000, 4000]
    axis.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.set_yticks([], minor=True)
    axis.set_xticklabels(order, fontsize=8)
    axis.set_xlabel("template left out, by its run time")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=2)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def tell(row: dict[str, Any], file: Path | None) -> None:
    line = json.dumps(row)
    print(line, flush=True)
    if file:
        with file.open("a") as out:
            out.write(line + "\n")


if __name__ == "__main__":
    main()
