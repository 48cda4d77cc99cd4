"""Trained shallow, tested deep: accuracy by the depth of expressions.

    python benchmarks/depth.py [--sets arithmetic logic listops] [--seeds 0 1]
        [--weights 20000] [--updates 2000] [--quick] [--picture FILE] [--out FILE]

A Tree-LSTM folds the expression's tree. A bidirectional LSTM and a Transformer of two
layers read its string of tokens, with all brackets. All three have as nearly the same
number of weights as their sizes allow, see the same expressions in the same order, and
take the same number of steps of Adam, with a rate that falls along a cosine to nothing.
Nothing is chosen by looking at deep expressions.

arithmetic and logic are `treefold.data.generators.formulas`: 40,000 to learn from, of 1
to 4 levels. listops is the data set of that name: of its training set, the expressions
of up to 4 levels; of its test set, those of each depth, and with them those of the sets
of longer ones. `--quick` is a check that all runs, on few expressions. Each line of
output is one JSON object; `--out` keeps them, and `--picture` draws those of `--out`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from treefold import fold
from treefold.cells import NaryTreeLSTMCell
from treefold.data.corpus import Corpus
from treefold.data.documents import Documents
from treefold.data.generators import formulas
from treefold.data.listops import OTHERS, TEST, TRAIN, path_of
from treefold.data.readers.lines import open_lines
from treefold.data.readers.listops import parse_listops

TRAINED = 4  # levels
DEEPEST = 12
PER_DEPTH = 500  # expressions to measure on, of each depth
LEAST = 50  # of a depth, else it is left out
MOST = 40_000  # expressions to learn from
BATCH, AT_ONCE = 64, 100
RATE = 3e-3
HEADS = 4
STYLES = {"Tree-LSTM": "o-", "LSTM": "s--", "Transformer": "^:"}


@dataclass(frozen=True)
class Expressions:
    """Expressions as trees and as strings, with their values.

    Attributes:
        corpus: the trees.
        said: what each of the corpus' tokens is called.
        strings: the same expressions as tokens, with brackets.
        value: the names of their values.
        depth: (B,) levels of operators.
    """

    corpus: Corpus
    said: list[str]
    strings: list[list[str]]
    value: list[str]
    depth: np.ndarray

    def __len__(self) -> int:
        return len(self.strings)


@dataclass(frozen=True)
class Coded:
    """Expressions as numbers."""

    corpus: Corpus
    symbol: Tensor  # of each of the corpus' tokens
    strings: list[Tensor]
    target: Tensor
    depth: np.ndarray

    @classmethod
    def of(cls, given: Expressions, symbols: list[str], values: list[str]) -> Coded:
        index = {name: k for k, name in enumerate(symbols)}
        return cls(
            given.corpus,
            torch.tensor([index[name] for name in given.said]),
            [torch.tensor([index[t] for t in string]) for string in given.strings],
            torch.tensor([values.index(name) for name in given.value]),
            given.depth,
        )


# ------------------------------------------------------------------ data


def made(name: str, count: int, depths: Sequence[int], seed: int) -> Expressions:
    """Make formulas, of the depths in turn."""
    found = formulas.make_formulas(f"expressions-{name}", count, depths, seed)
    packed = Documents.of(found)
    return Expressions(
        packed.corpus,
        [formulas.said(content) for content in packed.contents],
        [formulas.tokens(formula) for formula in found],
        [str(formula.target) for formula in found],
        np.resize(depths, count),
    )


def read(stems: Sequence[str], depths: Sequence[int], most: int, each: bool):
    """Read ListOps: `most` expressions of some depths, or of each."""
    lines: list[tuple[int, str]] = []
    found: list[int] = []
    count = defaultdict[int, int](int)
    for stem in stems:
        for number, line in open_lines(path_of(stem)):
            level = 0
            deepest = 0
            for word in line.split("\t")[1].split():
                level += word.startswith("[") - (word == "]")
                deepest = max(deepest, level)
            key = deepest if each else 0
            if deepest in depths and count[key] < most:
                count[key] += 1
                found.append(deepest)
                lines.append((number, line))
    corpus = parse_listops(lines, "binary")
    return Expressions(
        corpus,
        list(corpus.tokens),
        [line.split("\t")[1].split() for _, line in lines],
        [line.split("\t")[0] for _, line in lines],
        np.array(found),
    )


def load(name: str, quick: bool) -> tuple[Expressions, Expressions]:
    """Return what to learn from, and what to measure on."""
    few = 20 if quick else 1
    trained, tested = range(1, TRAINED + 1), range(1, DEEPEST + 1)
    if name == "listops":
        longer = [OTHERS[set_name] for set_name in OTHERS if "args" not in set_name]
        return (
            read([TRAIN], trained, MOST // few, each=False),
            read([TEST, *longer], tested, PER_DEPTH // few, each=True),
        )
    return (
        made(name, MOST // few, trained, seed=0),
        made(name, PER_DEPTH // few * DEEPEST, tested, seed=1),
    )


# ------------------------------------------------------------------ models


class Tree(nn.Module):
    """A binary Tree-LSTM, and the class of the root."""

    def __init__(self, symbols: int, size: int, classes: int):
        super().__init__()
        self.vectors = nn.Embedding(symbols, size)
        self.cell = NaryTreeLSTMCell(size, size, arity=2)
        self.output = nn.Linear(size, classes)

    def forward(self, data: Coded, chosen: np.ndarray) -> Tensor:
        batch = data.corpus.batch(chosen)
        x = self.vectors(data.symbol[batch.words])
        h = fold(self.cell, batch.forest, x, batch.nodes, rows=batch.rows).h
        return self.output(h[batch.forest.roots])


class String(nn.Module):
    """A bidirectional LSTM, and the class of its last states."""

    def __init__(self, symbols: int, size: int, classes: int):
        super().__init__()
        self.vectors = nn.Embedding(symbols, size)
        self.lstm = nn.LSTM(size, size, bidirectional=True, batch_first=True)
        self.output = nn.Linear(2 * size, classes)

    def forward(self, data: Coded, chosen: np.ndarray) -> Tensor:
        strings = [data.strings[b] for b in chosen]
        lengths = torch.tensor([len(string) for string in strings])
        x = self.vectors(pad_sequence(strings, batch_first=True))
        packed = pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        _, (h, _) = self.lstm(packed)
        return self.output(h.transpose(0, 1).flatten(1))


class Transformer(nn.Module):
    """Two layers of attention over symbols and places; the class of their mean."""

    def __init__(self, symbols: int, size: int, classes: int):
        super().__init__()
        self.vectors = nn.Embedding(symbols, size)
        layer = nn.TransformerEncoderLayer(
            size, HEADS, 4 * size, 0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.output = nn.Linear(size, classes)

    def forward(self, data: Coded, chosen: np.ndarray) -> Tensor:
        strings = [data.strings[b] for b in chosen]
        lengths = torch.tensor([len(string) for string in strings])
        x = self.vectors(pad_sequence(strings, batch_first=True))
        absent = torch.arange(x.shape[1]) >= lengths[:, None]  # (B, T)
        h = self.layers(x + _places(*x.shape[1:]), src_key_padding_mask=absent)
        mean = h.masked_fill(absent[..., None], 0).sum(1) / lengths[:, None]
        return self.output(mean)


def _places(length: int, size: int) -> Tensor:
    """Return the sines and cosines of places, (length, size) (Vaswani et al., 2017)."""
    rate = torch.exp(torch.arange(0, size, 2) * (-math.log(10_000) / size))
    angle = torch.arange(length)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :size]


MODELS = {"Tree-LSTM": Tree, "LSTM": String, "Transformer": Transformer}


def of_size(name: str, symbols: int, classes: int, weights: int) -> nn.Module:
    """Return a model whose number of weights is as near to `weights` as may be."""
    sizes = range(HEADS, 129, HEADS)
    models = (MODELS[name](symbols, size, classes) for size in sizes)
    return min(models, key=lambda model: abs(count(model) - weights))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


# ------------------------------------------------------------------ training


def train(model: nn.Module, data: Coded, updates: int, seed: int) -> float:
    """Train a model; return its seconds."""
    random = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    start, waiting = time.process_time(), np.empty(0, np.int64)
    for _ in range(updates):
        if len(waiting) < BATCH:
            waiting = np.r_[waiting, random.permutation(len(data.strings))]
        chosen, waiting = waiting[:BATCH], waiting[BATCH:]
        loss = nn.functional.cross_entropy(model(data, chosen), data.target[chosen])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return time.process_time() - start


@torch.no_grad()
def accuracy(model: nn.Module, data: Coded) -> dict[int, float]:
    """Return the share of right answers by depth."""
    model.eval()
    found: dict[int, float] = {}
    for depth in np.unique(data.depth):
        numbers = np.flatnonzero(data.depth == depth)
        if len(numbers) < LEAST:
            continue
        parts = np.array_split(numbers, max(1, len(numbers) // AT_ONCE))
        said = torch.cat([model(data, part).argmax(dim=1) for part in parts])
        found[int(depth)] = float((said == data.target[numbers]).double().mean())
    return found


def measure(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Train every model on every set with every seed."""
    for name in args.sets:
        given = load(name, args.quick)
        symbols = sorted({t for part in given for s in part.strings for t in s})
        symbols = sorted({*symbols, *(t for part in given for t in part.said)})
        values = sorted({value for part in given for value in part.value})
        learned, tested = (Coded.of(part, symbols, values) for part in given)
        for seed in args.seeds:
            for model_name in args.models:
                torch.manual_seed(seed)
                model = of_size(model_name, len(symbols), len(values), args.weights)
                seconds = train(model, learned, args.updates, seed)
                yield {
                    "set": name,
                    "model": model_name,
                    "seed": seed,
                    "weights": count(model),
                    "expressions": len(learned.strings),
                    "updates": args.updates,
                    "seconds": round(seconds, 1),
                    "chance": 1 / len(values),
                    "accuracy": accuracy(model, tested),
                }


# ------------------------------------------------------------------ picture


def draw(rows: Sequence[dict[str, Any]], file: str) -> None:
    """Draw accuracy against depth: mean of the seeds, and their least and most."""
    import matplotlib.pyplot as plt

    sets = list(dict.fromkeys(row["set"] for row in rows))
    figure, axes = plt.subplots(
        1, len(sets), figsize=(3.6 * len(sets), 3.2), sharey=True, squeeze=False
    )
    for axis, name in zip(axes[0], sets, strict=True):
        axis.axvspan(0.5, TRAINED + 0.5, color="0.92", zorder=0)
        for model, style in STYLES.items():
            mine = [r for r in rows if (r["set"], r["model"]) == (name, model)]
            if not mine:
                continue
            depths = sorted(map(int, mine[0]["accuracy"]))
            y = np.array([[r["accuracy"][str(d)] for d in depths] for r in mine]) * 100
            axis.plot(depths, y.mean(axis=0), style, label=model, markersize=5)
            axis.fill_between(depths, y.min(axis=0), y.max(axis=0), alpha=0.15)
        chance = 100 * mine[0]["chance"] if mine else 0.0
        axis.axhline(chance, color="0.5", linewidth=1, linestyle=(0, (1, 3)))
        axis.set(title=name, xlabel="levels of operators", ylim=(0, 103))
        axis.set_xticks(range(1, DEEPEST + 1))
        axis.text(
            TRAINED / 2 + 0.5, 4, "trained", ha="center", color="0.35", fontsize=9
        )
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylabel("right, %")
    axes[0][0].legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 0.08))
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sets", nargs="*", default=["arithmetic", "logic", "listops"])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--weights", type=int, default=20_000)
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture")
    args = parser.parse_args()
    if args.quick:
        args.updates, args.seeds = min(args.updates, 20), [0]
    torch.set_num_threads(1)
    for row in measure(args):
        line = json.dumps(row)
        print(line, flush=True)
        if args.out:
            with args.out.open("a") as file:
                file.write(line + "\n")
    if args.picture:
        if not args.out:
            parser.error("--picture draws what --out FILE holds; give both")
        lines = args.out.read_text().splitlines()
        draw([json.loads(line) for line in lines], args.picture)


if __name__ == "__main__":
    main()
