"""What merging equal subtrees saves: `Forest.share` in inference and in training.

    python benchmarks/sharing.py [--quick] [--threads 2] [--rounds 5]
        [--sets sst ast lean]

sst: the 8,544 training trees of the sentiment treebank, a binary Tree-LSTM, logits at
every node. ast: the files of Python's standard library (without its tests) as the
trees that `ast` makes of them, a child-sum Tree-LSTM, logits at the roots; a node's
label is its type and the identifier or constant that it holds. lean: the same without
contexts (Load, Store) and with operators written into their parents, which leaves less
to share. Inputs of 300, states of 150 features.

Inference goes over the whole set: collation, hash consing where trees are shared, fold,
logits. A training step is the same for 256 trees, with the loss at the roots and
backward; its loss and gradients must agree in float64. The rival `merged` makes the
input's share of a node once for each distinct word (``rows=``), as treefold's models
do; `plain` has a row of input for every node. Ratios above 1 say that sharing is the
faster. The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from common import OUT, draw_bars, machine, write_lines
from python_asts import standard_library_asts
from timing import Step, medians
from treefold import Forest, fold
from treefold.cells import Cell, ChildSumTreeLSTMCell, NaryTreeLSTMCell
from treefold.data import Corpus, DataError, load_dataset
from treefold.data.batching import Batch, collate

INPUT, HIDDEN, CLASSES = 300, 150, 5
BATCH = 256
PIECE = 20_000  # nodes that inference without sharing takes at a time, beside all
CHECKED = 25  # trees whose gradients are compared in float64
TOLERANCE = 1e-6
SETS = {
    "sst": "the sentiment treebank",
    "ast": "ASTs of the standard library",
    "lean": "the same, lean",
}


class Model(nn.Module):
    """Vectors of tokens, a cell, and a classifier of nodes."""

    def __init__(self, cell: Cell[Any], tokens: int, *, every: bool):
        super().__init__()
        self.cell = cell
        self.vectors = nn.Embedding(tokens, cell.input_size, sparse=True)
        self.output = nn.Linear(cell.hidden_size, CLASSES)
        self.every = every  # whether inference is asked about all nodes, or the roots

    def logits(self, batch: Batch, way: str, *, every: bool) -> Tensor:
        """Return (V, C) logits of all nodes, or (B, C) of the roots."""
        forest, nodes, rows = batch.forest, batch.nodes, batch.rows
        x = self.vectors(batch.words)
        node_of = None
        if way == "shared":
            forest, node_of, nodes, rows = shared(batch)
        elif way == "plain":
            x, rows = x[rows], None
        h = fold(self.cell, forest, x, nodes, rows=rows).h
        if not every:
            return self.output(h[forest.roots])
        found = self.output(h)
        return found if node_of is None else found[node_of]

    @torch.no_grad()
    def infer(self, corpus: Corpus, way: str, batch_size: int | None) -> Tensor:
        """Return the logits of a corpus, at once or batch by batch."""
        trees = np.arange(len(corpus))
        cuts = range(batch_size, len(corpus), batch_size) if batch_size else []
        parts = [
            self.logits(collate(corpus, part), way, every=self.every)
            for part in np.split(trees, cuts)
        ]
        return torch.cat(parts)

    def loss(self, corpus: Corpus, trees: np.ndarray, way: str) -> Tensor:
        """Return the cross-entropy at the roots; a tree's class is its number's."""
        logits = self.logits(collate(corpus, trees), way, every=False)
        return nn.functional.cross_entropy(logits, torch.from_numpy(trees % CLASSES))


def shared(batch: Batch) -> tuple[Forest, Tensor, Tensor | None, Tensor]:
    """Merge equal subtrees.

    Returns:
        The forest; (V,) the node of it that stands for each of the batch's; which of
        its nodes have a token, None for all; and which of the batch's words each has.
    """
    if batch.nodes is None:
        forest, node_of, first = batch.forest.share(batch.rows)
        return forest, node_of, None, batch.rows[first]
    label = torch.full((batch.forest.num_nodes,), -1)
    label[batch.nodes] = batch.rows
    forest, node_of, first = batch.forest.share(label)
    label = label[first]
    nodes = (label >= 0).nonzero().flatten()
    return forest, node_of, nodes, label[nodes]


def load(name: str, most: int | None = None) -> tuple[Corpus, Model]:
    """Return a set and a model for it; of syntax trees `most`, drawn at random."""
    torch.manual_seed(0)
    if name == "sst":
        corpus = load_dataset("sst").train
        cell = NaryTreeLSTMCell(INPUT, HIDDEN)
    else:
        corpus = standard_library_asts(lean=name == "lean")
        cell = ChildSumTreeLSTMCell(INPUT, HIDDEN)
        if most is not None:
            corpus = corpus[np.random.default_rng(0).permutation(len(corpus))[:most]]
    return corpus, Model(cell, len(corpus.tokens), every=name == "sst")


def distinct(corpus: Corpus, trees: np.ndarray) -> dict[str, int]:
    """Count nodes, edges, and what is left of them."""
    batch = collate(corpus, trees)
    before, after = batch.forest, shared(batch)[0]
    return {
        "nodes": before.num_nodes,
        "distinct_nodes": after.num_nodes,
        "inner": before.num_nodes - len(before.leaves),
        "distinct_inner": after.num_nodes - len(after.leaves),
        "edges": before.num_edges,
        "distinct_edges": after.num_edges,
    }


def check(model: Model, corpus: Corpus, trees: np.ndarray) -> float:
    """Compare loss and gradients with and without sharing, in float64.

    Raises:
        SystemExit: they differ by more than the tolerance, relative to their size.
    """
    model.double()
    found = []
    for way in ("plain", "shared"):
        loss = model.loss(corpus, trees, way)
        loss.backward()
        found.append([loss.detach(), *map(_taken, model.parameters())])
    model.float()
    worst = max(
        float((theirs - ours).abs().max() / theirs.abs().max())
        for theirs, ours in zip(*found, strict=True)
    )
    if not worst < TOLERANCE:
        sys.exit(f"sharing changes the loss or its gradients by {worst:.1e}")
    return worst


def _taken(parameter: nn.Parameter) -> Tensor:
    gradient, parameter.grad = parameter.grad, None
    assert gradient is not None
    return gradient.to_dense() if gradient.is_sparse else gradient


def measure(
    name: str, rounds: int, quick: bool
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Compare and time one set; return rows for every way, and the ratios."""
    corpus, model = load(name, BATCH if quick else None)
    trees = np.random.default_rng(0).permutation(len(corpus))[:BATCH]
    whole = distinct(corpus, np.arange(len(corpus)))
    part = distinct(corpus, trees)
    worst = check(model, corpus, trees[:CHECKED])
    print(f"\n{SETS[name]}: {len(corpus):,} trees, {whole['nodes']:,} nodes")
    for what, count in (("the whole set", whole), (f"a batch of {BATCH}", part)):
        shares = ", ".join(
            f"{count[f'distinct_{of}'] / count[of]:.0%} of its {of}"
            for of in ("nodes", "inner", "edges")
        )
        print(f"distinct in {what}: {shares}".replace("inner", "inner nodes"))
    print(f"loss and gradients, float64: differ by {worst:.1e}")

    piece = max(1, PIECE * len(corpus) // corpus.num_nodes)
    steps: dict[str, Step] = {
        "plain": lambda: model.infer(corpus, "plain", piece),
        "merged": lambda: model.infer(corpus, "merged", piece),
        "merged, all at once": lambda: model.infer(corpus, "merged", None),
        "shared": lambda: model.infer(corpus, "shared", None),
    }
    expected = model.infer(corpus, "merged", None)
    off = float((model.infer(corpus, "shared", None) - expected).abs().max())
    assert off < 1e-4, off
    ways = ("merged", "shared") if quick else ("plain", "merged", "shared")
    if quick:
        del steps["plain"]
    infer = medians(steps, rounds)
    train = medians(
        {way: lambda way=way: step(model, corpus, trees, way) for way in ways}, rounds
    )
    rows: list[dict[str, Any]] = []
    for run, seconds, count in (
        ("infer", infer, len(corpus)),
        ("train", train, len(trees)),
    ):
        for way, taken in seconds.items():
            rate = count / taken
            rows.append({"set": name, "run": run, "way": way, "seconds": taken})
            print(f"{run:6} {way:22}{1e3 * taken:10,.0f} ms{rate:12,.0f} trees/s")
    best = min(infer["merged"], infer["merged, all at once"])
    ratios = {
        f"infer_{name}": best / infer["shared"],
        f"train_{name}": train["merged"] / train["shared"],
        f"distinct_{name}": whole["distinct_nodes"] / whole["nodes"],
    }
    if not quick:
        ratios[f"infer_{name}_plain"] = infer["plain"] / infer["shared"]
        ratios[f"train_{name}_plain"] = train["plain"] / train["shared"]
    rows.append({"set": name, "whole": whole, "batch": part, "difference": worst})
    return rows, {key: round(value, 3) for key, value in ratios.items()}


def step(model: Model, corpus: Corpus, trees: np.ndarray, way: str) -> None:
    """Run a training step, but for the optimizer's."""
    model.loss(corpus, trees, way).backward()
    for parameter in model.parameters():
        parameter.grad = None


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="What Forest.share saves.")
    add = parser.add_argument
    add("--quick", action="store_true", help="one round, fewer trees and rivals")
    add("--rounds", type=int, help="5 by default, 1 with --quick")
    add("--threads", type=int, default=2)
    add("--sets", nargs="*", choices=SETS, help="all by default")
    add("--json", type=Path, nargs="?", const=OUT / "sharing.jsonl")
    add("--picture", type=Path, nargs="?", const=OUT / "sharing.svg")
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    facts = machine(args.threads)
    print(f"{facts['processor']}, {facts['cores']} cores, {args.threads} threads")
    print(", ".join(f"{name} {found}" for name, found in facts["versions"].items()))

    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for name in args.sets or (list(SETS)[:2] if args.quick else SETS):
        try:
            more, found = measure(
                name, args.rounds or (1 if args.quick else 5), args.quick
            )
        except DataError as error:
            sys.exit(str(error))
        rows += more
        ratios |= found
    if args.json:
        write_lines(args.json, [facts, *rows])
        print(f"wrote {args.json}")
    if args.picture:
        panels = {
            f"{run}, {row['set']}": {
                each["way"]: each["seconds"]
                for each in rows
                if each.get("run") == run and each["set"] == row["set"]
            }
            for row in rows
            if "whole" in row
            for run in ("infer", "train")
        }
        draw_bars(args.picture, panels, {}, unit="seconds", title="Forest.share")
        print(f"wrote {args.picture}")
    print(json.dumps({"benchmark": "sharing", **ratios}))


if __name__ == "__main__":
    main()
